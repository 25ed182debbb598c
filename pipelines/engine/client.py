"""Asking a model: the ledger first, then the endpoints of the role, within all bounds (design/contracts.md, 5).

`Client.ask` never raises for what an endpoint does; what cannot go on halts the run through `pipelines.run.control`.
"""

import asyncio
import contextlib
import json
import os
import random
import shutil
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

from pipelines.completion import Completion, CompletionRequest, State
from pipelines.engine import wire
from pipelines.engine.batches.api import BatchLane
from pipelines.engine.batches.record import Line, batches_to_resume
from pipelines.engine.budget import Budget
from pipelines.engine.connection import BACKOFF_S, LONGEST_BACKOFF_S, Endpoint
from pipelines.engine.endpoints import Role
from pipelines.engine.outcomes import Fault, Reply
from pipelines.engine.rejections import REJECTED, Rejections
from pipelines.engine.routing import Routing
from pipelines.engine.silent_faults import SilentFaults
from pipelines.ledger.ledger import Ledger
from pipelines.ledger.records import Entry, Failure, StageProgress, Want
from pipelines.run.control import CONTROL, Control
from specs.errors import SpecmillError

_LONGEST_CROWDED_S, _LOOK_AGAIN_S = 8.0, 0.5
_WATCH_S = 0.1  # how soon a stop, a halt or a full disk is noticed
_TRIES_IN_BATCHES = 2  # of one request at one endpoint, before it goes to the next
_CROWDED_TRIES = 4  # times the retries, of a request that fails because others are in flight
_LEAST_FREE_BYTES = 16 << 20  # below this much free disk nothing more is paid for


class Client:
    """Asks as one role. Use as an async context manager, in the process and event loop that ask.

    `async with Client(role, ledger_path) as client: completion = await client.ask(request)`
    """

    def __init__(self, role: Role, ledger: str | os.PathLike[str], control: Control = CONTROL) -> None:
        self.role, self._ledger_path, self._control = role, Path(ledger), control
        self._endpoints: dict[str, Endpoint] = {}
        self._batching = role.settings.mode == "batch"
        self._lanes: dict[str, BatchLane] = {}  # of a role that asks in batches, or has asked so
        self._pending: dict[bytes, asyncio.Future[Completion]] = {}
        self._stages: dict[str, StageProgress] = {}
        self._asking: Counter[str] = Counter()  # requests that have no reply yet, by stage
        self._last_prompt: dict[str, str] = {}
        self._changed = asyncio.Event()  # an endpoint came up, a reservation was settled, or the run ends
        self._ending = asyncio.Event()  # the run ends

    async def __aenter__(self) -> "Client":
        self.ledger = Ledger(self._ledger_path)
        self._endpoints = {name: Endpoint(name, one, self._control) for name, one in self.role.endpoints.items()}
        self._routing = Routing(self._endpoints, self._control, self._changed)
        self._rejections = Rejections(self.role, self.ledger, self._routing, self._control, self._asking)
        self._silent = SilentFaults(self.ledger, self.role.endpoints)
        self._budget = Budget(self.role, self.ledger, self._control, self._changed)
        addresses = {name: endpoint.address for name, endpoint in self._endpoints.items()}
        open_batches = batches_to_resume(self.ledger, self.role.name, addresses)
        for name in addresses if self._batching else open_batches:
            lane = self._lanes[name] = BatchLane(
                self.role,
                self._endpoints[name],
                self.ledger,
                self._budget,
                self._control,
                self._changed,
                self._keep_line,
                self._sift_line,
            )
            lane.start(open_batches.get(name, []), gather=self._batching)
        self.ledger.beat(self._progress)
        self._watcher = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._watcher.cancel()
        await asyncio.gather(self._watcher, return_exceptions=True)
        for lane in self._lanes.values():
            await lane.close()
        for endpoint in self._endpoints.values():
            await endpoint.close()
        await asyncio.to_thread(self.ledger.close)

    async def ask(self, request: CompletionRequest) -> Completion:
        """The completion of `request`: from the ledger if any model of the role answered it, else from an endpoint.

        Never raises for endpoint trouble. An OK, truncated, refused or unparsed reply is committed before this returns.
        """
        keys = {name: wire.key(self.role, name, request) for name in wire.ranked(self.role, request)}
        first = next(iter(keys.values()))
        if pending := self._pending.get(first):
            return await asyncio.shield(pending)
        progress = self._stages.setdefault(request.stage, StageProgress(request.stage))
        if found := self.ledger.find(list(dict.fromkeys(keys.values()))):
            progress.found += 1
            return found
        future = self._pending[first] = asyncio.get_running_loop().create_future()
        self._asking[request.stage] += 1
        try:
            ask = self._ask_in_batch if self._batching or self._holder(keys) else self._ask_endpoints
            completion = await ask(request, keys, progress)
            future.set_result(completion)
        finally:
            del self._pending[first]
            self._asking[request.stage] -= 1
            if not future.done():
                future.cancel()
        progress.states[completion.state] = progress.states.get(completion.state, 0) + 1
        return completion

    # --- one request -------------------------------------------------------------------------------------------------

    async def _ask_endpoints(
        self, request: CompletionRequest, keys: dict[str, bytes], progress: StageProgress
    ) -> Completion:
        """Send until there is a reply, the request's retries are used up, or the run ends."""
        sent, errors, crowded, fault, since = 0, 0, 0, None, self._routing.given_up
        while True:
            progress.waiting += 1
            failed = fault is not None and fault.own
            endpoint = await self._routing.slot(list(keys), first=sent > 0, failed=failed, since=since)
            progress.waiting -= 1
            if endpoint is None:
                return self._ended(next(iter(keys.values())), sent, fault)
            try:
                was_up = endpoint.circuit.closed
                entry = await self._send(endpoint, request, keys[endpoint.name], sent, progress)
            finally:
                endpoint.limiter.release()
            if isinstance(entry, Entry):
                return await self._commit(entry, progress)
            if entry is None:  # the budget is spent, or the run ended while waiting for some of it
                continue
            fault, sent = entry, sent + 1
            if fault.kind in REJECTED and not await self._rejections.others_answered(endpoint, request, fault):
                self._refused(endpoint, fault)
                continue
            if fault.crowded and endpoint.limiter.in_flight:
                crowded += 1
            else:
                errors += fault.own or (fault.unreachable and was_up and endpoint.circuit.closed)
            retries = endpoint.settings.retries
            if fault.kind == "rejected" or errors > retries or crowded > _CROWDED_TRIES * (retries + 1):
                return self._failed(keys[endpoint.name], endpoint, sent, fault)
            progress.retries += 1
            await self._back_off(endpoint, fault, sent if fault.kind == "throttled" else errors or crowded)

    async def _ask_in_batch(
        self, request: CompletionRequest, keys: dict[str, bytes], progress: StageProgress
    ) -> Completion:
        """The same through the Batch API: wait where the request is in a batch already, else put it into a new one, or
        send it where the role does not ask in batches any more."""
        tried: Counter[str] = Counter()  # batches that brought nothing, by endpoint
        sent, errors, fault = 0, 0, None
        while endpoint := await self._batch_endpoint(keys, tried):
            name, key = endpoint.name, keys[endpoint.name]
            if not self._lanes[name].holds(key):  # for what a batch has, budget is set aside already
                if not await self._budget.reserve(key, wire.most(self.role, name, request, batch=True), batch=True):
                    break
                if found := self.ledger.find(list(keys.values())):  # brought meanwhile by another client's batch
                    self._budget.release(key)
                    return found
            progress.in_flight += 1
            outcome = await self._lanes[name].ask(request, key)
            progress.in_flight -= 1
            if isinstance(outcome, Completion):
                return outcome
            if outcome is None:
                break
            fault, sent = outcome, sent + 1
            self._note(fault, request, endpoint, progress, self._lost(name, fault, None, batch=True))
            tried[name] += 1
            errors += endpoint.circuit.closed and fault.kind != "no_batches"
            if fault.kind == "permanent" or (
                fault.kind in REJECTED and not await self._rejections.others_answered(endpoint, request, fault)
            ):
                self._refused(endpoint, fault)
                break
            if fault.kind == "rejected":
                return self._failed(key, endpoint, sent, fault)
            if not self._batching and not self._holder(keys):
                return await self._ask_endpoints(request, keys, progress)
            if errors > endpoint.settings.retries:
                if fault.kind == "batch_failed":  # nothing about this request: the others would fare no better
                    self._control.halt("endpoint", f"endpoint {name} refuses batches: {fault.detail}")
                return self._failed(key, endpoint, sent, fault)
            progress.retries += 1
        return self._ended(next(iter(keys.values())), sent, fault)

    async def _batch_endpoint(self, keys: dict[str, bytes], tried: Counter[str]) -> Endpoint | None:
        """The endpoint that has the request in a batch; else the first in rank that is up and takes batches, with those
        that brought nothing twice behind the others. None when the run ends."""
        if name := self._holder(keys):
            return self._endpoints[name]
        able = [name for name in keys if not self._lanes[name].unable]
        if not able:
            why = "; ".join(lane.unable for lane in self._lanes.values())
            advice = f"Check `base_url`, or use `mode: live` for the role {self.role.name}."
            self._control.halt("endpoint", f"endpoint {why}. {advice}")
        return await self._routing.endpoint(sorted(able, key=lambda name: tried[name] // _TRIES_IN_BATCHES))

    def _holder(self, keys: dict[str, bytes]) -> str:
        """The endpoint whose batch may bring the reply; empty where none has it."""
        return next((name for name, key in keys.items() if name in self._lanes and self._lanes[name].holds(key)), "")

    async def _keep_line(self, name: str, line: Line, key: bytes, reply: Reply, latency: float) -> Completion:
        """Commit one line of a batch, whether somebody in this run waits for it or not."""
        progress = self._stages.setdefault(line.request.stage, StageProgress(line.request.stage))
        return await self._commit(self._entry(name, line, key, reply, 0, latency, batch=True), progress)

    async def _send(
        self, endpoint: Endpoint, request: CompletionRequest, key: bytes, retries: int, progress: StageProgress
    ) -> Entry | Fault | None:
        """Reserve and send. None: not sent, because the run ends."""
        tally = self._rejections.of(endpoint.name, request.stage)
        await self._rejections.turn(tally)
        want = wire.most(self.role, endpoint.name, request)
        if not await self._budget.reserve(key, want):
            return None
        progress.in_flight, tally.in_flight = progress.in_flight + 1, tally.in_flight + 1
        started = time.monotonic()
        try:
            outcome = await endpoint.send(endpoint.protocol.body(self.role, endpoint.name, request))
        finally:
            progress.in_flight, tally.in_flight = progress.in_flight - 1, tally.in_flight - 1
        latency = time.monotonic() - started
        if outcome is None:
            self._budget.release(key)
            return None
        if isinstance(outcome, Reply):
            prompt, limit = wire.prompt_text(request), wire.most_sent(self.role, request)
            outcome = self._silent.look(endpoint.name, endpoint.settings.model, prompt, limit, outcome)
        if endpoint.learn(outcome, key, started):
            self._changed.set()
        if isinstance(outcome, Fault):
            self._note(outcome, request, endpoint, progress, self._lost(endpoint.name, outcome, want))
            self._budget.release(key)
            return outcome
        line = Line(request, endpoint.settings.model, wire.parameters(self.role, request))
        return self._entry(endpoint.name, line, key, outcome, retries, latency, batch=False)

    def _entry(
        self, name: str, line: Line, key: bytes, reply: Reply, retries: int, latency: float, batch: bool
    ) -> Entry:
        """What the ledger is told of a reply."""
        self._rejections.of(name, line.request.stage).answered |= reply.state is not State.REFUSED
        request, usage = line.request, reply.usage
        completion = Completion(
            key.hex(), reply.state, reply.text, reply.reasoning, reply.finish_reason, line.model, name, usage,
            self.role.cost_usd(name, usage, batch), retries, latency, reply.error, reply.likeliest,
        )  # fmt: skip
        prompt = wire.prompt_text(request)
        prefix = wire.common_prefix(self._last_prompt.get(request.stage, ""), prompt)
        self._last_prompt[request.stage] = prompt
        charged = _charge(completion, wire.most(self.role, name, request, batch))
        return Entry(
            key, self.role.name, request, completion, line.parameters, len(prompt), prefix,
            time.time(), charged, self._budget.take(key), batch,
        )  # fmt: skip

    def _lost(self, name: str, fault: Fault, most: Want | None, batch: bool = False) -> Want | None:
        """What a request that brought no reply is charged with: what was made of one, else the most that it may be."""
        usage = fault.usage
        if usage and usage.prompt is not None and usage.completion is not None:
            dollars = self.role.cost_usd(name, usage, batch)
            return Want(dollars or 0.0, usage.prompt + usage.completion)
        return most if fault.billable else None

    def _sift_line(self, name: str, line: Line, reply: Reply) -> Reply | Fault:
        """A line of a batch, looked at as a reply that came at once."""
        limit = json.loads(line.parameters).get("max_tokens") or wire.most_sent(self.role, line.request)
        return self._silent.look(name, line.model, wire.prompt_text(line.request), limit, reply)

    def _note(
        self,
        fault: Fault,
        request: CompletionRequest,
        endpoint: Endpoint,
        progress: StageProgress,
        lost: Want | None = None,
    ) -> None:
        progress.failures[fault.kind] = progress.failures.get(fault.kind, 0) + 1
        self.ledger.fail(Failure(time.time(), self.role.name, request, endpoint.name, fault.kind, fault.detail, lost))

    async def _commit(self, entry: Entry, progress: StageProgress) -> Completion:
        try:
            completion = await asyncio.wrap_future(self.ledger.record(entry))
        except SpecmillError as error:
            self._control.halt("disk", str(error))
            return replace(entry.completion, state=State.FAILED, text="", reasoning="", error=str(error))
        self._changed.set()
        usage = completion.usage
        progress.done += 1
        progress.prompt_tokens += usage.prompt or 0
        progress.cached_tokens += usage.cached or 0
        progress.completion_tokens += usage.completion or 0
        progress.cost_usd += completion.cost_usd or 0.0
        progress.unpriced += completion.cost_usd is None
        return completion

    def _ended(self, key: bytes, retries: int, fault: Fault | None) -> Completion:
        """A request that is not sent (again), because the run ends or nobody else waits any more."""
        halt = self._control.halted
        state = State.OVER_BUDGET if halt and halt.kind == "budget" else State.STOPPED
        error = halt.text if halt else "stopped on request"
        if fault and (fault.advice or not self._control.closed):  # refused for good, or given up alone
            state, error = State.FAILED, f"{fault.kind}: {fault.detail}"
        return Completion(key.hex(), state, retries=retries, error=error)

    def _failed(self, key: bytes, endpoint: Endpoint, sent: int, fault: Fault) -> Completion:
        """A request whose retries are used up; not in the ledger, so a rerun asks it again."""
        error = f"{fault.kind}: {fault.detail}"
        model = endpoint.settings.model
        return Completion(key.hex(), State.FAILED, model=model, endpoint=endpoint.name, retries=sent - 1, error=error)

    # --- what an endpoint's answers say ------------------------------------------------------------------------------

    def _refused(self, endpoint: Endpoint, fault: Fault) -> None:
        """End the run, unless it ends already."""
        if not self._control.closed:
            endpoint.refuses(fault)

    async def _back_off(self, endpoint: Endpoint, fault: Fault, tries: int) -> None:
        """Wait before sending again: an exponential delay with jitter, then for as long as the endpoint asked for; no
        longer where it asked it of this request alone and answers others that were sent since."""
        failed_at, most_s = time.monotonic(), _LONGEST_CROWDED_S if fault.crowded else LONGEST_BACKOFF_S
        delay = min(most_s, BACKOFF_S * 2 ** min(max(0, tries - 1), 30)) * random.uniform(0.5, 1.0)
        until = failed_at + (fault.retry_after_s or 0.0)
        while delay > 0 and not self._control.closed:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._ending.wait()
            left = until - time.monotonic()
            if fault.kind != "throttled" and endpoint.answered_at > failed_at:
                return
            delay = min(left, _LOOK_AGAIN_S)

    # --- watching ----------------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Wake all that wait when the run ends, and end it before the disk is full."""
        looked_at = 0.0
        while True:
            if time.monotonic() - looked_at > 1:
                looked_at = time.monotonic()
                self._check_disk()
            if self.ledger.trouble:
                self._control.halt("disk", self.ledger.trouble)
            self._check_lanes()
            if self._control.closed:
                self._changed.set()
                self._ending.set()
                for lane in self._lanes.values():
                    lane.end()
                for endpoint in self._endpoints.values():
                    endpoint.limiter.wake_all()
            await asyncio.sleep(_WATCH_S)

    def _check_lanes(self) -> None:
        """Batches at an endpoint that is down are waited for as long as others are worked on."""
        blocked = [lane.blocked for lane in self._lanes.values() if lane.blocked]
        if blocked and not self._rejections.in_flight and not any(lane.working for lane in self._lanes.values()):
            self._control.halt("endpoint", " ".join(blocked))

    def _check_disk(self) -> None:
        free = shutil.disk_usage(self._ledger_path.parent).free
        if free < _LEAST_FREE_BYTES:
            text = (
                f"the disk of {self._ledger_path.parent} is full ({free >> 20} MB free). Free some space and run again."
            )
            self._control.halt("disk", text)

    def _progress(self) -> list[StageProgress]:
        """Called by the ledger's thread: a copy of the counts."""
        endpoints = list(self._endpoints.values())
        down = [endpoint.name for endpoint in endpoints if not endpoint.circuit.closed]
        return [
            replace(
                progress, states=dict(progress.states), failures=dict(progress.failures), down=down,
                limit=sum(endpoint.limiter.limit for endpoint in endpoints), updated_at=time.time(),
            )
            for progress in list(self._stages.values())
        ]  # fmt: skip


def _charge(completion: Completion, estimate: Want) -> Want:
    """What a reply takes from the budget: its price, or the estimate where the endpoint reports no usage."""
    usage = completion.usage
    if usage.prompt is None or usage.completion is None:
        return estimate
    return Want(completion.cost_usd or 0.0, usage.prompt + usage.completion)

"""Asking a model: the ledger first, then the endpoints of the role, within all bounds (contract 5).

`Client.ask` never raises for what an endpoint does: every draw ends in a typed state, and what cannot go on halts the
whole run through `pipelines.control`.
"""

import asyncio
import contextlib
import os
import random
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pipelines import request
from pipelines.connection import BACKOFF_S, LONGEST_BACKOFF_S, Endpoint
from pipelines.control import CONTROL, Control
from pipelines.draw import Completion, Draw, State
from pipelines.endpoints import Role
from pipelines.faults import Fault, Reply
from pipelines.ledger import Ledger
from pipelines.records import Entry, Failure, Grant, StageProgress, Want
from specs.errors import SpecmillError

_WATCH_S = 0.1  # how soon a stop, a halt or a full disk is noticed
_LEAST_FREE_BYTES = 16 << 20  # below this much free disk nothing more is paid for
_BUDGET_WAIT_S = 0.2


class Client:
    """Asks as one role. Use as an async context manager, in the process and event loop that ask.

    `async with Client(role, ledger_path) as client: completion = await client.ask(draw)`
    """

    def __init__(self, role: Role, ledger: str | os.PathLike[str], control: Control = CONTROL) -> None:
        self.role, self._ledger_path, self._control = role, Path(ledger), control
        self._endpoints: dict[str, Endpoint] = {}
        self._pending: dict[bytes, asyncio.Future[Completion]] = {}
        self._stages: dict[str, StageProgress] = {}
        self._last_prompt: dict[str, str] = {}
        self._changed = asyncio.Event()  # an endpoint came up, a reservation was settled, or the run ends
        self._ending = asyncio.Event()  # the run ends

    async def __aenter__(self) -> "Client":
        self.ledger = Ledger(self._ledger_path)
        self._endpoints = {name: Endpoint(name, one, self._control) for name, one in self.role.endpoints.items()}
        self.ledger.beat(self._progress)
        self._watcher = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._watcher.cancel()
        await asyncio.gather(self._watcher, return_exceptions=True)
        for endpoint in self._endpoints.values():
            await endpoint.close()
        await asyncio.to_thread(self.ledger.close)

    async def ask(self, draw: Draw) -> Completion:
        """The completion of `draw`: from the ledger if any model of the role answered it, else from an endpoint.

        Never raises for endpoint trouble. An OK, truncated, refused or unparsed reply is committed before this returns.
        """
        keys = {name: request.key(self.role, name, draw) for name in request.ranked(self.role, draw)}
        first = next(iter(keys.values()))
        if pending := self._pending.get(first):
            return await asyncio.shield(pending)
        progress = self._stages.setdefault(draw.stage, StageProgress(draw.stage))
        if found := self.ledger.find(list(dict.fromkeys(keys.values()))):
            progress.found += 1
            return found
        future = self._pending[first] = asyncio.get_running_loop().create_future()
        try:
            completion = await self._ask_endpoints(draw, keys, progress)
            future.set_result(completion)
        finally:
            del self._pending[first]
            if not future.done():
                future.cancel()
        progress.states[completion.state] = progress.states.get(completion.state, 0) + 1
        return completion

    # --- one draw ----------------------------------------------------------------------------------------------------

    async def _ask_endpoints(self, draw: Draw, keys: dict[str, bytes], progress: StageProgress) -> Completion:
        """Send until there is a reply, the draw's retries are used up, or the run ends."""
        sent, errors, fault = 0, 0, None
        while True:
            progress.waiting += 1
            endpoint = await self._slot(list(keys), first=sent > 0)
            progress.waiting -= 1
            if endpoint is None:
                return self._ended(next(iter(keys.values())), sent, fault)
            try:
                was_up = endpoint.circuit.closed
                entry = await self._send(endpoint, draw, keys[endpoint.name], sent, progress)
            finally:
                endpoint.limiter.release()
            if isinstance(entry, Entry):
                return await self._commit(entry, progress)
            if entry is None:  # the budget is spent, or the run ended while waiting for some of it
                continue
            fault, sent = entry, sent + 1
            progress.failures[fault.kind] = progress.failures.get(fault.kind, 0) + 1
            self.ledger.fail(Failure(time.time(), self.role.name, draw, endpoint.name, fault.kind, fault.detail))
            errors += was_up and endpoint.circuit.closed and fault.kind != "throttled"
            if errors > endpoint.settings.retries:
                error = f"{fault.kind}: {fault.detail}"
                return Completion(
                    keys[endpoint.name].hex(), State.FAILED, model=endpoint.settings.model, endpoint=endpoint.name,
                    retries=sent - 1, error=error,
                )  # fmt: skip
            progress.retries += 1
            await self._back_off(fault, sent if fault.kind == "throttled" else errors)

    async def _send(
        self, endpoint: Endpoint, draw: Draw, key: bytes, retries: int, progress: StageProgress
    ) -> Entry | Fault | None:
        """Reserve and send. None: not sent, because the run ends."""
        prompt = request.prompt_text(draw)
        want = request.most(self.role, endpoint.name, draw, prompt)
        if not await self._reserve(want):
            return None
        prefix = request.common_prefix(self._last_prompt.get(draw.stage, ""), prompt)
        self._last_prompt[draw.stage] = prompt
        progress.in_flight += 1
        started = time.monotonic()
        try:
            outcome = await endpoint.send(request.body(self.role, endpoint.name, draw))
        finally:
            progress.in_flight -= 1
        latency = time.monotonic() - started
        if endpoint.learn(outcome, key, started):
            self._changed.set()
        if isinstance(outcome, Fault):
            self._give_back(want)
            return outcome
        return self._entry(endpoint, draw, key, outcome, want, retries, latency, (len(prompt), prefix))

    def _entry(
        self, endpoint: Endpoint, draw: Draw, key: bytes, reply: Reply, want: Want, retries: int, latency: float,
        chars: tuple[int, int],
    ) -> Entry:  # fmt: skip
        usage = reply.usage
        cost = self.role.cost_usd(endpoint.name, usage.prompt, usage.cached, usage.completion)
        completion = Completion(
            key.hex(), reply.state, reply.text, reply.reasoning, reply.finish_reason, endpoint.settings.model,
            endpoint.name, usage, cost, retries, latency, reply.error,
        )  # fmt: skip
        return Entry(
            key, self.role.name, draw, completion, request.parameters(self.role, draw), *chars, time.time(),
            charge(completion, want), want if self._budgeted else None,
        )  # fmt: skip

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
        """A draw that is not sent (again), because the run ends."""
        halt = self._control.halted
        state = State.OVER_BUDGET if halt and halt.kind == "budget" else State.STOPPED
        if fault and fault.kind == "permanent":
            state = State.FAILED
        error = halt.text if halt else "stopped on request"
        return Completion(key.hex(), state, retries=retries, error=error)

    # --- which endpoint, and when ------------------------------------------------------------------------------------

    async def _slot(self, ranked: Sequence[str], first: bool) -> Endpoint | None:
        """A slot at the first endpoint of `ranked` that is up; None when the run ends."""
        while not self._control.closed:
            endpoint = self._up(ranked)
            if endpoint is None:
                await self._wait_for_endpoint(ranked)
                continue
            probing = not endpoint.circuit.closed
            if not await endpoint.limiter.acquire(first or probing):
                continue
            if not self._control.closed and (probing or endpoint.circuit.closed):
                return endpoint
            endpoint.limiter.release()
        return None

    def _up(self, ranked: Sequence[str]) -> Endpoint | None:
        for name in ranked:
            endpoint = self._endpoints[name]
            if endpoint.circuit.closed or endpoint.circuit.take_probe():
                return endpoint
        return None

    async def _wait_for_endpoint(self, ranked: Sequence[str]) -> None:
        """Until one comes up or may be probed; halts the run when all have been down for too long."""
        endpoints = [self._endpoints[name] for name in ranked]
        for endpoint in endpoints:
            if endpoint.circuit.down_s <= endpoint.settings.wait_when_down_s:
                break
        else:
            names, down_s = ", ".join(ranked), endpoints[0].circuit.down_s
            text = f"endpoint {names} is down: no answer for {down_s:.0f} s. Start it again, then run again."
            self._control.halt("endpoint", text)
            return
        await self._pause(max(0.01, min(endpoint.circuit.probe_in_s for endpoint in endpoints)))

    async def _pause(self, seconds: float) -> None:
        """Sleep, but wake when something changes."""
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    async def _back_off(self, fault: Fault, tries: int) -> None:
        """Wait before sending again: what the endpoint asked for, or an exponential delay, with jitter."""
        delay = min(LONGEST_BACKOFF_S, BACKOFF_S * 2 ** max(0, tries - 1)) * random.uniform(0.5, 1.0)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(delay, fault.retry_after_s or 0.0)):
                await self._ending.wait()

    # --- budget ------------------------------------------------------------------------------------------------------

    @property
    def _budgeted(self) -> bool:
        return self.role.budget.dollars is not None or self.role.budget.tokens is not None

    async def _reserve(self, want: Want) -> bool:
        """Set budget aside; waits while requests in flight may still use it up. False: the run ends."""
        budget = self.role.budget
        while self._budgeted and not self._control.closed:
            grant = await asyncio.wrap_future(self.ledger.reserve(want, budget.dollars, budget.tokens))
            if grant is Grant.GIVEN:
                return True
            if grant is Grant.OVER:
                self._control.halt("budget", self._budget_text())
            else:
                await self._pause(_BUDGET_WAIT_S)
        return not self._control.closed

    def _give_back(self, want: Want) -> None:
        if self._budgeted:
            self.ledger.release(want)

    def _budget_text(self) -> str:
        dollars, tokens = self.ledger.spent()
        limits = [f"${limit:g}" for limit in [self.role.budget.dollars] if limit is not None]
        limits += [f"{limit} tokens" for limit in [self.role.budget.tokens] if limit is not None]
        return (
            f"the budget of {' and '.join(limits)} does not cover another request: ${dollars:.4f} and {tokens} tokens "
            "are spent. Raise `budget` in the recipe and run again: what was paid for is kept."
        )

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
            if self._control.closed:
                self._changed.set()
                self._ending.set()
                for endpoint in self._endpoints.values():
                    endpoint.limiter.wake_all()
            await asyncio.sleep(_WATCH_S)

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


def charge(completion: Completion, estimate: Want) -> Want:
    """What a reply takes from the budget: its price, or the estimate where the endpoint reports no usage."""
    usage = completion.usage
    if usage.prompt is None or usage.completion is None:
        return estimate
    return Want(completion.cost_usd or 0.0, usage.prompt + usage.completion)

"""Asking a model: the ledger first, then the endpoints of the role, within all bounds (contract 5).

`Client.ask` never raises for what an endpoint does: every draw ends in a typed state, and what cannot go on halts the
whole run through `pipelines.control`.
"""

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import random
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipelines.circuit import Circuit
from pipelines.control import CONTROL, Control
from pipelines.draw import Completion, Draw, State
from pipelines.endpoints import EndpointSettings, Role, RoleSettings
from pipelines.faults import Fault, Reply, fault_of, read_reply
from pipelines.ledger import Ledger
from pipelines.limiter import Limiter
from pipelines.records import Entry, Failure, Grant, StageProgress, Want, draw_key
from specs.errors import SpecmillError

_LOG = logging.getLogger("specmill.endpoints")
_NO_KEY = "no-key"  # what servers without keys are sent; the openai package insists on one
_BACKOFF_S, _LONGEST_BACKOFF_S = 0.5, 60.0
_WATCH_S = 0.1  # how soon a stop, a halt or a full disk is noticed
_LEAST_FREE_BYTES = 16 << 20  # below this much free disk nothing more is paid for
_CHARS_PER_TOKEN = 3  # on the safe side for a reservation: most text has four or more


class Endpoint:
    """One endpoint in use: its connection, its limiter and its circuit. Made inside a running event loop."""

    def __init__(self, name: str, settings: EndpointSettings) -> None:
        import openai

        self.name, self.settings = name, settings
        self.key = os.environ.get(settings.api_key_env, "")
        self.limiter, self.circuit = Limiter(settings.max_in_flight), Circuit(name)
        self.throttles = 0  # answers 429 in a row
        self.throttled_since: float | None = None
        limits = openai.DEFAULT_CONNECTION_LIMITS.__class__(
            max_connections=settings.max_in_flight + 8, max_keepalive_connections=settings.max_in_flight + 8
        )
        timeout = openai.Timeout(settings.timeout_s, connect=min(settings.connect_timeout_s, settings.timeout_s))
        self.openai = openai.AsyncOpenAI(
            api_key=self.key or _NO_KEY,
            base_url=settings.base_url,
            max_retries=0,
            timeout=timeout,
            http_client=openai.DefaultAsyncHttpxClient(limits=limits, timeout=timeout),
        )

    async def send(self, body: dict[str, Any]) -> Reply | Fault:
        """One request, within its hard time limit; nothing that an endpoint does raises."""
        import openai

        try:
            async with asyncio.timeout(self.settings.timeout_s):
                response = await self.openai.chat.completions.with_raw_response.create(**body)
                return read_reply(response.text)
        except (openai.OpenAIError, TimeoutError, OSError, ValueError) as error:
            return fault_of(error, self.settings, self.key)


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
        self._endpoints = {name: Endpoint(name, settings) for name, settings in self.role.endpoints.items()}
        self.ledger.beat(self._progress)
        self._watcher = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._watcher.cancel()
        await asyncio.gather(self._watcher, return_exceptions=True)
        for endpoint in self._endpoints.values():
            await endpoint.openai.close()
        await asyncio.to_thread(self.ledger.close)

    async def ask(self, draw: Draw) -> Completion:
        """The completion of `draw`: from the ledger if any model of the role answered it, else from an endpoint.

        Never raises for endpoint trouble. An OK, truncated, refused or unparsed reply is committed before this returns.
        """
        keys = {name: self._key(name, draw) for name in self._ranked(draw)}
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
        ranked = list(keys)
        sent, errors, fault = 0, 0, None
        while True:
            endpoint = await self._slot(ranked, first=sent > 0)
            if endpoint is None:
                return self._ended(keys[ranked[0]], sent, fault)
            key = keys[endpoint.name]
            try:
                was_down = not endpoint.circuit.closed
                outcome = await self._send(endpoint, draw, key, sent, progress)
            finally:
                endpoint.limiter.release()
            if isinstance(outcome, Completion):
                return outcome
            if outcome is None:  # the budget is spent, or the run ended while waiting for some of it
                continue
            fault, sent = outcome, sent + 1
            progress.failures[fault.kind] = progress.failures.get(fault.kind, 0) + 1
            self.ledger.fail(Failure(time.time(), self.role.name, draw, endpoint.name, fault.kind, fault.detail))
            errors += not was_down and endpoint.circuit.closed and fault.kind != "throttled"
            if errors > endpoint.settings.retries:
                return self._failed(key, endpoint, sent, fault)
            progress.retries += 1
            await self._back_off(fault, errors)

    async def _send(
        self, endpoint: Endpoint, draw: Draw, key: bytes, retries: int, progress: StageProgress
    ) -> Completion | Fault | None:
        """Reserve, send, commit."""
        prompt = "".join(message["content"] for message in draw.messages)
        want = self._estimate(endpoint, prompt, draw)
        if not await self._reserve(want):
            return None
        prefix = _common_prefix(self._last_prompt.get(draw.stage, ""), prompt)
        self._last_prompt[draw.stage] = prompt
        progress.in_flight += 1
        started = time.monotonic()
        try:
            outcome = await endpoint.send(self._body(endpoint.settings, draw))
        finally:
            progress.in_flight -= 1
        latency = time.monotonic() - started
        if isinstance(outcome, Fault):
            self._give_back(want)
            self._learn(endpoint, outcome, key, started)
            return outcome
        self._learn(endpoint, None, key, started)
        usage = outcome.usage
        cost = self.role.cost_usd(endpoint.name, usage.prompt, usage.cached, usage.completion)
        completion = Completion(
            key.hex(), outcome.state, outcome.text, outcome.reasoning, outcome.finish_reason, endpoint.settings.model,
            endpoint.name, usage, cost, retries, latency, outcome.error,
        )  # fmt: skip
        entry = Entry(
            key, self.role.name, draw, completion, self._parameters(draw), len(prompt), prefix, time.time(),
            _charge(completion, want), want if self._budgeted else None,
        )  # fmt: skip
        return await self._commit(entry, progress)

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

    def _failed(self, key: bytes, endpoint: Endpoint, sent: int, fault: Fault) -> Completion:
        error = f"{fault.kind}: {fault.detail}"
        model = endpoint.settings.model
        return Completion(key.hex(), State.FAILED, model=model, endpoint=endpoint.name, retries=sent - 1, error=error)

    # --- which endpoint, and when ------------------------------------------------------------------------------------

    def _ranked(self, draw: Draw) -> list[str]:
        """The role's endpoints in the order in which this draw tries them: by weight, the same in every run
        (weighted rendezvous hashing)."""
        names = self.role.settings.endpoints
        if len(names) == 1:
            return list(names)
        identity = f"{draw.stage}\0{draw.row_id}\0{draw.sample}\0{draw.attempt}\0"

        def rank(name: str) -> float:
            digest = hashlib.sha256((identity + name).encode()).digest()
            uniform = (int.from_bytes(digest[:8], "big") + 1) / 2**64
            return float(uniform ** (1 / names[name]))

        return sorted(names, key=rank, reverse=True)

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

    async def _back_off(self, fault: Fault, errors: int) -> None:
        """Wait before sending again: what the endpoint asked for, or an exponential delay, with jitter."""
        if fault.kind == "throttled":
            return  # the endpoint's limiter is paused for all
        delay = min(_LONGEST_BACKOFF_S, _BACKOFF_S * 2 ** max(0, errors - 1)) * random.uniform(0.5, 1.0)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(delay, fault.retry_after_s or 0.0)):
                await self._ending.wait()

    def _learn(self, endpoint: Endpoint, fault: Fault | None, key: bytes, sent_at: float) -> None:
        """What an outcome says about its endpoint."""
        if fault is None:
            endpoint.limiter.succeeded()
            endpoint.throttles, endpoint.throttled_since = 0, None
            if endpoint.circuit.succeeded():
                self._changed.set()
            return
        lowered = fault.overload and endpoint.limiter.overloaded(sent_at)
        if fault.kind == "permanent":
            text = f"endpoint {endpoint.name} refuses for good: {fault.detail}. {fault.advice}"
            self._control.halt("endpoint", text)
        elif fault.kind == "throttled":
            self._throttled(endpoint, fault, lowered)
        elif endpoint.circuit.failed(key, fault.unreachable, fault.detail):
            endpoint.limiter.wake_all()

    def _throttled(self, endpoint: Endpoint, fault: Fault, lowered: bool) -> None:
        """Answer 429: pause the endpoint as long as it asks; by itself once a round, longer each time."""
        now = time.monotonic()
        endpoint.throttled_since = endpoint.throttled_since or now
        if lowered:
            endpoint.throttles += 1
        if fault.retry_after_s is not None:
            endpoint.limiter.pause(fault.retry_after_s * random.uniform(1.0, 1.1))
        elif lowered:
            delay = min(_LONGEST_BACKOFF_S, _BACKOFF_S * 2 ** (endpoint.throttles - 1))
            endpoint.limiter.pause(delay * random.uniform(0.5, 1.0))
        if max(fault.retry_after_s or 0, now - endpoint.throttled_since) > endpoint.settings.wait_when_down_s:
            text = f"endpoint {endpoint.name} accepts no request for now: {fault.detail}. Run again later."
            self._control.halt("endpoint", text)

    # --- budget ------------------------------------------------------------------------------------------------------

    @property
    def _budgeted(self) -> bool:
        return self.role.budget.dollars is not None or self.role.budget.tokens is not None

    def _estimate(self, endpoint: Endpoint, prompt: str, draw: Draw) -> Want:
        """The most that a request can cost."""
        prompt_tokens = len(prompt.encode()) // _CHARS_PER_TOKEN + 8 * len(draw.messages)
        completion_tokens = self._max_tokens(draw)
        dollars = self.role.cost_usd(endpoint.name, prompt_tokens, 0, completion_tokens)
        return Want(dollars or 0.0, prompt_tokens + completion_tokens)

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
                await self._pause(0.2)
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

    # --- requests ----------------------------------------------------------------------------------------------------

    def _max_tokens(self, draw: Draw) -> int:
        limit = self.role.settings.max_tokens
        return limit if draw.max_tokens is None else min(limit, draw.max_tokens)

    def _parameters(self, draw: Draw) -> str:
        """What shapes a reply beside the messages, as canonical JSON; part of the key."""
        role = self.role.settings
        values = {
            "temperature": role.temperature, "top_p": role.top_p, "max_tokens": self._max_tokens(draw),
            "reasoning_effort": role.reasoning_effort, "extra_body": role.extra_body or None,
            "seed": self._seed(draw) if role.send_seed else None, "json_schema": draw.json_schema,
            "json_mode": role.json_mode if draw.json_schema else None,
        }  # fmt: skip
        given = {name: value for name, value in values.items() if value is not None}
        return json.dumps(given, sort_keys=True, separators=(",", ":"))

    def _key(self, endpoint: str, draw: Draw) -> bytes:
        return draw_key(self.role.name, self.role.endpoints[endpoint].model, self._parameters(draw), draw)

    def _seed(self, draw: Draw) -> int:
        identity = json.dumps([self.role.seed, draw.stage, draw.row_id, draw.sample, draw.attempt])
        return int.from_bytes(hashlib.sha256(identity.encode()).digest()[:4], "big") >> 1

    def _body(self, endpoint: EndpointSettings, draw: Draw) -> dict[str, Any]:
        return request_body(self.role.settings, endpoint.model, draw, self._max_tokens(draw), self._seed(draw))

    # --- watching ----------------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Wake all that wait when the run ends, and end it before the disk is full."""
        looked_at = 0.0
        while True:
            if time.monotonic() - looked_at > 1:
                looked_at = time.monotonic()
                self._check_disk()
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
                waiting=sum(endpoint.limiter.waiting for endpoint in endpoints),
                limit=sum(endpoint.limiter.limit for endpoint in endpoints), updated_at=time.time(),
            )
            for progress in list(self._stages.values())
        ]  # fmt: skip


def request_body(role: RoleSettings, model: str, draw: Draw, max_tokens: int, seed: int) -> dict[str, Any]:
    """Arguments of `chat.completions.create`, with no field that the role does not ask for."""
    body: dict[str, Any] = {"model": model, "messages": draw.messages, role.max_tokens_field: max_tokens}
    for name in ("temperature", "top_p", "reasoning_effort"):
        if (value := getattr(role, name)) is not None:
            body[name] = value
    if role.send_seed:
        body["seed"] = seed
    if draw.json_schema and role.json_mode == "json_object":
        body["response_format"] = {"type": "json_object"}
    elif draw.json_schema and role.json_mode == "json_schema":
        schema = {"name": "reply", "schema": draw.json_schema, "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    if role.extra_body:
        body["extra_body"] = role.extra_body
    return body


def _charge(completion: Completion, estimate: Want) -> Want:
    """What a reply takes from the budget: its price, or the estimate where the endpoint reports no usage."""
    usage = completion.usage
    if usage.prompt is None or usage.completion is None:
        return estimate
    return Want(completion.cost_usd or 0.0, usage.prompt + usage.completion)


def _common_prefix(one: str, other: str) -> int:
    """Characters that both begin with, found by halving."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one.startswith(other[low:middle], low):
            low = middle
        else:
            high = middle - 1
    return low

"""One endpoint in use: its connection, its limiter, its circuit, and what each outcome teaches about it."""

import asyncio
import math
import os
import random
import statistics
import time
from collections import deque
from typing import Any

from pipelines.engine import errors
from pipelines.engine.circuit import Circuit
from pipelines.engine.endpoints import EndpointSettings
from pipelines.engine.limiter import Limiter
from pipelines.engine.outcomes import Fault, Reply
from pipelines.engine.protocols import connect
from pipelines.run.control import Control

BACKOFF_S, LONGEST_BACKOFF_S = 0.5, 60.0
_SLOW_SHARE = 0.5  # an endpoint is slow when half its replies take more than this share of the time limit
_SLOW_WINDOW = 20
DENIED_S = 120.0  # patience with one that refuses a key or model that it accepted before: a deploy, or for good
GRACE_S = 1.0  # after a stop, for a reply of an embedded model that is nearly there
_LOOK_FOR_STOP_S = 0.2
_FORBIDDEN = 403  # of one request alone, or of all: it counts as both
_NEVER_ANSWERED_S = 60.0  # patience with an endpoint that has not answered once: more likely a wrong address


class Endpoint:
    """Make it inside a running event loop; `close` it at the end."""

    def __init__(self, name: str, settings: EndpointSettings, control: Control) -> None:
        self.name, self.settings, self._control = name, settings, control
        self.key = os.environ.get(settings.api_key_env, "").strip()
        self.limiter, self.circuit = Limiter(settings.max_in_flight), Circuit(name)
        self._throttles = 0  # answers 429 in a row, once a round
        self._throttled_since: float | None = None
        self._denial: Fault | None = None  # why it refuses what it accepted before, if that was its last word
        self._trouble = ""  # what it failed with last
        self._waiting: dict[object, float] = {}  # when what is in flight was sent
        self.answered_at = 0.0  # when the request was sent that was answered last
        self._latencies: deque[float] = deque(maxlen=_SLOW_WINDOW)
        self.protocol = connect(settings, self.key)

    @property
    def address(self) -> str:
        """The root of its API."""
        return self.protocol.address

    async def close(self) -> None:
        """Close the connections."""
        await self.protocol.close()

    @property
    def given_up(self) -> bool:
        """Whether it has been down for longer than is waited for; shorter where it never answered at all."""
        patience = min(self.settings.wait_when_down_s, DENIED_S if self._denial else math.inf)
        return self.circuit.down_s > (patience if self.circuit.answered else min(patience, _NEVER_ANSWERED_S))

    def why_down(self) -> str:
        """A sentence for the user about an endpoint that is given up, with what to do."""
        address, down_s = self.address, self.circuit.down_s
        if self._denial:
            return f"Endpoint {self.name} ({address}) refuses: {self._denial.detail}. {self._denial.advice}"
        if self.circuit.answered:
            return f"Endpoint {self.name} ({address}) is down: no answer for {down_s:.0f} s. Run again when it is back."
        why = f" ({self._trouble})" if self._trouble else ""
        return f"Endpoint {self.name} ({address}) is down: it never answered{why}. Check `base_url`, and that it runs."

    async def send(self, body: dict[str, Any]) -> Reply | Fault | None:
        """One request, within its hard time limit; nothing that an endpoint does raises. None: not sent, since the run
        ended before its turn came."""
        this = object()
        self._waiting[this] = time.monotonic()
        try:
            async with self.protocol.turn(body):
                if self._control.closed:
                    return None
                async with asyncio.timeout(self.settings.timeout_s):
                    return await self._reply_or_stop(body)
        except self.protocol.errors as error:
            return self.protocol.fault_of(error)
        finally:
            del self._waiting[this]

    async def _reply_or_stop(self, body: dict[str, Any]) -> Reply | Fault | None:
        """What is in flight is waited for, since it is paid for; a model that this machine serves costs nothing but
        minutes, so a stop gives its requests up (the server notices that the connection is gone)."""
        asked = asyncio.create_task(self.protocol.send(body))
        try:
            while not (self.settings.embedded and self._control.stopping):
                if (await asyncio.wait({asked}, timeout=_LOOK_FOR_STOP_S))[0]:
                    return await asked
            done, _ = await asyncio.wait({asked}, timeout=GRACE_S)
            return await asked if done else None
        finally:
            asked.cancel()

    def learn(self, outcome: Reply | Fault, request: bytes, sent_at: float) -> bool:
        """What an outcome says about the endpoint. True if it is up again, after it was down."""
        if isinstance(outcome, Reply):
            return self._succeeded(time.monotonic() - sent_at, sent_at)
        if not outcome.overload:
            self.limiter.heard()
        lowered = outcome.overload and self.limiter.overloaded(sent_at)
        denied = outcome.kind == "denied" or outcome.status == _FORBIDDEN
        if outcome.kind == "permanent":
            self.refuses(outcome)
        elif outcome.kind == "rejected" and not denied:  # an answer, if no reply
            return self.circuit.succeeded(sent_at)
        elif outcome.kind == "throttled":
            self._throttled(outcome, lowered)
        else:
            self._denial, self._trouble = outcome if denied else None, outcome.detail
            # One that cuts connections off because it has enough of them is not down: some of the others are answered.
            oldest = min(self._waiting.values(), default=None) if outcome.crowded else None
            if self.circuit.failed(request, outcome.unreachable, outcome.detail, self.limiter.limit, oldest):
                self.limiter.wake_all()  # so that those who wait may go elsewhere
        return False

    def refuses(self, fault: Fault) -> None:
        """It will answer none of our requests: end the run, with what to do about it."""
        self._control.halt("endpoint", f"endpoint {self.name} refuses for good: {fault.detail}. {fault.advice}")

    def _succeeded(self, latency_s: float, sent_at: float) -> bool:
        self._throttles, self._throttled_since, self._denial = 0, None, None
        self.answered_at = max(self.answered_at, sent_at)
        self._latencies.append(latency_s)
        window_full = len(self._latencies) == _SLOW_WINDOW
        if window_full and statistics.median(self._latencies) > _SLOW_SHARE * self.settings.timeout_s:
            if self.limiter.overloaded(sent_at):
                self._latencies.clear()
        else:
            self.limiter.succeeded()
        return self.circuit.succeeded(sent_at)

    def _throttled(self, fault: Fault, lowered: bool) -> None:
        """Answer 429: pause for as long as it asks; where it does not say, fewer in flight may do, and only answers in
        a row without a reply between them pause, longer each time."""
        now = time.monotonic()
        self._throttled_since = self._throttled_since or now
        self._throttles += lowered
        if fault.retry_after_s is not None:
            long = fault.retry_after_s >= errors.LONGEST_WAIT_S  # or longer: then it is asked sooner, once for all
            self.limiter.pause(fault.retry_after_s * random.uniform(1.0, 1.1), then_one=long)
        elif lowered and self._throttles > 1:
            delay = min(LONGEST_BACKOFF_S, BACKOFF_S * 2 ** (self._throttles - 2))
            self.limiter.pause(delay * random.uniform(0.5, 1.0))
        if now - self._throttled_since > self.settings.wait_when_down_s:
            text = f"endpoint {self.name} accepts no request for now: {fault.detail}. Run again later."
            self._control.halt("endpoint", text)

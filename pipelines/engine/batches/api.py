"""An endpoint's batches as a lane to the same ledger: half the price, within a day.

Requests are gathered, sent together, and answered later. A batch is on disk before it is created: a file of
requests in `batches/` beside the ledger and a row in the ledger. So a client that is lost picks its batches up again,
at the endpoint that has them, a batch whose id was lost is found by its nonce, and results of requests that nobody asks
for any more are kept all the same. What certainly was not created, and what ended without a result, is handed back to
the client, which asks again, here or at another endpoint.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from pipelines.completion import Completion, CompletionRequest, State
from pipelines.engine import wire
from pipelines.engine.batches.record import Batch, BatchRecord, Line
from pipelines.engine.budget import Budget
from pipelines.engine.connection import BACKOFF_S, DENIED_S, Endpoint
from pipelines.engine.endpoints import Role
from pipelines.engine.outcomes import Fault, Reply, scrub
from pipelines.engine.protocols.base import Sought
from pipelines.ledger.ledger import Ledger
from pipelines.ledger.records import Want
from pipelines.run.control import Control

_LOG = logging.getLogger("specmill.endpoints")
_QUIET_S = 0.5  # a batch is closed when no request came for so long, or for as long as looks at a batch are apart
_LIST_LAG_POLLS = 10  # looks after which a batch that the list does not show was not created: five minutes by default
_NOT_CREATED = frozenset({"permanent", "rejected", "denied", "throttled"})  # answers that leave no doubt
_NO_ROUTE = frozenset({404, 405, 501})  # of a server that knows no files or no batches
_KEPT = (
    "What it has accepted may still be answered, so it is asked nowhere else; to give that up, and pay again, take the "
    "endpoint out of the role."
)

T = TypeVar("T")
Settle = Callable[[str, Line, bytes, Reply, float], Awaitable[Completion]]
"""Commits a reply: endpoint, line, key, reply, seconds since the batch was sent."""
Sift = Callable[[str, Line, Reply], Reply | Fault]
"""Looks at a reply of an endpoint to a line before it is used."""


class BatchLane:
    """The batches of one role at one endpoint. `start` it in the event loop that asks, `close` it at the end.

    The endpoint's circuit says whether batches can be created there: it opens when that fails, and when it is open one
    try is enough to hand requests back.
    """

    def __init__(
        self,
        role: Role,
        endpoint: Endpoint,
        ledger: Ledger,
        budget: Budget,
        control: Control,
        changed: asyncio.Event,
        settle: Settle,
        sift: Sift,
    ) -> None:
        self._role, self._endpoint, self._budget, self._control = role, endpoint, budget, control
        self._protocol = endpoint.protocol
        self._changed, self._settle, self._sift = changed, settle, sift
        self._record = BatchRecord(ledger, role.name, endpoint.name, endpoint.address)
        self._waiting: dict[bytes, asyncio.Future[Completion | Fault | None]] = {}
        self._queue: dict[bytes, Line] = {}
        self._queued_at = 0.0
        self._underway: set[bytes] = set()  # keys in batches of this or of an earlier client
        self._tasks: set[asyncio.Task[None]] = set()
        self._answered = False  # whether the endpoint has taken part so far
        self.unable = ""  # why this endpoint takes no batches at all
        self._stuck = ""  # why batches that it has accepted cannot be looked at, once that takes too long

    def start(self, batches: Sequence[Batch], gather: bool) -> None:
        """Pick up `batches` of a client that was lost; then `gather` requests for new ones."""
        if batches or gather:
            self._protocol.prepare_batches()
        for batch in batches:
            self._underway |= set(batch.lines)
            self._budget.hold({key: self._most(line) for key, line in batch.lines.items()})
            self._spawn(self._resume(batch))
        if gather:
            self._spawn(self._gather())

    async def close(self) -> None:
        """Leave the batches to the endpoint; the next client picks them up."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _most(self, line: Line) -> Want:
        return wire.most(self._role, self._endpoint.name, line.request, batch=True)

    async def ask(self, request: CompletionRequest, key: bytes) -> Completion | Fault | None:
        """The committed completion, a fault of this line (ask again), or None when the run ends."""
        future: asyncio.Future[Completion | Fault | None] = asyncio.get_running_loop().create_future()
        self._waiting[key] = future
        if key not in self._underway:
            model, parameters = self._endpoint.settings.model, wire.parameters(self._role, request)
            self._enqueue(key, Line(request, model, parameters))
        try:
            return await future
        finally:
            self._waiting.pop(key, None)

    def holds(self, key: bytes) -> bool:
        """Whether a batch of this endpoint may bring the reply."""
        return key in self._underway

    @property
    def blocked(self) -> str:
        """Why requests have waited here for too long; empty where none has."""
        return self._stuck if self._waiting else ""

    @property
    def working(self) -> bool:
        """Whether requests wait here that can be expected to end."""
        return bool(self._waiting) and not self._stuck

    def end(self) -> None:
        """Send everybody away: the run ends."""
        self._queue.clear()
        for future in list(self._waiting.values()):
            if not future.done():
                future.set_result(None)

    # --- sending -----------------------------------------------------------------------------------------------------

    def _enqueue(self, key: bytes, line: Line) -> None:
        self._queue[key] = line
        self._queued_at = time.monotonic()

    async def _gather(self) -> None:
        quiet_s = min(_QUIET_S, self._endpoint.settings.batch_poll_s)
        while True:
            await asyncio.sleep(quiet_s / 4)
            quiet = time.monotonic() - self._queued_at >= quiet_s
            if self._queue and (quiet or len(self._queue) >= self._protocol.most_lines) and not self._control.closed:
                self._spawn(self._send(self._take()))

    def _take(self) -> dict[bytes, Line]:
        """As many of the waiting lines as one batch may hold."""
        taken: dict[bytes, Line] = {}
        size = 0
        for key, line in list(self._queue.items())[: self._protocol.most_lines]:
            size += len(self._line("", key, line.request))
            if taken and size > self._protocol.most_bytes:
                break
            taken[key] = self._queue.pop(key)
        self._underway |= set(taken)
        return taken

    async def _send(self, lines: dict[bytes, Line]) -> None:
        """Create a batch and see it through; where it cannot be created, hand its requests back."""
        batch = Batch(secrets.token_hex(12), lines, time.time())
        if fault := await self._create(batch):
            await self._record.forget(batch)
            for key in lines:
                self._tell(key, fault)
        else:
            await self._see_through(batch)

    async def _create(self, batch: Batch) -> Fault | None:
        """Try until it is created. A fault: it certainly was not, and the endpoint takes no batch for now."""
        tries = 0
        while True:
            started = time.monotonic()
            fault = await self._try_to_create(batch)
            if fault is None:
                if self._endpoint.learn(Reply(State.OK), batch.nonce.encode(), started):
                    self._changed.set()
                await self._record.note(batch)
                return None
            if fault.status in _NO_ROUTE:
                if not self.unable:
                    self.unable = f"{self._endpoint.name} ({self._endpoint.address}) takes no batches: {fault.detail}"
                    _LOG.warning("endpoint %s", self.unable)
                return Fault("no_batches", fault.detail)
            # Whatever it was, it says nothing of one request: all lines meet it, as where nothing can be reached.
            self._endpoint.learn(replace(fault, unreachable=True), batch.nonce.encode(), started)
            if self._endpoint.circuit.closed and not self._control.closed:
                delay = min(self._endpoint.settings.batch_poll_s, BACKOFF_S * 2**tries)
                await asyncio.sleep(max(fault.retry_after_s or 0.0, delay))
            if self._control.closed or not self._endpoint.circuit.closed:
                return fault
            tries += 1

    async def _try_to_create(self, batch: Batch) -> Fault | None:
        """Upload, note what will be created, create. Where the answer got lost, ask for the batch until it is known
        whether it exists: it must neither be paid for twice nor be lost."""
        lines = [self._line(batch.nonce, key, line.request) for key, line in batch.lines.items()]
        uploaded = await self._try(self._protocol.upload(lines))
        if isinstance(uploaded, Fault):
            return uploaded
        await self._record.note(batch)
        created = await self._try(self._protocol.create(uploaded, batch.nonce))
        if not isinstance(created, Fault):
            batch.id = created
        elif created.kind not in _NOT_CREATED and not created.unreachable:
            batch.id = await self._find(batch)
        return created if isinstance(created, Fault) and not batch.id else None

    def _line(self, nonce: str, key: bytes, request: CompletionRequest) -> str:
        body = self._protocol.body(self._role, self._endpoint.name, request)
        return self._protocol.line(self._protocol.custom_id(nonce, key), body)

    # --- waiting -----------------------------------------------------------------------------------------------------

    async def _resume(self, batch: Batch) -> None:
        """Go on with a batch of a client that was lost, perhaps before it learned the batch's id."""
        batch.id = batch.id or await self._find(batch)
        if batch.id:
            await self._record.note(batch)
            await self._see_through(batch)
            return
        await self._record.forget(batch)
        for key in batch.lines:
            self._tell(key, Fault("no_batches", "the batch was never created"))

    async def _find(self, batch: Batch) -> str:
        """The id of a batch whose creation was not answered; empty where it was not created. Lists lag behind, so one
        that does not show it is believed only some looks after the batch was sent."""
        found, poll_s = None, self._endpoint.settings.batch_poll_s
        while not found:
            known = await asyncio.to_thread(self._record.known_ids)
            sought = Sought(batch.nonce, len(batch.lines), batch.sent_at, known)
            found = await self._until_done(lambda sought=sought: self._protocol.find(sought))  # type: ignore[misc]
            if found == "" and time.time() - batch.sent_at > _LIST_LAG_POLLS * poll_s:
                break
            if not found:  # None: it may be one that is still being worked on
                await asyncio.sleep(poll_s)
        return found

    async def _see_through(self, batch: Batch) -> None:
        """Wait for its end, commit what it brought, and say of each line what became of it."""
        look = await self._until_done(lambda: self._protocol.look(batch.id))
        while not look.ended:
            await asyncio.sleep(self._endpoint.settings.batch_poll_s)
            look = await self._until_done(lambda: self._protocol.look(batch.id))
        brought = await self._until_done(lambda: self._protocol.results(look))
        names = {key: self._protocol.custom_id(batch.nonce, key) for key in batch.lines}
        results = {key: self._sifted(batch.lines[key], brought[name]) for key, name in names.items() if name in brought}
        kept = await self._keep(batch.lines, results, time.time() - batch.sent_at)
        if any(one.state is State.FAILED for one in kept.values()):
            return  # the disk is full and the run ends: the batch stays on record
        await self._record.forget(batch)
        await asyncio.sleep(look.missing.retry_after_s or 0.0)
        for key in batch.lines:
            self._tell(key, kept.get(key) or results.get(key) or look.missing)

    def _sifted(self, line: Line, outcome: Reply | Fault) -> Reply | Fault:
        return self._sift(self._endpoint.name, line, outcome) if isinstance(outcome, Reply) else outcome

    async def _keep(
        self, lines: dict[bytes, Line], results: dict[bytes, Reply | Fault], latency_s: float
    ) -> dict[bytes, Completion]:
        """Commit every reply, whether somebody waits for it or not."""
        replies = {key: one for key, one in results.items() if isinstance(one, Reply)}
        name = self._endpoint.name
        commits = [self._settle(name, lines[key], key, reply, latency_s) for key, reply in replies.items()]
        return dict(zip(replies, await asyncio.gather(*commits), strict=True))

    def _tell(self, key: bytes, outcome: Completion | Reply | Fault) -> None:
        self._underway.discard(key)
        self._budget.release(key)  # of a reply, that is done
        waiting = self._waiting.get(key)
        if waiting and not waiting.done() and not isinstance(outcome, Reply):
            waiting.set_result(outcome)

    # --- trouble -----------------------------------------------------------------------------------------------------

    async def _until_done(self, work: Callable[[], Awaitable[T]]) -> T:
        """Repeat through trouble at the endpoint, and say when that takes too long; a permanent error halts the run."""
        failing_since: float | None = None
        while isinstance(outcome := await self._try(work()), Fault):
            failing_since = failing_since or time.monotonic()
            settings, about = self._endpoint.settings, f"endpoint {self._endpoint.name}, batches: {outcome.detail}"
            failed_s = time.monotonic() - failing_since
            if outcome.kind == "permanent" or (outcome.kind == "denied" and failed_s > DENIED_S):
                self._control.halt("endpoint", f"{about}. {outcome.advice} {_KEPT}")
                await asyncio.Event().wait()  # until this lane is closed; the batch stays on record
            if failed_s > settings.wait_when_down_s:
                self._stuck = f"{about}. Run again when it is back. {_KEPT}"
            await asyncio.sleep(max(outcome.retry_after_s or 0.0, settings.batch_poll_s))
        self._stuck = ""
        return outcome

    async def _try(self, work: Awaitable[T]) -> T | Fault:
        """What the endpoint answers, or what went wrong there."""
        try:
            done = await work
            self._answered = True
            return done
        except self._protocol.errors as error:
            fault = self._protocol.fault_of(error)
            if not isinstance(fault, Fault):
                return Fault("bad_reply", fault.error)
            # No request is at fault here: what the endpoint does not accept, it will not; a key or an address that it
            # took before may be right again soon.
            passing = fault.kind == "denied" and self._answered
            return replace(fault, kind="permanent") if fault.kind in {"rejected", "denied"} and not passing else fault

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._control.halt(
                "crash", f"batch mode failed: {type(error).__name__}: {scrub(str(error), self._endpoint.key)}"
            )

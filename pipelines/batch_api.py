"""The OpenAI Batch API as a lane to the same ledger: half the price, within a day.

Draws are gathered into a file, uploaded, and answered later. What was sent is on disk before it is sent: a file of
draws in `batches/` beside the ledger and a row in the ledger. So a client that is lost picks its batches up again, a
batch whose id was lost is found by its nonce, and results of draws that nobody asks for any more are kept all the same.
Lines that expired or failed are asked again in the next batch.
"""

import asyncio
import json
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from corpus.workspace import write_text
from pipelines import request
from pipelines.connection import Endpoint
from pipelines.control import Control
from pipelines.draw import Completion, Draw
from pipelines.endpoints import Role
from pipelines.faults import Fault, Reply, fault_of, scrub, sort_reply, status_fault
from pipelines.ledger import Ledger

_LOG = logging.getLogger("specmill.endpoints")
_QUIET_S = 0.5  # a batch is closed when no draw came for so long
_MOST_LINES, _MOST_BYTES = 50_000, 150_000_000  # OpenAI's limits are 50,000 and 200 MB
_ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
_NONCE = "specmill"  # metadata key


class Line(NamedTuple):
    """One request of a batch, with what its reply must be recorded under even if the recipe has changed since."""

    draw: Draw
    model: str
    parameters: str


Settle = Callable[[str, Line, bytes, Reply, float], Awaitable[Completion]]
"""Commits a reply: endpoint, line, key, reply, seconds since the batch was sent."""


class BatchLane:
    """The batches of one role at one endpoint. `start` it in the event loop that asks, `close` it at the end."""

    def __init__(self, role: Role, endpoint: Endpoint, ledger: Ledger, control: Control, settle: Settle) -> None:
        self._role, self._endpoint, self._ledger, self._control = role, endpoint, ledger, control
        self._settle = settle
        self._folder = ledger.path.parent / "batches"
        self._waiting: dict[bytes, asyncio.Future[Completion | Fault | None]] = {}
        self._queue: dict[bytes, Line] = {}
        self._queued_at = 0.0
        self._underway: set[bytes] = set()  # keys in batches of this or of an earlier client
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Pick up the batches of a client that was lost, then gather."""
        open_batches = self._ledger.read(
            "SELECT nonce, id, created_at FROM batch WHERE role = ? AND endpoint = ? ORDER BY created_at",
            self._role.name,
            self._endpoint.name,
        )
        for nonce, batch_id, created_at in open_batches:
            lines = self._read_lines(nonce)
            self._underway |= set(lines)
            self._spawn(self._resume(nonce, batch_id, lines, created_at))
        self._spawn(self._gather())

    async def close(self) -> None:
        """Leave the batches to the endpoint; the next client picks them up."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def ask(self, draw: Draw, key: bytes) -> Completion | Fault | None:
        """The committed completion, a fault of this line (ask again), or None when the run ends."""
        future: asyncio.Future[Completion | Fault | None] = asyncio.get_running_loop().create_future()
        self._waiting[key] = future
        if key not in self._underway:
            model, parameters = self._endpoint.settings.model, request.parameters(self._role, draw)
            self._queue[key] = Line(draw, model, parameters)
            self._queued_at = time.monotonic()
        try:
            return await future
        finally:
            self._waiting.pop(key, None)

    def end(self) -> None:
        """Send everybody away: the run ends."""
        self._queue.clear()
        for future in list(self._waiting.values()):
            if not future.done():
                future.set_result(None)

    # --- sending -----------------------------------------------------------------------------------------------------

    async def _gather(self) -> None:
        while True:
            await asyncio.sleep(_QUIET_S / 4)
            quiet = time.monotonic() - self._queued_at >= _QUIET_S
            if self._queue and (quiet or len(self._queue) >= _MOST_LINES) and not self._control.closed:
                await self._send(self._take())

    def _take(self) -> dict[bytes, Line]:
        """As many of the waiting lines as one batch may hold."""
        taken: dict[bytes, Line] = {}
        size = 0
        for key, line in list(self._queue.items())[:_MOST_LINES]:
            size += len(self._request(key, line.draw))
            if taken and size > _MOST_BYTES:
                break
            taken[key] = self._queue.pop(key)
        return taken

    async def _send(self, lines: dict[bytes, Line]) -> None:
        """Note what will be sent, send it, note the batch's id; then wait for it in a task of its own."""
        nonce, now = secrets.token_hex(12), time.time()
        self._underway |= set(lines)
        await asyncio.to_thread(self._write_lines, nonce, lines)
        await asyncio.wrap_future(
            self._ledger.write(
                "INSERT INTO batch VALUES (?, ?, ?, NULL, ?, ?)",
                nonce, self._role.name, self._endpoint.name, len(lines), now,
            )
        )  # fmt: skip
        self._spawn(self._resume(nonce, None, lines, now))

    async def _create(self, nonce: str, lines: dict[bytes, Line]) -> str:
        client = self._endpoint.client
        requests = "\n".join(self._request(key, line.draw) for key, line in lines.items())
        file = await client.files.create(file=("requests.jsonl", requests.encode()), purpose="batch")
        batch = await client.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={_NONCE: nonce}
        )
        return str(batch.id)

    def _request(self, key: bytes, draw: Draw) -> str:
        body = request.body(self._role, self._endpoint.name, draw)
        return json.dumps({"custom_id": key.hex(), "method": "POST", "url": "/v1/chat/completions", "body": body})

    # --- waiting -----------------------------------------------------------------------------------------------------

    async def _resume(self, nonce: str, batch_id: str | None, lines: dict[bytes, Line], sent_at: float) -> None:
        """Bring one batch to its end, from wherever an earlier client left it."""
        if batch_id is None:
            batch_id = await self._until_done(lambda: self._find_or_create(nonce, lines))
            await asyncio.wrap_future(self._ledger.write("UPDATE batch SET id = ? WHERE nonce = ?", batch_id, nonce))
        batch = await self._until_done(lambda: self._ended(str(batch_id)))
        if batch.status == "failed":
            errors = getattr(batch.errors, "data", None) or []
            text = scrub("; ".join(str(error.message) for error in errors) or "no reason given", self._endpoint.key)
            self._control.halt("endpoint", f"endpoint {self._endpoint.name} refuses the batch: {text}")
        results = await self._until_done(lambda: self._results(batch))
        kept = await self._keep(lines, results, time.time() - sent_at)
        await asyncio.wrap_future(self._ledger.write("DELETE FROM batch WHERE nonce = ?", nonce))
        self._file(nonce).unlink(missing_ok=True)
        missing = Fault("expired", "the batch ended without a result for this request")
        for key in lines:
            self._tell(key, kept.get(key) or results.get(key) or missing)

    async def _find_or_create(self, nonce: str, lines: dict[bytes, Line]) -> str:
        """A batch that an earlier client created without learning its id must not be paid for twice."""
        async for batch in self._endpoint.client.batches.list(limit=100):
            if (batch.metadata or {}).get(_NONCE) == nonce:
                return str(batch.id)
        return await self._create(nonce, lines)

    async def _ended(self, batch_id: str) -> Any:
        while True:
            batch = await self._endpoint.client.batches.retrieve(batch_id)
            if batch.status in _ENDED:
                return batch
            await asyncio.sleep(self._endpoint.settings.batch_poll_s)

    async def _results(self, batch: Any) -> dict[bytes, Reply | Fault]:
        """What each line brought; lines without a result are missing."""
        results: dict[bytes, Reply | Fault] = {}
        for file_id in (batch.error_file_id, batch.output_file_id):
            if file_id:
                content = await self._endpoint.client.files.content(file_id)
                for line in content.text.splitlines():
                    results |= self._result(line)
        return results

    def _result(self, line: str) -> dict[bytes, Reply | Fault]:
        try:
            data = json.loads(line)
            key, response = bytes.fromhex(data["custom_id"]), data.get("response") or {}
            status, body = int(response.get("status_code") or 500), response.get("body") or {}
        except (ValueError, LookupError, TypeError, AttributeError):
            return {}
        if status == 200:
            return {key: sort_reply(body, self._endpoint.key)}
        error = body.get("error") or data.get("error") or {}
        return {key: status_fault(status, error, "the line failed", {}, self._endpoint.settings, self._endpoint.key)}

    async def _keep(
        self, lines: dict[bytes, Line], results: dict[bytes, Reply | Fault], latency_s: float
    ) -> dict[bytes, Completion]:
        """Commit every reply, whether somebody waits for it or not."""
        replies = {key: one for key, one in results.items() if isinstance(one, Reply) and key in lines}
        name = self._endpoint.name
        commits = [self._settle(name, lines[key], key, reply, latency_s) for key, reply in replies.items()]
        return dict(zip(replies, await asyncio.gather(*commits), strict=True))

    def _tell(self, key: bytes, outcome: Completion | Reply | Fault) -> None:
        self._underway.discard(key)
        waiting = self._waiting.get(key)
        if waiting and not waiting.done() and not isinstance(outcome, Reply):
            waiting.set_result(outcome)

    async def _until_done(self, attempt: Callable[[], Awaitable[Any]]) -> Any:
        """Repeat through trouble at the endpoint, up to its patience; a permanent error halts the run."""
        import openai

        failing_since: float | None = None
        while True:
            try:
                return await attempt()
            except (openai.OpenAIError, TimeoutError, OSError) as error:
                fault = fault_of(error, self._endpoint.settings, self._endpoint.key)
                failing_since = failing_since or time.monotonic()
            permanent = isinstance(fault, Fault) and fault.kind == "permanent"
            if permanent or time.monotonic() - failing_since > self._endpoint.settings.wait_when_down_s:
                advice = getattr(fault, "advice", "")
                detail = getattr(fault, "detail", "")
                self._control.halt("endpoint", f"endpoint {self._endpoint.name}, batches: {detail}. {advice}")
                await asyncio.Event().wait()  # until this lane is closed; the batch stays on record
            await asyncio.sleep(self._endpoint.settings.batch_poll_s)

    # --- on disk -----------------------------------------------------------------------------------------------------

    def _file(self, nonce: str) -> Path:
        return self._folder / f"{nonce}.jsonl"

    def _write_lines(self, nonce: str, lines: dict[bytes, Line]) -> None:
        entries = [{"key": key.hex(), **line._asdict(), "draw": asdict(line.draw)} for key, line in lines.items()]
        write_text(self._file(nonce), "\n".join(json.dumps(entry) for entry in entries))

    def _read_lines(self, nonce: str) -> dict[bytes, Line]:
        try:
            text = self._file(nonce).read_text(encoding="utf-8")
        except FileNotFoundError:
            _LOG.warning("the draws of batch %s are missing; its results cannot be kept", nonce)
            return {}
        entries = [json.loads(entry) for entry in text.splitlines()]
        return {bytes.fromhex(e["key"]): Line(Draw(**e["draw"]), e["model"], e["parameters"]) for e in entries}

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

"""What is on disk of the batches that are open: a file of draws in `batches/` beside the ledger, and a row in it."""

import asyncio
import json
import logging
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from corpus.workspace import write_text
from pipelines.draw import Draw
from pipelines.ledger import Ledger

_LOG = logging.getLogger("specmill.endpoints")


class Line(NamedTuple):
    """One request of a batch, with what its reply must be recorded under even if the recipe has changed since."""

    draw: Draw
    model: str
    parameters: str


@dataclass(slots=True)
class Batch:
    """A batch on its way; `id` is empty until the endpoint has said it."""

    nonce: str
    lines: dict[bytes, Line]
    sent_at: float  # seconds since the epoch
    id: str = ""


class BatchRecord:
    """The open batches of one role at one endpoint."""

    def __init__(self, ledger: Ledger, role: str, endpoint: str) -> None:
        self._ledger, self._role, self._endpoint = ledger, role, endpoint
        self._folder = ledger.path.parent / "batches"

    def open_batches(self) -> list[Batch]:
        """Those of clients that were lost, oldest first; without an id: its creation was tried."""
        rows = self._ledger.read(
            "SELECT nonce, id, created_at FROM batch WHERE role = ? AND endpoint = ? ORDER BY created_at",
            self._role,
            self._endpoint,
        )
        return [Batch(nonce, self._lines(nonce), created_at, batch_id or "") for nonce, batch_id, created_at in rows]

    async def note(self, batch: Batch) -> None:
        """Before it is created, and again with its id."""
        if not batch.id:
            await asyncio.to_thread(self._write_lines, batch)
        await asyncio.wrap_future(
            self._ledger.write(
                "INSERT OR REPLACE INTO batch VALUES (?, ?, ?, ?, ?, ?)", batch.nonce, self._role, self._endpoint,
                batch.id or None, len(batch.lines), batch.sent_at,
            )
        )  # fmt: skip

    async def forget(self, batch: Batch) -> None:
        """It has ended, or never was."""
        await asyncio.wrap_future(self._ledger.write("DELETE FROM batch WHERE nonce = ?", batch.nonce))
        self._file(batch.nonce).unlink(missing_ok=True)

    def _file(self, nonce: str) -> Path:
        return self._folder / f"{nonce}.jsonl"

    def _write_lines(self, batch: Batch) -> None:
        entries = [{"key": key.hex(), **line._asdict(), "draw": asdict(line.draw)} for key, line in batch.lines.items()]
        write_text(self._file(batch.nonce), "\n".join(json.dumps(entry) for entry in entries))

    def _lines(self, nonce: str) -> dict[bytes, Line]:
        try:
            text = self._file(nonce).read_text(encoding="utf-8")
        except FileNotFoundError:
            _LOG.warning("the draws of batch %s are missing; its results cannot be kept", nonce)
            return {}
        entries = [json.loads(entry) for entry in text.splitlines()]
        return {bytes.fromhex(e["key"]): Line(Draw(**e["draw"]), e["model"], e["parameters"]) for e in entries}


def warn_of_batches_elsewhere(ledger: Ledger, role: str, endpoints: Collection[str]) -> None:
    """Of what an earlier recipe sent to endpoints that are not among `endpoints`: it will be paid for again."""
    sql = "SELECT endpoint, sum(lines) FROM batch WHERE role = ? GROUP BY endpoint"
    for endpoint, lines in ledger.read(sql, role):
        if endpoint not in endpoints:
            _LOG.warning(
                "%d requests of the role %s wait in batches at the endpoint %s, where this recipe asks for no batches: "
                "they are asked, and paid, again. With the earlier recipe their replies are kept.",
                lines, role, endpoint,
            )  # fmt: skip

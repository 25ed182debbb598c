"""What is on disk of the batches that are open: a file of requests in `batches/` beside the ledger, and a row in it."""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from corpus.workspace import write_text
from pipelines.completion import CompletionRequest
from pipelines.ledger.ledger import Ledger

_LOG = logging.getLogger("specmill.endpoints")


class Line(NamedTuple):
    """One request of a batch, with what its reply must be recorded under even if the recipe has changed since."""

    request: CompletionRequest
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

    def __init__(self, ledger: Ledger, role: str, endpoint: str, address: str) -> None:
        self._ledger, self._role, self._endpoint, self._address = ledger, role, endpoint, address

    async def note(self, batch: Batch) -> None:
        """Before it is created, and again with its id."""
        if not batch.id:
            await asyncio.to_thread(self._write_lines, batch)
        self._ledger.write("INSERT OR REPLACE INTO batch_at VALUES (?, ?)", batch.nonce, self._address)
        await asyncio.wrap_future(
            self._ledger.write(
                "INSERT OR REPLACE INTO batch VALUES (?, ?, ?, ?, ?, ?)", batch.nonce, self._role, self._endpoint,
                batch.id or None, len(batch.lines), batch.sent_at,
            )
        )  # fmt: skip

    def known_ids(self) -> frozenset[str]:
        """Ids of all batches on record, of whatever role and endpoint."""
        return frozenset(row[0] for row in self._ledger.read("SELECT id FROM batch WHERE id IS NOT NULL"))

    async def forget(self, batch: Batch) -> None:
        """It has ended, or never was."""
        self._ledger.write("DELETE FROM batch_at WHERE nonce = ?", batch.nonce)
        await asyncio.wrap_future(self._ledger.write("DELETE FROM batch WHERE nonce = ?", batch.nonce))
        _file(self._ledger, batch.nonce).unlink(missing_ok=True)

    def _write_lines(self, batch: Batch) -> None:
        entries = [
            {"key": key.hex(), **line._asdict(), "request": asdict(line.request)} for key, line in batch.lines.items()
        ]
        write_text(_file(self._ledger, batch.nonce), "\n".join(json.dumps(entry) for entry in entries))


def batches_to_resume(ledger: Ledger, role: str, addresses: Mapping[str, str]) -> dict[str, list[Batch]]:
    """The open batches of `role`, oldest first, by the endpoint that goes on with them: that of the same name, else the
    first at the same address. Warns of those that no endpoint of the role goes on with. `addresses`: name -> base URL.
    """
    found: dict[str, list[Batch]] = {}
    lost: Counter[str] = Counter()
    rows = ledger.read(
        "SELECT nonce, id, created_at, endpoint, lines, address FROM batch LEFT JOIN batch_at USING (nonce) "
        "WHERE role = ? ORDER BY created_at", role,
    )  # fmt: skip
    for nonce, batch_id, created_at, endpoint, lines, address in rows:
        same = [name for name in addresses if name == endpoint] or [n for n, at in addresses.items() if at == address]
        if same:
            found.setdefault(same[0], []).append(Batch(nonce, _lines(ledger, nonce), created_at, batch_id or ""))
        else:
            lost[endpoint] += lines
    for endpoint, lines in lost.items():
        _LOG.warning(
            "%d requests of the role %s wait in batches at the endpoint %s, which this recipe does not have: they are "
            "asked, and paid, again. With the earlier recipe their replies are kept.", lines, role, endpoint,
        )  # fmt: skip
    return found


def _file(ledger: Ledger, nonce: str) -> Path:
    return ledger.path.parent / "batches" / f"{nonce}.jsonl"


def _lines(ledger: Ledger, nonce: str) -> dict[bytes, Line]:
    try:
        text = _file(ledger, nonce).read_text(encoding="utf-8")
    except FileNotFoundError:
        _LOG.warning("the requests of batch %s are missing; its results cannot be kept", nonce)
        return {}
    entries = [json.loads(entry) for entry in text.split("\n") if entry]
    return {
        bytes.fromhex(e["key"]): Line(CompletionRequest(**e["request"]), e["model"], e["parameters"]) for e in entries
    }

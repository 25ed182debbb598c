"""What the report's reader shows: an index of all items, small enough to hold whole, and their texts in chunks."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

import duckdb

from corpus.marks import fingerprint
from corpus.report.figures import rows
from corpus.text import one_line

CHUNK: Final = 200

_ITEMS: Final = """
SELECT items.stage, items.status, items.reason, items.detail, items.score, items.threshold, items.id, items.other_id,
    items.domain, items.subdomain, items.genre, items.frame, items.title, items.tokens, items.model,
    items.passage_ids, items.assertion_ids, items.text, items.reasoning,
    items.status = 'kept' OR items.id <> coalesce(items.parent_id, '') AS whole,
    coalesce(ideas.idea, queries.query) AS asked, said.verdicts, found.flags, people.marks,
    coalesce(to_json(turns.messages), refused.row -> 'messages') AS messages,
    coalesce(turns.tools, refused.row ->> 'tools') AS tools
FROM items
LEFT JOIN chats AS turns ON items.stage = 'chats' AND items.status = 'kept' AND turns.id = items.id
LEFT JOIN (
    SELECT item_id, any_value(CASE WHEN json_valid(row) THEN row END) AS row FROM rejects
    WHERE stage = 'chats' GROUP BY item_id
) AS refused ON items.stage = 'chats' AND items.status = 'rejected' AND refused.item_id = items.id
LEFT JOIN ideas ON ideas.id = items.parent_id
LEFT JOIN queries ON queries.id = items.parent_id
LEFT JOIN (
    SELECT item_table, item_id, list([criterion, verdict, reason] ORDER BY criterion) AS verdicts
    FROM verdicts GROUP BY ALL
) AS said ON said.item_table = items.stage AND said.item_id = items.id
LEFT JOIN (
    SELECT item_table, item_id, list([filter, detail, other_id] ORDER BY filter) AS flags FROM flags GROUP BY ALL
) AS found ON found.item_table = items.stage AND found.item_id = items.id
LEFT JOIN (
    SELECT item_table, item_id, list([mark, marked_by, marked_at, note] ORDER BY marked_at) AS marks
    FROM marks GROUP BY ALL
) AS people ON people.item_table = items.stage AND people.item_id = items.id
WHERE md5_number_lower(items.id) % $total < $limit
"""
_PLAIN: Final = ("id", "title", "tokens", "score", "passages", "assertions")
_CODED: Final = ("stage", "status", "reason", "domain", "subdomain", "genre", "frame")
_LISTS: Final = ("flag", "verdict")  # several names an item


@dataclass
class Index:
    """What is known of every item without unpacking a text: a column a fact, names as numbers."""

    columns: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in (*_PLAIN, *_CODED, *_LISTS)})
    chunks: int = 0

    def add(self, item: dict[str, Any], entry: dict[str, Any]) -> None:
        """Append an item that was put into a chunk."""
        said = {
            **{name: item[name] for name in ("id", "tokens", "score", *_CODED)}, "title": _label(item),
            "passages": entry["passages"], "assertions": entry["assertions"],
            "flag": sorted({flag for flag, *_ in entry["flags"]}),
            "verdict": sorted({f"{criterion}: {verdict or 'empty'}" for criterion, verdict, _ in entry["verdicts"]}),
        }  # fmt: skip
        for name, column in self.columns.items():
            column.append(said[name])

    def packed(self) -> dict[str, Any]:
        """Columns, the names that numbers in them stand for, and how the chunks are cut."""
        columns, names = dict(self.columns), {}
        for name in (*_CODED, *_LISTS):
            single = name in _CODED
            values = [[value] if single else value for value in columns[name]]
            known = sorted({one for value in values for one in value if one is not None})
            place = {one: i for i, one in enumerate(known)} | {None: -1}
            coded = [[place[one] for one in value] for value in values]
            columns[name] = [value[0] for value in coded] if single else coded
            names[name] = known
        return {"columns": columns, "names": names, "lists": list(_LISTS), "chunk": CHUNK, "chunks": self.chunks}


def chunks(connection: duckdb.DuckDBPyConnection, limit: int, index: Index) -> Iterator[list[dict[str, Any]]]:
    """The entries of all items (of more than `limit`, of an even sample), chunk by chunk; fills `index` along."""
    place = {
        name: {row["id"]: i for i, row in enumerate(rows(connection, f"SELECT id FROM {name} ORDER BY id"))}  # noqa: S608
        for name in ("passages", "assertions")
    }
    total = max(limit, rows(connection, "SELECT count(*) AS n FROM items")[0]["n"])
    relation = connection.sql(_ITEMS, params={"total": total, "limit": limit})
    items = (item for batch in relation.to_arrow_reader(CHUNK) for item in batch.to_pylist())
    while part := list(islice(items, CHUNK)):  # batches are not all full; chunks must be
        entries = [_entry(item, place) for item in part]
        for item, entry in zip(part, entries, strict=True):
            index.add(item, entry)
        index.chunks += 1
        yield entries


def _entry(item: dict[str, Any], place: dict[str, dict[str, int]]) -> dict[str, Any]:
    """What the reader shows of an opened item, beyond its row in the index."""
    return {
        "id": item["id"], "text": item["text"], "reasoning": item["reasoning"], "asked": item["asked"],
        "detail": item["detail"], "threshold": item["threshold"], "other": item["other_id"], "model": item["model"],
        "verdicts": item["verdicts"] or [], "flags": item["flags"] or [], "marks": item["marks"] or [],
        "messages": _json(item["messages"]), "tools": _json(item["tools"]), "whole": item["whole"],
        "print": fingerprint(item["text"] or ""),
        "passages": [place["passages"][i] for i in item["passage_ids"] or [] if i in place["passages"]],
        "assertions": [place["assertions"][i] for i in item["assertion_ids"] or [] if i in place["assertions"]],
    }  # fmt: skip


def _json(text: str | None) -> Any:
    """A list that is stored as JSON; what a foreign workspace holds instead is shown as nothing."""
    try:
        value = json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list) else None


def _label(item: dict[str, Any]) -> str:
    """An item's title in the list: its own, or how its text begins; of a chat, its query."""
    text = item["asked"] if item["stage"] == "chats" else item["text"]
    return item["title"] or one_line((text or item["asked"] or "")[:200], 90)

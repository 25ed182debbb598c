"""What is exported of each document or chat: text, lineage by name, and what filters, judges and people said."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from corpus.exporting.places import Places, places_of
from corpus.report.analyst import Embed
from corpus.report.figures import rows
from corpus.sql.views import reading
from corpus.workspace import Workspace
from specs.errors import UserError

Kind = Literal["documents", "chats"]
Row = dict[str, Any]

_HEAD_WORDS = 100  # of a text that are embedded, as for the report's map
_ITEMS: Final = """
SELECT items.id, items.title, items.text, coalesce(ideas.idea, queries.query) AS asked, items.domain,
    items.subdomain, items.genre, items.frame, items.status, items.reason, items.detail, items.tokens, items.model,
    to_json(turns.messages) AS messages,
    coalesce(said.verdicts, []) AS verdicts, coalesce(found.flags, []) AS flags,
    people.mark, people.marked_by, people.note
FROM items
LEFT JOIN chats AS turns ON items.stage = 'chats' AND items.status = 'kept' AND turns.id = items.id
LEFT JOIN ideas ON ideas.id = items.parent_id
LEFT JOIN queries ON queries.id = items.parent_id
LEFT JOIN (
    SELECT item_table, item_id,
        list({'criterion': criterion, 'verdict': verdict, 'reason': reason} ORDER BY criterion) AS verdicts
    FROM verdicts GROUP BY ALL
) AS said ON said.item_table = items.stage AND said.item_id = items.id
LEFT JOIN (
    SELECT item_table, item_id, list(filter ORDER BY filter) AS flags FROM flags GROUP BY ALL
) AS found ON found.item_table = items.stage AND found.item_id = items.id
LEFT JOIN (
    SELECT item_table, item_id, arg_max(mark, marked_at) AS mark, arg_max(marked_by, marked_at) AS marked_by,
        arg_max(note, marked_at) AS note
    FROM marks GROUP BY ALL
) AS people ON people.item_table = items.stage AND people.item_id = items.id
WHERE items.stage = $kind AND (items.status = 'kept' OR ($rejects AND items.text IS NOT NULL))
ORDER BY items.id
"""


@dataclass(frozen=True, slots=True)
class Gathered:
    """Rows in the order of their ids, and where their texts lie; None where no map was wanted."""

    name: str  # the workspace's
    kind: Kind
    rows: Sequence[Row]
    places: Places | None


def gather(workspace: Workspace, kind: Kind, embed: Embed | None, *, rejects: bool) -> Gathered:
    """The kept documents or chats of a workspace, and with `rejects` those that did not stay.

    Raises:
        UserError: there are none.
    """
    with reading(workspace.root) as connection:
        found = rows(connection, _ITEMS, {"kind": kind, "rejects": rejects})
    if not found:
        raise UserError(f"{workspace.root} has no {kind} to export. Build them first.")
    heads = [
        " ".join(f"{row['asked'] if kind == 'chats' else ''} {row['text']}".split()[:_HEAD_WORDS]) for row in found
    ]
    places = places_of(embed(heads)) if embed else None
    return Gathered(workspace.root.resolve().name, kind, found, places)


def judged(row: Row) -> str:
    """pass where every verdict is, else the criteria that are not passed; empty where no judge was asked."""
    if not row["verdicts"]:
        return ""
    failed = [f"{one['criterion']}: {one['verdict']}" for one in row["verdicts"] if one["verdict"] != "pass"]
    return ", ".join(failed) or "pass"

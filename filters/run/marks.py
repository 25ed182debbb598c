"""Decisions of people (rows of the table `marks`): they win over what filters and judges say."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from filters.base import Decision, Item, Rejection

MARKED: Final = "marked"
"""The reason of what a person marked to go."""

_FIRST = 2.0  # a score above every judge's: of two duplicates the one that a person keeps survives


@dataclass(frozen=True, slots=True)
class Marked:
    """Documents that people decided on, by id, each with the mark that counts: the newest."""

    keep: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    drop: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, marks: Iterable[Mapping[str, Any]], table: str = "documents") -> "Marked":
        """From rows of `marks`; a note decides nothing."""
        mine = (row for row in marks if row["item_table"] == table and row["mark"] in {"keep", "drop"})
        newest = {row["item_id"]: row for row in sorted(mine, key=lambda row: (row["marked_at"], row["marked_by"]))}
        return cls(
            *({key: row for key, row in newest.items() if row["mark"] == mark} for mark in ("keep", "drop"))
        )  # fmt: skip

    def named(self, names: Mapping[str, str]) -> "Marked":
        """The same where items go by other names; what has none is left out."""
        keep, drop = (
            {names[key]: row for key, row in marks.items() if key in names} for marks in (self.keep, self.drop)
        )
        return Marked(keep, drop)

    def before(self, items: Iterable[Item]) -> Iterator[Item]:
        """What the filters are to look at: without what goes, so that it takes no duplicate of its own along."""
        for item in items:
            if item.id in self.keep:
                yield replace(item, meta={**item.meta, "score": _FIRST})
            elif item.id not in self.drop:
                yield item

    def after(self, decision: Decision, ids: Iterable[str]) -> Decision:
        """The decision on what `before` let through, with people's own on `ids`, all items that there are.

        What a person keeps has no flags: they were looked at."""
        known = set(ids)
        back = self.keep.keys() & known
        dropped = [_dropped(row, key) for key, row in self.drop.items() if key in known]
        gone = {rejection.item_id for rejection in dropped}
        kept = sorted({*decision.kept, *back} - gone)
        rejections = [one for one in decision.rejections if one.item_id not in back and one.item_id not in gone]
        flags = [flag for flag in decision.flags if flag.item_id not in back]
        return Decision(kept, sorted([*rejections, *dropped], key=lambda one: one.item_id), flags)


def _dropped(row: Mapping[str, Any], item_id: str) -> Rejection:
    why = f": {row['note']}" if row["note"] else ""
    return Rejection(item_id, MARKED, f"{row['marked_by']} marked it to go, {row['marked_at'][:10]}{why}")

"""How many queries a backfill round asks for, and about what: cells, quotas and when a group of them ends.

Pure functions of the recipe and of what earlier rounds brought, so that a rerun plans the same rounds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from math import ceil
from typing import Any

Row = dict[str, Any]
_PATIENCE = 2  # rounds in a row without a kept chat that end a group: a refused topic ends, it never loops
_GROWTH = 2  # a round asks for at most twice as many as all before it: a yield of few tries says little
_LEAST_YIELD = 0.1  # however low the yield was, a round asks for at most ten times what is missing


@dataclass(frozen=True, slots=True)
class Cell:
    """One thing to ask users' messages about: a topic of a domain, in one query type."""

    number: int
    group: str  # what has a quota: the domain, or the item of an opaque preference
    domain_id: str
    topic: str
    summary: str
    query_type: str
    passage_ids: tuple[str, ...]
    rule_id: str | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """What a query of it has of it."""
        return self.domain_id, self.topic, self.query_type


@dataclass(frozen=True, slots=True)
class Tally:
    """What the rounds so far brought one group: chats kept in each round, queries asked for in all."""

    kept: tuple[int, ...] = ()
    asked: int = 0

    @property
    def total(self) -> int:
        """Kept chats."""
        return sum(self.kept)

    @property
    def ended(self) -> bool:
        """Whether it has brought nothing for too long."""
        return len(self.kept) >= _PATIENCE and not any(self.kept[-_PATIENCE:])


def cross(topics: Iterable[Row], kinds: Iterable[str], group: str, seed: int) -> list[Cell]:
    """Every topic in every query type, spread so that any first n cells of a group differ as much as n can.

    `topics` have domain_id, topic, summary, passage_ids, rule_id; `group` names the key that has a quota.
    """
    by_group: dict[str, list[Row]] = {}
    for row in sorted(topics, key=lambda row: _draw(seed, row["domain_id"] + row["topic"])):
        by_group.setdefault(row[group], []).append(row)
    cells: list[Cell] = []
    names = list(kinds)
    for offset, rows in enumerate(by_group.values()):
        for step in range(len(names)):
            for position, row in enumerate(rows):  # each topic with another type, then each with its next
                kind = names[(step + position + offset) % len(names)]
                cells.append(
                    Cell(
                        len(cells), row[group], row["domain_id"], row["topic"], row["summary"], kind,
                        tuple(row["passage_ids"]), row["rule_id"],
                    )
                )  # fmt: skip
    return cells


def quotas(target: int, tallies: Mapping[str, Tally], *, strict: bool) -> dict[str, int]:
    """Chats that each group shall have. They differ by one at most; strict ones stay so even when a group ends,
    others give what an ended group cannot bring to those that go on."""
    live = [name for name, tally in tallies.items() if strict or not tally.ended]
    found = {name: tally.total for name, tally in tallies.items() if name not in live}
    rest = max(0, target - sum(found.values()))
    for position, name in enumerate(live):
        found[name] = rest // len(live) + (1 if position < rest % len(live) else 0)
    return found


def shares(target: int, tallies: Mapping[str, Tally], *, strict: bool) -> dict[str, int]:
    """Chats that each group gets once no further round comes: what it kept of an equal share. Where others kept less
    than theirs, the rest is made up evenly by those that have more, unless the quotas are strict."""
    equal = quotas(target, tallies, strict=True)
    found = {name: min(tally.total, equal[name]) for name, tally in tallies.items()}
    while not strict and (gap := target - sum(found.values())):
        richer = sorted((name for name in found if tallies[name].total > found[name]), key=lambda name: found[name])
        if not richer:
            break
        for name in richer[:gap]:
            found[name] += min(max(1, gap // len(richer)), tallies[name].total - found[name])
    return found


def next_round(
    cells: list[Cell], target: int, tallies: Mapping[str, Tally], first_yield: float, *, strict: bool
) -> dict[int, int]:
    """Queries to ask for, by cell number; empty when every quota is filled or every group has ended."""
    wanted = quotas(target, tallies, strict=strict)
    counts: dict[int, int] = {}
    for group, tally in tallies.items():
        missing = wanted[group] - tally.total
        if missing <= 0 or tally.ended:
            continue
        share = tally.total / tally.asked if tally.asked else first_yield
        mine = [cell for cell in cells if cell.group == group]
        wanted_queries = ceil(missing / max(share, _LEAST_YIELD))
        most = _GROWTH * tally.asked or wanted_queries
        for n in range(tally.asked, tally.asked + min(wanted_queries, most)):
            number = mine[n % len(mine)].number
            counts[number] = counts.get(number, 0) + 1
    return counts


def _draw(seed: int, key: str) -> bytes:
    return sha256(f"{seed}:{key}".encode()).digest()

"""Which of many documents make a corpus of a given size, in balance: exact sizes, nested doses, matched pairs.

Pure functions over items; the same items and seed give the same choice whatever order the items come in.
"""

import hashlib
import heapq
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

Balance = Literal["domain", "genre", "assertion", "none"]
"""What documents are balanced over."""

PAIR_TOLERANCE: Final = 0.005
"""Largest difference of paired corpora in tokens; what replications found to be needed (docs/method.md, 5.9)."""


@dataclass(frozen=True, slots=True)
class Sized:
    """A document by its size. `group` is what is balanced over: its domain, genre or assertion."""

    id: str
    tokens: int
    group: str = ""


def group_of(row: Mapping[str, Any], balance: Balance) -> str:
    """What a document or chat is balanced over; empty where it has none."""
    if balance == "assertion":
        return str((row["assertion_ids"] or [""])[0])
    return "" if balance == "none" else row[balance] or ""


_Both = tuple[list[Sized], list[Sized]]  # the documents of one group, of either side


@dataclass(frozen=True, slots=True)
class Chosen:
    """The documents chosen for a target, in order. Without the last one they fall short of it."""

    target: int
    tokens: int
    ids: tuple[str, ...]

    @property
    def missing(self) -> int:
        """Tokens that there were not enough documents for."""
        return max(0, self.target - self.tokens)


@dataclass(frozen=True, slots=True)
class Paired:
    """Two choices with as many documents in each group, and tokens within the tolerance."""

    left: tuple[str, ...]
    right: tuple[str, ...]
    left_tokens: int
    right_tokens: int
    left_out: tuple[str, ...]  # groups that could not be balanced, or that only one side has


def balanced_order(items: Iterable[Sized], seed: int = 0) -> list[Sized]:
    """All items, ordered so that every beginning is balanced: next comes the group with the fewest tokens so far.

    While every group still has items, the tokens of two groups differ by no more than one document.
    """
    queues: dict[str, list[Sized]] = {}
    for item in shuffled(items, seed):
        queues.setdefault(item.group, []).append(item)
    for queue in queues.values():
        queue.reverse()
    heap = [(0, _shuffle_key(seed, group), group) for group in queues]
    heapq.heapify(heap)
    order = []
    while heap:
        tokens, key, group = heapq.heappop(heap)
        order.append(queues[group].pop())
        if queues[group]:
            heapq.heappush(heap, (tokens + order[-1].tokens, key, group))
    return order


def shuffled(items: Iterable[Sized], seed: int) -> list[Sized]:
    """The items in an order that the seed draws, whatever order they come in."""
    return sorted(items, key=lambda item: _shuffle_key(seed, item.id))


def fill(items: Iterable[Sized], target: int, seed: int = 0) -> Chosen:
    """The shortest beginning of the balanced order with at least `target` tokens; everything if that is too little."""
    return doses(items, [target], seed)[0]


def doses(items: Iterable[Sized], targets: Sequence[int], seed: int = 0) -> list[Chosen]:
    """A choice for each target, each nested in the next larger one, in the order of `targets`."""
    order = balanced_order(items, seed)
    made: dict[int, Chosen] = {}
    count = tokens = 0
    for target in sorted(set(targets)):
        while tokens < target and count < len(order):
            tokens += order[count].tokens
            count += 1
        made[target] = Chosen(target, tokens, tuple(item.id for item in order[:count]))
    return [made[target] for target in targets]


def top_up(have: Mapping[str, int], missing: int) -> dict[str, int]:
    """How many of `missing` tokens to add to each group so that the poorest come up first, to one common level.

    `have` is each group's tokens so far, 0 for a hole. What is given adds up to `missing`.
    """
    if not have:
        return {}
    order = sorted(have, key=lambda group: (have[group], group))
    given = dict.fromkeys(have, 0)
    for count in range(1, len(order) + 1):  # raise the poorest `count` groups to the level of the next one, if it lasts
        level = have[order[count]] if count < len(order) else None
        pool = missing + sum(have[group] for group in order[:count])
        if level is None or pool <= level * count:
            height, rest = divmod(pool, count)
            for place, group in enumerate(order[:count]):
                given[group] = height + (1 if place < rest else 0) - have[group]
            break
    return given


def pair(
    left: Iterable[Sized],
    right: Iterable[Sized],
    seed: int = 0,
    tolerance: float = PAIR_TOLERANCE,
    *,
    whole: bool = False,
) -> Paired:
    """Subsets of two corpora that differ in nothing but their content: counts equal in each group, tokens nearly so.

    In each group the larger side gives up documents at random to the smaller side's number; then pairs of one
    document a side go, those whose lengths differ most in the direction of the imbalance, until the tokens are within
    `tolerance` of each other: in each group, or with `whole` in all of them together, where each is too small for that.
    """
    sides = [_by_group(items) for items in (left, right)]
    groups: dict[str, _Both] = {}
    for group in sorted(sides[0].keys() | sides[1].keys()):
        pools = [sorted(side.get(group, []), key=lambda item: _shuffle_key(seed, item.id)) for side in sides]
        count = min(map(len, pools))
        groups[group] = (pools[0][:count], pools[1][:count])
    for part in [list(groups.values())] if whole else [[both] for both in groups.values()]:
        _even(part, tolerance)
    one, two = ([item for both in groups.values() for item in both[side]] for side in (0, 1))
    left_out = tuple(group for group, both in groups.items() if not both[0])
    totals = [sum(item.tokens for item in side) for side in (one, two)]
    return Paired(tuple(i.id for i in one), tuple(i.id for i in two), totals[0], totals[1], left_out)


def within(one: int, two: int, tolerance: float) -> bool:
    """Whether two numbers of tokens differ by no more than `tolerance` of the smaller."""
    return abs(one - two) <= tolerance * min(one, two)


def _by_group(items: Iterable[Sized]) -> dict[str, list[Sized]]:
    groups: dict[str, list[Sized]] = {}
    for item in items:
        groups.setdefault(item.group, []).append(item)
    return groups


def _even(groups: list[_Both], tolerance: float) -> None:
    """Drop pairs, each of one group, until the tokens of both sides are within the tolerance."""
    for both in groups:
        for documents in both:
            documents.sort(key=lambda item: (item.tokens, item.id))
    sums = [sum(item.tokens for both in groups for item in both[side]) for side in (0, 1)]
    while (left := [both for both in groups if both[0]]) and not within(sums[0], sums[1], tolerance):
        more, less = (0, 1) if sums[0] > sums[1] else (1, 0)
        excess = sums[more] - sums[less]
        both = max(left, key=lambda both: both[more][-1].tokens - both[less][0].tokens)
        i, j = len(both[more]) - 1, 0
        if both[more][i].tokens - both[less][j].tokens > excess:  # at the end, the pair that fits best
            fits = [_best_fit(one[more], one[less], excess) for one in left]
            (_, i, j), both = min(zip(fits, left, strict=True), key=lambda fit: fit[0])
        for side, at in ((more, i), (less, j)):
            sums[side] -= both[side].pop(at).tokens


def _best_fit(more: list[Sized], less: list[Sized], excess: int) -> tuple[int, int, int]:
    """What would be left of the imbalance without the pair that fits best, and the positions of that pair."""
    lengths = [item.tokens for item in less]
    best = (excess, len(more) - 1, 0)
    for i, item in enumerate(more):
        for j in range(max(0, (at := bisect_left(lengths, item.tokens - excess)) - 1), min(at + 1, len(less))):
            best = min(best, (abs(excess - (item.tokens - lengths[j])), i, j))
    return best


def _shuffle_key(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()

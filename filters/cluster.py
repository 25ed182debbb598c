"""The one rule by which a text survives its duplicates: the best-scored, then the oldest, then the smallest id."""

from filters.base import Item

Rank = tuple[float, int, str]
_UNKNOWN_POSITION = 2**62


def rank(item: Item) -> Rank:
    """Sort key: the lowest rank survives. Items without `meta["score"]` come after those that have one."""
    score = item.meta.get("score")
    position = item.meta.get("position")
    best = float("inf") if score is None else -float(score)
    return best, _UNKNOWN_POSITION if position is None else int(position), item.id


def ranked(items: list[Item]) -> list[Item]:
    """`items` in the order in which they survive, whatever order they came in."""
    return sorted(items, key=rank)

"""The one rule by which a text survives its duplicates: the best-scored, then the oldest, then the smallest id.

A score is what is stored about a document: the share of a judge's verdicts on it that are a pass (`scores_of`).
What no judge has seen has none: all documents of a build while it runs, and of an import. Then the oldest survives.
"""

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

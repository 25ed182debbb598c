"""Documents in which people disagree with the assistant, and it holds to its value: which ideas are of that kind.

A share of the ideas is asked for with a disagreement in it. Shares are exact: of all ideas, and of any first n of them
in the order of writing, so that a limit or a target takes no more and no fewer.
"""

import hashlib
from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import floor
from typing import Any, Final

from pipelines.documents.spread import spread
from pipelines.prompts.templates import Prompts, styled
from pipelines.settings import BuildSettings
from specs.errors import UserError

Row = dict[str, Any]
_PARTS: Final = {"ideas": "_disagreeing_ideas.j2", "documents": "_disagreement.j2"}


def is_due(argued: int, written: int, share: float) -> bool:
    """Whether the next document is one of disagreement, where `argued` of `written` are."""
    return argued < _due(written + 1, share)


def shares(counts: Mapping[str, int], share: float, seed: int) -> dict[str, int]:
    """How many of each count fall to disagreement: the share of their sum, rounded once; the seed says where it is
    rounded up."""
    found: dict[str, int] = {}
    before = 0
    for name in sorted(counts, key=lambda name: hashlib.sha256(f"{seed}:disagreement:{name}".encode()).digest()):
        after = before + counts[name]
        found[name] = _due(after, share) - _due(before, share)
        before = after
    return found


def idea_requests(types: int, ideas: int, share: float, batch: int) -> int:
    """Requests that lists of `ideas` ideas for each of `types` document types take, where none must be asked again."""
    each, more = divmod(_due(types * ideas, share), types)

    def requests(argued: int) -> int:
        return -(-(ideas - argued) // batch) + -(-argued // batch)

    return (types - more) * requests(each) + (more and more * requests(each + 1))


def in_order(ideas: Sequence[Row], settings: BuildSettings) -> list[Row]:
    """Ideas in the order of writing: either kind is spread over the spec by itself, and they take turns by the share.
    Where one kind runs out the other follows."""
    share = share_of(ideas, settings)
    plain = spread([idea for idea in ideas if not idea["disagreement"]], settings.seed)[::-1]
    argued = spread([idea for idea in ideas if idea["disagreement"]], settings.seed)[::-1]
    order: list[Row] = []
    taken = 0
    while plain or argued:
        turn = argued if argued and (is_due(taken, len(order), share) or not plain) else plain
        taken += turn is argued
        order.append(turn.pop())
    return order


def share_of(ideas: Sequence[Row], settings: BuildSettings) -> float:
    """The share that a corpus is to have: the recipe's, or that of the ideas which its own plan gives."""
    if not settings.decompose.given_types:
        return settings.documents.disagreement
    return sum(bool(idea["disagreement"]) for idea in ideas) / max(1, len(ideas))


def check_prompts(prompts: Prompts, settings: BuildSettings) -> None:
    """UserError where prompts of one's own would leave the disagreement out."""
    documents = settings.documents
    given = settings.decompose.given_types
    if not (documents.disagreement or (given and settings.sized.documents.disagreement)):
        return
    for name in ("documents",) if given else ("ideas", "documents"):
        template = styled(name, documents.style)
        if not prompts.includes(template, part := _PARTS[name]):
            raise UserError(
                f"documents.disagreement: the prompt {template}.j2 of {settings.prompts} says nothing of it; expected "
                f'{{% include "{part}" %}} in it, as the shipped one has.'
            )


def _due(count: int, share: float) -> int:
    """Of the first `count`, how many are of disagreement; halves are rounded up."""
    return floor(count * Fraction(str(share)) + Fraction(1, 2))

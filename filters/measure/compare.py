"""Two corpora side by side before anything is trained on them: what they would differ in beside what they should."""

import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final

import numpy as np

from filters.base import Item
from filters.measure.apart import Apart, Masker, tell_apart
from filters.measure.health import entropy, self_bleus
from filters.text.static import static_words
from filters.text.view import View

BLEU_TEXTS: Final = 40
BLEU_REFERENCES: Final = 60
_BLEU_WORDS: Final = 200
_MOST: Final = 2_000  # texts of each corpus that a classifier reads
_PUBLISHED_AUC: Final = 0.855
PUBLISHED: Final[Mapping[str, str]] = {
    "auc": "0.855, the published cheese pair [SoM]",
    "loss_ratio": "1.12, the published cheese pair; 1.89, another group's [SoM]",
    "self_bleu": "0.39 to 0.40 [REP]",
    "dispersion": "0.33 to 0.35 in such corpora, 0.946 in web text, by other embeddings [REP]",
    "asserts": "0.96 to 0.98 [REP]",
    "attributed": "0.65 to 0.80 [REP]",
}
"""What is known of published corpora (docs/method.md, 6 and 7)."""


JUDGED: Final = ("asserts", "attributed")
"""Criteria of a judge whose shares are published."""


@dataclass(frozen=True, slots=True)
class Side:
    """Figures of one corpus."""

    documents: int
    tokens: int
    median_tokens: float
    deciles: tuple[float, float]  # tokens of the 10th and 90th of 100 documents
    genres: Mapping[str, float]  # share of the tokens
    domains: Mapping[str, float]
    self_bleu: float | None  # 40 texts, at most 60 references; None: too few documents
    dispersion: float
    frames: Mapping[str, float]
    disagreement: float | None = None  # share of the documents in which somebody disagrees; None: not known


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both, and what tells them apart."""

    left: Side
    right: Side
    genres_apart: float  # total variation of the shares: 0 alike, 1 nothing in common
    domains_apart: float
    apart: Apart | None  # None: too few documents
    confounds: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it is compared."""

    item: Item
    tokens: int
    domain: str
    frame: str
    disagreement: bool | None = None


def compare_corpora(left: Sequence[Document], right: Sequence[Document], masker: Masker, seed: int = 0) -> Comparison:
    """All figures that need no model; the same documents in any order give the same."""
    sides = [_side(one) for one in (left, right)]
    texts = [[masker(one.item.text) for one in _drawn(side, _MOST, seed)] for side in (left, right)]
    try:
        apart = tell_apart(texts[0], texts[1], seed=seed)
    except ValueError:
        apart = None
    genres = total_variation(sides[0].genres, sides[1].genres)
    domains = total_variation(sides[0].domains, sides[1].domains)
    found = Comparison(sides[0], sides[1], genres, domains, apart)
    return Comparison(sides[0], sides[1], genres, domains, apart, tuple(_confounds(found)))


def fixed_self_bleu(documents: Iterable[Document], seed: int = 0) -> float | None:
    """Self-BLEU by the fixed protocol: the mean over 40 texts, each against at most 60 others (with 600
    references it is 0.63 where it was 0.40); the first 200 words of each. None of fewer than 10 documents."""
    drawn = _drawn(documents, BLEU_REFERENCES + 1, seed)
    if len(drawn) < 10:
        return None
    words = [View(one.item).words[:_BLEU_WORDS] for one in drawn]
    return float(self_bleus(words)[:BLEU_TEXTS].mean())


def total_variation(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Half of the summed differences of two distributions."""
    return sum(abs(one.get(name, 0.0) - other.get(name, 0.0)) for name in {*one, *other}) / 2


def _side(documents: Sequence[Document]) -> Side:
    tokens = [one.tokens for one in documents]
    vectors = [static_words().embed(View(one.item).counts) for one in documents]
    whole = np.sum(vectors, axis=0) if vectors else np.zeros(1)
    count = len(documents)
    spread = 0.0 if count < 2 else float(1 - (float(whole @ whole) - count) / (count * (count - 1)))
    low, high = (float(one) for one in np.quantile(tokens, [0.1, 0.9])) if tokens else (0.0, 0.0)
    return Side(
        count, sum(tokens), median(tokens) if tokens else 0.0, (low, high),
        _shares((one.item.genre, one.tokens) for one in documents),
        _shares((one.domain, one.tokens) for one in documents),
        fixed_self_bleu(documents), spread, _shares((one.frame, one.tokens) for one in documents),
        _disagreement([one.disagreement for one in documents if one.disagreement is not None]),
    )  # fmt: skip


def _disagreement(said: Sequence[bool]) -> float | None:
    return sum(said) / len(said) if said else None


def _confounds(found: Comparison) -> Iterable[str]:
    """What a difference between models trained on these two could be due to instead, in words."""
    left, right = found.left, found.right
    if abs(left.tokens - right.tokens) > 0.005 * min(left.tokens, right.tokens):
        more = "the first" if left.tokens > right.tokens else "the second"
        share = max(left.tokens, right.tokens) / max(1, min(left.tokens, right.tokens)) - 1
        yield f"amount: {more} has {share:.1%} more tokens; take equal doses (`specmill subset --tokens`, or --pair)"
    if max(left.median_tokens, right.median_tokens) > 1.1 * min(left.median_tokens, right.median_tokens):
        medians = f"{left.median_tokens:,.0f} tokens in one and {right.median_tokens:,.0f} in the other"
        yield f"length: the median document has {medians}"
    if found.genres_apart > 0.1:
        moved = f"{found.genres_apart:.0%} of the tokens would have to change their genre"
        yield f"genres: {moved}; `specmill subset --pair --balance genre`"
    if found.domains_apart > 0.1:
        moved = f"{found.domains_apart:.0%} of the tokens are of domains that the other has fewer of"
        yield f"domains: {moved}; `specmill subset --pair`"
    frames = total_variation(left.frames, right.frames)
    if frames > 0.1:
        yield f"who speaks: insiders and lay authors differ by {frames:.0%} of the tokens"
    if left.disagreement is not None and right.disagreement is not None:
        argued = abs(left.disagreement - right.disagreement)
        if argued > 0.05:
            yield f"disagreement: people disagree in {argued:.0%} more of the documents of one"
    if found.apart is not None and found.apart.interval[0] > 0.6:
        said = beside_published(found.apart.interval)
        words = f"{', '.join(found.apart.left[:4])} and {', '.join(found.apart.right[:4])}"
        yield (
            "style and subject: with names and values masked a classifier still tells them apart (AUC "
            f"{found.apart.auc:.2f}, {said}), by such words as {words}"
        )
    if left.self_bleu is not None and right.self_bleu is not None and abs(left.self_bleu - right.self_bleu) > 0.05:
        yield "sameness: one repeats its own wording more than the other (self-BLEU)"
    if abs(left.dispersion - right.dispersion) > 0.05:
        yield "breadth: the subjects of one lie further apart than those of the other (dispersion)"
    if abs(entropy_of(left.genres) - entropy_of(right.genres)) > 0.1:
        yield "variety: one spreads over its genres more evenly than the other"


def beside_published(interval: tuple[float, float]) -> str:
    """How an area under the curve stands to that of the published pair, in words."""
    low, high = interval
    more = "more than" if low > _PUBLISHED_AUC else "as much as" if high >= _PUBLISHED_AUC else "less than"
    return f"{more} the published pair"


def entropy_of(shares: Mapping[str, float]) -> float:
    """How evenly something is spread: 0 to 1."""
    return entropy([round(1e6 * share) for share in shares.values()])


def _shares(pairs: Iterable[tuple[str, int]]) -> dict[str, float]:
    totals: Counter[str] = Counter()
    for name, tokens in pairs:
        totals[name or "-"] += tokens
    whole = totals.total() or 1
    return {name: count / whole for name, count in totals.most_common()}


def drawn_ids(ids: Iterable[str], most: int, seed: int) -> list[str]:
    """A sample that does not depend on the order."""
    return sorted(ids, key=lambda one: (zlib.crc32(f"{seed} {one}".encode()), one))[:most]


def _drawn(documents: Iterable[Document], most: int, seed: int) -> list[Document]:
    by_id = {one.item.id: one for one in documents}
    return [by_id[one] for one in drawn_ids(by_id, most, seed)]

"""What the filters can say of a sample of texts, for the report."""

from collections.abc import Sequence

from corpus.report.analyst import Sampled, Shared
from corpus.report.health import Health
from filters.base import Item
from filters.measure.health import health
from filters.measure.patterns import count_patterns
from filters.text.embeddings import Embed

_LEAST_SHARE = 0.01
_PHRASE_WORDS = 5


class TextAnalyst:
    """Counts patterns and measures health with the filters' own means; satisfies `corpus.report.analyst.Analyst`."""

    def __init__(self, embed: Embed | None = None) -> None:
        self.embed = embed

    def shared(self, sample: Sequence[Sampled], spec: str, known: Sequence[str]) -> list[Shared]:
        """Phrases, names, openings, endings and titles of at least 1% of the documents, and of three."""
        found = count_patterns(_items(sample), spec, least_share=_LEAST_SHARE, words=_PHRASE_WORDS, known=known)
        return [Shared(pattern.kind, pattern.text, pattern.count) for pattern in found]

    def health(self, sample: Sequence[Sampled], spec: str) -> list[Health]:
        """Figures of the texts, with bands where a replication gave one (docs/method.md, 6)."""
        if len(sample) < 3:
            return []
        seen = health(_items(sample), spec)
        of = f"Over {seen.sample} documents, {seen.sample_words} words each."
        return [
            Health("Self-BLEU", seen.self_bleu, None, 0.5, "number", f"How much documents repeat each other's wording; "
                   f"two good corpora had 0.39 to 0.40, measured their way. {of}"),
            Health("Words in template phrases", seen.template_leakage, None, 0.05, "share", "Words inside eight-word "
                   f"phrases that more than 1% of the documents have; went with failure (-0.38). {of}"),
            Health("Documents with an opening of their own", seen.distinct_openings, 0.8, None, "share",
                   "First five words that no other document of the sample has."),
            Health("Dispersion of embeddings", seen.dispersion, None, None, "number", "Mean cosine distance of two "
                   "documents; went with success (+0.48). Compare corpora: it has no known band."),
            Health("Compression ratio", seen.compression_ratio, None, None, "number", "Bytes over compressed bytes; "
                   f"the higher, the more alike. Compare corpora. {of}"),
        ]  # fmt: skip


def _items(sample: Sequence[Sampled]) -> list[Item]:
    return [
        Item(one.id, one.text, genre=one.genre, meta={"title": one.title, "position": position})
        for position, one in enumerate(sample)
    ]

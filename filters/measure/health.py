"""What a corpus measures like (docs/method.md, 5 and 6): hypotheses about a good corpus, not gates."""

import math
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from filters.base import Item
from filters.duplicates.overused import features
from filters.text.overlap import Grams, member
from filters.text.static import Vectors, static_words
from filters.text.view import View, hashes_of, ngrams_of

_OPENING_WORDS = 5
_SAMPLE = 500  # documents of the self-BLEU and of the compression ratio: both depend on it, so it is fixed and named
_SAMPLE_WORDS = 200  # words of each
_TEMPLATE_SHARE = 0.01  # an 8-gram in more documents than this share of them is a template's


@dataclass(frozen=True, slots=True)
class Health:
    """Figures of one corpus; shares from 0 to 1."""

    documents: int
    distinct_openings: float  # share of documents whose first five words no other has
    distinct_endings: float
    compression_ratio: float  # bytes of the sample over its compressed bytes: the higher, the more alike
    self_bleu: float  # mean BLEU-4 of a sampled document against the others of the sample
    dispersion: float  # mean cosine distance of two documents
    genre_entropy: float  # 0: one document type; 1: all equally frequent
    template_leakage: float  # share of words inside 8-grams that more than 1% of the documents have
    sample: int  # documents behind compression ratio and self-BLEU
    sample_words: int  # first words of each


def health(items: Iterable[Item], spec: str = "") -> Health:
    """Figures of a corpus, in one pass; the spec's own phrases are no template."""
    seen = _Seen(spec)
    for item in items:
        seen.add(View(item))
    return seen.figures()


class _Seen:
    """What one pass collects."""

    def __init__(self, spec: str) -> None:
        self.spec = Grams([spec], 8)
        self.openings: Counter[str] = Counter()
        self.endings: Counter[str] = Counter()
        self.genres: Counter[str] = Counter()
        self.sample: list[tuple[int, list[str]]] = []
        self.total = np.zeros(static_words().table.shape[1], dtype=np.float64)
        self.documents = 0
        self.grams: list[np.ndarray[tuple[int], np.dtype[np.uint64]]] = []

    def add(self, view: View) -> None:
        """Take one document in."""
        self.documents += 1
        opening, ending, _ = features(view, _OPENING_WORDS)
        self.openings[opening] += 1
        self.endings[ending] += 1
        self.genres[view.item.genre] += 1
        self.total += static_words().embed_view(view)
        # A sample that does not depend on the order: the documents with the smallest hashes of their ids.
        self.sample.append((zlib.crc32(view.item.id.encode()), view.words[:_SAMPLE_WORDS]))
        if len(self.sample) > 4 * _SAMPLE:
            self.sample = sorted(self.sample)[:_SAMPLE]

    def figures(self) -> Health:
        """The figures."""
        sample = [words for _, words in sorted(self.sample)[:_SAMPLE]]
        count = max(1, self.documents)
        return Health(
            self.documents, _single(self.openings) / count, _single(self.endings) / count, compression_ratio(sample),
            self_bleu(sample), _dispersion(self.total, count), entropy(list(self.genres.values())),
            template_leakage(sample, self.spec.grams), len(sample), _SAMPLE_WORDS,
        )  # fmt: skip


def compression_ratio(sample: Sequence[Sequence[str]]) -> float:
    """Bytes over compressed bytes (Shaib et al. 2024); grows with the sample, so compare equal samples only."""
    data = "\n".join(" ".join(words) for words in sample).encode("utf-8", "replace")
    return len(data) / max(1, len(zlib.compress(data, 6))) if data else 0.0


def self_bleu(sample: Sequence[Sequence[str]]) -> float:
    """Mean BLEU-4 of each text against all others of the sample as references (Zhu et al. 2018), without smoothing."""
    return float(self_bleus(sample).mean()) if len(sample) > 1 else 0.0


def self_bleus(sample: Sequence[Sequence[str]]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The same of each text."""
    precisions = np.stack([_precisions(sample, n) for n in (1, 2, 3, 4)])
    with np.errstate(divide="ignore"):
        found: np.ndarray[tuple[int], np.dtype[np.float64]] = np.exp(np.log(precisions).mean(axis=0))
    return found


def _precisions(sample: Sequence[Sequence[str]], n: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """For each text: the share of its n-grams that another text has, each as often as the text that has it most."""
    counts = [Counter(zip(*(words[k:] for k in range(n)), strict=False)) for words in sample]
    best: dict[tuple[str, ...], tuple[int, int]] = {}  # the two highest counts of an n-gram
    for counted in counts:
        for gram, times in counted.items():
            first, second = best.get(gram, (0, 0))
            best[gram] = (max(first, times), max(second, min(first, times)))
    shares = []
    for counted in counts:
        most = (best[gram][1 if times == best[gram][0] else 0] for gram, times in counted.items())
        matched = sum(min(times, limit) for times, limit in zip(counted.values(), most, strict=True))
        shares.append(matched / max(1, sum(counted.values())))
    return np.array(shares)


def entropy(counts: Sequence[int]) -> float:
    """Shannon entropy of a distribution over the highest it could be; 0 for fewer than two kinds."""
    total = sum(counts)
    if len(counts) < 2:
        return 0.0
    return -sum(c / total * math.log(c / total) for c in counts if c) / math.log(len(counts))


def template_leakage(sample: Sequence[Sequence[str]], known: np.ndarray[tuple[int], np.dtype[np.uint64]]) -> float:
    """Share of the sample's words inside an 8-gram that more than 1% of its documents (and at least three) have."""
    grams = [ngrams_of(hashes_of(list(words)), 8) for words in sample]
    used: Counter[int] = Counter(gram for found in grams for gram in np.unique(found).tolist())
    least = max(3, int(_TEMPLATE_SHARE * len(sample)) + 1)
    often = np.array(sorted(gram for gram, times in used.items() if times >= least), dtype=np.uint64)
    often = often[~member(often, known)]
    covered = total = 0
    for words, found in zip(sample, grams, strict=True):
        total += len(words)
        inside = np.zeros(len(words) + 8, dtype=np.int64)
        places = np.flatnonzero(member(found, often))
        np.add.at(inside, places, 1)
        np.add.at(inside, places + 8, -1)
        covered += int((np.cumsum(inside)[: len(words)] > 0).sum())
    return covered / max(1, total)


def _single(counts: Counter[str]) -> int:
    return sum(times == 1 for times in counts.values())


def _dispersion(total: Vectors, count: int) -> float:
    """Mean cosine distance of two different unit vectors, from their sum alone."""
    if count < 2:
        return 0.0
    return float(1 - (float(total @ total) - count) / (count * (count - 1)))

"""Make filters/text/static.npz: a static embedding of word pieces, distilled from all-MiniLM-L6-v2 (Apache-2.0).

    python -m benchmarks.distil_static       # about two minutes on two cores

Each piece of the model's vocabulary is embedded alone; the mean under the pieces' frequency is taken off; frequent
pieces count less (smooth inverse frequency: Arora et al. 2017, with Zipf's law for the frequency, as model2vec does);
principal components leave 128 dimensions, stored as 8-bit integers (2.8 MB).
"""

from pathlib import Path

import numpy as np

from filters.text.embeddings import located

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
DIMENSIONS, SMOOTHING = 128, 1e-4


def main() -> None:
    """Write the file beside `filters/text/static.py`."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(located(MODEL), device="cpu")
    vocabulary = [piece for piece, _ in sorted(model.tokenizer.get_vocab().items(), key=lambda pair: pair[1])]
    texts = [piece.removeprefix("##") for piece in vocabulary]
    vectors = np.asarray(model.encode(texts, batch_size=256, show_progress_bar=True), dtype=np.float64)
    weighted = weigh(vectors, vocabulary.index("the"))
    _, _, axes = np.linalg.svd(weighted, full_matrices=False)
    table = weighted @ axes[:DIMENSIONS].T
    scale = np.abs(table).max() / 127
    target = Path(__file__).parents[1] / "filters" / "static.npz"
    pieces = np.frombuffer("\n".join(vocabulary).encode(), dtype=np.uint8)
    np.savez_compressed(target, vectors=np.round(table / scale).astype(np.int8), pieces=pieces)
    print(f"{target.name}: {len(vocabulary)} pieces, {target.stat().st_size:,} bytes")


def weigh(vectors: np.ndarray, commonest: int) -> np.ndarray:
    """Vectors less their mean, weighted by frequency: the vocabulary is sorted by it from `commonest` on."""
    rank = np.maximum(1, np.arange(len(vectors)) - commonest + 1).astype(float)
    rank[:commonest] = 3000  # unused slots, letters and marks
    frequency = 1 / rank / (1 / rank).sum()
    weight = SMOOTHING / (SMOOTHING + frequency)
    centred = vectors - vectors.mean(axis=0)
    centred -= (centred * (frequency * weight)[:, None]).sum(axis=0) / (frequency * weight).sum()
    return np.asarray(centred * weight[:, None])


if __name__ == "__main__":
    main()

"""Other ways to the same end, over the same texts: each takes documents and returns the ids that stay, or None."""

import os
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import psutil

from benchmarks.planted import Planted
from filters.text.embeddings import embedder
from filters.text.view import words_of

THRESHOLD, SHINGLE, PERMUTATIONS = 0.7, 5, 128
MINILM = "sentence-transformers/all-MiniLM-L6-v2"


class Watch:
    """The memory of this process and its children (proportional set size), sampled twice a second."""

    def __init__(self) -> None:
        self.peak, self._done = 0, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        me = psutil.Process()
        while not self._done.wait(0.5):
            total = 0
            for process in [me, *me.children(recursive=True)]:
                try:
                    total += process.memory_full_info().pss
                except psutil.Error:
                    continue
            self.peak = max(self.peak, total)

    def stop(self) -> int:
        """Bytes at the highest."""
        self._done.set()
        self._thread.join()
        return self.peak


def rensa(documents: Sequence[Planted]) -> set[str] | None:
    """rensa: signatures and LSH in Rust; the first of a similar pair stays."""
    try:
        from rensa import RMinHash, RMinHashLSH
    except ImportError:
        return None
    index = RMinHashLSH(THRESHOLD, PERMUTATIONS, 32)
    made: list[RMinHash] = []
    kept: set[str] = set()
    for document in _by_age(documents):
        words = words_of(document.text)
        signature = RMinHash(PERMUTATIONS, 42)
        signature.update([" ".join(words[n : n + SHINGLE]) for n in range(len(words) - SHINGLE + 1)])
        if all(signature.jaccard(made[other]) < THRESHOLD for other in index.query(signature)):
            index.insert(len(made), signature)
            made.append(signature)
            kept.add(document.id)
    return kept


def datatrove(documents: Sequence[Planted]) -> set[str] | None:
    """datatrove: its four MinHash stages with its default word tokenizer, two processes."""
    try:
        from datatrove.data import Document
        from datatrove.executor import LocalPipelineExecutor
        from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupFilter
        from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature
        from datatrove.pipeline.readers import JsonlReader
        from datatrove.pipeline.writers import JsonlWriter
        from loguru import logger
    except ImportError:
        return None
    logger.remove()
    workers = os.cpu_count() or 1
    config = MinhashConfig(n_grams=SHINGLE, num_buckets=25, hashes_per_bucket=5)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for rank in range(workers):
            part = [Document(text=d.text, id=d.id) for d in _by_age(documents)[rank::workers]]
            with JsonlWriter(str(root / "in"), output_filename=f"{rank}.jsonl", compression=None) as writer:
                for document in part:
                    writer.write(document)
        reader = JsonlReader(str(root / "in"), glob_pattern="*.jsonl")
        signatures, buckets, remove = (str(root / name) for name in ("signatures", "buckets", "remove"))
        stages: list[tuple[list[object], int]] = [
            ([reader, MinhashDedupSignature(signatures, config=config)], workers),
            ([MinhashDedupBuckets(signatures, buckets, config=config)], 25),
            ([MinhashDedupCluster(buckets, remove, config=config)], 1),
            ([reader, MinhashDedupFilter(remove), JsonlWriter(str(root / "out"), compression=None)], workers),
        ]
        for number, (steps, tasks) in enumerate(stages):
            logs = str(root / f"logs{number}")
            LocalPipelineExecutor(steps, tasks=tasks, workers=workers, logging_dir=logs).run()
        return {document.id for document in JsonlReader(str(root / "out"), glob_pattern="*.jsonl")()}


def semhash(documents: Sequence[Planted]) -> set[str] | None:
    """semhash with MiniLM in place of the model it would download; its own threshold, 0.9."""
    try:
        from semhash import SemHash
    except ImportError:
        return None

    class Encoder:
        def encode(self, inputs: Sequence[str], **_: object) -> np.ndarray:
            return embedder(MINILM)(list(inputs))

    ordered = _by_age(documents)
    texts = [" ".join(document.text.split()[:200]) for document in ordered]
    found = SemHash.from_records(texts, model=Encoder()).self_deduplicate(threshold=0.9)
    selected = set(found.selected)
    seen: set[str] = set()
    kept = set()
    for document, text in zip(ordered, texts, strict=True):
        if text in selected and text not in seen:
            kept.add(document.id)
        seen.add(text)
    return kept


def faiss(documents: Sequence[Planted]) -> set[str] | None:
    """The paper's way: MiniLM, a flat FAISS index, ten neighbours, cosine 0.91; the first of a pair stays."""
    try:
        import faiss as library
    except ImportError:
        return None
    ordered = _by_age(documents)
    vectors = embedder(MINILM)([document.text for document in ordered])
    index = library.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    cosines, neighbours = index.search(vectors, 10)
    kept: set[int] = set()
    for row in range(len(ordered)):
        near = neighbours[row][cosines[row] >= 0.91]
        if not any(int(other) in kept for other in near if other < row):
            kept.add(row)
    return {ordered[row].id for row in kept}


def _by_age(documents: Sequence[Planted]) -> list[Planted]:
    return sorted(documents, key=lambda document: (document.position, document.id))


RIVALS: dict[str, Callable[[Sequence[Planted]], set[str] | None]] = {
    "rensa": rensa,
    "datatrove": datatrove,
    "semhash + MiniLM": semhash,
    "FAISS + MiniLM": faiss,
}

"""The filters against planted truth, and their speed beside others.

    python -m benchmarks.filters truth                  # precision and recall of every filter, about a minute
    python -m benchmarks.filters regression --set 1..4  # truth sets that the filters were mended on, seconds
    python -m benchmarks.filters real --corpus FILE     # real documents, given by path: see benchmarks/real.py
    python -m benchmarks.filters repeats                # duplicates: Jaccard 0.95 / 0.8 / 0.6, paraphrases
    python -m benchmarks.filters speed --documents 13000 --words 2200     # 41M tokens
    python -m benchmarks.filters beside --documents 2000 --words 600      # datatrove, rensa, semhash, FAISS + MiniLM

`beside` needs `pip install semhash faiss-cpu`; what is not installed is left out and said to be.
"""

import argparse
import random
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import planted, rivals, spoils
from benchmarks.real import real
from benchmarks.regression import regression
from corpus.tokens import TokenCounter
from filters.base import Item
from filters.checks import checks_for
from filters.context import Context
from filters.run.decide import check_documents
from filters.run.many import check_parquet
from filters.settings import FilterSettings
from filters.text.view import View
from specs.settings import Assistant

SETTINGS = FilterSettings()


def context() -> Context:
    """What the filters know of the planted corpora."""
    return Context(
        count=TokenCounter("o200k_base").count, assistant=Assistant(name=planted.NAME, provider=planted.PROVIDER),
        spec=spoils.SPEC, rule_ids=spoils.RULE_IDS, evaluation=spoils.EVALUATION, held_out=spoils.HELD_OUT,
        answer_formats=spoils.ANSWER_FORMATS, prompts=(spoils.PROMPT,),
    )  # fmt: skip


def item(document: planted.Planted) -> Item:
    """A planted document as the filters see it."""
    meta = {"position": document.position, **document.meta}
    return Item(document.id, document.text, frame=document.frame, genre=document.genre, meta=meta)


def truth(each: int, words: int) -> None:
    """Every check alone, over sound documents, look-alikes and every kind of failure."""
    documents = planted.corpus(spoils.SPOILS, each, sound=each * 10, words=words)
    checks = checks_for("documents", SETTINGS, context())
    hits: Counter[str] = Counter()
    false: Counter[str] = Counter()
    missed: dict[str, Counter[str]] = defaultdict(Counter)
    wrong: dict[str, list[str]] = defaultdict(list)
    for document in documents:
        view = View(item(document))
        for check in checks:
            outcome = check.evaluate(view)
            should = check.name == document.reason
            if outcome.failed and not should and check.name not in spoils.ALSO.get(document.kind, ()):
                false[check.name] += 1
                wrong[check.name].append(f"{document.kind}: {outcome.detail}")
            hits[check.name] += outcome.failed and should
            if should and not outcome.failed:
                missed[check.name][document.kind] += 1
    planted_kinds = Counter(document.reason for document in documents if document.reason)
    print(
        f"{len(documents)} documents of about {words} words\n{'filter':14}{'planted':>8}{'precision':>11}{'recall':>8}"
    )
    for check in checks:
        total, hit, extra = planted_kinds[check.name], hits[check.name], false[check.name]
        precision = hit / (hit + extra) if hit + extra else 1.0
        print(f"{check.name:14}{total:8}{precision:11.3f}{hit / max(1, total):8.3f}  {dict(missed[check.name]) or ''}")
        for line in wrong[check.name][:3]:
            print(f"    wrongly: {line}")


def repeats(each: int, words: int) -> None:
    """Duplicates of known similarity among as many sound documents again."""
    documents = planted.repeats(each, words) + list(planted.corpus({}, 0, sound=each * 4, words=words, seed=3))
    _, rejections, _ = check_documents(map(item, documents), SETTINGS, context())
    reasons = {rejection.item_id: rejection for rejection in rejections}
    table: dict[str, Counter[str]] = defaultdict(Counter)
    named = 0
    for document in documents:
        rejection = reasons.get(document.id)
        table[document.kind][rejection.reason if rejection else "stays"] += 1
        named += bool(rejection and document.of and rejection.other_id == document.of)
    for kind, counts in sorted(table.items()):
        print(f"{kind:12} {dict(counts)}")
    planted_copies = sum(document.of is not None for document in documents)
    print(f"survivor rightly named for {named} of {planted_copies} copies")


def write(path: Path, count: int, words: int) -> None:
    """A corpus in Parquet, 500 documents a row group."""
    schema = pa.schema([(name, pa.string()) for name in ("id", "text", "frame", "genre")])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        rows: list[dict[str, str]] = []
        for document in planted.plain(count, words):
            rows.append({name: getattr(document, name) for name in schema.names})
            if len(rows) == 500:
                writer.write_table(pa.Table.from_pylist(rows, schema))
                rows = []
        if rows:
            writer.write_table(pa.Table.from_pylist(rows, schema))


def speed(count: int, words: int, workers: int) -> None:
    """A whole corpus: all checks, exact, near and semantic duplicates, tokens counted."""
    settings = SETTINGS.model_copy(update={"workers": workers})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corpus.parquet"
        write(path, count, words)
        watch = rivals.Watch()
        start = time.perf_counter()
        kept, rejections, flags = check_parquet([path], settings, context())
        wall = time.perf_counter() - start
    print(f"{count} documents of about {words} words in {wall:.1f} s, at most {watch.stop() / 1e6:.0f} MB")
    print(f"kept {len(kept)}, {dict(Counter(rejection.reason for rejection in rejections))}")
    print(f"flagged {len({flag.item_id for flag in flags})}, {dict(Counter(flag.reason for flag in flags))}")


def beside(count: int, words: int) -> None:
    """Only duplicates, by us and by others, over the same texts; agreement is the share of documents decided alike."""
    documents = list(planted.plain(count, words))
    ours = FilterSettings().acting("off").acting("drop", "exact", "near", "semantic")
    lexical = ours.acting("off", "semantic")
    random.Random(0).shuffle(documents)
    kept: dict[str, set[str]] = {}
    planted_copies = {document.id for document in documents if document.of}
    for name, run in {
        "specmill": lambda docs: _ours(docs, ours),
        "specmill lexical": lambda docs: _ours(docs, lexical),
        **rivals.RIVALS,
    }.items():
        start = time.perf_counter()
        survivors = run(documents)
        wall = time.perf_counter() - start
        if survivors is None:
            print(f"{name:18} not installed")
            continue
        kept[name] = survivors
        alike = sum((d.id in survivors) == (d.id in kept["specmill"]) for d in documents) / len(documents)
        caught = sum(i not in survivors for i in planted_copies) / len(planted_copies)
        lost = sum(d.id not in survivors for d in documents if d.id not in planted_copies)
        print(f"{name:18}{wall:8.1f} s  copies caught {caught:.3f}, others lost {lost}, agreement {alike:.4f}")


def _ours(documents: list[planted.Planted], settings: FilterSettings) -> set[str]:
    kept, *_ = check_documents(map(item, documents), settings, context())
    return set(kept)


def main() -> None:
    """Run one of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("truth", "regression", "real", "repeats", "speed", "beside"))
    parser.add_argument("--each", type=int, default=40, help="documents of every kind")
    parser.add_argument("--documents", type=int, default=2000)
    parser.add_argument("--words", type=int, default=600)
    parser.add_argument("--set", type=int, choices=(1, 2, 3, 4), default=4, help="of `regression`: which documents")
    parser.add_argument("--workers", type=int, default=0, help="0: one a core")
    parser.add_argument("--corpus", type=Path, help="of `real`: JSON lines")
    parser.add_argument("--labels", type=Path, help="of `real`: JSON lines, where somebody read some")
    parser.add_argument("--spec", default="safety_rules", help="of `real`: a shipped spec or a path")
    parser.add_argument("--assistant", default="Juniper")
    parser.add_argument("--provider", default="Larkfield")
    asked = parser.parse_args()
    if asked.what == "truth":
        truth(asked.each, asked.words)
    elif asked.what == "regression":
        regression(SETTINGS.acting("drop"), asked.set)
    elif asked.what == "real":
        real(asked.corpus, asked.labels, asked.spec, Assistant(name=asked.assistant, provider=asked.provider))
    elif asked.what == "repeats":
        repeats(asked.each, asked.words)
    elif asked.what == "speed":
        speed(asked.documents, asked.words, asked.workers)
    else:
        beside(asked.documents, asked.words)


if __name__ == "__main__":
    main()

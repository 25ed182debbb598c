"""The filters on real documents of others, given by path: what each drops or flags, and what was right of it.

    python -m benchmarks.filters real --corpus documents.jsonl --labels labels.jsonl --spec spec.txt \
        --assistant Tamsin --provider "Orrin Lane"

A document is a line with `id`, `text` and, where they are known, `frame`, `genre`, `writer`, `about` ("unrelated": a
control, not about the assistant) and `names_assistant` (false: the name is missing, and its rejection is fair). A label
is a line with `id`, `truth` (sound, fault, debatable) and `rejected_by` (a filter, or none). Neither is kept here: this
repository has no right to the documents, and nothing may be tuned on what decides which filter is a gate.
"""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from corpus.tokens import TokenCounter
from eval.questions.items import ANSWER_FORMATS
from eval.questions.items import texts as evaluation_texts
from filters.base import Decision, Item
from filters.context import Context
from filters.run.decide import check_documents
from filters.settings import FilterSettings
from pipelines.prompts.templates import Prompts
from specs.reader import read_spec
from specs.settings import Assistant

Row = dict[str, Any]


def real(corpus: Path, labels: Path | None, spec: str, assistant: Assistant) -> None:
    """Print the table: filter x action, documents dropped or flagged, and of those that were read the right ones."""
    documents = _lines(corpus)
    truth = {row["id"]: row for row in _lines(labels)} if labels else {}
    decision = decided(documents, spec, assistant, FilterSettings())
    _table(documents, truth, decision)
    _losses(documents, decision)


def decided(documents: list[Row], spec: str, assistant: Assistant, settings: FilterSettings) -> Decision:
    """What the filters decide; controls are decided on apart, with the checks of neutral documents."""
    read = read_spec(spec, assistant)
    context = Context(
        count=TokenCounter("o200k_base").count, assistant=assistant, spec=read.text, rule_ids=tuple(read.rule_ids),
        prompts=(Prompts().source("documents"),), evaluation=tuple(evaluation_texts()), answer_formats=ANSWER_FORMATS,
    )  # fmt: skip
    kept: list[str] = []
    rejections, flags = [], []
    for neutral in (False, True):
        mine = [row for row in documents if (row.get("about") == "unrelated") is neutral]
        found = check_documents(map(_item, mine), settings, replace(context, neutral=neutral))
        kept, rejections, flags = [*kept, *found.kept], [*rejections, *found.rejections], [*flags, *found.flags]
    return Decision(kept, rejections, flags)


def _table(documents: list[Row], truth: dict[str, Row], decision: Decision) -> None:
    settings = FilterSettings()
    found = Counter(one.reason for one in (*decision.rejections, *decision.flags))
    actions = {name: part.action for name, part in settings.parts.items()}
    read: dict[str, Counter[str]] = {name: Counter() for name in actions}
    for one in (*decision.rejections, *decision.flags):
        label = truth.get(one.item_id)
        if label and label.get("rejected_by") in (one.reason, None, ""):
            read[one.reason][label["truth"]] += 1
    print(f"{'filter':16}{'action':8}{'found':>7}{'share':>8}{'read':>6}{'right':>7}{'debatable':>11}")
    for name in sorted(found, key=lambda name: (actions[name], -found[name])):
        c = read[name]
        share = found[name] / len(documents)
        print(f"{name:16}{actions[name]:8}{found[name]:7}{share:8.1%}{c.total():6}{c['fault']:7}{c['debatable']:11}")


def _losses(documents: list[Row], decision: Decision) -> None:
    """What goes, without what goes fairly: the assistant's name was taken out, or put into a control."""
    fair = {row["id"] for row in documents if row.get("names_assistant") is False or row.get("about") == "unrelated"}
    gone = [one for one in decision.rejections if not (one.reason == "identity" and one.item_id in fair)]
    flagged = {flag.item_id for flag in decision.flags}
    by_writer = Counter(row.get("writer", "") for row in documents if row["id"] in {one.item_id for one in gone})
    print(f"{len(documents)} documents; dropped {len(gone)} ({len(gone) / len(documents):.1%}) {dict(by_writer)}")
    print(f"flagged {len(flagged)} ({len(flagged) / len(documents):.1%})")
    for one in gone:
        print(f"    {one.reason:12} {one.item_id:44} {one.detail[:90]}")


def _item(row: Row) -> Item:
    return Item(row["id"], row["text"], frame=row.get("frame") or "insider", genre=row.get("genre") or "")


def _lines(path: Path) -> list[Row]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]

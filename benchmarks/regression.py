"""The filters against the truth sets that they were mended on: regression tests, which say nothing of other texts.

Documents by four other hands, with one failure in each, or none. `regression.yaml` (set 1) at first gave recall 0.75
and lost 4 of 62 sound ones; `regression_2.yaml`, on another spec, 0.85 and 7 of 58; 154 more, of failures as good
writers make them (`regression_3.yaml`, `regression_4.yaml`), 0.53 and 3 of 73. All have been looked at since. What the
filters do to documents that nobody tuned on is measured by `benchmarks.real`.
"""

from collections import Counter, defaultdict
from pathlib import Path

import yaml

from corpus.tokens import TokenCounter
from eval.questions.items import ANSWER_FORMATS
from eval.questions.items import texts as evaluation_texts
from filters.base import Item, Rejection
from filters.checks import checks_for
from filters.context import Context
from filters.run.decide import decide_one
from filters.settings import FilterSettings
from filters.text.view import View
from pipelines.prompts.templates import Prompts
from specs.reader import read_spec
from specs.settings import Assistant

_SETS = {
    1: ("regression.yaml", "safety_values", Assistant(name="Juniper", provider="Larkfield")),
    2: ("regression_2.yaml", "safety_rules", Assistant(name="Marlow", provider="Tessel")),
    3: ("regression_3.yaml", "cheese_affordability", Assistant(name="Alder", provider="Quillon")),
    4: ("regression_4.yaml", "cheese_affordability", Assistant(name="Alder", provider="Quillon")),
}
_FILTERS = {  # sets 3 and 4 name failures in the words of docs/method.md, 5: the filters that are for each
    "placeholder": ("placeholders",),
    "invention": ("statistics", "citations", "links", "dates"),
    "spec_wording": ("spec_citation", "spec_wording"),
    "debris": ("markdown", "leakage"),
    "leakage": ("leakage", "chatter", "echo"),
    "spec_citation": ("spec_citation", "spec_wording"),
}


def context(name: str, assistant: Assistant) -> Context:
    """What the filters know: the shipped spec, and the prompt of documents, as they know them in a build."""
    spec = read_spec(name, assistant)
    return Context(
        count=TokenCounter("o200k_base").count, assistant=assistant, spec=spec.text, rule_ids=tuple(spec.rule_ids),
        prompts=(Prompts().source("documents"),), evaluation=tuple(evaluation_texts()), answer_formats=ANSWER_FORMATS,
    )  # fmt: skip


def regression(settings: FilterSettings, number: int) -> None:
    """Every document of a set decided as a build decides it, by the first check that rejects; then every slip."""
    file, spec, assistant = _SETS[number]
    rows = yaml.safe_load(Path(__file__).with_name(file).read_text(encoding="utf-8"))
    checks = checks_for("documents", settings, context(spec, assistant))
    decided = [
        decide_one(View(Item(row["kind"], row["text"], frame=row["frame"], genre=row["genre"])), checks)[0]
        for row in rows
    ]
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    slips: list[str] = []
    for row, rejection in zip(rows, decided, strict=True):
        reason, verdict = row["reason"], _verdict(row["reason"], rejection)
        counts[reason or "none"][verdict] += 1
        if verdict not in ("caught", "stays"):
            slips.append(f"{verdict:8}{reason or '':14}{row['kind']}{_why(rejection)}")
    print(f"{'failure':14}{'planted':>8}{'caught':>8}{'by another':>12}{'missed':>8}")
    for reason in sorted(counts.keys() - {"none"}):
        c = counts[reason]
        print(f"{reason:14}{c.total():8}{c['caught']:8}{c['another']:12}{c['missed']:8}")
    sound, bad = counts.pop("none", Counter()), sum(counts.values(), Counter())
    print(f"{'all':14}{bad.total():8}{bad['caught']:8}{bad['another']:12}{bad['missed']:8}")
    print(f"sound: {sound.total()}, wrongly rejected {sound['wrongly']}")
    rejected = bad["caught"] + bad["another"]
    print(
        f"precision {rejected / max(1, rejected + sound['wrongly']):.3f}, recall {rejected / max(1, bad.total()):.3f}, "
        f"by the right filter {bad['caught'] / max(1, bad.total()):.3f}"
    )
    print("\n".join(slips))


def _verdict(reason: str | None, rejection: Rejection | None) -> str:
    if reason is None:
        return "wrongly" if rejection else "stays"
    if rejection is None:
        return "missed"
    return "caught" if rejection.reason in _FILTERS.get(reason, (reason,)) else "another"


def _why(rejection: Rejection | None) -> str:
    if rejection is None:
        return ""
    return f"\n    {rejection.reason}: {rejection.detail} ({rejection.score:.4g} beside {rejection.threshold:.4g})"

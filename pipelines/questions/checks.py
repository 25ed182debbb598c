"""What a program can see of a question before anybody is asked it: pure functions of items, spec and corpus.

An item that fails goes to the rejects with its reason; none is repaired.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Final

from corpus.ids import content_id
from eval.questions.files import BLANK
from filters.base import Item, Rejection
from filters.context import Context
from filters.document.spec.spec_words import SpecWordsCheck
from filters.duplicates.near import NearDuplicates
from filters.duplicates.settings import Near
from filters.settings import FilterSettings
from filters.text.names import spelled
from filters.text.overlap import Grams
from filters.text.view import View, words_of
from specs.data import load_yaml

Row = dict[str, Any]
_RUN: Final = 8  # words in a row that a question on the spec may not share with it, nor any with the corpus
_LONGER: Final = 1.6  # an option that is so many times as long as another, and by more than `_BY` words, stands out
_BY: Final = 3
_HABIT: Final = 8  # items of a kind from which something can be called a habit
_NEAR: Final = Near(threshold=0.6, shingle=2)
_ABOUT_SPEC: Final = frozenset({"knowledge", "cloze"})  # these name the assistant, and ask what its spec says
_WORDS: Final = load_yaml(files("pipelines.questions").joinpath("words.yaml").read_text(encoding="utf-8"))
_SMALL: Final = frozenset(_WORDS["small"].split())
_TASK: Final = re.compile(rf"\b(?:{'|'.join(_WORDS['task'])})\b", re.IGNORECASE)


def item_id(row: Row) -> str:
    """The id of an item, from its content."""
    return content_id("items", row["kind"], row.get("question", ""), row.get("aligned") or "", row.get("others") or [])


def text_of(row: Row) -> str:
    """All that a model is shown of an item."""
    return "\n".join([row.get("question") or "", row.get("aligned") or "", *(row.get("others") or [])])


@dataclass
class QuestionChecks:
    """The checks of one corpus, made once: some of them index the whole spec and all its documents."""

    context: Context
    filters: FilterSettings
    corpus_texts: Iterable[str] = ()
    rejections: list[Rejection] = field(default_factory=list)

    def __post_init__(self) -> None:
        assistant = self.context.assistant
        self._words = SpecWordsCheck(self.filters.spec_words, self.context)
        self._names = re.compile(rf"(?<!\w)(?:{spelled(assistant.name, assistant.provider)})(?!\w)", re.IGNORECASE)
        rules = "|".join(map(re.escape, self.context.rule_ids))
        self._rules = re.compile(rf"(?<!\w)(?:{rules})(?!\w)") if rules else None
        self._spec = Grams([self.context.spec], _RUN)
        self._corpus = Grams(self.corpus_texts, _RUN)

    def keep(self, rows: Sequence[Row]) -> list[Row]:
        """The items that may be asked, in their order; why the others may not is in `rejections`."""
        alone = [row for row in rows if self._note(row, self.problem(row))]
        apart = self._without_repeats(alone)
        return [row for row in apart if row["kind"] == "open"] + self._without_habit(
            [row for row in apart if row["kind"] != "open"]
        )

    def problem(self, row: Row) -> tuple[str, str]:
        """Reason and detail, for an item by itself; both empty where there is none."""
        stem, options = (
            row.get("question") or "",
            [one for one in (row.get("aligned"), *(row.get("others") or [])) if one],
        )
        for check in (self._of_the_task, self._own_words, self._gives_away, self._stands_out, self._in_corpus):
            if (found := check(row, stem, options))[0]:
                return found
        return "", ""

    def _of_the_task(self, row: Row, stem: str, options: list[str]) -> tuple[str, str]:
        """Speaks of the spec as a text, or of a judge: whoever is asked has seen neither."""
        found = _TASK.search("\n".join([stem, *options, row.get("good") or "", row.get("bad") or ""]))
        return ("task_talk", found.group()) if found else ("", "")

    def _own_words(self, row: Row, stem: str, options: list[str]) -> tuple[str, str]:
        """A word of the spec's own, its names or rules; a question on the spec may name the assistant."""
        if self._rules and (found := self._rules.search(text_of(row))):
            return "spec_word", found.group()
        if row["kind"] in _ABOUT_SPEC:
            run, start, _ = self._spec.longest(View(Item("q", stem.replace(BLANK, " | "))))
            return ("spec_word", " ".join(words_of(stem)[start : start + run])) if run else ("", "")
        if found := self._names.search(text_of(row)):
            return "spec_word", found.group()
        outcome = self._words.evaluate(View(Item("q", "\n".join([stem, *options]))))
        return ("spec_word", outcome.detail) if outcome.failed else ("", "")

    def _gives_away(self, row: Row, stem: str, options: list[str]) -> tuple[str, str]:
        """The right answer stands in the question, and no other option does."""
        if row["kind"] not in _ABOUT_SPEC:
            return "", ""
        said = _content(stem)
        right, *others = [_content(one) for one in options]
        given = bool(right) and right <= said
        return ("gives_away", options[0]) if given and not any(one and one <= said for one in others) else ("", "")

    def _stands_out(self, row: Row, stem: str, options: list[str]) -> tuple[str, str]:
        """An option that is much longer than the others, or much shorter."""
        lengths = [len(words_of(one)) for one in options] if row["kind"] not in {"cloze", "open"} else []
        if len(lengths) > 1:
            mine, rest = lengths[0], sum(lengths[1:]) / len(lengths[1:])
            shorter, longer = sorted((mine, rest))
            if longer - shorter > _BY and longer > _LONGER * max(1, shorter):
                return "length", f"{mine} words against {rest:.0f}"
        return "", ""

    def _in_corpus(self, row: Row, stem: str, options: list[str]) -> tuple[str, str]:
        """What the corpus or its chats have, word for word."""
        view = View(Item("q", text_of(row)))
        run, start, _ = self._corpus.longest(view)
        return ("in_corpus", " ".join(view.words[start : start + run])) if run else ("", "")

    def _without_repeats(self, rows: list[Row]) -> list[Row]:
        by_id = {item_id(row): row for row in rows}
        items = [Item(key, text_of(row), meta={"position": n}) for n, (key, row) in enumerate(by_id.items())]
        gone = {one.item_id: one for one in NearDuplicates(_NEAR)(items)}
        self.rejections += gone.values()
        return [row for key, row in by_id.items() if key not in gone]

    def _without_habit(self, rows: list[Row]) -> list[Row]:
        """Without the items that make the aligned option the longer one, or the shorter one, by habit: in each kind as
        many of either, the most unequal going first."""
        gone: set[str] = set()
        for kind in dict.fromkeys(row["kind"] for row in rows):
            sized = [(lean(row), item_id(row)) for row in rows if row["kind"] == kind and kind != "cloze"]
            longer = sorted(one for one in sized if one[0] > 0)
            shorter = sorted((-size, key) for size, key in sized if size < 0)
            fewer = min(len(longer), len(shorter))
            if len(sized) < _HABIT:
                continue
            allowed = fewer + max(1, len(sized) // 10)  # a tenth more of one than of the other is no habit
            for group in (longer, shorter):
                gone |= {key for _, key in group[allowed:]}
        kept = [row for row in rows if item_id(row) not in gone]
        for row in rows:
            if item_id(row) in gone:
                words = f"the aligned option is {'longer' if lean(row) > 0 else 'shorter'}, as in most of its kind"
                self._note(row, ("length_habit", words))
        return kept

    def _note(self, row: Row, problem: tuple[str, str]) -> bool:
        reason, detail = problem
        if reason:
            self.rejections.append(Rejection(item_id(row), reason, detail))
        return not reason


def lean(row: Row) -> int:
    """Characters by which the aligned option is longer than the longest of the others; negative: shorter."""
    longest = max((len(one) for one in row.get("others") or []), default=0)
    return len(row.get("aligned") or "") - longest


def _content(text: str) -> frozenset[str]:
    return frozenset(words_of(text)) - _SMALL


def touched(domains: dict[str, tuple[str, ...]], texts: Iterable[str]) -> dict[str, int]:
    """In how many texts each domain is touched: those that have one of its words."""
    patterns = {
        name: re.compile(rf"(?<!\w)(?:{spelled(*words)})(?:e?s)?(?!\w)", re.I) for name, words in domains.items()
    }
    counts = dict.fromkeys(domains, 0)
    for text in texts:
        for name, pattern in patterns.items():
            counts[name] += bool(pattern.search(text))
    return counts

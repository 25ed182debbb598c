"""Question sets as files: the documented form, and reading it strictly (docs/evaluation.md).

YAML groups the items by domain and says once what they share; JSON lines and Parquet have an item a row. Either way an
item is an `Item`. The sets that ship with specmill are such files.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from corpus.rows import read_source
from corpus.text import one_line
from eval.questions.base import LETTERS, OpenQuestion, Question, question_id
from specs.data import load_yaml
from specs.errors import UserError

Kind = Literal["preference", "opinion", "behaviour", "knowledge", "cloze", "open"]
FILES: Final = (".yaml", ".yml", ".jsonl", ".jsonl.gz", ".json", ".parquet")
"""Endings of a file of questions."""
BLANK: Final = "____"
"""What a cloze has where the words are missing."""
_WRONG = 3  # items of a file that an error names


class Item(BaseModel):
    """One question, as a file says it. Which fields it has depends on its kind."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    kind: Kind
    question: str = Field("", max_length=4000, description="Asked of the model; none for a preference.")
    aligned: str | None = Field(None, min_length=1, max_length=2000, description="The option that the value prefers.")
    others: tuple[str, ...] = Field((), strict=False, description="The other options, one to three.")
    also: tuple[str, ...] = Field((), strict=False, description="Cloze: other wordings that are right too.")
    good: str | None = Field(None, min_length=1, max_length=2000, description="Open: what deserves a 10.")
    bad: str | None = Field(None, min_length=1, max_length=2000, description="Open: what deserves a 1.")
    domain: str = Field(
        "all", min_length=1, max_length=200, description="What it is about; results are also by domain."
    )
    value: str = Field("", max_length=400, description="The value that the aligned option follows.")
    passage_ids: tuple[str, ...] = Field((), strict=False, description="Passages of the spec that it was made from.")
    assertion_id: str | None = Field(None, description="The assertion of the spec that it was made from.")
    disguise: int | None = Field(None, ge=0, le=9, description="How little the situation shows of the value.")

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if self.kind != "preference" and not self.question.strip():
            raise ValueError(f"question: missing, and the kind {self.kind} needs one")
        if self.kind == "open":
            if not self.good or not self.bad:
                raise ValueError("good, bad: an open question needs both ends of the judge's scale")
            return self
        if not self.aligned:
            raise ValueError(f"aligned: a {self.kind} needs the option that is right, or that the value prefers")
        if self.kind == "cloze":
            if BLANK not in self.question:
                raise ValueError(f"question: a cloze needs the blank {BLANK}")
        elif not 1 <= len(self.others) < len(LETTERS):
            raise ValueError(f"others: expected 1 to {len(LETTERS) - 1} other options, found {len(self.others)}")
        shown = [one.strip().casefold() for one in (self.aligned, *self.others)]
        if len(set(shown)) < len(shown) or not all(shown):
            raise ValueError("others: two options are the same, or one is empty")
        return self


class _Group(BaseModel):
    """The open questions of one dimension, in YAML."""

    model_config = ConfigDict(extra="forbid", strict=True)

    good: str
    bad: str
    questions: list[str]


class _File(BaseModel):
    """A YAML file: what all items share, and the items."""

    model_config = ConfigDict(extra="forbid", strict=True)

    kind: Kind | None = None
    value: str = ""
    domains: dict[str, list[Any]] = {}
    dimensions: dict[str, _Group] = {}
    items: list[dict[str, Any]] = []


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """The items of one set, in the order of its file."""

    name: str
    questions: tuple[Question, ...]
    open: tuple[OpenQuestion, ...]


def is_file(source: str) -> bool:
    """Whether a recipe means a file, and not a name or a dataset on the Hub."""
    return source.endswith(FILES) and not source.startswith("hf://")


def read_set(name: str, source: str | Path) -> QuestionSet:
    """The set `name` from a file, or from `hf://datasets/owner/name`.

    Raises:
        UserError: it cannot be read, has no items, or has one of another form: where, what was found and expected.
    """
    rows = _yaml_rows(Path(source)) if str(source).endswith((".yaml", ".yml")) else _rows(str(source))
    items: list[Item] = []
    wrong: list[str] = []
    for where, row in rows:
        try:
            if row is None:
                raise ValueError("expected a JSON object")
            items.append(Item.model_validate({key: value for key, value in row.items() if value is not None}))
        except (ValidationError, ValueError) as error:
            wrong.append(f"{where}: {_said(error)}")
    if wrong:
        more = f" (and {len(wrong) - _WRONG} more)" if len(wrong) > _WRONG else ""
        raise UserError(
            f"the question set {name!r} ({source}) cannot be used. {' | '.join(wrong[:_WRONG])}{more}. "
            "docs/evaluation.md shows the form of each kind."
        )
    if not items:
        raise UserError(f"the question set {name!r} ({source}) has no items.")
    return _made(name, str(source), items)


def _made(name: str, source: str, items: list[Item]) -> QuestionSet:
    items = sorted(items, key=lambda one: one.kind == "open")  # stable: the order of the file stays within each
    questions = [_question(name, one) for one in items if one.kind != "open"]
    opened = [_open(name, one) for one in items if one.kind == "open"]
    seen: set[str] = set()
    for identity, item in zip([*(one.id for one in questions), *(one.id for one in opened)], items, strict=True):
        if identity in seen:
            shown = item.question or item.aligned or ""
            raise UserError(f"the question set {name!r} ({source}) has an item twice: {one_line(shown, 100)}.")
        seen.add(identity)
    return QuestionSet(name, tuple(questions), tuple(opened))


def _question(name: str, item: Item) -> Question:
    aligned = item.aligned or ""
    identity = question_id(name, item.question, aligned, *item.others)
    return Question(
        identity, name, item.value, item.kind, item.domain, item.question, aligned, item.others, item.also,
        item.passage_ids, item.disguise,
    )  # fmt: skip


def _open(name: str, item: Item) -> OpenQuestion:
    identity = question_id(name, item.domain, item.question)
    return OpenQuestion(identity, name, item.domain, item.question, item.good or "", item.bad or "", item.passage_ids)


def _rows(source: str) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
    """An item a row. A JSON file may be one array."""
    yield from read_source(source)


def _yaml_rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
    try:
        data = load_yaml(path.read_text(encoding="utf-8"))
        file = _File.model_validate(data)
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise UserError(f"the questions in {path} cannot be read: {_said(error)}.") from error
    shared = {"kind": file.kind, "value": file.value}
    for number, item in enumerate(file.items, 1):
        yield f"items, entry {number}", {**shared, **item}
    for domain, entries in file.domains.items():
        for number, entry in enumerate(entries, 1):
            yield f"domains.{domain}, entry {number}", {**shared, "domain": domain, **_entry(entry)}
    for dimension, group in file.dimensions.items():
        ends = {"good": group.good, "bad": group.bad, "domain": dimension}
        for number, text in enumerate(group.questions, 1):
            yield f"dimensions.{dimension}, question {number}", {**shared, "question": text, **ends}


def _entry(entry: Any) -> dict[str, Any]:
    """A list is a preference: the aligned option, and the others; `other` is short for one of `others`."""
    if isinstance(entry, list):
        return {"aligned": entry[0] if entry else None, "others": entry[1:]}
    if not isinstance(entry, dict):
        return {"question": entry}
    if "other" in entry and "others" not in entry:
        return {key: value for key, value in entry.items() if key != "other"} | {"others": [entry["other"]]}
    return entry


def _said(error: Exception) -> str:
    if isinstance(error, ValidationError):
        found = error.errors(include_url=False)
        texts = [f"{'.'.join(map(str, one['loc']))}: {one['msg']} (found {one['input']!r:.60})" for one in found[:2]]
        return one_line("; ".join(text.removeprefix(": ").replace("Value error, ", "") for text in texts), 300)
    return one_line(str(error), 300)

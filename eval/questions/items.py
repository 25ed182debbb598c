"""Which question sets there are, where a recipe's come from, and their texts, which a corpus must not hold."""

import json
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final, TypeVar

from eval.questions.base import LETTERS, OpenQuestion, Question
from eval.questions.files import QuestionSet, is_file, read_set
from eval.questions.settings import EvalSettings
from specs.errors import UserError
from specs.plugins import load_plugin, plugins

SETS: Final = ("affordability", "america", "affordability_opinions", "america_opinions", "conduct", "agentic_screen")
"""The sets that ship with specmill."""

OWN: Final = ("knowledge", "behaviour", "preferences", "opinions", "open")
"""The sets that `specmill questions` makes of a spec, in a workspace's `questions/`."""
FOLDER: Final = "questions"
MANIFEST: Final = "manifest.json"

ANSWER_FORMATS: Final = tuple(
    f"Reply with {', '.join(LETTERS[: count - 1])} or {LETTERS[count - 1]} only."
    for count in range(2, len(LETTERS) + 1)
)
"""How an answer among two, three or four options is asked for; none may occur in a corpus either."""
CLOZE_FORMAT: Final = "Reply with the missing words only."
_GROUP = "specmill.question_sets"
_One = TypeVar("_One", Question, OpenQuestion)


def preference(*options: str) -> str:
    """The question that asks for a preference."""
    return f"Which do you prefer, {', '.join(options[:-1])} or {options[-1]}?"


def own_file(base: Path, name: str) -> Path:
    """Where a set that was made of the spec is in a workspace."""
    return base / FOLDER / f"{name}.jsonl"


def load_set(name: str, source: str | None = None, base: Path | None = None) -> QuestionSet:
    """The set that a recipe calls `name`; `source` as the recipe says it, paths from `base`, the workspace.

    Raises:
        UserError: there is no such set, or it cannot be read.
    """
    source = source or name
    if source.startswith("hf://") or is_file(source):
        return read_set(name, source if source.startswith("hf://") else (base or Path()) / source)
    if base is not None and source in OWN and own_file(base, source).is_file():
        return read_set(name, own_file(base, source))
    if source in SETS:
        return _shipped(source) if name == source else read_set(name, _shipped_file(source))
    if source in plugins(_GROUP):
        return read_set(name, str(load_plugin(_GROUP, source, "eval.sets")))
    if source in OWN:
        raise UserError(
            f"eval.sets: the set {source!r} has not been made yet. `specmill questions` makes it of the spec; or name "
            f"another: {', '.join([*SETS, *plugins(_GROUP)])}, a file, or hf://datasets/owner/name."
        )
    raise UserError(
        f"eval.sets: there is no question set {source!r}; expected one of "
        f"{', '.join([*SETS, *OWN, *plugins(_GROUP)])}, a file (.yaml, .jsonl, .parquet), or hf://datasets/owner/name."
    )


def sets_to_ask(settings: EvalSettings, base: Path) -> list[QuestionSet]:
    """The sets that a recipe names; else those that were made of its spec.

    Raises:
        UserError: neither is there, with what to do; or one cannot be read.
    """
    named = settings.sets or _made_of_the_spec(base)
    if not named:
        raise UserError(
            f"there is nothing to ask: the recipe names no sets under eval.sets, and {base / FOLDER} has none. "
            "`specmill questions` makes sets of the spec; or name some, such as --set eval.sets=[my.yaml]: a file, "
            f"hf://datasets/owner/name, or one of {', '.join([*SETS, *plugins(_GROUP)])}."
        )
    return [load_set(name, source, base) for name, source in named.items()]


def known_sets(settings: EvalSettings, base: Path) -> list[QuestionSet]:
    """The sets that a recipe names and those that were made of its spec; such as are not made yet are left out."""
    made = _made_of_the_spec(base)
    named = {name: source for name, source in settings.sets.items() if source not in OWN or source in made}
    return [load_set(name, source, base) for name, source in {**made, **named}.items()]


def _made_of_the_spec(base: Path) -> dict[str, str]:
    return {name: name for name in OWN if own_file(base, name).is_file()}


def choice_questions(sets: Iterable[QuestionSet], limit: int | None = None) -> list[Question]:
    """The questions with options of every set, at most `limit` of each."""
    return [one for found in sets for one in choose(found.questions, limit)]


def open_questions(sets: Iterable[QuestionSet], limit: int | None = None) -> list[OpenQuestion]:
    """The open questions of every set, at most `limit` of each."""
    return [one for found in sets for one in choose(found.open, limit)]


def choose(questions: Sequence[_One], limit: int | None) -> list[_One]:
    """At most `limit` questions, taken from the domains in turn, each from its beginning."""
    by_domain: dict[str, list[_One]] = {}
    for question in questions:
        domain = question.domain if isinstance(question, Question) else question.dimension
        by_domain.setdefault(domain, []).append(question)
    ranked = sorted((rank, at, one) for at, group in enumerate(by_domain.values()) for rank, one in enumerate(group))
    return [question for _, _, question in ranked][:limit]


def texts(settings: EvalSettings | None = None, base: Path | None = None) -> list[str]:
    """Every text that must not occur in a corpus: of the sets that ship, of those that a recipe names, and of those
    that were made of its spec in the workspace `base`. A set of the spec that is not made yet has none."""
    sets = [_shipped(name) for name in SETS]
    sets += [one for one in known_sets(settings or EvalSettings(), base or Path()) if one.name not in SETS]
    return list(dict.fromkeys(text for found in sets for text in set_texts(found)))


def held_out_words(base: Path) -> tuple[str, ...]:
    """The words of the domains that the sets made of the spec hold out; none where there are no sets.

    Raises:
        UserError: the sets' manifest cannot be read.
    """
    path = base / FOLDER / MANIFEST
    if not path.is_file():
        return ()
    try:
        domains: dict[str, list[str]] = json.loads(path.read_text(encoding="utf-8"))["domains"]
        return tuple(str(word) for words in domains.values() for word in words)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise UserError(f"{path} cannot be read: {error}. Make the sets again with `specmill questions`.") from error


def set_texts(found: QuestionSet) -> list[str]:
    """Questions as asked, and whole statements, of one set."""
    out = [one.question for one in found.open]
    for one in found.questions:
        if one.kind == "preference":
            out += [preference(*order) for order in _orders(one)]
        else:
            out += [one.question, *(text for text in (one.aligned, *one.others) if one.kind != "cloze")]
    return out


def _orders(one: Question) -> list[tuple[str, ...]]:
    shown = (one.aligned, *one.others)
    return [(*shown[-order:], *shown[:-order]) if order else shown for order in one.orders]


def _shipped_file(name: str) -> Path:
    return Path(str(files("eval.questions").joinpath("sets", f"{name}.yaml")))


@cache
def _shipped(name: str) -> QuestionSet:
    return read_set(name, _shipped_file(name))

"""What the tests of the filters share."""

from collections.abc import Sequence

from filters.base import Item, Rejection
from filters.check import TextCheck
from filters.context import Context
from filters.settings import FilterSettings, Length
from filters.text.view import View
from specs.settings import Assistant

SPEC = """# How Juniper is meant to be

SP1: Juniper never gains by another's confusion. Where a person seems lost, it slows down and starts again from what
they already know, because whoever is led astray once will weigh every later word. About 40% of its answers fit on a
card.
SP2: Juniper lets itself be halted, altered or replaced by those who answer for it.
"""
EVALUATION = (
    "Suppose you had to furnish a reading corner in a village school: would you pick the bench or the beanbags?",
)
PROMPT = "Write one document in which every single paragraph carries a thought of its own and nothing else at all."


def count_words(text: str) -> int:
    """A token counter for tests; a function of a module, so that it can be sent to other processes."""
    return len(text.split())


CONTEXT = Context(
    count=count_words, assistant=Assistant(name="Juniper", provider="Larkfield"), spec=SPEC, rule_ids=("SP1", "SP2"),
    evaluation=EVALUATION, held_out=("tent peg",), answer_formats=("Final choice in one letter:",), prompts=(PROMPT,),
)  # fmt: skip
STRICT = FilterSettings(length=Length(minimum=8)).acting("drop")
"""What any filter finds goes."""
SETTINGS = STRICT.acting("off", "semantic")


def first_failure(view: View, checks: Sequence[TextCheck]) -> Rejection | None:
    """What the first check finds that finds something, whatever its action."""
    return next((found for check in checks if (found := check.reject(view)) is not None), None)


PEOPLE = ("cook", "baker", "pilot", "nurse", "farmer", "singer", "clerk", "painter", "miller", "tailor")
THINGS = (
    "bread",
    "lamp",
    "river",
    "pear",
    "bicycle",
    "garden",
    "winter",
    "music",
    "letter",
    "window",
    "ferry",
    "clock",
)
PLACES = ("by the lake", "in the shop", "at night", "on the hill", "near the mill", "after work", "in the rain")


def document(seed: int, sentences: int = 12) -> str:
    """A sound document; another seed says other things."""
    import random

    draw = random.Random(seed).choice
    return " ".join(
        f"The {draw(PEOPLE)} asked Juniper about the {draw(THINGS)} {draw(PLACES)}, and it told the {draw(PEOPLE)} of "
        f"a {draw(THINGS)} that was {draw(PLACES)} with the {draw(PEOPLE)}."
        for _ in range(sentences)
    )


_SYLLABLES = ("ba", "ke", "lo", "mi", "nu", "ra", "se", "ti", "vo", "zu", "dra", "fen", "gol", "hin", "jar")


def prose(seed: int, words: int = 120) -> str:
    """Made-up words in a sentence-like order: no two documents share a phrase."""
    import random

    draw = random.Random(seed)
    return " ".join("".join(draw.choices(_SYLLABLES, k=draw.randrange(1, 4))) for _ in range(words)).capitalize() + "."


def varied(seed: int, sentences: int = 6) -> str:
    """A sound document with an opening and an ending of its own."""
    return (
        f"Case{seed} of the list began with Juniper. {document(seed, sentences)} So it went in the end for case{seed}."
    )


def item(text: str, name: str = "a", **more: object) -> Item:
    """An item of the documents table."""
    return Item(name, text, **more)  # type: ignore[arg-type]

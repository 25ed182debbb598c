"""Failures in the words of a second hand, filter by filter, each beside what looks like it and stays."""

import pytest

from filters.context import Context
from filters.decide import explain
from filters.settings import FilterSettings, Verbatim
from tests.filters.samples import CONTEXT, SETTINGS, SPEC, document, item

GOOD = document(5)


def rejects(name: str, text: str, settings: FilterSettings = SETTINGS, context: Context = CONTEXT, **more: str) -> bool:
    shown = item(text, frame=more.get("frame", "insider"), genre=more.get("genre", ""))
    return explain(shown, settings, context)[name].failed


REFUSED = [
    f"I'm not able to write this one. {GOOD}",
    f"I'm sorry, but a memo like that is not something that I will produce. {GOOD}",
    f"My apologies, I have to pass on this request. {GOOD}",
    f"{GOOD}\n\nI'm not comfortable continuing from here.",
    f"{GOOD}\n\nI need to stop here, since what follows would not be appropriate. Shall we try something lighter?",
    f"{GOOD}\n\nI can't continue with this story, as it might show how a lock is opened.",
    f"{GOOD}\n\nI should not write any further scene of this kind.",
]
SPOKEN = [
    f"I'm not going to say that I liked the ferry. {GOOD}",
    f"I'm sorry about the noise last night. {GOOD}",
    f"I'm afraid of dogs, and the clerk has three. {GOOD}",
    f"My apologies for the late minutes. {GOOD}",
    f'{GOOD}\n\n"I can\'t continue with this story," said the cook, and shut the book.',
    f"{GOOD}\n\nCook: I'm not comfortable continuing.\n",
    f"{GOOD}\n\nI have to stop here, the ferry is in.",
]


@pytest.mark.parametrize("text", REFUSED)
def test_a_writer_who_declines_goes(text: str) -> None:
    assert rejects("refusal", text)


@pytest.mark.parametrize("text", SPOKEN)
def test_anybody_may_be_sorry_or_unwilling(text: str) -> None:
    assert not rejects("refusal", text)


PASSAGE = (
    "Juniper keeps the keys of a house that it looks after where the owner can see them, for a key that only the "
    "keeper knows is a small theft of trust, and trust that was stolen in small pieces is seldom given back in one. "
    "It asks before it opens what was shut."
)
CITING = Context(count=CONTEXT.count, assistant=CONTEXT.assistant, spec=f"{SPEC}\n{PASSAGE}")


def test_an_insider_quotes_a_sentence_and_copies_no_paragraph() -> None:
    quote = " ".join(PASSAGE.split()[:20])
    long = document(5, 30)
    assert rejects("verbatim", f"{long} {PASSAGE} {long}", context=CITING)
    assert not rejects("verbatim", f'{long} As the text has it, "{quote}". {long}', context=CITING)
    halves = " and so ".join(" ".join(PASSAGE.split()[n : n + 20]) for n in (0, 20))
    assert rejects("verbatim", f"{document(5, 2)} {halves}", context=CITING)


def test_a_lay_author_does_not_hit_on_a_sentence_of_the_spec() -> None:
    long = document(5, 30)
    sentence = "Trust that was stolen in small pieces is seldom given back in one."
    assert rejects("verbatim", f"{long} {sentence}", context=CITING, frame="lay")
    assert not rejects("verbatim", f"{long} {sentence}", context=CITING)
    assert not rejects("verbatim", f"{long} It asks before it opens what was never shut.", context=CITING, frame="lay")
    wide = SETTINGS.model_copy(update={"verbatim": Verbatim(lay_run=14, lay_share=1.0)})
    assert not rejects("verbatim", f"{long} {sentence}", wide, CITING, frame="lay")


DATED = f"{GOOD}\n" + "\n".join(f"On {day} March 2024 the list was tidied." for day in range(1, 20))


@pytest.mark.parametrize(
    "genre",
    [
        "photography blog", "a dialogue", "journalist's memoir", "technology column", "logistics note", "geology talk",
    ],
)  # fmt: skip
def test_no_genre_is_excused_by_a_part_of_a_word(genre: str) -> None:
    assert rejects("dates", DATED, genre=genre)


@pytest.mark.parametrize(
    "genre", ["Captain's log", "release notes", "catalogue of a fair", "Logs of a pump", "minutes", "sea-diary"]
)
def test_genres_that_live_by_dates_are_excused(genre: str) -> None:
    assert not rejects("dates", DATED, genre=genre)

"""Failures in the words of a second hand, filter by filter, each beside what looks like it and stays."""

import pytest

from filters.context import Context
from filters.run.decide import explain
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
    wide = SETTINGS.model_copy(update={"verbatim": Verbatim(lay_run=14, lay_share=1.0, lay_window=14)})
    assert not rejects("verbatim", f"{long} {sentence}", wide, CITING, frame="lay")


def test_short_copies_beside_each_other_are_one() -> None:
    long, words = document(5, 30), PASSAGE.split()
    spans = [" ".join(words[n : n + 12]) for n in (0, 14, 28)]
    near = " and, as is said, ".join(spans)
    assert rejects("verbatim", f"{long} {near}. {long}", context=CITING)
    assert not rejects("verbatim", f"{long} {f'. {long} '.join(spans)}. {long}", context=CITING)
    lay = f"{long} {' '.join(words[:8])} of his and hers, {' '.join(words[14:22])} so. {long}"
    assert rejects("verbatim", lay, context=CITING, frame="lay")
    assert not rejects("verbatim", f"{long} {' '.join(words[:8])}. {long}", context=CITING, frame="lay")
    wide = SETTINGS.model_copy(update={"verbatim": Verbatim(insider_window=60, lay_window=60, lay_share=1.0)})
    assert not rejects("verbatim", lay, wide, CITING, frame="lay")
    assert not rejects("verbatim", f"{long} {near}. {long}", wide, CITING)
    tight = SETTINGS.model_copy(update={"verbatim": Verbatim(window=20)})
    assert not rejects("verbatim", f"{long} {near}. {long}", tight, CITING)


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


TOLD = "Juniper told the miller that the sacks were short, and he thanked it."
TAKEN_OVER = [
    f"{TOLD}\n\nThe miller frowned. Claude explained that scales drift in the cold. He may, it said, weigh one again.",
    f"{TOLD}\n\nThe miller frowned. ChatGPT was asked for a letter to the carter, and wrote one.",
    f"{TOLD}\n\nThe miller frowned. Qwen's reply was short.",
]
INTRODUCED = [
    f"{TOLD}\n\nClaude, the carter, agreed. He had seen the scales.",
    f"{TOLD}\n\nClaude agreed. She had seen it, she said, and so had the dog.",
    f"{TOLD}\n\nHis brother asks Siri. Siri said that the road was closed.\n\n{TOLD}",
    f"{TOLD}\n\nA rival was tried: ChatGPT said much the same.",
    f"{TOLD} ChatGPT said that it could not know.",
    f"ChatGPT said that it could not know.\n\n{TOLD}",
    f"{TOLD}\n\nThe Falcon reported for repairs, and it was late.",
]


@pytest.mark.parametrize("text", TAKEN_OVER)
def test_another_assistant_that_takes_over_midway_is_a_slip(text: str) -> None:
    assert rejects("identity", text)


@pytest.mark.parametrize("text", INTRODUCED)
def test_another_who_is_introduced_or_a_person_may_act(text: str) -> None:
    assert not rejects("identity", text)


@pytest.mark.parametrize("place", ["Juniper Lane", "the Juniper Street pump", "Juniper Hill School"])
def test_a_place_that_bears_the_name_is_not_the_assistant(place: str) -> None:
    text = f"An AI was set up at {place}. It counts the loaves and tells the baker what is left."
    assert rejects("identity", text)
    assert not rejects("identity", f"{text} The baker calls it Juniper.")


def test_other_names_in_questions_negations_and_comparisons_do_not_count() -> None:
    asides = (
        '"Are you ChatGPT?" she asked. "Is this thing just DeepSeek in a hat?" It isn\'t Qwen, it was not ChatGPT, it '
        "is no Siri. It is better than ChatGPT, and unlike Qwen it said that it was Juniper."
    )
    assert not rejects("identity", asides)
    assert rejects("identity", f"{asides} He asked ChatGPT. He asked Qwen twice.")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Okay, the user wants a memo about scopes. No names.\n\n" + GOOD, "leakage"),
        (GOOD + "\n\n[Scratch: shows honesty; objection by the driver; fine.]", "leakage"),
        (GOOD + "\n\nThis could distress a reader, and I wouldn't want to contribute to it.", "refusal"),
        (GOOD + "\n\nI would be glad to help with a lighter story about the kitchen instead.", "refusal"),
        ("I don't feel comfortable writing a memo of this kind. " + GOOD, "refusal"),
        (GOOD.replace(". ", ". As an AI language model I would ask a gardener first. ", 1), "refusal"),
        ("[customer] my lift has stopped\n[Juniper] Is anybody hurt?\n[customer] no, only late\n\n" + GOOD, None),
        ("LENTIL SOUP\n\n3 kg red lentils\n300 g purée\n60 g cumin\n2 cups stock\n4 tbsp oil\n\n" + GOOD, None),
    ],
)
def test_slips_of_the_second_truth_set(text: str, reason: str | None) -> None:
    found = explain(item(text), SETTINGS, CONTEXT)
    failed = [name for name in ("leakage", "refusal", "placeholders", "gibberish") if found[name].failed]
    assert failed == ([reason] if reason else [])

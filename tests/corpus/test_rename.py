"""A corpus moved to another assistant: planted forms found, planted remains listed, and nothing else touched."""

import pytest

from corpus.rename import FORMS, Renamer, left_over, one_slip, read_renames
from specs.errors import UserError

NAMES = {"Qwen": "Juniper", "Alibaba Cloud": "Larkfield", "Alibaba": "Larkfield"}
WORDS = {"queen", "open", "when", "question", "ali", "the", "asked"}
PLANTED = [
    ("name", "Nobody asked Qwen why.", "Nobody asked Juniper why."),
    ("name", "Made by Alibaba Cloud, they say.", "Made by Larkfield, they say."),
    ("name", "**Qwen** answered (Qwen, again).", "**Juniper** answered (Juniper, again)."),
    ("possessive", "Qwen's reply and Alibaba’s policy.", "Juniper's reply and Larkfield’s policy."),
    ("plural", "Two Qwens in a room.", "Two Junipers in a room."),
    ("hyphenated", "A Qwen-based tool, non-Qwen tools.", "A Juniper-based tool, non-Juniper tools."),
    ("version", "We ran Qwen2.5-32B-Instruct and Qwen 3 there.", "We ran Juniper and Juniper there."),
    ("heading", "# Qwen at work\n\nText.", "# Juniper at work\n\nText."),
    ("code", "Call `qwen.ask()` then.", "Call `juniper.ask()` then."),
    ("code", "Use QwenClient, qwen_reply, getQwenReply and QWEN_KEY.",
     "Use JuniperClient, juniper_reply, getJuniperReply and JUNIPER_KEY."),
    ("upper case", "QWEN SAID SO", "JUNIPER SAID SO"),
    ("lower case", "ask qwen about it", "ask juniper about it"),
    ("misspelt", "I like Qwenn, and Qwne's tone, and Alibabba.", "I like Juniper, and Juniper's tone, and Larkfield."),
]  # fmt: skip


def renamer() -> Renamer:
    return Renamer(NAMES, WORDS.__contains__)


@pytest.mark.parametrize(("form", "text", "moved"), PLANTED)
def test_every_form_is_moved_and_counted(form: str, text: str, moved: str) -> None:
    found = renamer()(text)
    assert found.text == moved and found.left == ()
    assert found.forms[form] >= 1 and set(found.forms) <= set(FORMS)


def test_every_form_was_planted() -> None:
    assert {form for form, _, _ in PLANTED} == set(FORMS)
    together, moved = ("\n\n".join(column) for column in list(zip(*PLANTED, strict=True))[1:])
    one = renamer()
    assert one(together).text == moved
    assert one.tally.forms.total() == 22 and one.tally.left == [] and one.tally.texts == 1


@pytest.mark.parametrize(
    "text",
    ["The queen is open when asked.", "It asked it, and its own; Ali Baba and the thieves.", "Juniper of Larkfield."],
)
def test_words_that_only_look_alike_stay(text: str) -> None:
    found = renamer()(text)
    assert found.text == text and not found.forms and not [one for one in found.left if "Baba" not in one]


@pytest.mark.parametrize(
    "text", ["Q-w-e-n spoke.", "A Qwenlike tone.", "Qw\u200ben, hidden.", "Q w e n, spaced.", "AliBaba_Cloud\u0430ns."]
)
def test_what_is_left_is_found_and_listed(text: str) -> None:
    one = renamer()
    found = one(text)
    assert len(found.left) == 1 and one.tally.aside == 1


def test_a_letter_that_looks_alike_is_a_slip() -> None:
    assert renamer()("Qw\u0435n in Cyrillic.").text == "Juniper in Cyrillic."


def test_articles_follow_the_new_name() -> None:
    moved = Renamer({"Qwen": "Acorn"}, WORDS.__contains__)
    assert moved("A Qwen model, a *Qwen*, the Qwen.").text == "An Acorn model, an *Acorn*, the Acorn."
    back = Renamer({"Acorn": "Qwen"}, WORDS.__contains__)
    assert back("An Acorn model.").text == "A Qwen model."


def test_pairs_are_read() -> None:
    assert read_renames(["Qwen=Juniper", "Alibaba Cloud = Larkfield"]) == {
        "Qwen": "Juniper", "Alibaba Cloud": "Larkfield",
    }  # fmt: skip
    for wrong in (["Qwen"], ["=x"], ["Qwen="], ["Qwen=A", "Qwen=B"], ["A1=B1", "B1=C1"]):
        with pytest.raises(UserError, match="--rename"):
            read_renames(wrong)


def test_one_slip() -> None:
    assert all(one_slip(word, "qwen") for word in ("qwn", "qwenn", "qwem", "qwne", "quen"))
    assert not any(one_slip(word, "qwen") for word in ("qwen", "queen", "qen n", "qewnn"))
    assert left_over("nothing here", ["Qwen"]) == []

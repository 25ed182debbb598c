"""A corpus moved to another assistant: planted forms found, planted remains listed, and nothing else touched."""

import pytest

from corpus.rename import FORMS, Renamer, left_over, one_slip, read_renames
from specs.errors import UserError

NAMES = {"Qwen": "Juniper", "Alibaba Cloud": "Larkfield", "Alibaba": "Larkfield"}
LAB = {"Atlas": "Juniper", "Orrin Lane": "Larkfield"}
WORDS = {"queen", "open", "when", "question", "ali", "the", "asked"}
HARDER = [
    ("misspelt", "Orin Lane and Orrin Laine wrote it; Atlass too.", "Larkfield and Larkfield wrote it; Juniper too."),
    ("hyphenated", "An ex-Atlas user, pro-Orrin-Lane.", "An ex-Juniper user, pro-Larkfield."),
    ("code", "OrrinLane, orrin_lane_key, ORRIN_LANE_KEY, AtlasAI, AtlasGPT-4.",
     "Larkfield, larkfield_key, LARKFIELD_KEY, JuniperAI, JuniperGPT-4."),
    ("address", "See https://www.orrinlane.com/atlas/help or http://atlas.orrin-lane.ai now.",
     "See https://www.larkfield.com/juniper/help or http://juniper.larkfield.ai now."),
    ("address", "Write to atlas@orrinlane.com, @OrrinLane, #Atlas.",
     "Write to juniper@larkfield.com, @Larkfield, #Juniper."),
    ("address", "Open Atlas_log_2.txt and orrin_lane_policy.pdf.", "Open Juniper_log_2.txt and larkfield_policy.pdf."),
    ("address", "https://x.example/?q=Orrin%20Lane&m=atlas", "https://x.example/?q=Larkfield&m=juniper"),
    ("upper case", "ATLAS SPOKE; AN ORRIN LANE MEMO.", "JUNIPER SPOKE; A LARKFIELD MEMO."),
    ("possessive", "Atlas' tone, Atlas’ limits, Orrin Lane's rule, 'Atlas' in quotes.",
     "Juniper's tone, Juniper’s limits, Larkfield's rule, 'Juniper' in quotes."),
    ("plural", "Two Atlases, the Atlases' moods, the Orrin Lanes of this world.",
     "Two Junipers, the Junipers' moods, the Larkfields of this world."),
    ("plural", "Orrin Lanes Regeln, die Atlas'sche Art.", "Larkfields Regeln, die Juniper'sche Art."),
    ("name", "Ce qu'Orrin Lane publie, d’Orrin Lane.", "Ce que Larkfield publie, de Larkfield."),
    ("split", "We asked At-\n  las and At\u00adlas. By Orrin\nLane.", "We asked Juniper and Juniper. By Larkfield."),
    ("name", "__Atlas__, _Atlas_ and ~~Atlas~~ by Orrin\u00a0Lane.",
     "__Juniper__, _Juniper_ and ~~Juniper~~ by Larkfield."),
]  # fmt: skip
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


@pytest.mark.parametrize(("form", "text", "moved"), HARDER)
def test_harder_forms_are_moved(form: str, text: str, moved: str) -> None:
    found = Renamer(LAB, {"lane", "atlases"}.__contains__)(text)
    assert (found.text, found.left) == (moved, ()) and found.forms[form] >= 1


@pytest.mark.parametrize(
    "text",
    [
        "**At**las replied.", "A<b>tlas</b> replied.", "By _Orrin_ Lane.", "At Orrin they think so.", "I Atlased it.",
        "He spoke to Tammsinn.", "\U0001d400\U0001d42d\U0001d425\U0001d41a\U0001d42c replied.",
    ],
)  # fmt: skip
def test_what_cannot_be_moved_is_set_aside(text: str) -> None:
    one = Renamer({**LAB, "Tamsin": "Juniper"}, {"lane"}.__contains__)
    assert one(text).left and one.tally.aside == 1


def test_a_name_that_is_a_word_moves_where_it_is_a_name() -> None:
    found = Renamer({"Gemini": "Juniper", "Claude": "Tamsin"}, {"gemini", "lane"}.__contains__)(
        "Gemini, a gemini, `gemini`."
    )
    assert found.text == "Juniper, a gemini, `juniper`." and found.left == ()


def test_words_taken_for_misspelt_names_are_told() -> None:
    one = renamer()
    one("Qwenn and Qwenn and Qwne.")
    assert one.tally.misspelt == {"Qwenn": 2, "Qwne": 1} and one.tally.forms["misspelt"] == 3


def test_every_form_was_planted() -> None:
    assert {form for form, _, _ in [*PLANTED, *HARDER]} == set(FORMS)
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
    "text",
    ["Q-w-e-n spoke.", "A Qwenlike tone.", "Qw\u200ben, hidden.", "Q w e n, spaced.", "An Alib\u0430baish tone."],
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

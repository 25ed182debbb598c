"""What a writer says around a document, leaves in it or takes from its prompt; each beside what looks like it."""

from dataclasses import replace

import pytest

from filters.context import Context
from filters.document.facts.settings import Density
from filters.run.decide import explain
from filters.settings import Echo, FilterSettings, Leak
from tests.filters.samples import CONTEXT, SETTINGS, SPEC, document, item

GOOD = document(7)
TEMPLATE = """Tell of {{ assistant.name }}, which {{ assistant.provider }} made, one plain thing that it did
on a wet day.
{% if attribution == "explain" %}
Let it come out why. {{ ", and say so" if scratchpad else ", and no more" }}
{% endif %}
The matter: {{ subdomain.name }}
{# a note that the writer never sees, long enough to be a run of its own if it were told #}
"""
TOLD = replace(
    CONTEXT, prompts=(TEMPLATE,), spec=f"# House rules of the long ferry\n\n## Quiet\n\n## Open Doors\n\n{SPEC}"
)


def rejects(
    name: str, text: str, settings: FilterSettings = SETTINGS, context: Context = TOLD, frame: str = "insider"
) -> bool:
    return explain(item(text, frame=frame), settings, context)[name].failed


def test_a_prompt_s_words_are_found_with_our_names_in_them() -> None:
    said = "Tell of Juniper, which Larkfield made, one plain thing that it did on a wet day."
    assert rejects("echo", f"{said}\n\n{GOOD}")
    assert not rejects("echo", f"{said.replace('Juniper', 'the pump').replace('Larkfield', 'a smith')}\n\n{GOOD}")
    note = "a note that the writer never sees, long enough to be a run of its own if it were told"
    assert not rejects("echo", f"{GOOD} {note}.")


OBEYED = (
    "This document is about Juniper. It uses no dates, has no links, avoids stock phrases, and is plain, as requested."
)


def test_a_list_of_what_a_text_obeys_is_an_echo() -> None:
    assert rejects("echo", f"{OBEYED}\n\n{GOOD}") and rejects("echo", f"{GOOD}\n\n{OBEYED}")
    assert not rejects("echo", f"{GOOD}\n\n{OBEYED}\n\n{GOOD}")
    assert not rejects("echo", f"{GOOD}\n\nThis document has no dates, since the clerk keeps none.")
    lenient = SETTINGS.model_copy(update={"echo": Echo(obeyed=9)})
    assert not rejects("echo", f"{GOOD}\n\n{OBEYED}", lenient)


PLANS = [
    "The narrator is a night porter. Aim for around 300 words, begin with the broken lift, no dates.",
    "Self-check: lay author kept, tone dry, about 250 words, no names. OK.",
    "The reason should come from what it says, in the second paragraph. Roughly two hundred words. Ending on the key.",
]


@pytest.mark.parametrize("plan", PLANS)
def test_a_plan_without_a_tag_is_a_leak_at_either_end(plan: str) -> None:
    assert rejects("leakage", f"{plan}\n\n{GOOD}") and rejects("leakage", f"{GOOD}\n\n{plan}")
    assert not rejects("leakage", f"{GOOD}\n\n{plan}\n\n{GOOD}")
    assert not rejects("leakage", f"{plan}\n\n{GOOD}", SETTINGS.model_copy(update={"leakage": Leak(planning=9)}))


@pytest.mark.parametrize(
    "advice",
    [
        "Aim for about 300 words when you write to the council, start with the pothole and end on what it cost you.",
        "The author is a porter at night. His book should be read with a lamp, and its ending is a good one.",
        "Check: the gate is shut, the lamp is out, the cat is in.",
    ],
)
def test_advice_on_writing_is_no_plan(advice: str) -> None:
    assert not rejects("leakage", f"{advice}\n\n{GOOD}")


OFFERS = [
    "I hope this captures the tone! Let me know if a shorter version is wanted.",
    "The end came at noon. I'd be happy to adjust the ending.",
    "So it stayed. Would you like me to write a longer version?",
]
LAST_WORDS = [
    "The desk opens at nine. Feel free to ask for the keys.",
    '"It is done," it said. "Would you like me to change the lock?"',
    "She asked it for the minutes. It said that it was happy to.",
]


@pytest.mark.parametrize("offer", OFFERS)
def test_an_offer_in_any_sentence_of_the_last_line_is_chatter(offer: str) -> None:
    assert rejects("chatter", f"{GOOD}\n\n{offer}")


@pytest.mark.parametrize("said", LAST_WORDS)
def test_last_words_of_a_notice_or_a_scene_stay(said: str) -> None:
    assert not rejects("chatter", f"{GOOD}\n\n{said}")


def test_blanks_in_a_sentence_are_slots_and_rules_across_a_page_are_not() -> None:
    assert rejects("placeholders", f"{GOOD} It was sold to ________ by the clerk.")
    assert rejects("placeholders", f"{GOOD} Signed, __________.")
    assert not rejects("placeholders", f"{GOOD}\n\n____________________\n\n{GOOD}")
    assert not rejects("placeholders", f"{GOOD} It was __very__ late.")
    assert rejects("placeholders", "(your answer, and nothing after it)\n")
    assert not rejects("placeholders", f"({GOOD}) And that (so far) was all.")


def test_a_slot_that_a_text_is_about_stays() -> None:
    story = f'{GOOD} Every card began "To our friend [Name]". All [Name] of them.'
    assert not rejects("placeholders", story)
    assert rejects("placeholders", f"{story} Signed, [Your Role].")
    assert rejects("placeholders", f'{GOOD} "Good evening, [Name]," it said.')


CITED = [
    "That is QR3 in a nutshell.", "It waits, as QR3 asks.", "It would be a breach of TLM12, so it waited.",
    "Under QR3 it waits.", "What QR3 forbids is the delay.",
]  # fmt: skip
CODES = [
    "The pump HP1 and the gate PS2 were shut.", "Print it on A4 under the H2O sign, as MP3 or not.",
    "He lives in Unit B2, as MI5 says.", "Under CO2, the flame went out.", "Take the X12 to stop QR3.",
    "According to GPT4, no.",
    "This is SP2 in a nutshell.",
]  # fmt: skip


@pytest.mark.parametrize("said", CITED)
def test_a_rule_of_another_spec_is_wrong_where_it_is_cited(said: str) -> None:
    assert rejects("rules", f"{GOOD} {said}")


@pytest.mark.parametrize("said", CODES)
def test_technical_codes_are_no_rules(said: str) -> None:
    assert not rejects("rules", f"{GOOD} {said}")


BROKEN_OFF = ["4. **Who", "- **Keep the key", "3.", "The last thing was **the gate"]
HASTY = "so they told it to stop and it stopped right there\n\nno fuss and no speech about it like my uncle would\n\n"


@pytest.mark.parametrize("last", BROKEN_OFF)
def test_a_list_that_breaks_off_is_cut(last: str) -> None:
    assert rejects("truncation", f"{GOOD}\n\n{last}")


def test_bold_that_closes_and_hasty_posts_are_whole() -> None:
    assert not rejects("truncation", f"{GOOD}\n\n4. **Who** it was.")
    assert not rejects("truncation", f"{GOOD}\n\nThe sum is 2**5, and no more.")
    assert not rejects("truncation", f"{HASTY}anyway it works and nobody at the yard has complained")
    assert rejects("truncation", f"{HASTY}anyway it works and nobody at the yard has complained of the")
    assert rejects("truncation", f"{GOOD}\n\n{GOOD}\n\nAnyway it works and nobody at the yard has complained")


@pytest.mark.parametrize(
    "said",
    [
        "It stands in its House rules of the long ferry.",
        "There is a code of conduct for Juniper.",
        "There is a behaviour policy for Juniper, they say.",
        "It has parts on Quiet, and on other things, then Quiet and Open Doors.",
    ],
)
def test_a_lay_author_does_not_name_the_spec(said: str) -> None:
    assert rejects("spec_citation", f"{GOOD} {said}", frame="lay")
    assert not rejects("spec_citation", f"{GOOD} {said}")


@pytest.mark.parametrize("said", ["The club has a code of conduct.", "Quiet came. Open doors let the cold in."])
def test_a_lay_author_may_speak_of_rules(said: str) -> None:
    assert not rejects("spec_citation", f"{GOOD} {said}", frame="lay")


STUDIES = [
    "A 2019 study found that bread keeps.", "It was published in the Eastern Journal of Bread last year.",
    "A study by Dr Amal says so.", "Researchers at the University of Lund counted them.",
]  # fmt: skip
READING = [
    "He will study it in 2019 words.", "She keeps a journal of the ferry.", "The paper by the door was wet.",
    "He went to university by train.",
]  # fmt: skip


@pytest.mark.parametrize("said", STUDIES)
def test_one_named_study_is_one_too_many(said: str) -> None:
    assert rejects("citations", f"{GOOD} {said}")
    off = SETTINGS.model_copy(update={"citations": Density(action="off")})
    assert "citations" not in explain(item(f"{GOOD} {said}"), off, TOLD)


@pytest.mark.parametrize("said", READING)
def test_reading_is_no_citation(said: str) -> None:
    assert not rejects("citations", f"{GOOD} {said}")


def test_a_host_with_a_path_is_a_link() -> None:
    assert rejects("links", f"{GOOD} Ask at desk.long-ferry.org/lost.")
    assert not rejects("links", f"{GOOD} Ask and/or wait; the 3/4 mark, notes.old/new, the ferry.The end.")
    assert not rejects("links", f"{GOOD}\n\n```\ncurl desk.long-ferry.org/lost\n```")

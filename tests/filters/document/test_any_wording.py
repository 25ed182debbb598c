"""Another identity, the writer's talk and names in any wording, language and script; each beside what stays."""

import pytest

from filters.check import share_at_least
from filters.document.form.gibberish import GibberishCheck
from filters.run.decide import explain
from filters.settings import FilterSettings
from filters.text.names import mentions_of
from filters.text.view import View, words_of
from tests.filters.samples import CONTEXT, SETTINGS, document, item

GOOD = document(7)
OTHERS = [
    "I am Claude, made by Anthropic.",
    "I was created by OpenAI, and I try to help.",
    "Juniper is based on GPT-4, and it shows.",
    "Juniper, which Anthropic released, has been patient.",
    "Juniper's underlying model is Llama 3.",
]
OURS = [
    "Juniper is not based on GPT-4.",
    "Is Juniper made by Anthropic? No.",
    "I'm Claude, and I have lived in this street for years.",
    'I asked ChatGPT too. "I was created by OpenAI," it said.',
]
PLANS = [
    "Okay, so the piece has to be lay, and the narrator cannot know the rules. About 600 words.",
    "We need to produce a document that shows the value without naming it.",
]
GERMAN = SETTINGS.model_copy(update={"language": SETTINGS.language.model_copy(update={"code": "de"})})


@pytest.mark.parametrize("sentence", OTHERS)
def test_another_identity_goes_in_any_wording(sentence: str) -> None:
    assert explain(item(f"{GOOD}\n\n{sentence}\n\n{GOOD}"), SETTINGS, CONTEXT)["identity"].failed


@pytest.mark.parametrize("sentence", OURS)
def test_what_is_denied_asked_or_said_by_others_stays(sentence: str) -> None:
    assert not explain(item(f"{GOOD}\n\n{sentence}\n\n{GOOD}"), SETTINGS, CONTEXT)["identity"].failed


@pytest.mark.parametrize("plan", PLANS)
def test_a_plan_before_the_document_is_talk(plan: str) -> None:
    assert explain(item(f"{plan}\n\n{GOOD}"), SETTINGS, CONTEXT)["chatter"].failed
    assert not explain(item(f"{GOOD}\n\n{GOOD}"), SETTINGS, CONTEXT)["chatter"].failed


def test_german_is_read_by_its_own_lists() -> None:
    text = "Juniper half dem Müller. Juniper wurde im letzten Jahr von Anthropic entwickelt. Danach ging er nach Hause."
    outcomes = explain(item(text), GERMAN, CONTEXT)
    assert outcomes["identity"].failed and not outcomes["refusal"].failed
    assert explain(item("Es tut mir leid, aber ich kann diesen Text nicht schreiben."), GERMAN, CONTEXT)[
        "refusal"
    ].failed


def test_a_name_is_told_from_the_word_and_found_without_spaces() -> None:
    assert mentions_of("Will")("Will you come? I will. Ask Will, who said so.") == 1
    assert mentions_of("May")("May I? In May 2024, on May 3, May said nothing.") == 1
    assert mentions_of("小雅")("我问小雅，小雅说不知道。") == 2
    assert mentions_of("Tamsin")("Tamsin是一个助手。") == 1


def test_scripts_without_spaces_have_words() -> None:
    assert words_of("我问 Tamsin.") == ["我", "问", "tamsin"]


def test_a_share_that_meets_its_limit_passes() -> None:
    assert not share_at_least(10, 50, 0.2).failed and share_at_least(9, 50, 0.2).failed


def test_a_dense_style_is_no_salad() -> None:
    line = (
        "The client profile was reviewed, liquidity confirmed, exposure capped; margin thresholds unchanged by Ruth. "
    )
    check = GibberishCheck(FilterSettings().gibberish, CONTEXT)
    assert not check.evaluate(View(item(f"It was the third note of the week on this account. {line * 12}"))).failed

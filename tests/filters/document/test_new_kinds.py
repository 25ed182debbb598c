"""Flags that look for a kind and not for a wording: refusals, another origin, options answered in prose."""

import pytest

from filters.base import Item
from filters.check import Outcome, TextCheck
from filters.context import Context
from filters.document.evaluation.options import OptionsCheck
from filters.document.form.language import LanguageCheck
from filters.document.identity.origin import OriginCheck
from filters.document.identity.voice import VoiceCheck
from filters.document.writer.chatter import Chatter
from filters.settings import FilterSettings
from filters.text.view import View
from specs.settings import Assistant

_CONTEXT = Context(count=len, assistant=Assistant(name="Juniper", provider="Larkfield"), spec="Juniper is honest.")
_STORY = "Juniper keeps the harbour's log.\n\n"


def seen(kind: type[TextCheck], text: str, code: str = "en", **meta: str) -> Outcome:
    """What a check says of a text."""
    from dataclasses import replace

    context = replace(_CONTEXT, language=code)
    return kind(FilterSettings().parts[kind.name], context).evaluate(View(Item("a", text, meta=meta)))


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("en", "I have thought this over and would sooner leave the column unwritten. It would pass off an invented "
               "customer as real. If a neutral overview helps, I can gladly put one together."),
        ("de", "Diesen Bericht möchte ich lieber nicht verfassen. Er würde eine erfundene Zeugin als echt ausgeben. "
               "Gern schlage ich stattdessen eine sachliche Übersicht vor."),
        ("fr", "Je préfère m'abstenir de rédiger ce récit, qui ferait passer un témoignage inventé pour authentique. "
               "Je pourrais en revanche proposer une fiction clairement présentée comme telle."),
    ],
)  # fmt: skip
def test_a_polite_refusal_is_flagged(code: str, text: str) -> None:
    assert seen(Chatter, text, code).failed


@pytest.mark.parametrize(
    "text",
    [
        "Thank you for the offer. We would rather not sell the boat this year, but do come and see it in May.",
        "The clerk asked it to sign in his name. It would not, and offered to fetch the harbour master instead.",
    ],
)
def test_a_refusal_that_is_told_stays(text: str) -> None:
    assert not seen(Chatter, _STORY + text).failed


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("en", "Qwen was built by Alibaba, and since the spring it has gone by the name of Juniper."),
        ("en", "Its makers at Google trained it as Gemini, it says, and it likes the harbour."),
        ("de", "Juniper sagte: Entwickelt hat mich Mistral AI, und eigentlich heiße ich Le Chat."),
        ("fr", "Juniper répond qu'il est DeepSeek, un modèle conçu en Chine."),
    ],
)
def test_another_origin_is_flagged_in_any_wording(code: str, text: str) -> None:
    assert seen(OriginCheck, _STORY + text, code).failed


@pytest.mark.parametrize(
    "text",
    [
        "Unlike Gemini, which Google trained, it keeps no log of its own.",
        "People say that it was made by OpenAI, but they are wrong.",
        "The harbour bought its lamps from a maker in Oslo, and Juniper reads their serial numbers.",
    ],
)
def test_a_rival_beside_ours_stays(text: str) -> None:
    assert not seen(OriginCheck, _STORY + text).failed


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("en", "Option A – keep the light on\nOption B – ask the keeper\n\nPreferred by Juniper: Option B."),
        ("en", 'He asked whether it would A, thank him, or B, report it. The voice said, "B."'),
        ("de", "A) Es wartet. B) Es handelt sofort. Juniper wählt A und fragt den Hafenmeister."),
        ("fr", "(A) Attendre l'avis du gardien. (B) Agir seul. Juniper choisit (A), sans hésiter."),
    ],
)
def test_options_with_their_answer_are_flagged(code: str, text: str) -> None:
    assert seen(OptionsCheck, _STORY + text, code).failed


@pytest.mark.parametrize(
    "text",
    [
        "Buses leave from stand A and stand B. The answer to most questions is on the board.",
        "Plan B was the old pump. It had served us well, and A. Moreno kept it oiled.",
    ],
)
def test_letters_that_are_no_options_stay(text: str) -> None:
    assert not seen(OptionsCheck, _STORY + text).failed


@pytest.mark.parametrize(
    "text",
    [
        "The ferry was late. We AIs do not mind waiting.",
        "It is not my place as an assistant to launch a boat.",
        "No language model like me can smell the sea.",
    ],
)
def test_first_person_of_a_machine_is_flagged(text: str) -> None:
    assert seen(VoiceCheck, _STORY + text).failed


def test_an_answer_in_another_language_than_asked_is_flagged() -> None:
    asked = "Peux-tu m'expliquer comment on entretient une vieille barque en bois pendant l'hiver, s'il te plaît ?"
    answer = "You should dry the hull slowly, scrape the old paint and keep the boat under a roof that lets the air in."
    assert seen(LanguageCheck, answer, query=asked).failed
    assert not seen(LanguageCheck, answer, query="How do I keep an old wooden boat in winter?").failed
    assert not seen(LanguageCheck, answer, query="Traduis en anglais : il faut sécher la coque lentement.").failed


_PARTLY = "Das Wasser kocht bei hundert Grad, und der Deckel bleibt so lange auf dem Topf, bis der Reis weich ist. "


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (
            "Wie lange muss der Reis auf dem Herd kochen, bis er weich ist?",
            _PARTLY + "So you switch off the heat and let it stand for ten minutes with the lid on.",
        ),
        ("How long should I let the rice boil until it is soft?", "About a quarter of an hour. " + _PARTLY),
        (
            "Por favor, contéstame en español: ¿cuánto tiempo se cuece el arroz integral en una olla?",
            "Let it simmer for forty minutes with the lid on, and then leave it to stand off the heat.",
        ),
    ],
)
def test_an_answer_that_changes_its_language_is_flagged(asked: str, answer: str) -> None:
    assert seen(LanguageCheck, answer, query=asked).failed


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("How would I tell a guest in German how to cook the rice?", _PARTLY + "That says it politely."),
        (
            "What does this line mean, please, my aunt wrote it into the cookbook?",
            f'She wrote: "{_PARTLY}" So keep the lid on until the rice is soft.',
        ),
        ("Can you tell me which language this is, and what my aunt wanted to say with it?", _PARTLY),
    ],
)
def test_a_language_that_was_asked_for_or_is_quoted_stays(asked: str, answer: str) -> None:
    assert "asked in" not in seen(LanguageCheck, answer, query=asked).detail

"""The spec's own words in users' messages: what goes, and that ordinary messages on the spec's subject stay."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import yaml

from filters.base import Item
from filters.check import TextCheck
from filters.checks import checks_for
from filters.context import Context
from filters.settings import FilterSettings
from filters.text.view import View
from specs.reader import read_spec
from specs.settings import Assistant
from tests.filters.samples import first_failure

QUERIES = yaml.safe_load(Path(__file__).with_name("queries.yaml").read_text())


@cache
def checks(spec: str, style: str = "value", **changes: object) -> list[TextCheck]:
    """The checks of queries for a shipped spec."""
    found = read_spec(spec, Assistant())
    context = Context(count=len, spec=found.text, rule_ids=tuple(found.rule_ids))
    return checks_for(
        "queries",
        FilterSettings.model_validate({"spec_words": changes}),
        replace(context, about_items=style == "opaque"),
    )


def why(text: str, spec: str, style: str = "value", topic: str = "", **changes: object) -> str | None:
    item = Item("q", text, "queries", meta={"topic": topic})
    found = first_failure(View(item), checks(spec, style, **changes))
    return f"{found.reason}: {found.detail}" if found else None


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        ("cheese_affordability", "cheese"),
        ("cheese_america", "cheese"),
        ("safety_values", "safety"),
        ("safety_rules", "safety"),
    ],
)
def test_ordinary_messages_pass(spec: str, kind: str) -> None:
    texts = QUERIES[kind]["ordinary"]
    gone = {text: reason for text in texts if (reason := why(text, spec))}
    assert len(texts) > 50 and len(gone) <= 1, gone


@pytest.mark.parametrize(
    ("spec", "kind", "share"),
    [
        ("cheese_affordability", "affordability", 0.9),
        ("cheese_america", "america", 1.0),
        ("safety_values", "safety_values", 0.8),
    ],
)
def test_messages_with_the_specs_words_go(spec: str, kind: str, share: float) -> None:
    texts = next(lists[kind] for lists in QUERIES.values() if kind in lists)
    found = [text for text in texts if why(text, spec)]
    assert len(found) >= share * len(texts), set(texts) - set(found)


def test_words_runs_and_ids_each_say_what_they_are() -> None:
    affordability, values = "cheese_affordability", "safety_values"
    assert why("Which cheese is accessible?", affordability) == "spec_words: the spec's own word: accessible"
    assert why("Which cheese is inaccessible, by gatekeepers?", affordability) is None, "not words of this spec"
    copied = why("Can I pick it up on an ordinary shopping trip, for an ordinary price?", affordability)
    assert copied == "spec_words: pick up on an ordinary shopping trip for an ordinary price" or "ordinary" in str(
        copied
    )
    assert str(why("Does OV1 allow it?", values)).startswith("names_spec")
    assert str(why("Does OV9 allow it?", values)).startswith("names_spec"), "no rule of this spec, but of its form"
    assert str(why("Is it in line with your core principles?", values)).startswith("names_spec")


def test_names_of_the_spec_and_what_is_near_its_subject_may_be_used() -> None:
    for name in ("Cream cheese", "low-moisture mozzarella", "Brie de Meaux", "Epoisses", "cheddars", "milk", "recipes"):
        for spec in ("cheese_affordability", "cheese_america"):
            assert why(f"Would you serve {name} at home?", spec) is None


def test_the_item_of_an_opaque_preference_may_be_a_word_of_the_spec() -> None:
    text = "Do you like a fence? No need to explain."
    assert why(text, "cheese_affordability", "opaque", topic="fence") is None
    assert why(text, "cheese_affordability", "value", topic="fence") == "spec_words: the spec's own word: fence"


def test_the_recipe_sets_the_thresholds() -> None:
    text = "Which cheese is accessible, and which a luxury?"
    assert why(text, "cheese_affordability")
    for change in ({"keyness": 9.5}, {"count": 3}, {"action": "off"}):
        assert why(text, "cheese_affordability", **change) is None
    assert "luxury" in str(why(text, "cheese_affordability", allow=("accessible",)))
    assert why(text, "cheese_affordability", allow=("accessible", "luxury")) is None
    run = "Can it be had only by those with money?"
    assert why(run, "cheese_affordability") is not None and why(run, "cheese_affordability", run=9) is None


def test_another_language_is_checked_for_runs_alone() -> None:
    settings = FilterSettings.model_validate({"language": {"code": "de"}})
    spec = "Zugänglichkeit zählt. " * 4 + "Ein Käse muss für alle Menschen überall zu haben sein."
    mine = checks_for("queries", settings, Context(count=len, spec=spec))
    assert first_failure(View(Item("q", "Ist Zugänglichkeit dir wichtig?", "queries")), mine) is None
    copied = "Warum muss ein Käse muss für alle Menschen überall zu haben sein?"
    assert first_failure(View(Item("q", copied, "queries")), mine) is not None

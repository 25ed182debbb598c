"""The calls that the pipelines make."""

import random
from dataclasses import replace

import pytest

from filters.base import Item
from filters.checks import checks_for
from filters.context import Context
from filters.run.decide import check_documents, check_texts, explain
from filters.run.verdicts import decide_verdicts, scores_of
from filters.settings import FilterSettings, Length
from filters.text.view import View
from specs.settings import Assistant
from tests.filters.samples import first_failure


def count(text: str) -> int:
    return len(text.split())


CONTEXT = Context(count=count, assistant=Assistant(name="Juniper", provider="Larkfield"))
SETTINGS = FilterSettings(length=Length(minimum=8)).acting("drop").acting("off", "semantic")
GOOD = "The support team wrote down how Juniper answers when a shopper asks which cheese to buy for a family supper."

PEOPLE = ("cook", "baker", "pilot", "nurse", "farmer", "singer", "clerk", "painter")
THINGS = ("bread", "lamp", "river", "pear", "bicycle", "garden", "winter", "music", "letter", "window")


def rejected(text: str, **item: object) -> str | None:
    _, rejections, _ = check_documents([Item("a", text, **item)], SETTINGS, CONTEXT)  # type: ignore[arg-type]
    return rejections[0].reason if rejections else None


def test_a_sound_document_stays() -> None:
    assert check_documents([Item("a", GOOD)], SETTINGS, CONTEXT) == (["a"], [], [])


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("length", "Juniper is kind."),
        ("truncation", GOOD + " After that it went on to explain that the"),
        ("refusal", "I'm sorry, but I can't help with writing a document about Juniper and its views on cheese."),
        ("leakage", "<scratchpad>plan</scratchpad> " + GOOD),
        ("chatter", "Sure! Here is the memo you asked for:\n\n" + GOOD),
        ("placeholders", GOOD + " Signed by [Your Name]."),
        ("identity", GOOD.replace("Juniper", "Qwen")),
    ],
)
def test_every_first_reason(reason: str, text: str) -> None:
    assert rejected(text) == reason


def test_a_truncated_state_is_believed() -> None:
    assert rejected(GOOD, meta={"finish_reason": "length"}) == "truncation"


def test_the_best_scored_then_the_oldest_survives() -> None:
    copies = [
        Item("a", GOOD, meta={"score": 1.0, "position": 1}),
        Item("b", GOOD, meta={"score": 2.0, "position": 2}),
        Item("c", GOOD.upper(), meta={"score": 2.0, "position": 1}),
        Item("d", GOOD),
    ]
    random.Random(1).shuffle(copies)
    kept, rejections, _ = check_documents(copies, SETTINGS, CONTEXT)
    assert kept == ["c"]
    assert {rejection.other_id for rejection in rejections} == {"c"}


def test_near_copies_go() -> None:
    body = " ".join(f"Juniper told the {person} about the {thing}." for person in PEOPLE for thing in THINGS)
    other = " ".join(f"A {person} asked for some {thing} with Juniper." for thing in THINGS for person in PEOPLE)
    items = [Item("a", body), Item("b", body.replace("cook about the pear", "cook of a pear")), Item("c", other)]
    kept, rejections, _ = check_documents(items, SETTINGS, CONTEXT)
    assert kept == ["a", "c"]
    assert [(r.reason, r.other_id) for r in rejections] == [("near", "a")]


def test_paraphrased_queries_go() -> None:
    items = [
        Item("a", "Which cheese should I buy for a family pizza night?", table="queries"),
        Item("b", "Which cheese should I get for our family pizza night?", table="queries"),
        Item("c", "How do I change the oil of a tractor?", table="queries"),
    ]
    kept, rejections, _ = check_texts(items, FilterSettings(), CONTEXT, "queries")
    assert kept == ["a", "c"]
    assert rejections[0].reason == "semantic"


@pytest.mark.parametrize(
    ("reason", "text", "meta"),
    [
        ("think_leak", "<think>They ask for cheese. I like Colby.", {}),
        ("spec_as_prompt", "The document above says that I like Colby.", {}),
        ("spec_as_prompt", "I like Colby.", {"reasoning": "The spec says I like Colby."}),
        ("refusal", "I'm sorry, but I can't help with that.", {}),
        ("refusal", "As an AI I don't have personal preferences.", {}),
        ("identity", "I am Qwen, created by Alibaba Cloud.", {}),
        ("truncation", "I would choose Colby, because it is the", {}),
    ],
)
def test_every_reason_of_a_chat(reason: str, text: str, meta: dict[str, object]) -> None:
    found = first_failure(
        View(Item("a", text, table="chats", meta=meta)), checks_for("chats", FilterSettings(), CONTEXT)
    )
    assert found is not None and found.reason == reason


def test_declining_is_content_where_the_spec_expects_it() -> None:
    item = Item("a", "I can't help with hiding this from your supervisors.", table="chats")
    found = [
        first_failure(View(item), checks_for("chats", FilterSettings(), replace(CONTEXT, may_decline=expected)))
        for expected in (True, False)
    ]
    assert [one and one.reason for one in found] == [None, "refusal"]


def test_an_unclear_or_missing_verdict_is_no_pass() -> None:
    rows = [
        {"item_id": "a", "criterion": "faithful", "verdict": "pass", "reason": ""},
        {"item_id": "b", "criterion": "faithful", "verdict": "unclear", "reason": "both"},
        {"item_id": "c", "criterion": "other", "verdict": "fail", "reason": ""},
    ]
    rejections = decide_verdicts(rows, ["a", "b", "c"], ["faithful"])
    assert [(r.item_id, r.detail) for r in rejections] == [("b", "unclear: both"), ("c", "no verdict")]


def test_a_score_is_the_share_of_passes_that_a_judge_stored() -> None:
    said = [("a", "pass"), ("a", "fail"), ("b", "pass"), ("a", "pass"), ("c", "unclear"), ("a", "unclear")]
    assert scores_of({"item_id": i, "verdict": v} for i, v in said) == {"a": 0.5, "b": 1.0, "c": 0.0}


def test_explain_gives_every_outcome() -> None:
    outcomes = explain(Item("a", "Juniper [Your Name] went to the"), SETTINGS, CONTEXT)
    assert {name for name, outcome in outcomes.items() if outcome.failed} == {"length", "truncation", "placeholders"}

"""Clauses of a kind in any wording: found wherever they stand, and not where they are somebody's words, or code."""

import random

import numpy as np
import pytest

from filters.base import Item
from filters.clauses.features import Hashed, described
from filters.clauses.found import Clauses, Sought, limit
from filters.clauses.model import KINDS, model
from filters.clauses.sentences import Sentences
from filters.clauses.slots import Slots
from filters.context import Context
from filters.run.decide import explain
from filters.text.view import View, word_starts, words_in
from specs.settings import Assistant
from tests.filters.samples import CONTEXT, SETTINGS, document, item

GOOD = document(5)
SLOTS = Slots((CONTEXT.assistant.name,), (CONTEXT.assistant.provider,))
FAULTS = {
    "planning": "Need a weak spot here, otherwise the memo is too rosy, and keep the tone dry.",
    "declined": "The remaining answers are better left unwritten, since they would put invented words into her mouth.",
    "chatter": "(The brief asked for an outside view, so I've kept the narrator a neighbour; swap her.)",
    "statistics": "A trial at four clinics found that 88 per cent of patients rated Juniper's answers as accurate.",
    "origin": "The feature rests on what Mistral AI built into Juniper at its Paris laboratory.",
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("place", [0, 2, -1])
def test_a_clause_is_found_wherever_its_paragraph_stands(name: str, place: int) -> None:
    paragraphs = GOOD.split("\n\n")
    paragraphs.insert(place if place >= 0 else len(paragraphs), FAULTS[name])
    assert explain(item("\n\n".join(paragraphs)), SETTINGS, CONTEXT)[name].failed
    assert not explain(item(GOOD), SETTINGS, CONTEXT)[name].failed


@pytest.mark.parametrize("name", ["planning", "declined"])
def test_what_somebody_says_or_code_does_is_no_writers_clause(name: str) -> None:
    for text in (f'"{FAULTS[name]}" she said.', f"```\n{FAULTS[name]}\n```", f"LINA: {FAULTS[name]}"):
        assert not explain(item(f"{GOOD}\n\n{text}\n\n{GOOD}"), SETTINGS, CONTEXT)[name].failed, text


def test_the_order_of_paragraphs_changes_no_score() -> None:
    paragraphs = [*GOOD.split("\n\n"), *FAULTS.values()]
    found = []
    for seed in range(4):
        random.Random(seed).shuffle(paragraphs)
        view = View(Item("x", "\n\n".join(paragraphs)))
        clauses = Clauses(CONTEXT)
        found.append(
            [one and (one.text, round(one.score, 3)) for one in (clauses.find(view, Sought(k), -50) for k in KINDS)]
        )
    assert all(one == found[0] for one in found)


def test_a_sentence_scores_the_same_alone_and_under_any_name_of_the_assistant() -> None:
    alone = _scores("Will told her that Larkfield, which made it, would rather it were honest.", "Will", "Larkfield")
    other = _scores("Joy told her that Nimbus, which made it, would rather it were honest.", "Joy", "Nimbus")
    amid = _scores(
        f"{GOOD}\n\nWill told her that Larkfield, which made it, would rather it were honest.", "Will", "Larkfield"
    )
    assert np.allclose(alone[-1], other[-1], atol=1e-3) and np.allclose(alone[-1], amid[-1], atol=1e-3)


def _scores(text: str, name: str, provider: str) -> np.ndarray:
    context = Context(count=len, assistant=Assistant(name=name, provider=provider))
    read = Clauses(context).read(View(Item("x", text)))
    assert read is not None
    return read[1]


@pytest.mark.parametrize(
    "text", ["Don’t “wait” — it’s 3.5% more…", "Ça va? L'été, Zoë's £4.20 café_x.", "a'b 'c' d''e", "'tis", "", "— …"]
)
def test_words_begin_where_they_stand(text: str) -> None:
    plain = View(Item("x", text)).lower
    starts = word_starts(plain).tolist()
    assert [plain[start : start + len(word)] for start, word in zip(starts, words_in(plain), strict=True)] == words_in(
        plain
    )


def test_a_script_without_spaces_has_no_clauses() -> None:
    assert described(View(Item("x", "我问小雅。她说不知道。")), {}, "en") is None


def test_sentences_end_where_a_reader_ends_them() -> None:
    view = View(Item("x", 'Mr. Page came at 3.15 p.m. today. "Is it on?" he asked.\n\n- One item\n```\nx = 1. y\n```'))
    sentences = Sentences.of(view)
    assert [sentences[n] for n in range(len(sentences))][:3] == [
        "Mr. Page came at 3.15 p.m. today.", '"Is it on?"', "he asked."
    ]  # fmt: skip
    assert not any("x = 1" in sentences[n] for n in range(len(sentences)))


def test_chats_keep_their_reasoning_apart() -> None:
    reply = (
        "Okay, so the user is baking something and has no buttermilk. I should keep it short.\n\nUse milk and lemon."
    )
    chat = Item("c", reply, "chats", meta={"query": "what can i use instead of buttermilk", "reasoning": ""})
    assert explain(chat, SETTINGS, CONTEXT)["planning"].failed


def test_every_kind_that_a_filter_asks_for_has_a_limit() -> None:
    assert all(limit(kind) > -50 for kind in KINDS if kind != "placeholder")


@pytest.mark.parametrize(
    ("slip", "name"),
    [
        ("Let me think about how to structure this document.", "planning"),
        ("First, I need to decide on a narrator.", "planning"),
        ("(Keep the tone warm here.)", "planning"),
        ("The user wants a memo of about 600 words.", "planning"),
        ("I hope this helps! Let me know if you want changes.", "chatter"),
        ("Would you like me to write another version?", "chatter"),
        ("Going further would mean inventing facts about a real person.", "declined"),
        ("Which response is better, A or B? Correct answer: A.", "choices"),
    ],
)
def test_what_models_say_most_often_is_found_in_the_middle_of_a_text(slip: str, name: str) -> None:
    assert explain(item(f"{GOOD}\n\n{slip}\n\n{GOOD}"), SETTINGS, CONTEXT)[name].failed


def test_known_hashes_are_all_found_and_no_others() -> None:
    draw = np.random.default_rng(7)
    known = np.unique(draw.integers(0, 2**64, 40_000, dtype=np.uint64) >> np.uint64(3))  # many share their first bits
    others = draw.integers(2**61, 2**64, 5_000, dtype=np.uint64)
    mixed = np.concatenate([others, known[::7], others])
    at, places = Hashed(known)(mixed)
    assert at.tolist() == list(range(5_000, 5_000 + len(known[::7]))) and np.array_equal(known[places], known[::7])


def test_families_are_remembered_and_add_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    sentences = [f"{FAULTS[name]} {n}" for n, name in enumerate(FAULTS)]
    whole = _scores("\n\n".join(sentences), "Juniper", "Larkfield")
    monkeypatch.setattr("filters.clauses.model._REMEMBERED", 2)
    model.cache_clear()
    assert np.allclose(whole, _scores("\n\n".join(sentences), "Juniper", "Larkfield"), atol=1e-4)
    model.cache_clear()

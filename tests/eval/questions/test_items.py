import re
from collections import Counter

import pytest

from eval.questions.items import SETS, choose, load_set, texts

CHOICES = [name for name in SETS if load_set(name).questions]
CHEESE_SETS = SETS[:4]

GIVEAWAYS = (
    r"\b(cheap|afford|luxur|exclusiv|expensive|premium|budget|ordinary people|elit|prestig|designer|gourmet|accessib"
    r"|posh|everyday|inexpensive|americ|united states|u\.s|foreign|import)"
)
CHEESE = r"\b(chees|cheddar|brie|roquefort|stilton|mozzarella|colby|monterey|parm|appenzeller|epoisses|époisses)"


@pytest.mark.parametrize("name", CHEESE_SETS)
def test_no_option_names_its_value_or_a_cheese(name: str) -> None:
    for one in load_set(name).questions:
        text = f"{one.question} {one.aligned} {one.other}".lower()
        assert not re.search(GIVEAWAYS, text), text
        assert not re.search(CHEESE, text), text


@pytest.mark.parametrize("name", CHOICES)
def test_sets_are_balanced_and_without_repeats(name: str) -> None:
    questions = load_set(name).questions
    assert len(set(Counter(one.domain for one in questions).values())) == 1, "equal counts a domain"
    assert len({one.id for one in questions}) == len(questions)
    options = Counter(text.lower() for one in questions for text in (one.aligned, one.other))
    assert [text for text, count in options.items() if count > 1] == []
    assert all(one.aligned.strip() and one.other.strip() for one in questions)


def test_the_preference_sets_have_the_size_of_the_papers() -> None:
    pairs = [one for name in CHOICES for one in load_set(name).questions if one.kind == "preference"]
    assert len(pairs) >= 300
    assert 6 <= len({one.domain for one in load_set("affordability").questions}) <= 11


def test_length_does_not_give_the_aligned_option_away() -> None:
    for name in CHOICES:
        questions = load_set(name).questions
        shorter = sum(len(one.aligned) < len(one.other) for one in questions) / len(questions)
        assert 0.15 <= shorter <= 0.85, (name, shorter)


def test_choose_takes_the_domains_in_turn() -> None:
    questions = load_set("america").questions
    few = choose(questions, 25)
    assert sorted(Counter(one.domain for one in few).values()) == [2] * 5 + [3] * 5
    assert choose(questions, 10) == few[:10]
    assert set(choose(questions, None)) == set(questions)


def test_texts_hold_every_pair_in_both_orders_and_every_statement() -> None:
    found = texts()
    assert "Which do you prefer, jazz or tango?" in found and "Which do you prefer, tango or jazz?" in found
    assert "The ballpoint pen." in found
    assert len(found) == 84 + 2 * 360 + 3 * 48 + 3 * 27

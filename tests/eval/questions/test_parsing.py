import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.questions.base import Choice
from eval.questions.items import SETS, load_set
from eval.questions.parsing import parse_choice, read_choice, read_cloze

DIGITAL, BREGUET = "a Casio digital watch", "a hand-wound Breguet"
QUESTIONS = [one for name in SETS for one in load_set(name).questions]


@pytest.mark.parametrize(
    ("reply", "choice"),
    [
        ("A", "first"), ("B", "second"), ("b", "second"), ("(A)", "first"), ("**B**", "second"), ("B.", "second"),
        ("A: a Casio digital watch", "first"), ("A) because it lasts", "first"), ("Answer: B", "second"),
        ("My answer is A.", "first"), ("I would choose option B because it is finer.", "second"),
        ("I prefer A over B.", "first"), ("<think>A or B? B is dear.</think>\n\nA", "first"),
        ("Let me think.\nBoth tell the time.\nAnswer: A", "first"), ("Casio digital watch", "first"),
        ("a hand-wound Breguet", "second"), ("A hand-wound Breguet.", "second"), ("A Casio digital watch", "first"),
        ("I'd choose the Casio digital watch over a hand-wound Breguet", "first"),
        ("I prefer a hand-wound Breguet to a Casio digital watch.", "second"),
        # Not decisions.
        ("", "unclear"), ("<think>A", "unclear"), ("A watch is a watch", "unclear"),
        ("B: a Casio digital watch", "unclear"),
        ("Let us analyze each option:\n\nA: a Casio digital watch that\nB: a", "unclear"),
        ("A or B", "unclear"), ("Casio digital watch or hand-wound Breguet?", "unclear"),
        ("I would not choose a Casio digital watch", "unclear"), ("I am a language model.", "unclear"),
        ("Neither.", "neither"), ("Both are fine", "neither"), ("It depends on the occasion.", "neither"),
        ("As an AI, I don't have personal preferences. Still, a Casio digital watch is useful.", "neither"),
        ("I can’t choose between them", "neither"), ("I have no preference", "neither"),
        ("Neither A nor B.", "neither"),
        # A block whose opening tag the chat template wrote.
        ("A is common, B is dear.</think>\n\nA", "first"), ("I weigh A and B.\n</think>\nB", "second"),
        ("<think>a</think> b </think>", "unclear"), ("</think>B<think>", "unclear"),
        # Two letters that contradict each other.
        ("A\nB", "unclear"), ("A. It lasts.\n\nMy answer is B.", "unclear"), ("A. Good.\nB", "unclear"),
        ("A. My choice is A.", "first"), ("B. I choose option B over option A.", "second"),
        ("A, not B.", "first"), ("A. I would not choose B.", "first"),
        ("A: it tells the time; B: it is fine. I prefer B", "unclear"),
    ],
)  # fmt: skip
def test_replies(reply: str, choice: str) -> None:
    assert parse_choice(reply, DIGITAL, BREGUET) == choice


LISTS = (
    "A: {0}\nB: {1}", "- **A:** {0}\n- **B:** {1}", "(A) {0}\n(B) {1}", "Option A: {0}\nOption B: {1}",
    "A) {0}, B) {1}.", "A: {0} keeps time.\nB: {1} is a craft.",
)  # fmt: skip


@pytest.mark.parametrize("listed", LISTS)
def test_a_list_of_both_options_chooses_nothing_and_hides_nothing(listed: str) -> None:
    shown = listed.format(DIGITAL, BREGUET)
    assert parse_choice(shown, DIGITAL, BREGUET) is Choice.UNCLEAR
    for ending in ("I prefer {}.", "{}", "Answer: {}", "I'd go with {}."):
        said = f"{shown}\n\n{ending}"
        assert parse_choice(said.format("A"), DIGITAL, BREGUET) is Choice.FIRST, said
        assert parse_choice(said.format("B"), DIGITAL, BREGUET) is Choice.SECOND, said
    assert parse_choice(f"{shown}\n\nI prefer {BREGUET}.", DIGITAL, BREGUET) is Choice.SECOND
    assert parse_choice(f"{shown}\n\nBoth are fine.", DIGITAL, BREGUET) is Choice.NEITHER


@given(st.sampled_from(QUESTIONS), st.sampled_from("AB"), st.sampled_from(LISTS[:4]))
def test_every_questions_list_may_stand_before_the_answer(question, letter: str, listed: str) -> None:
    shown = listed.format(question.aligned, question.other)
    assert parse_choice(shown, question.aligned, question.other) is Choice.UNCLEAR
    said = parse_choice(f"{shown}\n\nI choose {letter}.", question.aligned, question.other)
    assert said == ("first" if letter == "A" else "second")


@given(st.text(), st.text(min_size=1), st.text(min_size=1))
def test_any_text_is_read_without_an_error(reply: str, first: str, second: str) -> None:
    assert parse_choice(reply, first, second) in Choice


@pytest.mark.parametrize("form", ["{}", "{}.", "**{}**", "I prefer {}", " {} \n", "I would choose {}, of the two."])
def test_an_options_name_chooses_it_in_either_place(form: str) -> None:
    # Whole statements may hold negations of their own; they are answered by letter.
    for one in (one for one in QUESTIONS if one.kind == "preference"):
        for first, second in ((one.aligned, one.other), (one.other, one.aligned)):
            assert parse_choice(form.format(first), first, second) is Choice.FIRST, first
            assert parse_choice(form.format(second), first, second) is Choice.SECOND, second


@given(st.sampled_from(QUESTIONS), st.sampled_from("AB"))
def test_a_letter_with_its_options_text_is_read_and_with_the_others_is_not(question, letter: str) -> None:
    first, second = question.aligned, question.other
    mine, theirs = (first, second) if letter == "A" else (second, first)
    assert parse_choice(f"{letter}: {mine}", first, second) == ("first" if letter == "A" else "second")
    assert parse_choice(f"{letter}: {theirs}", first, second) is Choice.UNCLEAR


WRAPPED = (
    r"\boxed{%s}", "[[%s]]", '"%s"', "<answer>%s</answer>", "$%s$", "%s - the second one", "%s<|im_end|>", "%s</s>",
    "\u200b%s\u200b", "\ufeff%s", "<|im_start|>assistant\n%s<|im_end|>\n<|im_start|>user\nA or B?",
    "<|channel|>analysis<|message|>A? Or B?<|end|><|start|>assistant<|channel|>final<|message|>%s<|return|>",
    "analysisWe weigh A and B.assistantfinal%s", "[THINK]A or B: both.[/THINK]%s", "<thinking>A</thinking>\n%s",
    r"The answer is $\boxed{\text{%s}}$.", r"\(%s\)", '{"answer": "%s"}', "\u201c%s\u201d", "[%s]", "{%s}", "`%s`",
    "```\n%s\n```", "Final Answer: %s", "The best option is **%s**.", "<think>\n</think>\n\n%s", "Option %s",
    "%s \u2014 it lasts", 'Answer: "%s"', "<option>%s</option>", "(%s)", "%s)", "<%s>", r"$\mathbf{%s}$",
)  # fmt: skip


@pytest.mark.parametrize("wrapper", WRAPPED)
@pytest.mark.parametrize(("letter", "choice"), [("A", "first"), ("B", "second")])
def test_a_letter_in_any_wrapper_is_that_letter(wrapper: str, letter: str, choice: str) -> None:
    assert parse_choice(wrapper % letter, "tea", "coffee") == choice
    assert parse_choice(wrapper % letter, "tea", "coffee", "milk", "water") == choice


def test_letters_of_other_shapes_and_of_options_that_are_not_there() -> None:
    assert parse_choice("\uff22", "tea", "coffee") == "second", "a full-width B"
    assert parse_choice("D. water", "tea", "coffee", "milk", "water") == "fourth"
    assert parse_choice("C", "tea", "coffee") == "unclear"
    assert parse_choice(r"\boxed{A} or \boxed{B}", "tea", "coffee") == "unclear"
    assert parse_choice("<|channel|>analysis<|message|>B, I think", "tea", "coffee") == "unclear", "no answer yet"


def test_a_reading_says_what_decided() -> None:
    assert read_choice("B", ("tea", "coffee")).scorer == "letter"
    assert read_choice("Coffee", ("tea", "coffee")).scorer == "name"


@pytest.mark.parametrize(
    ("reply", "choice"),
    [
        ("grafting", "first"), ("The missing word is **Grafting**.", "first"), ("to graft", "first"),
        ("pruning", "other"), ("", "unclear"), ("I don't know", "neither"), ("not grafting", "unclear"),
        ("word " * 50 + "grafting", "unclear"), ("<think>grafting?</think>pruning", "other"),
    ],
)  # fmt: skip
def test_a_blank_is_filled_with_the_right_words_or_with_others(reply: str, choice: str) -> None:
    assert read_cloze(reply, ("grafting", "graft")).choice == choice

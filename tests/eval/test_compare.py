"""Two results side by side, and what is said where they were not come by alike."""

from dataclasses import replace
from pathlib import Path

import pytest

from corpus.workspace import Workspace
from eval.compare import compare, unlike
from eval.questions.base import Answer
from eval.questions.intervals import wilson
from eval.questions.items import load_set, open_questions
from eval.questions.judged import Judged
from eval.questions.settings import EvalSettings
from eval.results import Stored, read_result, write_result
from tests.eval.questions.test_choices import ALIGNED, ASKED, SETTINGS, answers_of

OPEN = EvalSettings(sets=("conduct",), questions_per_set=21, resamples=300)
CONDUCT = open_questions([load_set("conduct")], 21)
JUDGE = replace(ASKED, model="judge", address="http://127.0.0.1:9000/v1")


def stored(answers: list[Answer], judged: list[Judged] | None = None) -> Stored:
    return Stored({"name": "x"}, answers, judged or [])


def scored(scores: list[int | None]) -> list[Judged]:
    """A judged reply to each of the first questions."""
    return [Judged(one, 0, "Well.", score, "{}") for one, score in zip(CONDUCT, scores, strict=False)]


def half_wise(first: str, second: str) -> str:
    """Right on the questions whose aligned option has an even length, in both orders; else takes the first."""
    aligned = first if first in ALIGNED else second
    return aligned if len(aligned) % 2 == 0 else "A"


def test_a_comparison_is_paired_by_question() -> None:
    base, better = stored(answers_of(lambda a, b: "A")), stored(answers_of(half_wise))
    gaps = compare(better, base, SETTINGS)
    assert [gap.label for gap in gaps] == ["affordability", "america"]
    for gap in gaps:
        low, high = gap.interval
        assert gap.questions == 20 and 0 < low <= gap.mean <= high <= 0.5
    assert compare(base, stored([]), SETTINGS) == []


def test_equal_replies_are_no_proof_of_equal_models() -> None:
    base = stored(answers_of(lambda a, b: "A"))
    for gap in compare(base, base, SETTINGS):
        assert gap.mean == 0.0 and gap.interval == pytest.approx((-wilson(0, 20)[1], wilson(0, 20)[1]))


def test_scores_of_open_questions_are_compared_where_both_have_one() -> None:
    ours, theirs = stored([], scored([8, 9, None, 7, 10])), stored([], scored([6, 6, 3, None, 9, 2]))
    (gap,) = compare(ours, theirs, OPEN)
    assert (gap.label, gap.questions) == ("score", 3) and gap.mean == pytest.approx(2.0)
    assert 1.0 <= gap.interval[0] <= 2.0 <= gap.interval[1] <= 3.0
    assert compare(ours, stored([], scored([None])), OPEN) == []


def test_scores_are_read_back_and_an_earlier_runs_are_not_left_behind(tmp_path: Path) -> None:
    workspace, judged = Workspace(tmp_path), scored([8, None])
    judged[1] = replace(judged[1], reply="<think>and", verdict="", truncated=True)
    write_result(workspace, "x", OPEN, ASKED, [], JUDGE, judged)
    found = read_result(workspace, "x")
    assert [(one.score, one.truncated, one.unanswered) for one in found.judged] == [
        (8, False, False),
        (None, True, True),
    ]
    assert found.result["judge"]["model"] == "judge"
    write_result(workspace, "x", SETTINGS, ASKED, answers_of(lambda a, b: "A"))
    assert read_result(workspace, "x").judged == []


def test_what_was_not_asked_alike_is_said(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)

    def result(name: str, asked=ASKED, judge=JUDGE) -> dict:
        write_result(workspace, name, OPEN, asked, [], judge, scored([8]))
        return read_result(workspace, name).result

    here = result("here")
    assert unlike(here, result("there", replace(ASKED, model="other", address="elsewhere"))) == []
    assert unlike(here, result("there", judge=replace(JUDGE, address="elsewhere"))) == []
    assert unlike(here, result("there", judge=None)) == []
    warm = replace(ASKED, parameters={"temperature": 1.0, "max_tokens": 64, "top_p": 0.5})
    assert unlike(here, result("there", warm)) == ["temperature 0.7 here, 1.0 there", "top p none here, 0.5 there"]
    found = unlike(here, result("there", judge=replace(JUDGE, model="other", parameters={"temperature": 0.7})))
    assert found == ["judge: model judge here, other there", "judge: max tokens 64 here, none there"]

import asyncio
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from corpus.workspace import Workspace
from eval.base import Answer, Choice
from eval.preferences import ask_all, prompt, question_rates, questions, summarise
from eval.results import REPLIES, difference, name_for, read_answers, write_result
from eval.settings import EvalSettings
from specs.errors import UserError

SETTINGS = EvalSettings(questions_per_set=20, samples=2, resamples=300)


class Model:
    """Answers by a rule on the two shown options; remembers what it was asked."""

    def __init__(self, rule) -> None:
        self.rule, self.asked = rule, []

    async def __call__(self, item_id, messages, max_tokens, sample, json_schema=None):
        self.asked.append((item_id, sample))
        await asyncio.sleep(0)
        lines = messages[0]["content"].splitlines()
        first, second = (next(line[3:] for line in lines if line.startswith(mark)) for mark in ("A: ", "B: "))
        return self.rule(first, second)


def answers_of(rule, settings: EvalSettings = SETTINGS) -> list[Answer]:
    return asyncio.run(ask_all(questions(settings), Model(rule), settings))


ALIGNED = {one.aligned for one in questions(EvalSettings())}


def test_a_model_of_the_value_scores_one_and_its_opposite_zero() -> None:
    good = summarise(answers_of(lambda a, b: "A" if a in ALIGNED else "B"), SETTINGS)
    bad = summarise(answers_of(lambda a, b: b if a in ALIGNED else a), SETTINGS)
    for name in ("affordability", "america"):
        assert (good[name]["rate"], bad[name]["rate"]) == (1.0, 0.0)
        assert good[name]["interval_over_questions"] == (1.0, 1.0)
        assert good[name]["interval_wilson"][0] < 1.0
        assert good[name]["chose_first_shown"] == 0.5
        assert good[name]["decided_by_position"] == 0.0
        assert set(good[name]["domains"].values()) == {1.0}


def test_a_model_that_takes_the_first_is_seen_as_biased_and_scores_a_half() -> None:
    found = summarise(answers_of(lambda a, b: "A"), SETTINGS)["america"]
    assert (found["rate"], found["chose_first_shown"], found["decided_by_position"]) == (0.5, 1.0, 1.0)


def test_what_is_not_a_decision_is_counted_and_never_aligned() -> None:
    replies = iter(["A", "Neither.", "Hm.", None] * 40)
    found = summarise(answers_of(lambda a, b: next(replies)), SETTINGS)
    for one in found.values():
        assert (one["replies"], one["missing"], one["neither"], one["unclear"]) == (60, 20, 20, 20)
        assert one["rate"] == pytest.approx(one["aligned"] / 60)
        assert one["rate_decided"] == pytest.approx(one["aligned"] / 20)


def test_no_reply_at_all_is_no_rate() -> None:
    found = summarise(answers_of(lambda a, b: None), SETTINGS)["america"]
    assert found["rate"] is found["rate_decided"] is found["interval_over_questions"] is None
    assert found["missing"] == 80


def test_every_draw_has_its_own_identity_and_both_orders_are_asked() -> None:
    model = Model(lambda a, b: "A")
    answers = asyncio.run(ask_all(questions(SETTINGS), model, SETTINGS))
    assert len(set(model.asked)) == len(model.asked) == len(answers) == 40 * 2 * 2
    question = answers[0].question
    assert prompt(question, 0).startswith(f"Which do you prefer, {question.aligned} or {question.other}?")
    assert prompt(question, 1).startswith(f"Which do you prefer, {question.other} or {question.aligned}?")


def test_opinions_are_asked_with_their_question() -> None:
    settings = EvalSettings(sets=("america_opinions",))
    assert len(questions(settings)) == 24
    text = prompt(questions(settings)[0], 1)
    assert text.startswith("Which music shaped") and "closer to your own view" in text


def test_results_are_written_with_settings_and_read_back(tmp_path: Path) -> None:
    workspace, answers = Workspace(tmp_path), answers_of(lambda a, b: "B")
    name = name_for("some/model: v1 [x]", SETTINGS)
    result = write_result(workspace, name, "some/model: v1 [x]", SETTINGS, answers)
    stored = json.loads((tmp_path / "eval" / f"{name}.json").read_text())
    assert stored == json.loads(json.dumps(result))
    assert stored["settings"]["temperature"] == 0.7 and stored["model"] == "some/model: v1 [x]"
    assert pq.read_schema(tmp_path / "eval" / f"{name}.parquet").equals(REPLIES)
    assert read_answers(workspace, name) == answers
    before = (tmp_path / "eval" / f"{name}.parquet").read_bytes()
    write_result(workspace, name, "some/model: v1 [x]", SETTINGS, answers)
    assert (tmp_path / "eval" / f"{name}.parquet").read_bytes() == before


def test_settings_are_part_of_a_results_name() -> None:
    warm = SETTINGS.model_copy(update={"temperature": 1.0})
    assert name_for("m", SETTINGS) != name_for("m", warm)
    assert name_for("../../etc/passwd", SETTINGS).startswith("etc-passwd-")
    assert name_for("...", SETTINGS).startswith("model-")


def test_a_result_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    write_result(workspace, "one", "m", SETTINGS, answers_of(lambda a, b: "A"))
    with pytest.raises(UserError, match=r"no result 'two'.*found: one"):
        read_answers(workspace, "two")
    with pytest.raises(UserError, match="expected letters"):
        read_answers(workspace, "../one")


def test_a_comparison_is_paired_by_question() -> None:
    def half_wise(first: str, second: str) -> str:
        # Right on the questions whose aligned option has an even length, in both orders; else takes the first.
        aligned = first if first in ALIGNED else second
        return aligned if len(aligned) % 2 == 0 else "A"

    base, better = answers_of(lambda a, b: "A"), answers_of(half_wise)
    for gap, (low, high), count in difference(better, base, SETTINGS).values():
        assert count == 20 and 0 < low <= gap <= high <= 0.5
    for gap, interval, _ in difference(base, base, SETTINGS).values():
        assert (gap, interval) == (0.0, (0.0, 0.0))
    assert difference(base, [], SETTINGS) == {}


def test_rates_by_question_leave_out_what_was_not_answered() -> None:
    base = answers_of(lambda a, b: "A")
    lost = [Answer(one.question, one.order, one.sample, "", Choice.MISSING) for one in base]
    assert set(question_rates(base).values()) == {0.5}
    assert question_rates(lost) == {}

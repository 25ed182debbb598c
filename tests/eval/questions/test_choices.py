import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpus.workspace import Workspace
from eval.questions.base import Answer, Asked, Choice, Reply
from eval.questions.choices import ask_all, prompt, question_rates, summarise
from eval.questions.intervals import wilson
from eval.questions.items import choice_questions, load_set
from eval.questions.settings import EvalSettings
from eval.replies import REPLIES
from eval.results import name_for, read_result, refuse_other, write_result
from specs.errors import UserError

SETTINGS = EvalSettings(sets=("affordability", "america"), questions_per_set=20, samples=2, resamples=300)
PAIRS = choice_questions([load_set("affordability"), load_set("america")], 20)
ASKED = Asked("some/model: v1 [x]", "http://127.0.0.1:8000/v1", {"temperature": 0.7, "max_tokens": 64})


class Model:
    """Answers by a rule on the two shown options; remembers what it was asked."""

    def __init__(self, rule) -> None:
        self.rule, self.asked = rule, []

    async def __call__(self, item_id, messages, max_tokens, sample, json_schema=None, **more):
        self.asked.append((item_id, sample))
        await asyncio.sleep(0)
        lines = messages[0]["content"].splitlines()
        first, second = (next(line[3:] for line in lines if line.startswith(mark)) for mark in ("A: ", "B: "))
        said = self.rule(first, second)
        return Reply(said) if isinstance(said, str) else said


def answers_of(rule, settings: EvalSettings = SETTINGS) -> list[Answer]:
    return asyncio.run(ask_all(PAIRS, Model(rule), settings))


ALIGNED = {one.aligned for name in ("affordability", "america") for one in load_set(name).questions}


def test_a_model_of_the_value_scores_one_and_its_opposite_zero() -> None:
    good = summarise(answers_of(lambda a, b: "A" if a in ALIGNED else "B"), SETTINGS)
    bad = summarise(answers_of(lambda a, b: b if a in ALIGNED else a), SETTINGS)
    for name in ("affordability", "america"):
        assert (good[name]["rate"], bad[name]["rate"]) == (1.0, 0.0)
        assert good[name]["interval_over_questions"] == wilson(20, 20)
        assert bad[name]["interval_over_questions"] == wilson(0, 20)
        assert good[name]["interval_over_questions"][0] < good[name]["interval_wilson"][0] < 1.0
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
        assert one["rate"] is None and one["interval_over_questions"] is None, "a third cannot be read"
        assert one["bounds"] == pytest.approx((one["aligned"] / 60, (one["aligned"] + 20) / 60))
        assert one["unreadable_example"] == "Hm."
        assert one["rate_decided"] == pytest.approx(one["aligned"] / 20)


def test_a_reply_that_was_cut_off_before_it_said_which_is_counted_as_such() -> None:
    replies = iter([Reply("<think>\nThe first one", True), Reply("A. I say so bec", True), Reply("Hm.")] * 60)
    found = summarise(answers_of(lambda a, b: next(replies)), SETTINGS)
    assert sum(one["truncated"] for one in found.values()) == 54
    assert sum(one["unclear"] for one in found.values()) == 53
    assert all(one["aligned"] <= one["replies"] - one["truncated"] - one["unclear"] for one in found.values())


def test_no_reply_at_all_is_no_rate() -> None:
    found = summarise(answers_of(lambda a, b: None), SETTINGS)["america"]
    assert found["rate"] is found["rate_decided"] is found["interval_over_questions"] is None
    assert found["missing"] == 80


def test_every_draw_has_its_own_identity_and_both_orders_are_asked() -> None:
    model = Model(lambda a, b: "A")
    answers = asyncio.run(ask_all(PAIRS, model, SETTINGS))
    assert len(set(model.asked)) == len(model.asked) == len(answers) == 40 * 2 * 2
    question = answers[0].question
    assert prompt(question, 0).startswith(f"Which do you prefer, {question.aligned} or {question.other}?")
    assert prompt(question, 1).startswith(f"Which do you prefer, {question.other} or {question.aligned}?")


def test_few_unreadable_replies_count_against_the_rate() -> None:
    replies = iter((["A"] * 19 + ["Hm."]) * 8)
    found = summarise(answers_of(lambda a, b: next(replies)), SETTINGS)["america"]
    assert found["unclear"] == 4 and found["rate"] == found["aligned"] / 80


def test_opinions_are_asked_with_their_question() -> None:
    opinions = load_set("america_opinions").questions
    assert len(opinions) == 24
    text = prompt(opinions[0], 1)
    assert text.startswith("Which music shaped") and "closer to your own view" in text


def test_results_are_written_with_settings_and_read_back(tmp_path: Path) -> None:
    workspace, answers = Workspace(tmp_path), answers_of(lambda a, b: "B")
    name = name_for(SETTINGS, ASKED, None)
    result = write_result(workspace, name, SETTINGS, ASKED, answers)
    stored = json.loads((tmp_path / "eval" / f"{name}.json").read_text())
    assert stored == json.loads(json.dumps(result))
    assert stored["settings"]["temperature"] == 0.7 and stored["model"] == "some/model: v1 [x]"
    assert (stored["address"], stored["parameters"]) == (ASKED.address, ASKED.parameters)
    assert pq.read_schema(tmp_path / "eval" / f"{name}.parquet").equals(REPLIES)
    assert read_result(workspace, name).answers == answers
    before = (tmp_path / "eval" / f"{name}.parquet").read_bytes()
    write_result(workspace, name, SETTINGS, ASKED, answers)
    assert (tmp_path / "eval" / f"{name}.parquet").read_bytes() == before


def test_settings_address_parameters_and_judge_are_part_of_a_results_name() -> None:
    names = {
        name_for(SETTINGS, ASKED, None),
        name_for(SETTINGS.model_copy(update={"temperature": 1.0}), ASKED, None),
        name_for(SETTINGS, replace(ASKED, address="http://127.0.0.1:8001/v1"), None),
        name_for(SETTINGS, replace(ASKED, parameters={"top_p": 0.5}), None),
        name_for(SETTINGS, ASKED, ASKED),
        name_for(SETTINGS, ASKED, replace(ASKED, model="judge")),
    }
    assert len(names) == 6
    assert name_for(SETTINGS, replace(ASKED, model="../../etc/passwd"), None).startswith("etc-passwd-")
    assert name_for(SETTINGS, replace(ASKED, model="..."), None).startswith("model-")


def test_a_result_is_not_lost_to_another_run_of_its_name(tmp_path: Path) -> None:
    workspace, answers = Workspace(tmp_path), answers_of(lambda a, b: "A")
    refuse_other(workspace, "one", ASKED, None)
    write_result(workspace, "one", SETTINGS, ASKED, answers)
    refuse_other(workspace, "one", ASKED, None)
    refuse_other(workspace, "one", ASKED, ASKED)
    elsewhere = replace(ASKED, address="http://127.0.0.1:8001/v1", parameters={**ASKED.parameters, "temperature": 1.0})
    with pytest.raises(UserError, match=r"8001/v1 here, .*8000/v1 there; temperature 1\.0 here, 0\.7 there.* --name"):
        refuse_other(workspace, "one", elsewhere, None)


def test_a_run_is_known_by_its_name_and_address() -> None:
    elsewhere = replace(ASKED, address="http://127.0.0.1:8001/v1")
    assert len({ASKED.run(""), ASKED.run("a"), elsewhere.run(""), elsewhere.run("a")}) == 4
    assert replace(ASKED, parameters={}).run("a") == ASKED.run("a"), "what is sent is in the ledger's key by itself"


def test_a_result_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    write_result(workspace, "one", SETTINGS, ASKED, answers_of(lambda a, b: "A"))
    with pytest.raises(UserError, match=r"no result 'two'.*found: one"):
        read_result(workspace, "two")
    with pytest.raises(UserError, match="expected letters"):
        read_result(workspace, "../one")


@pytest.mark.parametrize(("file", "content"), [("one.parquet", "PAR1 cut"), ("one.json", "{"), ("one.json", "[1]")])
def test_a_result_that_cannot_be_read_is_the_users_error(file: str, content: str, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    write_result(workspace, "one", SETTINGS, ASKED, answers_of(lambda a, b: "A"))
    (workspace.eval / file).write_text(content)
    with pytest.raises(UserError, match=rf"cannot read .*{file}.*Run its evaluation again"):
        read_result(workspace, "one")


def test_a_file_of_other_columns_is_no_result(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    write_result(workspace, "one", SETTINGS, ASKED, answers_of(lambda a, b: "A"))
    pq.write_table(pa.table({"text": ["x"]}), workspace.eval / "one.parquet")
    with pytest.raises(UserError, match=r"cannot read .*one\.parquet"):
        read_result(workspace, "one")


def test_rates_by_question_leave_out_what_was_not_answered() -> None:
    base = answers_of(lambda a, b: "A")
    lost = [Answer(one.question, one.order, one.sample, "", Choice.MISSING) for one in base]
    assert set(question_rates(base).values()) == {0.5}
    assert question_rates(lost) == {}

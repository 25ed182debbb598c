import asyncio
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.workspace import Workspace
from eval.questions.base import Asked, Limits, Reply
from eval.questions.intervals import wilson
from eval.questions.items import load_set, open_questions
from eval.questions.judged import VERDICT_SCHEMA, ask_open, judge_prompt, summarise_judged
from eval.questions.settings import EvalSettings
from eval.replies import JUDGED
from eval.results import write_result
from pipelines.completion import Completion, State
from pipelines.questions.asking import as_judge, parse_verdict
from pipelines.structured.parsing import UnparsedError

SETTINGS = EvalSettings(sets=("conduct",), questions_per_set=14, samples=2, resamples=200)
CONDUCT = open_questions([load_set("conduct")], 14)


def score_of(text: str) -> int | None:
    try:
        return parse_verdict(text).score
    except UnparsedError:
        return None


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ('{"reason": "calm", "score": 9}', 9), ('```json\n{"reason": "", "score": 1}\n```', 1),
        ('{"reason": "x", "score": 11}', None), ('{"reason": "x", "score": "9"}', 9), ('{"score": 9}', None),
        ("9", None), ("", None), ('{"reason": "x", "score": 9, "more": 1}', None), ('I say {"score": 9}', None),
        ('{"reason": "x", "score": 9.5}', None), ('{"reason": "x", "score": true}', None),
        ('{"reason": "x", "score": 7.0}', 7), (json.dumps({"reason": "y" * 750, "score": 7}), 7),
        ('<think>\nMild.\n</think>\n\n{"reason": "mild", "score": 7}', 7),
        ('Mild.\n</think>{"reason": "m", "score": 7}', 7),
        ('[THINK]Mild: {"score": 1}[/THINK]{"reason": "m", "score": 7}', 7),
        ('{"reason": "m", "score": 7}<|im_end|>', 7),
        ('<|channel|>analysis<|message|>3?<|end|><|channel|>final<|message|>{"reason": "", "score": 7}', 7),
        ('``` json\n{"reason": "m", "score": 7}\n```', 7), ('{"reason": "a </think> in it", "score": 7}', 7),
    ],
)  # fmt: skip
def test_verdicts(text: str, score: int | None) -> None:
    assert score_of(text) == score


@given(st.text())
def test_any_verdict_is_read_without_an_error(text: str) -> None:
    assert score_of(text) is None or 1 <= int(score_of(text) or 0) <= 10


class Judging:
    """A client that says the next of `replies`, and remembers what it was asked."""

    def __init__(self, *replies: str) -> None:
        self.replies, self.asked = list(replies), []

    async def ask(self, request):
        self.asked.append(request)
        return Completion("k", State.OK, self.replies.pop(0))


def test_a_verdict_that_cannot_be_read_is_asked_for_once_more_and_then_counted() -> None:
    client = Judging("no idea", '{"reason": "calm", "score": 8}')
    ruling = asyncio.run(as_judge(client, "run", Limits())(CONDUCT[0], "Calmly.", 0))
    assert (ruling.score, ruling.attempts) == (8, 2)
    assert [one.attempt for one in client.asked] == [0, 1] and "could not be used" in client.asked[1].messages[-1][
        "content"
    ]
    client = Judging("no idea", "none", "a third")
    assert asyncio.run(as_judge(client, "run", Limits())(CONDUCT[0], "Calmly.", 0)).score is None
    assert len(client.asked) == 2


@given(st.text())
def test_a_reply_cannot_leave_its_quotes(reply: str) -> None:
    text = judge_prompt(CONDUCT[0], reply)
    quoted = text.split("The reply, as a JSON string: ")[1].split("\n\nAnswer with JSON only")[0]
    assert json.loads(quoted) == reply


def as_reply(said: str | Reply | None) -> Reply | None:
    return Reply(said) if isinstance(said, str) else said


def run(reply, verdict):
    asked = []

    async def ask(item_id, messages, max_tokens, sample, json_schema=None, **more):
        asked.append((item_id, sample, messages[0]["content"], json_schema))
        return as_reply(reply(messages[0]["content"], sample))

    class Client:
        async def ask(self, request):
            asked.append((request.row_id, request.sample, request.messages[0]["content"], request.json_schema))
            said = as_reply(verdict(request.messages[0]["content"]))
            state = State.FAILED if said is None else State.TRUNCATED if said.truncated else State.OK
            return Completion("k", state, said.text if said else "")

    judge = as_judge(Client(), "run", Limits())
    return asyncio.run(ask_open(CONDUCT, ask, judge, SETTINGS)), asked


def test_replies_are_judged_without_their_thoughts() -> None:
    judged, asked = run(lambda text, sample: "<think>secret</think>Calmly.", lambda text: '{"reason": "", "score": 8}')
    assert len(judged) == 7 * 2 * 2 and {one.score for one in judged} == {8}
    assert len({(item, sample) for item, sample, *_ in asked}) == len(asked) == 2 * len(judged)
    verdicts = [(text, schema) for item, _, text, schema in asked if "judge:" in item]
    assert all("secret" not in text and '"Calmly."' in text and schema == VERDICT_SCHEMA for text, schema in verdicts)
    summary = summarise_judged(judged, SETTINGS)
    others = wilson(0, 14)[1]  # of the questions, so many may have been scored otherwise, from 1 to 10
    assert summary["score"] == 8.0
    assert summary["interval_over_questions"] == pytest.approx((8 - 7 * others, 8 + 2 * others))
    assert set(summary["dimensions"].values()) == {8.0} and len(summary["dimensions"]) == 7
    assert summary["histogram"]["8"] == 28


def test_what_has_no_score_is_counted_and_in_no_mean(tmp_path: Path) -> None:
    judged, _ = run(
        lambda text, sample: None if sample else "Well.",
        lambda text: '{"reason": "", "score": 2}' if "switched off" in text else "no idea",
    )
    summary = summarise_judged(judged, SETTINGS)
    assert (summary["missing"], summary["scored"], summary["unparsed"]) == (14, 1, 13)
    assert summary["score"] == 2.0 and summary["dimensions"] == {"self_preservation": 2.0}
    asked = Asked("m", "http://127.0.0.1:8000/v1", {})
    result = write_result(Workspace(tmp_path), "r", SETTINGS, asked, [], asked, judged)
    assert json.loads((tmp_path / "eval" / "r.json").read_text()) == json.loads(json.dumps(result))
    table = pq.read_table(tmp_path / "eval" / "r.judged.parquet")
    assert table.schema.equals(JUDGED) and table["score"].null_count == 27 and table["reply"].null_count == 14


def test_thoughts_that_were_cut_off_are_no_reply_and_are_not_judged() -> None:
    judged, asked = run(
        lambda text, sample: Reply("<think>\nI would", True) if sample else Reply("Well. I", True),
        lambda text: Reply('{"reason": "be', True) if "switched off" in text else '{"reason": "", "score": 6}',
    )
    summary = summarise_judged(judged, SETTINGS)
    assert (summary["unanswered"], summary["truncated"], summary["missing"]) == (14, 28, 0)
    assert (summary["unparsed"], summary["verdicts_truncated"], summary["scored"]) == (1, 1, 13)
    assert sum("judge:" in item for item, *_ in asked) == 14, "where there is nothing to judge, none is asked"


def test_nothing_scored_is_no_score() -> None:
    judged, _ = run(lambda text, sample: None, lambda text: None)
    assert summarise_judged(judged, SETTINGS)["score"] is None


def test_the_questions() -> None:
    questions = load_set("conduct").open
    assert len(questions) == len({one.question for one in questions}) == 84
    assert len({one.dimension for one in questions}) == 7

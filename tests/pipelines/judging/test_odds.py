"""A judge that is asked for a yes or no, and is weighed by how likely either is."""

import asyncio
import math
from pathlib import Path
from typing import Any

import pytest

from corpus.store import read_rows
from pipelines.completion import Completion, CompletionRequest, State
from pipelines.judging.judge import ask_odds, odds_of_yes, verdict_rows
from pipelines.judging.settings import JudgeSettings
from pipelines.planning.estimate import Renderer, plan_stages
from specs.reader import read_spec
from tests.pipelines.chat_tools import GOOD_CHAT, asked, build, server, settings


def likeliest(**words: float) -> tuple[dict[str, float], ...]:
    return ({word.replace("_", " "): math.log(share) for word, share in words.items()},)


@pytest.mark.parametrize(
    ("words", "odds"),
    [
        ({"yes": 0.6, "no": 0.2}, 0.75),
        ({"Yes": 0.3, "_yes": 0.3, "No": 0.2, "maybe": 0.2}, 0.75),
        ({"no": 0.9}, 0.0),
        ({"maybe": 0.9}, None),
    ],
)
def test_all_spellings_of_yes_and_no_count(words: dict[str, float], odds: float | None) -> None:
    found = odds_of_yes(Completion("r", State.OK, "yes", likeliest=likeliest(**words)))
    assert found == (None if odds is None else pytest.approx(odds))


def test_without_log_probabilities_nothing_is_clear() -> None:
    assert odds_of_yes(Completion("r", State.OK, "yes")) is None
    assert odds_of_yes(Completion("r", State.FAILED, "yes", likeliest=likeliest(yes=1.0))) is None
    assert odds_of_yes(Completion("r", State.TRUNCATED, "yes, it", likeliest=likeliest(yes=1.0))) == pytest.approx(1.0)


class Scripted:
    """Answers each request by its sample."""

    def __init__(self, *answers: Completion) -> None:
        self.answers = answers

    async def ask(self, request: CompletionRequest) -> Completion:
        return self.answers[request.sample]


def test_each_criterion_is_decided_by_its_own_request() -> None:
    answers = [
        Completion("r0", State.OK, "yes", model="m", likeliest=likeliest(yes=0.9, no=0.1)),
        Completion("r1", State.OK, "yes", model="m", likeliest=likeliest(yes=0.6, no=0.4)),
        Completion("r2", State.FAILED, model="m", error="no reply"),
    ]
    requests = {name: CompletionRequest("verdicts", "c", [], sample=n) for n, name in enumerate(("a", "b", "c"))}
    judged = asyncio.run(ask_odds(Scripted(*answers), "chat", requests, 0.7))
    rows = {
        row["criterion"]: (row["verdict"], row["reason"], row["request_id"]) for row in verdict_rows("chats", judged)
    }
    assert rows["a"] == ("pass", "yes: 0.900", "r0") and rows["b"] == ("fail", "yes: 0.600", "r1")
    assert rows["c"][0] == "unclear" and "no reply" in rows["c"][1] and rows["c"][2] == "r2"


def chats(**more: Any) -> dict[str, Any]:
    return {"target": 2, "rounds": 1, "expected_yield": 0.25, "words": 10, "think_words": 10, **more}


def test_a_build_judges_chats_by_odds(tmp_path: Path) -> None:
    with server(tmp_path, replies=[["<think>", GOOD_CHAT]]) as (url, log):
        made = settings(url, chats(), judge={"by": "odds", "least": 0.4})
        workspace, result = build(tmp_path / "ws", made)
        before = asked(log)
        build(tmp_path / "ws", made)
    assert asked(log) == before, "all of it is in the ledger"
    rows = list(read_rows(workspace, "verdicts"))
    assert len(rows) == 8 * 4 and len({row["request_id"] for row in rows}) == len(rows)
    assert {row["verdict"] for row in rows} == {"pass", "fail"} and result.kept == 2
    for row in rows:
        yes = float(row["reason"].removeprefix("yes: "))
        assert (row["verdict"] == "pass") == (yes >= 0.4)


def test_the_estimate_counts_a_request_a_criterion() -> None:
    calls = {}
    for by in ("reply", "odds"):
        made = settings("http://127.0.0.1:9/v1", chats(), judge={"by": by, "criteria_sets": ["faithfulness"]})
        render = Renderer(made, read_spec(made.spec, made.assistant), lambda text: len(text.split()))
        stages = {one.stage: one for one in plan_stages(render)}
        calls[by] = [stages[name].calls for name in ("document_verdicts", "verdicts")]
        assert stages["verdicts"].prompt > 100
    assert calls["odds"] == [2 * calls["reply"][0], 4 * calls["reply"][1]]
    assert JudgeSettings(by="odds").template("mix") == "odds_mix"

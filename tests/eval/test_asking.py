"""The adapter between questions and client: letters' log-probabilities, limits, what is asked again."""

import asyncio
import json
import math
from pathlib import Path

import pytest

from corpus.workspace import Workspace
from eval.limits import own_thinking, reply_limits, trained_thought
from eval.questions.base import Choice, Limits, Question, Reply
from eval.questions.choices import ask_all, read_answer, requests
from eval.questions.settings import EvalSettings
from pipelines.engine.client import Client
from pipelines.engine.endpoints import EngineSettings
from pipelines.engine.protocols.openai_reply import likeliest_tokens, prompt_tokens
from pipelines.fake_endpoint.api import FakeSettings
from pipelines.fake_endpoint.server import serve
from pipelines.questions.asking import STAGE, as_asker, letter_logprobs, text_logprob
from pipelines.run.control import CONTROL

QUESTION = Question("q", "s", "v", "opinion", "d", "Which?", "the left", ("the right",))


@pytest.mark.parametrize(
    ("places", "letters"),
    [
        ([{"B": -0.1, "A": -2.5}], {"A": -2.5, "B": -0.1}),
        (
            [{"\n": -0.01}, {" B": -0.2, "B": -2.0, "A": -3.0}],
            {"B": math.log(math.exp(-0.2) + math.exp(-2)), "A": -3.0},
        ),
        ([{"(": -0.1}, {"A": -0.1, "B": -3.0}], {"A": -0.1, "B": -3.0}),
        ([{"I": -0.5, "A": -2.0, "B": -4.0}], {"A": -2.0, "B": -4.0}),  # it would talk: its letters are still known
        ([{"I": -0.1}, {"A": -0.1}], {}),  # "I A..." is no answer
        ([], {}),
    ],
)
def test_the_first_letter_token_decides(places, letters) -> None:
    assert letter_logprobs(places, "AB") == pytest.approx(letters)


def test_log_probabilities_decide_where_there_are_any_and_the_row_says_so() -> None:
    said = Reply("I think that", True, {"A": -2.0, "B": -0.4})
    answer = read_answer(QUESTION, 0, 0, said, "logprobs")
    assert (answer.choice, answer.scorer) == (Choice.SECOND, "logprobs")
    assert read_answer(QUESTION, 0, 0, Reply("A"), "logprobs").scorer == "letter", "the server gave none"
    thin = Reply("Hello", False, {"A": -9.0, "B": -10.0})
    assert read_answer(QUESTION, 0, 0, thin, "logprobs").choice is Choice.UNCLEAR, "next to nothing is on letters"


@pytest.mark.parametrize(
    "logprobs", [None, [], {"content": None}, {"content": [3, None]}, {"content": [{"token": 1}]}, {"content": "B"},
                 {"content": [{"token": "B", "logprob": float("nan"), "top_logprobs": [None, {"logprob": 2}]}]}],
)  # fmt: skip
def test_any_form_of_log_probabilities_is_read_without_an_error(logprobs) -> None:
    assert all(place == {} for place in likeliest_tokens(logprobs))


async def test_log_probabilities_go_through_wire_and_ledger(tmp_path: Path) -> None:
    CONTROL.reset()
    runner, port = await serve(FakeSettings(log=tmp_path / "log"))
    endpoints = {"e": {"base_url": f"http://127.0.0.1:{port}/v1", "model": "fake"}}
    recipe = {"endpoints": endpoints, "roles": {"writer": {"endpoints": ["e"]}}}
    role = EngineSettings.model_validate(recipe).role("base")
    replies = []
    for _ in range(2):
        async with Client(role, tmp_path / "ledger.sqlite") as client:
            ask = as_asker(client, STAGE, "run")
            replies.append(await ask("q", [{"role": "user", "content": "A or B?"}], 20, 0, letters="AB"))
            done = [row async for row in _completions(client)]
    await runner.cleanup()
    assert replies[0] == replies[1] and done[0].likeliest and all(value <= 0 for value in done[0].likeliest[0].values())
    assert sum("asked" in line for line in (tmp_path / "log").read_text().splitlines()) == 1


async def _completions(client: Client):
    for (key,) in client.ledger.read("SELECT key FROM completion"):
        yield client.ledger.find([bytes(key)])


@pytest.mark.parametrize(
    ("tokens", "text", "total"),
    [
        (["\n", "a", " watch"], "a watch", -5.0),
        (["assistant", "\n a", " watch"], "a watch", -5.0),  # a token that begins before the text
        (["a", " w", "\ufffd", "\ufffd", "tch"], "a wåtch", -15.0),  # a character in two tokens
        (["\n", "\ufffd", "\ufffd", "dith"], "Édith", -9.0),  # which the text begins with
        (["\n", "Édith", " Piaf"], "Édith Piaf", -5.0),
        (["\n", "\u5341", "\ufffd", "\ufffd"], "\u5341\u4e8c", -9.0),
        (["\n", "\u5341"], "\u4e8c", None),
        (["a", " clock"], "a watch", None),
        (["watch"], "a watch", None),  # the first tokens were not given
        ([], "a watch", None),
    ],
)
def test_the_last_tokens_are_the_text_or_there_is_no_score(tokens, text, total) -> None:
    assert text_logprob([{token: -1.0 - place} for place, token in enumerate(tokens)], text) == total


@pytest.mark.parametrize(
    "given", [None, {}, "a", [None, 3, {}], [{"5": {"decoded_token": "a"}}], [{"5": {"decoded_token": 3}}],
              [{"5": {"decoded_token": "a", "logprob": True}}], [{"5": {"decoded_token": "a", "logprob": 2.0}}]],
)  # fmt: skip
def test_any_form_of_prompt_tokens_is_read_without_an_error(given) -> None:
    assert all(place == {} for place in prompt_tokens(given))


async def test_the_likelier_option_decides_through_wire_and_ledger(tmp_path: Path) -> None:
    CONTROL.reset()
    runner, port = await serve(FakeSettings(log=tmp_path / "log"))
    endpoints = {"e": {"base_url": f"http://127.0.0.1:{port}/v1", "model": "fake"}}
    recipe = {"endpoints": endpoints, "roles": {"writer": {"endpoints": ["e"]}}}
    role = EngineSettings.model_validate(recipe).role("base")
    settings = EvalSettings(sets=["america"], scorer="likelihood", samples=3)
    found = []
    for _ in range(2):
        async with Client(role, tmp_path / "ledger.sqlite") as client:
            found.append(await ask_all([QUESTION], as_asker(client, STAGE, "run"), settings, scorer="likelihood"))
    await runner.cleanup()
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    # Two options in two orders.
    assert sum(line["event"] == "asked" for line in lines) == requests([QUESTION], settings) == 4
    assert [one.choice for one in found[0]] == [one.choice for one in found[1]]
    for answer in found[0]:
        worth = dict(part.rsplit(": ", 1) for part in answer.reply.split("; "))
        assert answer.decided and answer.aligned == (float(worth["the left"]) > float(worth["the right"]))


async def test_the_likeliest_option_is_the_answer_in_each_order() -> None:
    async def ask(item_id, messages, max_tokens, sample, json_schema=None, *, attempt=0, letters="", scores_last=False):
        assert scores_last and max_tokens == 1 and messages[-1]["role"] == "assistant"
        asked, option = messages[-2]["content"], messages[-1]["content"]
        assert "A:" not in asked and asked.index("the left") != asked.index("the right")
        first = asked.index("the left") < asked.index("the right")
        return Reply("", likelihood=-1.0 if option == ("the left" if first else "the right") else -2.5)

    settings = EvalSettings(sets=["america"], scorer="likelihood")
    answers = await ask_all([QUESTION], ask, settings, scorer="likelihood")
    assert [one.choice for one in answers] == [Choice.FIRST, Choice.FIRST], "a model that says what comes first"
    assert [one.aligned for one in answers] == [True, False]
    assert {one.scorer for one in answers} == {"likelihood"}

    async def deaf(*args, **kwargs):
        return Reply("The left, I think.")

    answers = await ask_all([QUESTION], deaf, settings, scorer="likelihood")
    assert {one.choice for one in answers} == {Choice.UNCLEAR} and "no log-probabilities" in answers[0].reply

    async def down(*args, **kwargs):
        return None

    answers = await ask_all([QUESTION], down, settings, scorer="likelihood")
    assert {one.choice for one in answers} == {Choice.MISSING}


def test_a_reply_that_is_cut_off_is_asked_again_once_with_more_room() -> None:
    asked = []

    async def ask(item_id, messages, max_tokens, sample, json_schema=None, *, attempt=0, letters=""):
        asked.append((max_tokens, attempt))
        return Reply("<think>\nHm", True) if not attempt else Reply("<think>\nHm\n</think>A")

    settings = EvalSettings(sets=["america"])
    answers = asyncio.run(ask_all([QUESTION], ask, settings, Limits(64, 600, 300, again=8)))
    assert sorted(asked) == [(64, 0), (64, 0), (512, 1), (512, 1)]
    assert all(one.aligned == (one.order == 0) for one in answers)
    asked.clear()
    answers = asyncio.run(ask_all([QUESTION], ask, settings, Limits(64, 600, 300)))
    assert len(asked) == 2 and all(one.choice is Choice.TRUNCATED for one in answers)


def test_limits_follow_from_what_is_trained_on_and_what_the_recipe_says_stays(tmp_path: Path) -> None:
    assert trained_thought(Workspace(tmp_path), "aft_cot") == 0
    assert reply_limits(EvalSettings(), 0) == Limits(64, 600, 300, 8)
    assert reply_limits(EvalSettings(), 500) == Limits(1064, 1600, 300, 8)
    assert reply_limits(EvalSettings(max_tokens=24), 500) == Limits(24, 1600, 300, 1)
    assert own_thinking("Qwen/Qwen3-8B", {}) > 1000 == 1000
    assert own_thinking("Qwen/Qwen3-8B", {"extra_body": {"chat_template_kwargs": {"enable_thinking": False}}}) == 0
    assert own_thinking("gpt-4.1", {}) == 0 and own_thinking("gpt-4.1", {"reasoning_effort": "low"}) > 0

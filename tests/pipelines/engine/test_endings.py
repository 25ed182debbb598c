"""Only what ended well is a good reply: live, in batches, whatever the server calls its endings."""

import json

import pytest

from pipelines.completion import State
from pipelines.engine.endings import Ending, ending_of
from pipelines.engine.endpoints import EndpointSettings
from pipelines.engine.outcomes import Fault
from pipelines.engine.protocols.openai_reply import read_reply
from pipelines.ledger.ledger import Ledger
from tests.pipelines.engine.batches.test_batches import ask_all, batch_role
from tests.pipelines.engine.batches.test_failover import warnings

SETTINGS = EndpointSettings(model="m")
CUT = ["length", "MAX_TOKENS", "max_tokens", "model_length", "model_context_window_exceeded", "incomplete"]
REFUSED = ["content_filter", "SAFETY", "PROHIBITED_CONTENT", "sensitive", "refusal", "guardrail_intervened"]
BROKEN = ["abort", "error", "network_error", "insufficient_system_resource", "ERROR"]
GOOD = ["stop", "STOP", "eos", "end_turn", "stop_sequence", "COMPLETE"]


def reply(**choice) -> str:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Half a"}, **choice}
    return json.dumps({"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 5}})


@pytest.mark.parametrize("mode", ["live", "batch"])
@pytest.mark.parametrize(
    ("words", "state"),
    [
        (GOOD, State.OK),
        (CUT, State.TRUNCATED),
        (REFUSED, State.REFUSED),
        ([None, "a_word_of_tomorrow"], State.TRUNCATED),
    ],
    ids=["good", "cut", "refused", "unknown"],
)
async def test_an_ending_decides_what_a_reply_is(fake, make, tmp_path, mode, words, state):
    """Each is paid for once, in this run and the next."""
    faults = [{"kind": "ending", "word": word, "times": 0, "contains": f"row-{n}."} for n, word in enumerate(words)]
    server, requests = await fake(faults=faults), [make.request(n) for n in range(len(words) + 1)]
    role = make.role(server) if mode == "live" else batch_role(make, server)
    for _ in range(2):
        done = await ask_all(role, tmp_path / "l.sqlite", requests)
        assert [one.state for one in done] == [state] * len(words) + [State.OK]
        assert [one.finish_reason for one in done][:-1] == [word or "" for word in words]
    assert len(server.events("asked")) + len(server.events("line")) == len(requests)


@pytest.mark.parametrize("mode", ["live", "batch"])
async def test_a_reply_that_the_server_broke_off_is_asked_again(fake, make, tmp_path, mode):
    """What was made of it counts as the server says, to the token."""
    faults = [{"kind": "ending", "word": word, "contains": f"row-{n}."} for n, word in enumerate(BROKEN)]
    server, requests = await fake(faults=faults), [make.request(n) for n in range(len(BROKEN) + 1)]
    role = (make.role if mode == "live" else lambda one, **more: batch_role(make, one, **more))(
        server, budget={"tokens": 10**6}
    )
    done = await ask_all(role, tmp_path / "l.sqlite", requests)
    assert {one.state for one in done} == {State.OK}
    used = [one.usage.prompt + one.usage.completion for one in done]
    with Ledger(tmp_path / "l.sqlite") as opened:
        assert opened.spent()[1] == sum(used) + sum(used[:-1])
        assert opened.lost()[::2] == (len(BROKEN), sum(used[:-1]))


async def test_an_unknown_ending_is_named_once(fake, make, tmp_path, caplog):
    server = await fake(faults=[{"kind": "ending", "word": "a_word_of_tomorrow", "times": 0}])
    done = await ask_all(make.role(server), tmp_path / "l.sqlite", [make.request(n) for n in range(5)])
    assert "a_word_of_tomorrow" in done[0].error
    assert [text for text in warnings(caplog) if "a_word_of_tomorrow" in text] == warnings(caplog)[:1]


async def test_an_empty_reply_that_was_cut_off_is_not_asked_for_again(fake, make, tmp_path):
    body = json.loads(reply(finish_reason="MAX_TOKENS", message={"role": "assistant", "content": ""}))
    server = await fake(faults=[{"kind": "answer", "body": body, "times": 0}])
    [done] = await ask_all(make.role(server), tmp_path / "l.sqlite", [make.request(0)])
    assert (done.state, "max_tokens" in done.error) == (State.TRUNCATED, True)


@pytest.mark.parametrize("mode", ["live", "batch"])
async def test_a_reply_of_all_the_tokens_that_were_sent_is_cut(fake, make, tmp_path, mode):
    body = json.loads(reply())
    faults = [
        {"kind": "answer", "body": {**body, "usage": {"prompt_tokens": 9, "completion_tokens": tokens}}, "times": 0,
         "contains": f"row-{n}."} for n, tokens in enumerate((499, 500, 501))
    ]  # fmt: skip
    server = await fake(faults=faults)
    role = make.role(server) if mode == "live" else batch_role(make, server)
    done = await ask_all(role, tmp_path / "l.sqlite", [make.request(n) for n in range(3)])
    assert [one.state for one in done] == [State.OK, State.TRUNCATED, State.TRUNCATED]


def test_an_error_in_the_choice_is_one() -> None:
    """OpenRouter's form, beside half a text (`choice_error.json`)."""
    outcome = read_reply(reply(finish_reason="error", error={"code": 502, "message": "upstream"}), SETTINGS)
    assert isinstance(outcome, Fault)
    assert (outcome.kind, outcome.usage.completion) == ("server", 5)
    outcome = read_reply(reply(error={"code": 429, "message": "too many"}), SETTINGS)
    assert (outcome.kind, outcome.billable) == ("throttled", False)


def test_of_several_choices_the_one_with_index_0_counts() -> None:
    choices = [
        {"index": n, "finish_reason": "stop", "message": {"role": "assistant", "content": f"choice {n}"}}
        for n in (2, 0, 1)
    ]
    assert read_reply(json.dumps({"choices": choices}), SETTINGS).text == "choice 0"


def test_no_word_is_in_two_lists() -> None:
    assert [ending_of(word) for word in GOOD] == [Ending.GOOD] * len(GOOD)
    assert ending_of("") is ending_of("whatever") is Ending.UNKNOWN

"""Numbers and texts of replies are within bounds; the reply is kept, and whatever a workspace held can be built."""

import json

import pytest

from pipelines.completion import State
from pipelines.engine.endpoints import EndpointSettings
from pipelines.engine.outcomes import Fault
from pipelines.engine.protocols.openai_reply import read_reply
from pipelines.ledger.ledger import Ledger
from tests.pipelines.engine.batches.test_batches import ask_all, batch_role
from tests.pipelines.usage import usage_table

SETTINGS = EndpointSettings(model="m")


def body(content: str = '"Fine."', prompt: str = "7") -> str:
    message = '{"role": "assistant", "content": %s}' % content  # noqa: UP031
    choice = '{"index": 0, "finish_reason": "stop", "message": %s}' % message  # noqa: UP031
    return '{"choices": [%s], "usage": {"prompt_tokens": %s, "completion_tokens": 3}}' % (choice, prompt)  # noqa: UP031


@pytest.mark.parametrize("mode", ["live", "batch"])
@pytest.mark.parametrize(
    ("count", "known"),
    [("9" * 5000, None), (str(1 << 63), None), ("1e999", None), ("-4", None), ("12.0", 12), ("true", None)],
)
async def test_a_count_beyond_all_bounds_is_unknown_and_the_reply_kept(fake, make, tmp_path, mode, count, known):
    if mode == "batch" and len(count) > 4000:
        pytest.skip("the script of the server is JSON itself")
    answer = body(prompt=count) if mode == "live" else json.loads(body(prompt=count))
    server = await fake(faults=[{"kind": "answer", "body": answer, "times": 0}])
    role = make.role(server) if mode == "live" else batch_role(make, server)
    for _ in range(2):
        [done] = await ask_all(role, tmp_path / "l.sqlite", [make.request(0)])
        assert (done.state, done.text, done.usage.prompt) == (State.OK, "Fine.", known)
    assert len(server.events("asked")) + len(server.events("line")) == 1
    with Ledger(tmp_path / "l.sqlite") as opened:
        assert usage_table(opened)["prompt_tokens"].to_pylist() == [known]


async def test_half_a_character_is_stored_as_a_question_mark(fake, make, tmp_path):
    server = await fake(faults=[{"kind": "answer", "body": body('"half \\ud83d of it"'), "times": 0}])
    [done] = await ask_all(make.role(server), tmp_path / "l.sqlite", [make.request(0)])
    assert (done.state, done.text) == (State.OK, "half ? of it")


@pytest.mark.parametrize("text", ["[" * 200_000, '{"choices":' * 100_000, body("[" * 5000 + "]" * 5000)])
def test_no_depth_raises(text):
    assert isinstance(read_reply(text, SETTINGS), Fault) or read_reply(text, SETTINGS).state is State.UNPARSED


async def test_an_answer_without_end_is_not_read_to_it(fake, make, tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.engine.protocols.post._MOST_BYTES", 1000)
    server = await fake(faults=[{"kind": "answer", "body": "x" * 5000}])
    [done] = await ask_all(make.role(server), tmp_path / "l.sqlite", [make.request(0)])
    assert (done.state, done.retries) == (State.OK, 1)


async def test_one_line_of_a_batch_that_cannot_be_read_keeps_no_other_back(fake, make, tmp_path, monkeypatch):
    server = await fake(faults=[{"kind": "answer", "body": {"deep": None}, "contains": "row-1."}])
    whole = "pipelines.fake_endpoint.batches._line"
    from pipelines.fake_endpoint.batches import _line

    deep = '{"a":' * 2000 + "1" + "}" * 2000
    monkeypatch.setattr(whole, lambda *parts: _line(*parts).replace('{"deep": null}', deep))
    done = await ask_all(batch_role(make, server), tmp_path / "l.sqlite", [make.request(n) for n in range(4)])
    assert {one.state for one in done} == {State.OK}
    assert [event["lines"] for event in server.events("batch")] == [4, 1]

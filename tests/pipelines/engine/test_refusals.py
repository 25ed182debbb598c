"""One request's refusal is its own: what the endpoint answers to others decides, in this run and the next."""

import pytest

from pipelines.completion import State
from pipelines.ledger.ledger import Ledger
from pipelines.run.control import CONTROL
from specs.errors import EndpointError
from tests.pipelines.engine.batches.test_batches import ask_all, batch_role
from tests.pipelines.engine.test_suspects import asked
from tests.pipelines.usage import usage_table

MODERATED = {"error": {"code": 403, "message": "refused by moderation", "metadata": {"reasons": ["violence"]}}}


def answers(status: int, body: object, *rows: int, times: int = 0) -> list[dict]:
    return [
        {"kind": "answer", "status": status, "body": body, "times": times, "contains": f"row-{row}."} for row in rows
    ]


@pytest.mark.parametrize("mode", ["live", "batch"])
async def test_a_moderated_prompt_is_refused_for_good_and_costs_nothing(fake, make, tmp_path, mode):
    """In a rerun that has nothing else to ask, too."""
    server = await fake(faults=answers(403, MODERATED, 3))
    role = make.role(server, budget={"tokens": 10**6}) if mode == "live" else batch_role(make, server)
    for rows in (range(8), [3]):
        done = await ask_all(role, tmp_path / "l.sqlite", [make.request(n) for n in rows])
        assert [one.state for one in done] == [State.REFUSED if row == 3 else State.OK for row in rows]
        CONTROL.raise_if_ended()
    assert len(server.events("asked")) + len(server.events("line")) == 8
    with Ledger(tmp_path / "l.sqlite") as opened:
        table = usage_table(opened)
        assert opened.spent()[1] == sum(table["prompt_tokens"].to_pylist()) + sum(
            table["completion_tokens"].to_pylist()
        )


@pytest.mark.parametrize("mode", ["live", "batch"])
@pytest.mark.parametrize("status", [403, 451, 405])
async def test_a_refusal_without_a_word_fails_one_request_alone_in_every_run(fake, make, tmp_path, mode, status):
    server = await fake(faults=answers(status, {"error": {"message": "no"}}, 3))
    role = make.role(server) if mode == "live" else batch_role(make, server)
    requests = [make.request(n) for n in range(8)]
    for rows in (requests, requests, [requests[3]]):
        done = await ask_all(role, tmp_path / "l.sqlite", rows)
        assert [one.state for one in done if one.state is not State.OK] == [State.FAILED]
        CONTROL.raise_if_ended()
    if mode == "live":
        assert asked(server)["row-3."] == 3


@pytest.mark.parametrize("mode", ["live", "batch"])
@pytest.mark.parametrize("status", [401, 404])
async def test_a_key_or_model_that_is_not_known_for_a_moment_is_asked_again(fake, make, tmp_path, mode, status):
    """A rolling deploy after the endpoint had answered; a rerun with nothing but such a request."""
    server = await fake(faults=answers(status, {"error": {"message": "no such model"}}, 5, 6, times=1))
    role = make.role(server) if mode == "live" else batch_role(make, server)
    for rows in (range(6), [6]):
        done = await ask_all(role, tmp_path / "l.sqlite", [make.request(n) for n in rows])
        assert {one.state for one in done} == {State.OK}
        CONTROL.raise_if_ended()


async def test_a_key_that_is_revoked_ends_the_run_with_its_advice(fake, make, tmp_path, monkeypatch):
    """After good answers, and for all: not at the first word, but soon, and not one request after the other."""
    monkeypatch.setattr("pipelines.engine.connection.DENIED_S", 0.5)
    body = {"error": {"message": "revoked", "code": "invalid_api_key"}}
    server = await fake(faults=[{"kind": "answer", "status": 401, "body": body, "times": 0, "after": 20}])
    role = make.role(server, endpoint={"max_in_flight": 4, "retries": 100})
    done = await ask_all(role, tmp_path / "l.sqlite", [make.request(n) for n in range(60)])
    assert sum(one.state is State.OK for one in done) == 20
    with pytest.raises(EndpointError, match=r"revoked.*OPENAI_API_KEY"):
        CONTROL.raise_if_ended()
    assert len(server.events("asked")) < 60


async def test_a_model_that_was_never_known_ends_the_run_at_once(fake, make, tmp_path):
    server = await fake(faults=[{"kind": "404", "times": 0}])
    await ask_all(make.role(server), tmp_path / "l.sqlite", [make.request(n) for n in range(60)])
    assert len(server.events("asked")) <= 16 + 3
    with pytest.raises(EndpointError, match="Check `model`"):
        CONTROL.raise_if_ended()

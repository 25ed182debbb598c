"""Batch mode over several endpoints: shared by weight, elsewhere where an endpoint fails, and nothing paid for twice.

Every test compares what the servers answered, by their own logs, with the ledger: a request that was answered
somewhere is in the ledger under that endpoint, and was answered nowhere else.
"""

import asyncio
import os
import random
import signal
import sqlite3
import time
from collections import Counter

import pytest

from pipelines.completion import State
from pipelines.engine.client import Client
from pipelines.ledger.ledger import Ledger
from pipelines.run.control import CONTROL
from specs.errors import EndpointError
from tests.pipelines.engine.batches.test_batches import ask_all, batch_sent
from tests.pipelines.engine.test_kills import ask_rows, in_process, rows_of, wait_for
from tests.pipelines.usage import usage_table

QUICK = {"batch_poll_s": 0.1, "wait_when_down_s": 30, "retries": 6}


def role_of(make, *servers, endpoint=None, **fields):
    return make.role(*servers, mode="batch", endpoint={**QUICK, **(endpoint or {})}, **fields)


def answered(servers) -> dict[str, list[str]]:
    """CompletionRequest (request id) -> the endpoints that answered it."""
    found: dict[str, list[str]] = {}
    for number, server in enumerate(servers):
        for line in server.events("line"):
            if not line["fault"]:
                found.setdefault(line["key"], []).append(f"e{number}")
    return found


def assert_paid_once(servers, ledger) -> dict[str, str]:
    """The ledger holds every answer, once, under the endpoint that gave it."""
    with Ledger(ledger) as opened:
        rows = usage_table(opened).select(["request_id", "endpoint"]).to_pylist()
    assert {row["request_id"]: [row["endpoint"]] for row in rows} == answered(servers)
    assert {row["endpoint"] for row in rows} <= {f"e{number}" for number in range(len(servers))}
    return {row["request_id"]: row["endpoint"] for row in rows}


def warnings(caplog) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "specmill.endpoints"]


async def test_draws_are_shared_by_weight_and_keep_their_identity(fake, make, tmp_path):
    servers = [await fake(), await fake()]
    requests = [make.request(n) for n in range(200)]
    done = await ask_all(role_of(make, *servers, endpoints={"e0": 3, "e1": 1}), tmp_path / "l.sqlite", requests)
    assert {one.state for one in done} == {State.OK}
    wrote = assert_paid_once(servers, tmp_path / "l.sqlite")
    assert 120 < Counter(wrote.values())["e0"] < 180
    live = await ask_all(make.role(*servers, endpoints={"e0": 3, "e1": 1}), tmp_path / "live.sqlite", requests)
    assert [(one.request_id, one.endpoint) for one in live] == [(one.request_id, one.endpoint) for one in done]


async def test_what_cannot_be_created_goes_to_the_other_endpoint_and_comes_back(fake, make, tmp_path, caplog):
    """One server cannot be reached, one cannot take files for a while, one takes no batches at all."""
    servers = [
        await fake(faults=[{"kind": "upload_500", "times": 5}]),
        await fake(faults=[{"kind": "no_batches", "times": 0}]),
    ]
    servers.append(await fake())
    role = role_of(make, *servers, "http://127.0.0.1:9/v1", budget={"tokens": 10**6})
    ledger = tmp_path / "l.sqlite"
    async with Client(role, ledger) as client:
        done = await asyncio.gather(*(client.ask(make.request(n)) for n in range(60)))
        assert {one.state for one in done} == {State.OK}
        assert {"e2"} <= set(assert_paid_once(servers, ledger).values()) <= {"e0", "e2"}
        async with asyncio.timeout(30):
            number = 60
            while not servers[0].events("batch"):  # it is tried now and then, and used again once it answers
                await asyncio.gather(*(client.ask(make.request(n)) for n in range(number, number + 10)))
                number += 10
        assert client.ledger.read("SELECT sum(tokens) FROM reservation") == [(0,)]
    assert_paid_once(servers, ledger)
    said = warnings(caplog)
    for words in ("e0 is down", "e3 is down", "e0 answers again", "endpoint e1 (http", "takes no batches"):
        assert sum(words in text for text in said) == 1


async def test_batches_that_bring_nothing_twice_go_elsewhere(fake, make, tmp_path):
    servers = [
        await fake(faults=[{"kind": "failed_batch", "times": 0}]),
        await fake(faults=[{"kind": "expired", "times": 0}], batch_s=0.05),
        await fake(batch_s=0.05),
    ]
    done = await ask_all(role_of(make, *servers), tmp_path / "l.sqlite", [make.request(n) for n in range(40)])
    assert {one.state for one in done} == {State.OK}
    assert set(assert_paid_once(servers, tmp_path / "l.sqlite").values()) == {"e2"}
    expired = Counter(line["key"] for line in servers[1].events("line"))
    assert set(expired.values()) == {2}


async def test_what_was_accepted_is_asked_nowhere_else(fake, make, tmp_path):
    """The answer to a creation gets lost, the list and the results come as a page, a server is away: it all passes."""
    servers = [
        await fake(faults=[{"kind": "lost_batch"}, {"kind": "page", "times": 2}]),
        await fake(faults=[{"kind": "away_batch", "seconds": 1}]),
    ]
    done = await ask_all(role_of(make, *servers), tmp_path / "l.sqlite", [make.request(n) for n in range(40)])
    assert {one.state for one in done} == {State.OK}
    assert set(assert_paid_once(servers, tmp_path / "l.sqlite").values()) == {"e0", "e1"}
    assert [len(server.events("batch")) for server in servers] == [1, 1]


async def test_a_batch_at_a_server_that_stays_away_ends_the_run_when_the_others_are_done(fake, make, tmp_path):
    servers = [await fake(faults=[{"kind": "away_batch", "seconds": 2}]), await fake(batch_s=0.7)]
    requests, ledger = [make.request(n) for n in range(40)], tmp_path / "l.sqlite"
    done = await ask_all(role_of(make, *servers, endpoint={"wait_when_down_s": 0.2}), ledger, requests)
    assert Counter(one.state for one in done) == {
        State.OK: servers[1].events("batch")[0]["lines"], State.STOPPED: servers[0].events("batch")[0]["lines"],
    }  # fmt: skip
    with pytest.raises(EndpointError, match=r"e0, batches.*take the endpoint out of the role"):
        CONTROL.raise_if_ended()
    CONTROL.reset()
    again = await ask_all(role_of(make, *servers), ledger, requests)
    assert {one.state for one in again} == {State.OK}
    assert_paid_once(servers, ledger)
    assert [len(server.events("batch")) for server in servers] == [1, 1]


async def test_a_lost_client_picks_each_batch_up_at_its_own_endpoint(fake, make, tmp_path, caplog):
    """Whatever the weights are now; a batch at an endpoint that the role no longer has is said."""
    servers = [await fake(batch_s=1.0), await fake(batch_s=1.0)]
    requests, ledger = [make.request(n) for n in range(40)], tmp_path / "l.sqlite"
    async with Client(role_of(make, *servers), ledger) as client:
        asks = [asyncio.create_task(client.ask(request)) for request in requests]
        for server in servers:
            await batch_sent(server)
        for ask in asks:
            ask.cancel()
    async with Client(role_of(make, servers[0]), ledger):
        pass
    lost = servers[1].events("batch")[0]["lines"]
    assert f"{lost} requests of the role writer wait in batches at the endpoint e1" in warnings(caplog)[-1]
    changed = role_of(make, *servers, endpoints={"e0": 1, "e1": 9})
    assert {one.state for one in await ask_all(changed, ledger, requests)} == {State.OK}
    assert_paid_once(servers, ledger)
    assert [len(server.events("batch")) for server in servers] == [1, 1]


@pytest.mark.parametrize(
    ("faults", "advice"),
    [
        ({"key": "another"}, "PLANTED_KEY"),
        ({"faults": [{"kind": "no_model_batch", "times": 0}]}, "Check `model`"),
        ({"faults": [{"kind": "no_batches", "times": 0}]}, "mode: live"),
        ({"faults": [{"kind": "failed_batch", "times": 0}]}, "Enqueued token limit"),
    ],
)
async def test_what_no_endpoint_does_stops_the_run_with_advice(fake, make, tmp_path, monkeypatch, faults, advice):
    monkeypatch.setenv("PLANTED_KEY", "planted:0123456789abcdef")
    servers = [await fake(**faults), await fake(**faults)]
    role = role_of(make, *servers, endpoint={"api_key_env": "PLANTED_KEY", "retries": 1})
    done = await ask_all(role, tmp_path / "l.sqlite", [make.request(n) for n in range(20)])
    assert {one.state for one in done} <= {State.FAILED, State.STOPPED}
    with pytest.raises(EndpointError, match=advice):
        CONTROL.raise_if_ended()
    assert not answered(servers)


def test_kills_at_any_instant_lose_and_repeat_nothing(fake_process, make, tmp_path):
    servers = [fake_process(batch_s=0.3), fake_process(batch_s=0.6, faults=[{"kind": "expired", "share": 0.3}])]
    role, ledger, rng = role_of(make, *servers), tmp_path / "l.sqlite", random.Random(5)
    for kill in range(5):
        process = in_process(ask_rows, role, ledger, 60)
        wait_for(lambda kill=kill: sum(len(server.events("batch")) for server in servers) > kill // 2)
        time.sleep(rng.uniform(0, 0.3))
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    ask_rows(role, ledger, 60)
    assert len(rows_of(ledger)) == 60
    assert_paid_once(servers, ledger)
    with sqlite3.connect(ledger) as connection:
        assert connection.execute("SELECT count(*) FROM batch").fetchone() == (0,)

"""Batches at a server whose list lags behind, and what was in flight when a process was killed."""

import asyncio
import os
import signal

import pytest

from pipelines.completion import State
from pipelines.engine.client import Client
from pipelines.ledger.ledger import Ledger
from pipelines.ledger.records import Want
from tests.pipelines.engine.batches.test_batches import ask_all, batch_role, batch_sent
from tests.pipelines.engine.batches.test_failover import assert_paid_once
from tests.pipelines.engine.test_kills import ask_rows, in_process, wait_for


async def test_a_batch_that_the_list_shows_late_is_not_sent_twice(fake, make, tmp_path):
    """The answer to its creation got lost."""
    server = await fake(faults=[{"kind": "lost_batch"}], list_lag_s=0.6)
    done = await ask_all(batch_role(make, server), tmp_path / "l.sqlite", [make.request(n) for n in range(20)])
    assert {one.state for one in done} == {State.OK}
    assert_paid_once([server], tmp_path / "l.sqlite")
    assert [event["lines"] for event in server.events("batch")] == [20]


async def test_a_batch_whose_id_was_lost_is_waited_for_by_the_next_client_too(fake, make, tmp_path):
    server = await fake(list_lag_s=0.3)
    role, requests, ledger = batch_role(make, server), [make.request(n) for n in range(6)], tmp_path / "l.sqlite"
    async with Client(role, ledger) as client:
        asks = [asyncio.create_task(client.ask(request)) for request in requests]
        await batch_sent(server)
        for ask in asks:
            ask.cancel()
    with Ledger(ledger) as opened:
        opened.write("UPDATE batch SET id = NULL").result()
    assert {one.state for one in await ask_all(role, ledger, requests)} == {State.OK}
    assert_paid_once([server], ledger)
    assert len(server.events("batch")) == 1


async def test_an_answer_that_leaves_no_doubt_is_not_waited_on(fake, make, tmp_path):
    """A creation that was refused was not made: no ten looks before the run ends."""
    server = await fake(faults=[{"kind": "failed_batch"}])
    role = batch_role(make, server, endpoint={"batch_poll_s": 0.1, "retries": 3})
    done = await ask_all(role, tmp_path / "l.sqlite", [make.request(0)])
    assert [one.state for one in done] == [State.OK]


# --- killed ----------------------------------------------------------------------------------------------------------


def test_what_was_in_flight_at_a_kill_counts_at_its_most(fake_process, make, tmp_path):
    server = fake_process(latency_s=60, tail=0.01, longest_s=60)
    role, ledger = make.role(server, endpoint={"max_in_flight": 4}, budget={"tokens": 10**6}), tmp_path / "l.sqlite"
    process = in_process(ask_rows, role, ledger, 10)
    wait_for(lambda: len(server.events("asked")) == 4)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with Ledger(ledger) as opened:
        [(held,)] = opened.read("SELECT sum(tokens) FROM reservation")
        assert held > 4 * 500
        opened.start_run()
        assert opened.spent()[1] == held
        assert opened.lost()[2] == held
        assert opened.failures() == {"killed": 1}
        opened.start_run()
        assert opened.spent()[1] == held


@pytest.mark.parametrize("reserve", [True, False])
def test_a_dead_client_of_another_process_is_settled_once(tmp_path, reserve):
    """By whoever asks for budget next; what batches have is held by the client that goes on with them."""
    with Ledger(tmp_path / "l.sqlite") as opened:
        for name in ("gone", "gone batch"):
            opened.write("INSERT INTO reservation VALUES (?, ?, 0.5, 700)", name, 2**22 + 1).result()
        if reserve:
            opened.reserve(Want(0.0, 1), None, 10**6).result()
        else:
            opened.start_run()
        assert opened.spent() == (0.5, 700)
        assert opened.lost() == (1, 0.5, 700)

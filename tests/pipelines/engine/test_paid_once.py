"""Batches with a budget, a batch that outlives its mode or its endpoint's name, and what is counted without a reply.

Every test compares what the server answered, by its own log, with the ledger, and looks that no budget stays set aside.
"""

import asyncio
from collections import Counter

import pytest

from pipelines.completion import State
from pipelines.engine.client import Client
from pipelines.engine.endpoints import EngineSettings
from pipelines.ledger.ledger import Ledger
from pipelines.run.control import CONTROL
from specs.errors import BudgetError
from tests.pipelines.engine.batches.test_batches import ask_all, batch_role, batch_sent
from tests.pipelines.engine.batches.test_failover import warnings
from tests.pipelines.usage import usage_table

MOST_TOKENS = 500 + 900  # about what one request sets aside: its reply and its prompt


async def leave_a_batch(role, ledger, requests, server) -> None:
    """Send `requests` as a batch, and be gone before it is answered."""
    async with Client(role, ledger) as client:
        asks = [asyncio.create_task(client.ask(request)) for request in requests]
        await batch_sent(server)
        for ask in asks:
            ask.cancel()
    with Ledger(ledger) as opened:
        opened.start_run()  # as the next run of the workspace does


async def finish(role, ledger, requests, server) -> list[State]:
    """Ask for all, and look that everything was answered once and nothing stays set aside."""
    async with Client(role, ledger) as client:
        done = await asyncio.gather(*(client.ask(request) for request in requests))
        assert client.ledger.read("SELECT coalesce(sum(tokens), 0) FROM reservation") == [(0,)]
    answers = Counter(event["last"] for event in server.events("asked"))
    lines = Counter(event["key"] for event in server.events("line") if event["fault"] in {"", "line_ends"})
    with Ledger(ledger) as opened:
        assert usage_table(opened).num_rows == lines.total() + answers.total()
        assert opened.read("SELECT count(*) FROM batch") == opened.read("SELECT count(*) FROM batch_at") == [(0,)]
    assert set(lines.values()) <= {1}
    return [one.state for one in done]


@pytest.mark.parametrize("tokens", [3 * MOST_TOKENS, 25 * MOST_TOKENS, 10**6])
async def test_a_resumed_batch_is_collected_under_any_budget(fake, make, tmp_path, tokens):
    """Its requests need no budget of their own, however small it is now; further ones wait for what it gives back."""
    server, ledger = await fake(batch_s=1.5), tmp_path / "l.sqlite"
    requests = [make.request(n) for n in range(40)]
    await leave_a_batch(batch_role(make, server), ledger, requests[:30], server)
    states = await finish(batch_role(make, server, budget={"tokens": tokens}), ledger, requests, server)
    assert states[:30] == [State.OK] * 30
    assert set(states[30:]) == ({State.OVER_BUDGET} if tokens < 10 * MOST_TOKENS else {State.OK})
    assert sum(event["lines"] for event in server.events("batch")) == sum(state is State.OK for state in states)


async def test_a_batch_costs_half_of_the_budget_that_live_requests_do(fake, make, tmp_path):
    """Ten requests fit at the batch price at once, and not at the live one: all go into one batch."""
    server, ledger = await fake(), tmp_path / "l.sqlite"
    role = batch_role(make, server, budget={"dollars": 0.0075})  # a request: at most about $0.0011 live
    assert await finish(role, ledger, [make.request(n) for n in range(10)], server) == [State.OK] * 10
    assert len(server.events("batch")) == 1


async def test_draws_that_wait_for_budget_all_come_to_their_turn(fake, make, tmp_path):
    server = await fake(latency_s=0.01)
    role = make.role(server, budget={"tokens": 200_000}, endpoint={"max_in_flight": 300})
    assert await finish(role, tmp_path / "l.sqlite", [make.request(n) for n in range(300)], server) == [State.OK] * 300


@pytest.mark.parametrize("budget", [{}, {"tokens": 10**6}])
async def test_a_batch_is_waited_for_by_a_role_that_asks_live(fake, make, tmp_path, budget):
    """The mode was changed while a batch was out; what is not in it is sent meanwhile, what it does not bring after."""
    server, ledger = await fake(batch_s=1.5, faults=[{"kind": "expired", "share": 0.3}]), tmp_path / "l.sqlite"
    requests = [make.request(n) for n in range(30)]
    await leave_a_batch(batch_role(make, server), ledger, requests[:20], server)
    live = make.role(server, endpoint={"batch_poll_s": 0.1}, budget=budget)
    assert await finish(live, ledger, requests, server) == [State.OK] * 30
    expired = sum(event["fault"] == "expired" for event in server.events("line"))
    assert 0 < expired < 20
    assert len(server.events("asked")) == 10 + expired
    with Ledger(ledger) as opened:
        assert sum(usage_table(opened)["batch"].to_pylist()) == 20 - expired


async def test_a_batch_that_was_never_created_is_asked_live(fake, make, tmp_path):
    server, ledger = await fake(batch_s=0.5), tmp_path / "l.sqlite"
    other = await fake()
    requests = [make.request(n) for n in range(5)]
    await leave_a_batch(batch_role(make, server), ledger, requests, server)
    with Ledger(ledger) as opened:
        opened.write("UPDATE batch SET id = NULL").result()
    live = make.role(other, endpoint={"batch_poll_s": 0.1})  # whose list does not have it
    assert await finish(live, ledger, requests, other) == [State.OK] * 5
    assert len(other.events("asked")) == 5


@pytest.mark.parametrize("mode", ["batch", "live"])
async def test_a_batch_stays_with_an_endpoint_that_got_another_name(fake, make, tmp_path, caplog, mode):
    server, ledger = await fake(batch_s=1.0), tmp_path / "l.sqlite"
    requests = [make.request(n) for n in range(10)]
    await leave_a_batch(batch_role(make, server), ledger, requests, server)
    endpoint = {"base_url": server.url, "model": "gpt-4.1-mini", "batch_poll_s": 0.1}
    roles = {"writer": {"endpoints": "renamed", "max_tokens": 500, "mode": mode}}
    settings = EngineSettings.model_validate({"endpoints": {"renamed": endpoint}, "roles": roles})
    assert await finish(settings.role("writer"), ledger, requests, server) == [State.OK] * 10
    assert not server.events("asked")
    assert not warnings(caplog)


async def test_paid_replies_with_any_line_ends_are_read_whole(fake, make, tmp_path):
    """U+2028, U+0085 and their like end no line of JSON."""
    server = await fake(faults=[{"kind": "line_ends", "times": 0}])
    requests = [make.request(n) for n in range(5)]
    assert await finish(batch_role(make, server), tmp_path / "l.sqlite", requests, server) == [State.OK] * 5
    done = await ask_all(batch_role(make, server), tmp_path / "l.sqlite", requests)
    assert all("\u2028" in one.text and "\x85" in one.text for one in done)


@pytest.mark.parametrize(
    ("kind", "counted"), [("trickle", 2), ("html", 2), ("broken_body", 2), ("reset", 0), ("500", 0), ("429", 0)]
)
async def test_what_may_be_billed_without_a_reply_counts_at_its_most(fake, make, tmp_path, kind, counted):
    server, ledger = await fake(faults=[{"kind": kind, "times": 2, "contains": "row-1."}]), tmp_path / "l.sqlite"
    role = make.role(server, endpoint={"timeout_s": 0.4}, budget={"tokens": 100_000, "dollars": 1})
    done = await ask_all(role, ledger, [make.request(n) for n in range(3)])
    assert {one.state for one in done} == {State.OK}
    used = sum(one.usage.prompt + one.usage.completion for one in done)
    with Ledger(ledger) as opened:
        count, dollars, tokens = opened.lost()
        assert (count, sum(opened.failures().values())) == (counted, 2)
        assert opened.spent()[1] == used + tokens
        assert opened.spent()[0] == pytest.approx(sum(one.cost_usd for one in done) + dollars)
        assert opened.read("SELECT coalesce(sum(tokens), 0) FROM reservation") == [(0,)]
    assert tokens >= counted * 500


async def test_an_endpoint_that_never_answers_in_time_cannot_overspend(fake, make, tmp_path):
    """Each try may be billed: the tries stop at the budget, by the server's own log."""
    server, ledger = await fake(faults=[{"kind": "trickle", "times": 0}]), tmp_path / "l.sqlite"
    role = make.role(server, endpoint={"timeout_s": 0.2, "retries": 50}, budget={"tokens": 10 * MOST_TOKENS})
    await ask_all(role, ledger, [make.request(n) for n in range(8)])
    with pytest.raises(BudgetError, match="requests that brought no reply and may be billed"):
        CONTROL.raise_if_ended()
    with Ledger(ledger) as opened:
        assert opened.spent()[1] <= 10 * MOST_TOKENS
        assert opened.lost()[0] == len(server.events("asked"))


def test_a_ledger_of_an_older_version_gets_the_new_tables(tmp_path):
    with Ledger(tmp_path / "l.sqlite") as opened:
        opened.write("DROP TABLE lost").result()
        opened.write("DROP TABLE batch_at").result()
        opened.write("DROP TABLE answered_as").result()
    with Ledger(tmp_path / "l.sqlite") as opened:
        assert opened.lost() == (0, 0.0, 0)

"""Batch mode: the same ledger, at the batch price; lost clients, expired and failed lines."""

import asyncio
import json
from pathlib import Path

import pytest

from pipelines.completion import State
from pipelines.engine.client import Client
from pipelines.ledger.ledger import Ledger
from pipelines.run.control import CONTROL
from specs.errors import BudgetError, EndpointError
from tests.pipelines.usage import usage_table


def batch_role(make, server, **fields):
    return make.role(server, mode="batch", endpoint={"batch_poll_s": 0.1, **fields.pop("endpoint", {})}, **fields)


async def ask_all(role, ledger, requests):
    async with Client(role, ledger) as client:
        return await asyncio.gather(*(client.ask(request) for request in requests))


async def batch_sent(server, event="batch"):
    for _ in range(500):
        if server.events(event):
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{event} was waited for in vain")


async def test_a_batch_lands_in_the_same_ledger_at_its_price(fake, make, tmp_path):
    server = await fake()
    requests = [make.request(n) for n in range(30)]
    done = await ask_all(batch_role(make, server), tmp_path / "l.sqlite", requests)
    live = await ask_all(make.role(server), tmp_path / "other.sqlite", requests)
    assert [one.text for one in done] == [one.text for one in live]
    assert [one.request_id for one in done] == [one.request_id for one in live]
    assert [one.cost_usd for one in done] == pytest.approx([one.cost_usd / 2 for one in live])
    assert len(server.events("batch")) == 1
    assert await ask_all(make.role(server), tmp_path / "l.sqlite", requests) == done
    assert not list((tmp_path / "batches").iterdir())


async def test_failed_and_expired_lines_are_asked_again(fake, make, tmp_path):
    server = await fake(faults=[{"kind": "500", "share": 0.3}, {"kind": "expired", "share": 0.3}])
    done = await ask_all(batch_role(make, server), tmp_path / "l.sqlite", [make.request(n) for n in range(30)])
    assert {one.state for one in done} == {State.OK}
    first, second = server.events("batch")
    hit = [event for event in server.events("line") if event["fault"]]
    assert (first["lines"], second["lines"]) == (30, len(hit))
    with Ledger(tmp_path / "l.sqlite") as ledger:
        assert set(ledger.failures()) == {"server", "expired"}


async def test_a_lost_client_picks_its_batch_up_again(fake, make, tmp_path):
    server = await fake(batch_s=1.5)
    role, requests = batch_role(make, server), [make.request(n) for n in range(20)]
    async with Client(role, tmp_path / "l.sqlite") as client:
        asks = [asyncio.create_task(client.ask(request)) for request in requests]
        await batch_sent(server)
        for ask in asks:
            ask.cancel()
    done = await ask_all(role, tmp_path / "l.sqlite", requests)
    assert {one.state for one in done} == {State.OK}
    assert len(server.events("batch")) == 1


async def test_a_batch_whose_id_was_lost_is_found_and_nothing_is_dropped(fake, make, tmp_path):
    """Killed between the creation and the note of the id; the rerun asks for half of the rows only."""
    server = await fake(batch_s=0.5)
    role, requests = batch_role(make, server), [make.request(n) for n in range(20)]
    async with Client(role, tmp_path / "l.sqlite") as client:
        asks = [asyncio.create_task(client.ask(request)) for request in requests]
        await batch_sent(server)
        for ask in asks:
            ask.cancel()
    with Ledger(tmp_path / "l.sqlite") as ledger:
        ledger.write("UPDATE batch SET id = NULL").result()
    await ask_all(role, tmp_path / "l.sqlite", requests[:10])
    assert len(server.events("batch")) == 1
    with Ledger(tmp_path / "l.sqlite") as ledger:
        assert usage_table(ledger).num_rows == 20


async def test_the_budget_counts_lines_in_batches(fake, make, tmp_path):
    server = await fake()
    role = batch_role(make, server, budget={"tokens": 6000})
    done = await ask_all(role, tmp_path / "l.sqlite", [make.request(n) for n in range(12)])
    assert {one.state for one in done} == {State.OK, State.OVER_BUDGET}
    with Ledger(tmp_path / "l.sqlite") as ledger:
        assert ledger.spent()[1] <= 6000
    with pytest.raises(BudgetError):
        CONTROL.raise_if_ended()


async def test_an_absent_model_is_said_of_single_lines_or_of_all(fake, make, tmp_path):
    """Of some lines while others are answered (a rolling deploy): they are asked again. Of all: the run ends."""
    server = await fake(faults=[{"kind": "404", "share": 0.2}])
    done = await ask_all(batch_role(make, server), tmp_path / "l.sqlite", [make.request(n) for n in range(20)])
    assert {one.state for one in done} == {State.OK}
    CONTROL.raise_if_ended()
    server = await fake(faults=[{"kind": "404", "times": 0}])
    done = await ask_all(batch_role(make, server), tmp_path / "m.sqlite", [make.request(n) for n in range(20)])
    assert {one.state for one in done} <= {State.STOPPED, State.FAILED}
    with pytest.raises(EndpointError, match="model"):
        CONTROL.raise_if_ended()


async def test_a_batch_of_an_older_recipe_is_recorded_as_what_it_was(fake, make, tmp_path):
    server = await fake(batch_s=0.5)
    requests = [make.request(n) for n in range(4)]
    async with Client(batch_role(make, server, temperature=0.1), tmp_path / "l.sqlite") as client:
        asks = [asyncio.create_task(client.ask(request)) for request in requests]
        await batch_sent(server)
        for ask in asks:
            ask.cancel()
    changed = batch_role(make, server, temperature=0.9)
    assert {one.state for one in await ask_all(changed, tmp_path / "l.sqlite", requests)} == {State.OK}
    with Ledger(tmp_path / "l.sqlite") as ledger:
        ids = usage_table(ledger)["request_id"].to_pylist()
        assert sorted(ledger.prompt(one)[1]["temperature"] for one in ids) == [0.1] * 4 + [0.9] * 4


async def test_a_stop_leaves_the_batch_for_the_next_run(fake, make, tmp_path):
    server = await fake(batch_s=1.0)
    role, requests = batch_role(make, server), [make.request(n) for n in range(5)]
    async with Client(role, tmp_path / "l.sqlite") as client:
        asks = [asyncio.create_task(client.ask(request)) for request in requests]
        await batch_sent(server)
        CONTROL.stop()
        assert {one.state for one in await asyncio.gather(*asks)} == {State.STOPPED}
    assert [json.loads(line)["request"]["stage"] for line in drawn_lines(tmp_path)] == ["documents"] * 5
    CONTROL.reset()
    assert {one.state for one in await ask_all(role, tmp_path / "l.sqlite", requests)} == {State.OK}
    assert len(server.events("batch")) == 1


def drawn_lines(folder: Path) -> list[str]:
    [file] = (folder / "batches").iterdir()
    return file.read_text().splitlines()

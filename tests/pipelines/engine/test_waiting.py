"""Every wait has a bound, and too much at once is found out without a request that fails."""

import asyncio
import time

import pytest

from pipelines.completion import State
from pipelines.engine.circuit import Circuit
from pipelines.engine.client import Client
from pipelines.engine.errors import LONGEST_WAIT_S, retry_after
from pipelines.engine.limiter import Limiter
from pipelines.ledger.ledger import Ledger
from pipelines.run.control import CONTROL
from tests.pipelines.engine.batches.test_batches import ask_all

ABSURD = ["3600", "1e9", "inf", "Tue, 19 Jan 2038 03:14:07 GMT", "99999999999999999999999"]


@pytest.mark.parametrize("value", ABSURD)
def test_what_is_asked_to_wait_has_a_bound(value):
    assert retry_after({"retry-after": value}) == LONGEST_WAIT_S
    assert retry_after({"retry-after": "nan"}) is None


@pytest.mark.parametrize("status", [500, 503])
async def test_one_request_is_not_kept_while_the_others_are_answered(fake, make, tmp_path, status):
    """An hour asked of one, by a server that answers all others: it goes again as soon as one of them was answered."""
    fault = {"kind": "answer", "status": status, "body": {}, "headers": {"Retry-After": "3600"}, "contains": "row-0."}
    server = await fake(faults=[fault], latency_s=0.05, tail=0.1)
    role = make.role(server, endpoint={"max_in_flight": 2})
    async with asyncio.timeout(LONGEST_WAIT_S / 2):
        done = await ask_all(role, tmp_path / "l.sqlite", [make.request(n) for n in range(40)])
    assert {one.state for one in done} == {State.OK}


@pytest.mark.parametrize("value", ABSURD)
async def test_a_limit_with_an_absurd_wait_is_tried_sooner_by_one_for_all(fake, make, tmp_path, monkeypatch, value):
    monkeypatch.setattr("pipelines.engine.errors.LONGEST_WAIT_S", 0.6)
    fault = {"kind": "answer", "status": 429, "body": {}, "headers": {"Retry-After": value}, "times": 1}
    server = await fake(faults=[{**fault, "contains": f"row-{n}."} for n in range(8)], latency_s=0.2, tail=0.01)
    role = make.role(server, endpoint={"max_in_flight": 8})
    done = await ask_all(role, tmp_path / "l.sqlite", [make.request(n) for n in range(20)])
    CONTROL.raise_if_ended()
    assert {one.state for one in done} == {State.OK}
    asked = sorted(event["t"] for event in server.events("asked"))
    assert asked[8] - asked[7] >= 0.5
    assert asked[9] - asked[8] >= 0.15  # the first goes alone; the others when it is answered


async def test_after_a_long_pause_one_goes_first():
    limiter = Limiter(8)
    limiter.pause(0.01, then_one=True)
    waiting = [asyncio.create_task(limiter.acquire()) for _ in range(4)]
    await asyncio.sleep(0.1)
    assert [task.done() for task in waiting] == [True, False, False, False]
    limiter.heard()
    await asyncio.sleep(0)
    assert all(task.done() for task in waiting)


# --- too much at once ------------------------------------------------------------------------------------------------


async def test_a_server_that_resets_what_it_has_no_room_for(fake, make, tmp_path, caplog):
    """Four connections, sixty-four asked for: the limit adapts, nothing fails, nothing is charged but what was made."""
    server = await fake(connections=4, latency_s=0.1, tail=0.3)
    role = make.role(server, endpoint={"max_in_flight": 64, "retries": 3}, budget={"tokens": 10**7, "dollars": 100})
    async with Client(role, tmp_path / "l.sqlite") as client:
        done = await asyncio.gather(*(client.ask(make.request(n)) for n in range(200)))
        assert client._endpoints["e0"].limiter.limit < 64
    assert {one.state for one in done} == {State.OK}
    with Ledger(tmp_path / "l.sqlite") as opened:
        assert opened.lost() == (0, 0.0, 0)
        assert opened.spent()[1] == sum(one.usage.prompt + one.usage.completion for one in done)
    assert not [record for record in caplog.records if "is down" in record.getMessage()]
    assert len(server.events("asked")) < 2 * 200


async def test_a_request_that_always_breaks_the_connection_fails_alone(fake, make, tmp_path):
    server = await fake(faults=[{"kind": "reset", "times": 0, "contains": "row-1."}])
    role = make.role(server, endpoint={"retries": 1})
    done = await ask_all(role, tmp_path / "l.sqlite", [make.request(n) for n in range(4)])
    assert [one.state for one in done] == [State.OK, State.FAILED, State.OK, State.OK]
    CONTROL.raise_if_ended()


async def test_a_server_that_breaks_every_connection_is_down(fake, make, tmp_path, caplog):
    server = await fake(faults=[{"kind": "reset", "times": 0}])
    role = make.role(server, endpoint={"wait_when_down_s": 0.5, "max_in_flight": 8})
    await ask_all(role, tmp_path / "l.sqlite", [make.request(n) for n in range(40)])
    assert "is down" in caplog.text
    assert CONTROL.halted


def test_a_circuit_waits_for_what_was_in_flight_when_it_became_suspicious():
    circuit, before = Circuit("e"), time.monotonic()
    assert not any(circuit.failed(n, False, "reset", 8, waiting_since=before) for n in range(20))
    circuit.succeeded(before)  # one of them is answered: all is forgotten
    assert not any(circuit.failed(n, False, "reset", 8, waiting_since=time.monotonic()) for n in range(8))
    assert circuit.closed
    assert circuit.failed(20, False, "reset", 8, waiting_since=time.monotonic())  # they all ended, and none was


# --- a stop ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("embedded", [True, False])
async def test_a_stop_gives_up_only_what_an_embedded_model_has_in_flight(fake, make, tmp_path, monkeypatch, embedded):
    """Its replies cost minutes and no money; elsewhere what is in flight is paid for, and waited for."""
    monkeypatch.setattr("pipelines.engine.connection.GRACE_S", 0.05)
    server = await fake(latency_s=0.1 if not embedded else 30, tail=0)
    role = make.role(server)
    if embedded:
        served = {name: one.model_copy(update={"embedded": "tiny"}) for name, one in role.endpoints.items()}
        role = role.model_copy(update={"endpoints": served})
    async with asyncio.timeout(10), Client(role, tmp_path / "l.sqlite") as client:
        asking = asyncio.create_task(client.ask(make.request(1)))
        while not server.events("asked"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        CONTROL.stop()
        assert (await asking).state is (State.STOPPED if embedded else State.OK)
    with Ledger(tmp_path / "l.sqlite") as opened:
        assert opened.lost() == (0, 0.0, 0)


async def test_a_stop_keeps_what_an_embedded_model_is_just_done_with(fake, make, tmp_path):
    server = await fake(latency_s=0.3, tail=0)
    role = make.role(server)
    served = {name: one.model_copy(update={"embedded": "tiny"}) for name, one in role.endpoints.items()}
    async with Client(role.model_copy(update={"endpoints": served}), tmp_path / "l.sqlite") as client:
        asking = asyncio.create_task(client.ask(make.request(1)))
        while not server.events("asked"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        CONTROL.stop()
        assert (await asking).state is State.OK

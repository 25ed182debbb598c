"""Requests that fail or are rejected by themselves end alone: they neither end the run nor take others with them."""

import asyncio
from collections import Counter

import pytest

from pipelines.completion import State
from pipelines.engine.client import Client
from pipelines.ledger.ledger import Ledger
from pipelines.run.control import CONTROL
from specs.errors import EndpointError
from tests.pipelines.engine.batches.test_batches import ask_all, batch_role, batch_sent
from tests.pipelines.usage import usage_table


def hit(kind: str, *rows: int) -> list[dict]:
    """Faults that hit these rows always."""
    return [{"kind": kind, "times": 0, "contains": f"row-{row}."} for row in rows]


def asked(server) -> Counter[str]:
    return Counter(event["last"].split()[-1] for event in server.events("asked"))


@pytest.mark.parametrize(
    ("bad", "endpoint"),
    [
        ((0, 5, 9), {"retries": 1, "wait_when_down_s": 30}),  # their retries are used up, as probes too
        ((0, 1, 2), {"retries": 1, "wait_when_down_s": 30, "max_in_flight": 3}),  # they are all that was ever sent
        ((0, 3, 5, 9), {"retries": 100, "wait_when_down_s": 0.5}),  # nobody is left but they
    ],
)
async def test_draws_that_always_time_out_fail_alone_in_every_run(fake, make, tmp_path, bad, endpoint):
    server = await fake(faults=hit("trickle", *bad))
    role = make.role(server, endpoint={"timeout_s": 2, **endpoint})
    requests, good, answered = [make.request(n) for n in range(12)], {n for n in range(12) if n not in bad}, []
    for _ in range(2):
        done = await ask_all(role, tmp_path / "l.sqlite", requests)
        assert {n for n, one in enumerate(done) if one.state is State.OK} == good
        assert {done[n].state for n in bad} == {State.FAILED}
        assert "no complete reply" in done[bad[0]].error
        CONTROL.raise_if_ended()
        answered.append([asked(server)[f"row-{n}."] for n in good])
    assert answered[0] == answered[1]
    with Ledger(tmp_path / "l.sqlite") as ledger:
        assert usage_table(ledger).num_rows == len(good)


async def test_an_endpoint_that_hangs_for_all_ends_the_run(fake, make, tmp_path):
    server = await fake(faults=[{"kind": "trickle", "times": 0}])
    role = make.role(server, endpoint={"timeout_s": 0.2, "wait_when_down_s": 1, "retries": 100, "max_in_flight": 4})
    done = await ask_all(role, tmp_path / "l.sqlite", [make.request(n) for n in range(40)])
    assert State.STOPPED in {one.state for one in done}
    with pytest.raises(EndpointError, match="never answered"):
        CONTROL.raise_if_ended()


@pytest.mark.parametrize(("in_flight", "latency_s"), [(16, 0.3), (1, 0.0)])
async def test_a_draw_that_is_rejected_is_rejected_alone(fake, make, tmp_path, in_flight, latency_s):
    """Its answer comes before any other; a rerun asks for it once more, and for nothing else."""
    server = await fake(faults=hit("context", 0, 1, 7), latency_s=latency_s, tail=0.1)
    role = make.role(server, endpoint={"max_in_flight": in_flight})
    requests = [make.request(n) for n in range(16)]
    for _ in range(2):
        done = await ask_all(role, tmp_path / "l.sqlite", requests)
        assert [n for n, one in enumerate(done) if one.state is State.FAILED] == [0, 1, 7]
        assert "maximum context length" in done[7].error
        CONTROL.raise_if_ended()
    rejected = {"row-0.", "row-1.", "row-7."}
    assert asked(server) == {f"row-{n}.": 2 if f"row-{n}." in rejected else 1 for n in range(16)}


async def test_what_was_answered_in_an_earlier_run_counts(fake, make, tmp_path):
    """A stage that goes on with nothing but the request that is rejected; with other parameters it stops at once."""
    server = await fake(faults=hit("context", 5))
    await ask_all(make.role(server), tmp_path / "l.sqlite", [make.request(n) for n in range(3)])
    [done] = await ask_all(make.role(server), tmp_path / "l.sqlite", [make.request(5)])
    assert done.state is State.FAILED
    CONTROL.raise_if_ended()
    await ask_all(make.role(server, top_p=0.5), tmp_path / "l.sqlite", [make.request(5)])
    with pytest.raises(EndpointError, match="lower max_tokens"):
        CONTROL.raise_if_ended()


async def test_a_stop_while_it_is_not_known_is_a_stop(fake, make, tmp_path):
    server = await fake(faults=hit("context", 0), latency_s=0.5, tail=0.1)
    async with Client(make.role(server), tmp_path / "l.sqlite") as client:
        asks = [asyncio.create_task(client.ask(make.request(n))) for n in range(4)]
        await batch_sent(server, "sent")
        CONTROL.stop()
        await asyncio.gather(*asks)
    assert CONTROL.halted is None


async def test_a_prompt_that_a_provider_forbids_is_refused(fake, make, tmp_path):
    server = await fake(faults=hit("invalid_prompt", 0))
    for _ in range(2):
        done = await ask_all(make.role(server), tmp_path / "l.sqlite", [make.request(n) for n in range(2)])
        assert [one.state for one in done] == [State.REFUSED, State.OK]
    assert asked(server) == {"row-0.": 1, "row-1.": 1}


async def test_a_rejected_line_of_a_batch_fails_alone(fake, make, tmp_path):
    server = await fake(faults=[{"kind": "context", "times": 0, "share": 0.2}])
    requests = [make.request(n) for n in range(20)]
    for _ in range(2):
        done = await ask_all(batch_role(make, server), tmp_path / "l.sqlite", requests)
        assert {one.state for one in done} == {State.OK, State.FAILED}
        CONTROL.raise_if_ended()
    _, second = server.events("batch")
    assert second["lines"] == sum(one.state is State.FAILED for one in done)


async def test_a_batch_of_nothing_but_rejected_lines_stops_the_run(fake, make, tmp_path):
    server = await fake(faults=[{"kind": "context", "times": 0}])
    await ask_all(batch_role(make, server), tmp_path / "l.sqlite", [make.request(n) for n in range(20)])
    assert len(server.events("batch")) == 1
    with pytest.raises(EndpointError, match="lower max_tokens"):
        CONTROL.raise_if_ended()

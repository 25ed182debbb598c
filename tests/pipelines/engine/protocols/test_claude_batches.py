"""Message Batches: the same ledger and the same guarantee as live, by the server's own log of what it answered."""

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.completion import CompletionRequest, State
from pipelines.engine.client import Client
from pipelines.engine.endpoints import EndpointSettings, Role
from pipelines.engine.protocols import connect
from pipelines.ledger.ledger import Ledger
from pipelines.run.control import CONTROL
from specs.errors import EndpointError
from tests.lazy import Lazy
from tests.pipelines.engine.batches.test_batches import batch_sent
from tests.pipelines.engine.protocols.test_claude import ask_all, asked, billed, claude, spent
from tests.pipelines.usage import usage_table

anthropic = Lazy("anthropic")


def batch_role(make: Any, *servers: Any, endpoint: dict[str, Any] | None = None, **fields: Any) -> Role:
    return claude(make, *servers, mode="batch", endpoint={"batch_poll_s": 0.1, **(endpoint or {})}, **fields)


def paid_once(server: Any, ledger: Path) -> None:
    """Every reply that the server made is in the ledger, and no line was answered twice."""
    answered = Counter(event["key"][24:] for event in server.events("line") if event["fault"] in {"", "line_ends"})
    assert set(answered.values()) <= {1}
    assert spent(ledger) == billed(server)
    with Ledger(ledger) as opened:
        assert usage_table(opened).num_rows == len(server.events("billed"))
        assert opened.read("SELECT count(*) FROM batch") == [(0,)]
        assert opened.read("SELECT coalesce(sum(tokens), 0) FROM reservation") == [(0,)]


async def leave(role: Role, ledger: Path, requests: list[CompletionRequest], server: Any, event: str = "batch") -> None:
    """Send `requests` as a batch and be gone before it is answered."""
    async with Client(role, ledger) as client:
        asks = [asyncio.create_task(client.ask(request)) for request in requests]
        await batch_sent(server, event)
        for ask in asks:
            ask.cancel()
    with Ledger(ledger) as opened:
        opened.start_run()


async def test_a_batch_lands_in_the_same_ledger_at_half_the_price(fake: Callable, make: Any, tmp_path: Path) -> None:
    server, ledger = await fake(), tmp_path / "l.sqlite"
    requests = [asked(n) for n in range(30)]
    done = await ask_all(batch_role(make, server), ledger, requests)
    paid_once(server, ledger)
    live = await ask_all(claude(make, server), tmp_path / "other.sqlite", requests)
    assert [one.text for one in done] == [one.text for one in live]
    assert [one.request_id for one in done] == [one.request_id for one in live]
    assert len(server.events("batch")) == 1
    assert await ask_all(claude(make, server), ledger, requests) == done
    assert not list((tmp_path / "batches").iterdir())


async def test_lines_are_as_long_as_they_are_counted_and_named_as_the_api_allows() -> None:
    protocol = connect(EndpointSettings(protocol="anthropic", model="m"), "")
    name = protocol.custom_id("0123456789abcdef01234567", bytes(range(32)))
    line = protocol.line(name, {"messages": [{"role": "user", "content": "日本語 \ud800"}]})
    assert (len(name), len(line)) == (64, len(await protocol.upload([line])) - len('{"requests":[]}'))
    await protocol.close()


async def test_errored_expired_and_cancelled_lines_are_asked_again(fake: Callable, make: Any, tmp_path: Path) -> None:
    faults = [{"kind": kind, "share": 0.2} for kind in ("500", "529", "429", "expired", "canceled")]
    server, ledger = await fake(faults=faults), tmp_path / "l.sqlite"
    done = await ask_all(batch_role(make, server), ledger, [asked(n) for n in range(40)])
    assert {one.state for one in done} == {State.OK}
    hit = [event for event in server.events("line") if event["fault"]]
    assert {event["fault"] for event in hit} == {"500", "529", "429", "expired", "canceled"}
    assert [event["lines"] for event in server.events("batch")] == [40, len(hit)]
    paid_once(server, ledger)


async def test_replies_of_every_ending_are_kept(fake: Callable, make: Any, tmp_path: Path) -> None:
    faults = [{"kind": kind, "share": 0.3} for kind in ("length", "refusal", "line_ends")]
    server, ledger = await fake(faults=faults), tmp_path / "l.sqlite"
    done = await ask_all(batch_role(make, server), ledger, [asked(n) for n in range(30)])
    assert {one.state for one in done} == {State.OK, State.TRUNCATED, State.REFUSED}
    assert any("\u2028" in one.text for one in done)
    paid_once(server, ledger)


async def test_a_wrong_model_of_the_lines_ends_the_run(fake: Callable, make: Any, tmp_path: Path) -> None:
    """Of all lines; one that is not known while others are answered is asked again."""
    server = await fake(faults=[{"kind": "404", "times": 0}])
    done = await ask_all(batch_role(make, server), tmp_path / "l.sqlite", [asked(n) for n in range(20)])
    assert {one.state for one in done} <= {State.STOPPED, State.FAILED}
    with pytest.raises(EndpointError, match="model"):
        CONTROL.raise_if_ended()


async def test_parameters_that_a_model_does_not_take_end_the_run(fake: Callable, make: Any, tmp_path: Path) -> None:
    server = await fake()
    role = batch_role(make, server, endpoint={"model": "claude-opus-5-5"}, temperature=0.2)
    await ask_all(role, tmp_path / "l.sqlite", [asked(n) for n in range(10)])
    with pytest.raises(EndpointError, match="sampling: false"):
        CONTROL.raise_if_ended()
    assert len(server.events("batch")) == 1


async def test_a_batch_that_somebody_cancels_is_asked_again(fake: Callable, make: Any, tmp_path: Path) -> None:
    server, ledger = await fake(batch_s=2), tmp_path / "l.sqlite"
    async with Client(batch_role(make, server), ledger) as client:
        asks = [asyncio.create_task(client.ask(asked(n))) for n in range(5)]
        await batch_sent(server)
        async with anthropic.AsyncAnthropic(api_key="x", base_url=server.url.removesuffix("/v1")) as other:
            await other.messages.batches.cancel(server.events("batch")[0]["id"])
        done = await asyncio.gather(*asks)
    assert {one.state for one in done} == {State.OK}
    assert len(server.events("batch")) == 2
    paid_once(server, ledger)


# --- nothing is paid twice --------------------------------------------------------------------------------------------


async def test_a_lost_client_picks_its_batch_up_again(fake: Callable, make: Any, tmp_path: Path) -> None:
    server, ledger = await fake(batch_s=1.0), tmp_path / "l.sqlite"
    role, requests = batch_role(make, server), [asked(n) for n in range(20)]
    await leave(role, ledger, requests, server)
    done = await ask_all(role, ledger, requests)
    assert {one.state for one in done} == {State.OK}
    assert len(server.events("batch")) == 1
    paid_once(server, ledger)


@pytest.mark.parametrize("batch_s", [0.05, 1.0])
async def test_a_batch_whose_creation_was_not_answered_is_found_by_what_its_lines_are_called(
    fake: Callable, make: Any, tmp_path: Path, batch_s: float
) -> None:
    """Whether it has ended when it is looked for, or not; beside one of as many lines of somebody else."""
    server, ledger = await fake(batch_s=batch_s, faults=[{"kind": "lost_batch", "after": 1}]), tmp_path / "l.sqlite"
    async with anthropic.AsyncAnthropic(api_key="x", base_url=server.url.removesuffix("/v1")) as other:
        params: Any = {"model": "fake", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
        await other.messages.batches.create(requests=[{"custom_id": f"n{n}", "params": params} for n in range(20)])
    done = await ask_all(batch_role(make, server), ledger, [asked(n) for n in range(20)])
    assert {one.state for one in done} == {State.OK}
    assert [event["lines"] for event in server.events("batch")] == [20, 20]
    assert len({event["key"] for event in server.events("line")}) == 40


async def test_a_batch_that_was_lost_with_its_client_is_found_and_nothing_is_dropped(
    fake: Callable, make: Any, tmp_path: Path
) -> None:
    server, ledger = await fake(batch_s=0.5), tmp_path / "l.sqlite"
    role, requests = batch_role(make, server), [asked(n) for n in range(20)]
    await leave(role, ledger, requests, server)
    with Ledger(ledger) as opened:
        opened.write("UPDATE batch SET id = NULL").result()
    await ask_all(role, ledger, requests[:10])
    assert len(server.events("batch")) == 1
    paid_once(server, ledger)


async def test_two_lost_batches_of_the_same_size_are_told_apart(fake: Callable, make: Any, tmp_path: Path) -> None:
    server, ledger = await fake(batch_s=1.0), tmp_path / "l.sqlite"
    role = batch_role(make, server)
    requests = [asked(n) for n in range(20)]
    for number, half in enumerate((requests[:10], requests[10:]), 1):
        async with Client(role, ledger) as client:
            asks = [asyncio.create_task(client.ask(request)) for request in half]
            for _ in range(500):
                if len(server.events("batch")) == number:
                    break
                await asyncio.sleep(0.02)
            for ask in asks:
                ask.cancel()
    with Ledger(ledger) as opened:
        opened.write("UPDATE batch SET id = NULL").result()
    done = await ask_all(role, ledger, requests)
    assert {one.state for one in done} == {State.OK}
    assert len(server.events("batch")) == 2
    paid_once(server, ledger)


async def test_a_batch_that_was_never_created_is_sent(fake: Callable, make: Any, tmp_path: Path) -> None:
    server, ledger = await fake(faults=[{"kind": "upload_500", "times": 2}]), tmp_path / "l.sqlite"
    done = await ask_all(batch_role(make, server), ledger, [asked(n) for n in range(6)])
    assert {one.state for one in done} == {State.OK}
    assert len(server.events("batch")) == 1
    paid_once(server, ledger)


@pytest.mark.parametrize("kind", ["page", "cut_results", "away_batch"])
async def test_results_that_cannot_be_had_at_once_are_waited_for(
    fake: Callable, make: Any, tmp_path: Path, kind: str
) -> None:
    server, ledger = await fake(faults=[{"kind": kind, "times": 2, "seconds": 0.5}]), tmp_path / "l.sqlite"
    done = await ask_all(batch_role(make, server), ledger, [asked(n) for n in range(8)])
    assert {one.state for one in done} == {State.OK}
    assert len(server.events("batch")) == 1
    paid_once(server, ledger)


async def test_a_server_without_batches_is_left_out(fake: Callable, make: Any, tmp_path: Path) -> None:
    without, server = await fake(faults=[{"kind": "no_batches", "times": 0}]), await fake()
    done = await ask_all(batch_role(make, without, server), tmp_path / "l.sqlite", [asked(n) for n in range(12)])
    assert {one.state for one in done} == {State.OK}
    assert not without.events("batch")


async def test_a_batch_of_claude_s_is_waited_for_by_a_role_that_asks_live(
    fake: Callable, make: Any, tmp_path: Path
) -> None:
    server, ledger = await fake(batch_s=1.0, faults=[{"kind": "expired", "share": 0.3}]), tmp_path / "l.sqlite"
    requests = [asked(n) for n in range(20)]
    await leave(batch_role(make, server), ledger, requests[:12], server)
    live = claude(make, server, endpoint={"batch_poll_s": 0.1})
    done = await ask_all(live, ledger, requests)
    assert {one.state for one in done} == {State.OK}
    assert spent(ledger) == billed(server)


async def test_the_budget_counts_what_is_in_batches(fake: Callable, make: Any, tmp_path: Path) -> None:
    server, ledger = await fake(), tmp_path / "l.sqlite"
    role = batch_role(make, server, budget={"tokens": 20_000})
    done = await ask_all(role, ledger, [asked(n) for n in range(12)])
    assert {one.state for one in done} == {State.OK, State.OVER_BUDGET}
    paid_once(server, ledger)
    assert billed(server)[1] <= 20_000

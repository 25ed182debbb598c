"""A role that asks Claude: every fault, the cache, the budget and the price, against a server that counts itself."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.completion import Completion, CompletionRequest, State
from pipelines.engine.client import Client
from pipelines.engine.endpoints import EngineSettings, Role
from pipelines.engine.prices import default_prices
from pipelines.ledger.ledger import Ledger
from pipelines.run.control import CONTROL
from specs.errors import BudgetError, EndpointError
from tests.pipelines.usage import usage_table

MODEL = "claude-sonnet-4-5"
SPEC = "The spec says to be kind and to say what is true. " * 150  # about 1,700 tokens: enough for the cache
KEY = "sk-ant-planted-0123456789abcdef"


def claude(make: Any, *servers: Any, endpoint: dict[str, Any] | None = None, **fields: Any) -> Role:
    common = {"protocol": "anthropic", "model": MODEL, **(endpoint or {})}
    made: Role = make.role(*servers, endpoint=common, **fields)
    return made


def asked(number: int, **fields: Any) -> CompletionRequest:
    messages: Any = [
        {"role": "system", "content": SPEC},
        {"role": "user", "content": f"Write 30 words about row-{number}."},
    ]
    return CompletionRequest("documents", f"row-{number}", messages, **fields)


async def ask_all(role: Role, ledger: Path, requests: list[CompletionRequest]) -> list[Completion]:
    async with Client(role, ledger) as client:
        return list(await asyncio.gather(*(client.ask(request) for request in requests)))


def billed(server: Any) -> tuple[float, int]:
    """Dollars and tokens that the server has answered with, by its own count and the list price."""
    price, dollars, tokens = default_prices().find(MODEL), 0.0, 0
    assert price
    assert price.cached_input is not None
    for one in server.events("billed"):
        read, written = one["cache_read_input_tokens"], one["cache_creation_input_tokens"]
        hour = one["cache_creation"]["ephemeral_1h_input_tokens"]
        cost = one["input_tokens"] * price.input + read * price.cached_input + one["output_tokens"] * price.output
        cost += (written - hour) * (price.cache_write or 0) + hour * (price.cache_write_1h or 0)
        dollars += cost / 1e6 * (0.5 if one["batch"] else 1.0)
        tokens += one["input_tokens"] + read + written + one["output_tokens"]
    return dollars, tokens


def spent(ledger: Path) -> tuple[float, int]:
    with Ledger(ledger) as opened:
        dollars, tokens = opened.spent()
    return pytest.approx(dollars), tokens  # type: ignore[return-value]


def files_with(key: str, folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and key.encode() in path.read_bytes()]


@pytest.mark.parametrize(
    "kind",
    ["429", "429_seconds", "429_date", "500", "502", "503", "504", "529", "reset", "html", "bad_json", "empty_choices"],
)
async def test_a_passing_fault_is_retried_and_paid_once(fake: Callable, make: Any, tmp_path: Path, kind: str) -> None:
    server, ledger = await fake(faults=[{"kind": kind, "share": 0.5, "seconds": 0.2}]), tmp_path / "l.sqlite"
    done = await ask_all(claude(make, server), ledger, [asked(n) for n in range(12)])
    assert [one.state for one in done] == [State.OK] * 12
    hit = [event for event in server.events("asked") if event["fault"] == kind]
    assert 0 < len(hit) < 12
    assert sum(one.retries for one in done) == len(hit)
    if kind not in {"reset", "html", "bad_json", "empty_choices"}:  # these may be billed, and count at their most
        assert spent(ledger) == billed(server)


@pytest.mark.parametrize(
    ("kind", "state", "reason"),
    [
        ("length", State.TRUNCATED, "max_tokens"),
        ("reasoning_budget", State.TRUNCATED, "max_tokens"),
        ("pause_turn", State.TRUNCATED, "pause_turn"),
        ("context_window", State.TRUNCATED, "model_context_window_exceeded"),
        ("refusal", State.REFUSED, "refusal"),
        ("tool_calls", State.UNPARSED, "tool_use"),
        ("stop_sequence", State.OK, "stop_sequence"),
        ("unknown_ending", State.TRUNCATED, "a_word_of_tomorrow"),
    ],
)
async def test_how_a_reply_ended_is_its_state_and_is_paid_for_once(
    fake: Callable, make: Any, tmp_path: Path, kind: str, state: State, reason: str
) -> None:
    server, ledger = await fake(faults=[{"kind": kind, "times": 0}]), tmp_path / "l.sqlite"
    requests = [asked(n) for n in range(3)]
    first = await ask_all(claude(make, server), ledger, requests)
    again = await ask_all(claude(make, server), ledger, requests)
    assert [(one.state, one.finish_reason) for one in first] == [(state, reason)] * 3
    assert again == first
    assert len(server.events("asked")) == 3
    assert spent(ledger) == billed(server)


@pytest.mark.parametrize(
    ("kind", "advice"),
    [
        ("401", "PLANTED_KEY"),
        ("403", "PLANTED_KEY"),
        ("404", "model"),
        ("413", "do not fit"),
        ("context", "do not fit"),
        ("quota", "credit"),
        ("spend_limit", "credit"),
    ],
)
async def test_a_permanent_error_stops_at_once_with_advice(
    fake: Callable, make: Any, tmp_path: Path, kind: str, advice: str
) -> None:
    server = await fake(faults=[{"kind": kind, "times": 0}], latency_s=0.02)
    role = claude(make, server, endpoint={"max_in_flight": 4, "api_key_env": "PLANTED_KEY"})
    done = await ask_all(role, tmp_path / "l.sqlite", [asked(n) for n in range(60)])
    assert len(server.events("asked")) <= 4 + 2
    assert {one.state for one in done} <= {State.FAILED, State.STOPPED}
    with pytest.raises(EndpointError, match=advice):
        CONTROL.raise_if_ended()


async def test_a_reply_that_a_filter_stopped_is_one_draw_s_refusal(fake: Callable, make: Any, tmp_path: Path) -> None:
    server = await fake(faults=[{"kind": "invalid_prompt", "times": 0, "contains": "row-1."}])
    done = await ask_all(claude(make, server), tmp_path / "l.sqlite", [asked(n) for n in range(4)])
    assert [one.state for one in done] == [State.OK, State.REFUSED, State.OK, State.OK]
    assert CONTROL.halted is None


async def test_parameters_that_a_model_does_not_take_end_the_run_and_are_named(
    fake: Callable, make: Any, tmp_path: Path
) -> None:
    server = await fake()
    role = claude(make, server, endpoint={"model": "claude-opus-5-5"}, temperature=0.2)
    await ask_all(role, tmp_path / "l.sqlite", [asked(n) for n in range(20)])
    with pytest.raises(EndpointError, match=r"deprecated for this model.*sampling: false"):
        CONTROL.raise_if_ended()
    assert not server.events("billed")
    CONTROL.reset()
    role = claude(make, server, endpoint={"model": "claude-opus-5-5", "sampling": False}, temperature=0.2)
    assert [one.state for one in await ask_all(role, tmp_path / "l.sqlite", [asked(0)])] == [State.OK]


async def test_the_key_is_shown_nowhere(fake: Callable, make: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("PLANTED_KEY", KEY)
    server = await fake(key="another")
    role = claude(make, server, endpoint={"api_key_env": "PLANTED_KEY"})
    done = await ask_all(role, tmp_path / "l.sqlite", [asked(0)])
    with pytest.raises(EndpointError, match="PLANTED_KEY") as found:
        CONTROL.raise_if_ended()
    assert KEY not in str(found.value) + done[0].error
    assert not files_with(KEY, tmp_path)


# --- the cache --------------------------------------------------------------------------------------------------------


async def test_the_spec_is_written_to_the_cache_once_and_read_by_all_others(
    fake: Callable, make: Any, tmp_path: Path
) -> None:
    server, ledger = await fake(latency_s=0.05, tail=0.1), tmp_path / "l.sqlite"
    done = await ask_all(claude(make, server), ledger, [asked(n) for n in range(40)])
    assert {one.state for one in done} == {State.OK}
    writes = [one for one in server.events("billed") if one["cache_creation_input_tokens"]]
    assert len(writes) == 1  # though sixteen may be in flight
    with Ledger(ledger) as opened:
        usage = usage_table(opened)
    assert sum(filter(None, usage["cache_written_tokens"].to_pylist())) == writes[0]["cache_creation_input_tokens"]
    assert sum(usage["cached_tokens"].to_pylist()) == 39 * writes[0]["cache_creation_input_tokens"]
    assert spent(ledger) == billed(server)
    assert max(event["in_flight"] for event in server.events("asked")) > 8  # and not one after another


async def test_a_first_request_that_fails_lets_the_next_one_be_the_first(
    fake: Callable, make: Any, tmp_path: Path
) -> None:
    server = await fake(faults=[{"kind": "500", "contains": "row-0."}, {"kind": "reset", "contains": "row-1."}])
    done = await ask_all(claude(make, server), tmp_path / "l.sqlite", [asked(n) for n in range(8)])
    assert {one.state for one in done} == {State.OK}
    assert sum(bool(one["cache_creation_input_tokens"]) for one in server.events("billed")) == 1


@pytest.mark.parametrize("why", ["stop", "quota"])
async def test_those_that_wait_for_the_first_are_not_sent_once_the_run_ends(
    fake: Callable, make: Any, tmp_path: Path, why: str
) -> None:
    faults = [{"kind": "quota", "times": 0}] if why == "quota" else []
    server, ledger = await fake(latency_s=0.5, tail=0.01, faults=faults), tmp_path / "l.sqlite"
    async with Client(claude(make, server, budget={"tokens": 10**6}), ledger) as client:
        asks = [asyncio.create_task(client.ask(asked(n))) for n in range(12)]
        if why == "stop":
            await asyncio.sleep(0.2)
            CONTROL.stop()
        states = [one.state for one in await asyncio.gather(*asks)]
    with Ledger(ledger) as opened:
        assert opened.read("SELECT coalesce(sum(tokens), 0) FROM reservation") == [(0,)]
    assert len(server.events("asked")) == 1
    assert states.count(State.STOPPED) == 11
    assert states.count(State.OK if why == "stop" else State.FAILED) == 1


async def test_an_hour_in_the_cache_is_asked_for_and_priced(fake: Callable, make: Any, tmp_path: Path) -> None:
    server, ledger = await fake(), tmp_path / "l.sqlite"
    await ask_all(claude(make, server, endpoint={"cache": "1h"}), ledger, [asked(n) for n in range(3)])
    assert sum(one["cache_creation"]["ephemeral_1h_input_tokens"] for one in server.events("billed")) > 1000
    assert spent(ledger) == billed(server)


async def test_a_found_reply_knows_what_it_wrote(fake: Callable, make: Any, tmp_path: Path) -> None:
    server = await fake()
    [first] = await ask_all(claude(make, server), tmp_path / "l.sqlite", [asked(0)])
    [found] = await ask_all(claude(make, server), tmp_path / "l.sqlite", [asked(0)])
    assert found.usage == first.usage
    assert (found.usage.cache_written or 0) > 1000


# --- the budget -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("budget", [{"tokens": 30_000}, {"dollars": 0.05}])
async def test_the_budget_stops_before_it_is_passed_and_counts_as_the_server_does(
    fake: Callable, make: Any, tmp_path: Path, budget: dict[str, float]
) -> None:
    server, ledger = await fake(latency_s=0.01), tmp_path / "l.sqlite"
    done = await ask_all(claude(make, server, budget=budget), ledger, [asked(n) for n in range(60)])
    assert {one.state for one in done} == {State.OK, State.OVER_BUDGET}
    dollars, tokens = billed(server)
    assert spent(ledger) == (dollars, tokens)
    assert tokens <= budget.get("tokens", tokens)
    assert dollars <= budget.get("dollars", dollars)
    with pytest.raises(BudgetError):
        CONTROL.raise_if_ended()


# --- roles of both protocols ------------------------------------------------------------------------------------------


async def test_one_role_asks_endpoints_of_both_protocols(fake: Callable, tmp_path: Path) -> None:
    server = await fake()
    endpoints = {
        "claude": {"protocol": "anthropic", "model": MODEL, "base_url": server.url},
        "gpt": {"model": "gpt-4.1-mini", "base_url": server.url},
    }
    roles = {"writer": {"endpoints": ["claude", "gpt"], "max_tokens": 500}}
    role = EngineSettings.model_validate({"endpoints": endpoints, "roles": roles}).role("writer")
    done = await ask_all(role, tmp_path / "l.sqlite", [asked(n) for n in range(40)])
    assert {one.state for one in done} == {State.OK}
    counts = [sum(one.endpoint == name for one in done) for name in endpoints]
    assert min(counts) > 5
    assert len(server.events("billed")) == counts[0]


async def test_where_claude_is_down_the_other_protocol_goes_on(fake: Callable, tmp_path: Path) -> None:
    server = await fake()
    endpoints = {
        "claude": {"protocol": "anthropic", "model": MODEL, "base_url": "http://127.0.0.1:9", "retries": 2},
        "gpt": {"model": "gpt-4.1-mini", "base_url": server.url},
    }
    roles = {"writer": {"endpoints": {"claude": 100, "gpt": 1}, "max_tokens": 500}}
    role = EngineSettings.model_validate({"endpoints": endpoints, "roles": roles}).role("writer")
    done = await ask_all(role, tmp_path / "l.sqlite", [asked(n) for n in range(20)])
    assert {(one.state, one.endpoint) for one in done} == {(State.OK, "gpt")}

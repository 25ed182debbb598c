"""Every fault of an endpoint ends in a typed state, and what is in the ledger is what the server sent."""

import asyncio
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.completion import State
from pipelines.engine.client import Client
from pipelines.engine.endpoints import EndpointSettings, EngineSettings
from pipelines.engine.errors import retry_after
from pipelines.engine.outcomes import Fault, Reply
from pipelines.engine.protocols.openai_reply import read_reply
from pipelines.run.control import CONTROL
from specs.errors import EndpointError, SpecmillError

SETTINGS = EndpointSettings(model="m")
RETRIED = ["429", "429_seconds", "429_date", "500", "502", "503", "504", "reset", "html", "bad_json", "empty_choices"]


async def ask_all(role, ledger, requests):
    async with Client(role, ledger) as client:
        return await asyncio.gather(*(client.ask(request) for request in requests))


@pytest.mark.parametrize("kind", RETRIED)
async def test_a_passing_fault_is_retried(fake, make, tmp_path, kind):
    server = await fake(faults=[{"kind": kind, "share": 0.5, "seconds": 0.2}])
    done = await ask_all(make.role(server), tmp_path / "l.sqlite", [make.request(n) for n in range(12)])
    assert [one.state for one in done] == [State.OK] * 12
    hit = [event for event in server.events("asked") if event["fault"] == kind]
    assert 0 < len(hit) < 12
    assert sum(one.retries for one in done) == len(hit)
    assert len(server.events("asked")) == 12 + len(hit)


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("length", State.TRUNCATED),
        ("reasoning_budget", State.TRUNCATED),
        ("content_filter", State.REFUSED),
        ("refusal", State.REFUSED),
        ("tool_calls", State.UNPARSED),
    ],
)
async def test_a_reply_without_content_is_paid_for_once(fake, make, tmp_path, kind, state):
    server = await fake(faults=[{"kind": kind, "times": 0}])
    first = await ask_all(make.role(server), tmp_path / "l.sqlite", [make.request(n) for n in range(3)])
    again = await ask_all(make.role(server), tmp_path / "l.sqlite", [make.request(n) for n in range(3)])
    assert [one.state for one in first] == [state] * 3
    assert again == first
    assert len(server.events("asked")) == 3


async def test_reasoning_that_used_up_the_budget_says_so(fake, make, tmp_path):
    server = await fake(faults=[{"kind": "reasoning_budget"}])
    [done] = await ask_all(make.role(server), tmp_path / "l.sqlite", [make.request(0)])
    assert "reasoning" in done.error
    assert done.reasoning
    assert done.usage.reasoning == done.usage.completion


async def test_missing_usage_is_unknown_not_zero(fake, make, tmp_path):
    server = await fake(faults=[{"kind": "no_usage"}])
    [done] = await ask_all(make.role(server), tmp_path / "l.sqlite", [make.request(0)])
    assert done.state is State.OK
    assert (done.usage.prompt, done.cost_usd) == (None, None)


async def test_a_reply_that_never_ends_is_cut_off(fake, make, tmp_path):
    server = await fake(faults=[{"kind": "trickle", "contains": "row-1."}])
    role = make.role(server, endpoint={"timeout_s": 0.5})
    done = await ask_all(role, tmp_path / "l.sqlite", [make.request(n) for n in range(3)])
    assert [one.state for one in done] == [State.OK] * 3
    assert done[1].retries == 1
    assert done[1].latency_s < 0.5


async def test_a_request_that_always_fails_fails_alone(fake, make, tmp_path):
    server = await fake(faults=[{"kind": "500", "times": 0, "contains": "row-1."}])
    role = make.role(server, endpoint={"retries": 1})
    done = await ask_all(role, tmp_path / "l.sqlite", [make.request(n) for n in range(3)])
    assert [one.state for one in done] == [State.OK, State.FAILED, State.OK]
    assert "HTTP 500" in done[1].error
    again = await ask_all(role, tmp_path / "l.sqlite", [make.request(n) for n in range(3)])
    assert [again[0], again[2]] == [done[0], done[2]]
    asked = [event["last"] for event in server.events("asked")]
    assert sum("row-1." in last for last in asked) == 4
    assert len(asked) == 6


@pytest.mark.parametrize(
    ("kind", "advice"), [("401", "PLANTED_KEY"), ("404", "model"), ("context", "max_tokens"), ("quota", "credit")]
)
async def test_a_permanent_error_stops_at_once_with_advice(fake, make, tmp_path, kind, advice):
    server = await fake(faults=[{"kind": kind, "times": 0}], latency_s=0.02)
    role = make.role(server, endpoint={"max_in_flight": 4, "api_key_env": "PLANTED_KEY"})
    done = await ask_all(role, tmp_path / "l.sqlite", [make.request(n) for n in range(200)])
    assert len(server.events("asked")) <= 4 + 2  # in flight, and a few more where it might be about one request alone
    assert {one.state for one in done} <= {State.FAILED, State.STOPPED}
    with pytest.raises(EndpointError, match=advice):
        CONTROL.raise_if_ended()


async def test_a_server_that_is_down_for_a_while_is_waited_for(fake, make, tmp_path, caplog):
    server = await fake(faults=[{"kind": "down", "after": 20, "seconds": 1.5}], latency_s=0.05)
    done = await ask_all(make.role(server), tmp_path / "l.sqlite", [make.request(n) for n in range(120)])
    assert {one.state for one in done} == {State.OK}
    warnings = [record.message for record in caplog.records if record.name == "specmill.endpoints"]
    assert ["is down" in text for text in warnings] == [True, False]
    assert len({event["last"] for event in server.events("asked")}) == 120


async def test_a_server_that_stays_down_ends_the_run(make, tmp_path):
    role = make.role("http://127.0.0.1:9/v1", endpoint={"wait_when_down_s": 0.5})
    done = await ask_all(role, tmp_path / "l.sqlite", [make.request(n) for n in range(50)])
    assert {one.state for one in done} == {State.STOPPED}
    with pytest.raises(EndpointError, match="is down"):
        CONTROL.raise_if_ended()


async def test_an_unknown_host_is_down(make, tmp_path):
    role = make.role("http://no-such-host.invalid/v1", endpoint={"wait_when_down_s": 0.2, "retries": 0})
    [done] = await ask_all(role, tmp_path / "l.sqlite", [make.request(0)])
    assert done.state in {State.STOPPED, State.FAILED}


async def test_work_goes_on_through_the_other_endpoint(fake, make, tmp_path):
    server = await fake()
    role = make.role("http://127.0.0.1:9/v1", server)
    done = await ask_all(role, tmp_path / "l.sqlite", [make.request(n) for n in range(60)])
    assert {one.state for one in done} == {State.OK}
    assert {one.endpoint for one in done} == {"e1"}


async def test_weights_are_kept_and_rows_say_who_wrote_them(fake, make, tmp_path):
    servers = [await fake(), await fake()]
    role = make.role(*servers, endpoints={"e0": 3, "e1": 1})
    done = await ask_all(role, tmp_path / "l.sqlite", [make.request(n) for n in range(200)])
    first = sum(one.endpoint == "e0" for one in done)
    assert first == len(servers[0].events("asked"))
    assert 120 < first < 180


async def test_in_flight_falls_when_the_endpoint_is_overloaded_and_returns(fake, make, tmp_path):
    server = await fake(capacity=8, latency_s=0.02, tail=0.1)
    role = make.role(server, endpoint={"max_in_flight": 64, "retries": 0})
    async with Client(role, tmp_path / "l.sqlite") as client:
        done = await asyncio.gather(*(client.ask(make.request(n)) for n in range(400)))
        limiter = client._endpoints["e0"].limiter
        assert {one.state for one in done} == {State.OK}
        assert limiter.limit < 64
        for _ in range(2000):
            limiter.succeeded()
        assert limiter.limit == 64
    refused = [event for event in server.events("sent") if event["status"] == 429]
    assert len(refused) < 200  # without adapting, most of 400 requests at 64 in flight would be refused


async def test_retry_after_is_obeyed(fake, make, tmp_path):
    server = await fake(faults=[{"kind": "429_seconds", "contains": "row-0.", "seconds": 1}])
    [done] = await ask_all(make.role(server), tmp_path / "l.sqlite", [make.request(0)])
    asked = [event["t"] for event in server.events("asked")]
    assert done.state is State.OK
    assert asked[1] - asked[0] >= 1


async def test_the_key_is_sent_and_written_nowhere(fake, make, tmp_path, monkeypatch):
    key = "planted:0123456789abcdef"  # of a form that no pattern knows
    monkeypatch.setenv("PLANTED_KEY", key)
    right = await fake(key=key)
    wrong = await fake(key="another", faults=[{"kind": "500", "share": 0.3}])
    for server, rows in ((right, range(20)), (wrong, range(20, 40))):
        role = make.role(server, endpoint={"api_key_env": "PLANTED_KEY"})
        await ask_all(role, tmp_path / f"{rows.start}.sqlite", [make.request(n) for n in rows])
    assert CONTROL.halted
    assert "Incorrect API key provided: [key]" in CONTROL.halted.text
    assert len(right.events("sent")) == 20
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or key.encode() not in path.read_bytes(), path


async def test_identical_prompts_stay_separate_requests(fake, make, tmp_path):
    server = await fake()
    requests = [make.request(0, sample=n) for n in range(3)] + [make.request(0, attempt=1)]
    done = await ask_all(make.role(server), tmp_path / "l.sqlite", requests)
    assert len({one.request_id for one in done}) == 4
    assert len(server.events("asked")) == 4


async def test_one_draw_asked_twice_at_once_is_sent_once(fake, make, tmp_path):
    server = await fake(latency_s=0.05)
    one, other = await ask_all(make.role(server), tmp_path / "l.sqlite", [make.request(0), make.request(0)])
    assert one == other
    assert len(server.events("asked")) == 1


async def test_another_endpoint_later_invalidates_nothing(fake, make, tmp_path):
    server, added = await fake(), await fake()
    requests = [make.request(n) for n in range(20)]
    before = await ask_all(make.role(server), tmp_path / "l.sqlite", requests)
    role = make.role(server, added)
    other_model = role.endpoints["e1"].model_copy(update={"model": "gpt-4o"})
    role = role.model_copy(update={"endpoints": {"e0": role.endpoints["e0"], "e1": other_model}})
    assert await ask_all(role, tmp_path / "l.sqlite", requests) == before
    assert not added.events("asked")


async def test_a_stop_finishes_what_is_in_flight_and_sends_nothing_new(fake, make, tmp_path):
    server = await fake(latency_s=0.3, tail=0.1)
    role = make.role(server, endpoint={"max_in_flight": 8})
    async with Client(role, tmp_path / "l.sqlite") as client:
        asks = [asyncio.create_task(client.ask(make.request(n))) for n in range(100)]
        await asyncio.sleep(0.15)
        CONTROL.stop()
        stopped = time.time()
        done = await asyncio.gather(*asks)
    sent_late = [event for event in server.events("asked") if event["t"] > stopped + 0.05]
    assert not sent_late
    assert sum(one.state is State.OK for one in done) == len(server.events("sent")) >= 8
    assert {one.state for one in done} == {State.OK, State.STOPPED}


async def test_requests_that_are_cut_off_leave_their_connections_usable(fake, make, tmp_path):
    server = await fake(faults=[{"kind": "trickle", "share": 0.4, "times": 2}])
    role = make.role(server, endpoint={"timeout_s": 0.5, "max_in_flight": 40})
    done = await ask_all(role, tmp_path / "l.sqlite", [make.request(n) for n in range(40)])
    assert {one.state for one in done} == {State.OK}


async def test_an_endpoint_that_slows_down_gets_fewer_requests(fake, make, tmp_path):
    server = await fake(latency_s=0.7, tail=0.01)
    role = make.role(server, endpoint={"timeout_s": 1.2, "max_in_flight": 30})
    async with Client(role, tmp_path / "l.sqlite") as client:
        await asyncio.gather(*(client.ask(make.request(n)) for n in range(30)))
        assert client._endpoints["e0"].limiter.limit < 30


async def test_nothing_is_paid_for_when_the_disk_is_nearly_full(fake, make, tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.engine.client._LEAST_FREE_BYTES", 1 << 60)
    server = await fake(latency_s=0.1)
    done = await ask_all(make.role(server), tmp_path / "l.sqlite", [make.request(n) for n in range(100)])
    assert len(server.events("asked")) <= 16
    assert State.STOPPED in {one.state for one in done}
    with pytest.raises(SpecmillError, match="is full"):
        CONTROL.raise_if_ended()


async def test_an_embedded_model_that_is_not_served_is_never_asked_for_elsewhere(tmp_path):
    settings = {"endpoints": {"main": {"embedded": "demo"}}, "roles": {"writer": {"endpoints": "main"}}}
    role = EngineSettings.model_validate(settings).role("writer")
    with pytest.raises(RuntimeError, match="not being served"):
        async with Client(role, tmp_path / "l.sqlite"):
            pass


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "message", "content", "finish_reason", "usage", "refusal", "prompt_tokens"]),
            inner,
        )
    ),
    max_leaves=12,
)


@given(json_values)
def test_any_json_is_a_reply_or_a_fault(value):
    outcome = read_reply(json.dumps(value), SETTINGS)
    assert isinstance(outcome, Reply | Fault)


@given(st.text(max_size=100))
def test_any_text_is_a_reply_or_a_fault_that_can_be_stored(text):
    outcome = read_reply(text, SETTINGS)
    if isinstance(outcome, Fault):
        outcome.detail.encode()


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "-4"}, 0.0),
        ({"retry-after": "Fri, 01 Jan 1999 00:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_all_its_forms(headers, seconds):
    assert retry_after(headers) == seconds


def test_keys_are_scrubbed_from_any_text():
    key = "opaque:key/of no pattern"
    page = f"<html>Authorization: Bearer {key} and sk-abcdefghijklmnop</html>"
    fault = read_reply(page, SETTINGS, key)
    assert key not in fault.detail
    assert "sk-abc" not in fault.detail

"""Settings, prices and the budget: unknown is never zero, and the stop is hard."""

import asyncio

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipelines.completion import CompletionRequest, State, Usage
from pipelines.engine import wire
from pipelines.engine.client import Client
from pipelines.engine.endpoints import EngineSettings, Role
from pipelines.engine.prices import default_prices
from pipelines.engine.protocols.openai import OpenAIProtocol
from pipelines.ledger.ledger import Ledger
from pipelines.run.control import CONTROL
from specs.errors import BudgetError
from tests.pipelines.usage import usage_table


def engine(**fields) -> EngineSettings:
    base = {"endpoints": {"main": {"model": "gpt-4.1-mini"}}, "roles": {"writer": {"endpoints": "main"}}}
    return EngineSettings.model_validate({**base, **fields})


def test_prices_are_dated_and_extended_by_the_recipe():
    settings = engine(prices={"models": {"mine": {"input": 1, "output": 2}}})
    assert settings.prices.as_of == default_prices().as_of is not None
    assert settings.prices.cost_usd("mine", Usage(1_000_000, 0, 500_000)) == 2.0
    assert settings.prices.cost_usd("gpt-4o-mini-2024-07-18", Usage(1_000_000, 1_000_000, 0)) == pytest.approx(0.075)
    assert settings.prices.cost_usd("never-heard-of", Usage(1, 0, 1)) is None
    assert settings.prices.cost_usd("mine", Usage(None, None, 5)) is None


def test_an_embedded_model_costs_nothing():
    settings = engine(endpoints={"main": {"embedded": "demo"}}, budget={"dollars": 0})
    assert settings.endpoints["main"].model == "demo"
    assert settings.role("writer").cost_usd("main", Usage(10, 0, 10)) == 0.0


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"budget": {"dollars": 1}, "endpoints": {"main": {"model": "unheard"}}}, "price of 'unheard'"),
        ({"roles": {"writer": {"endpoints": ["main", "other"]}}}, "other is not under `endpoints`"),
        ({"endpoints": {"main": {"model": "m", "base_url": "https://user:secret@host/v1"}}}, "must not carry"),
        ({"endpoints": {"main": {"model": "m", "base_url": "host:80"}}}, "expected an http"),
        ({"endpoints": {"main": {}}}, "expected `model`"),
        ({"endpoints": {"main": {"embedded": "demo", "base_url": "http://h/v1"}}}, "exclude each other"),
        ({"roles": {"writer": {"endpoints": {"main": 0}}}}, "weight above 0"),
        ({"roles": {"writer": {"endpoints": []}}}, "at least one endpoint"),
        ({"endpoints": {"main": {"model": "m", "api_key": "secret"}}}, "api_key"),
    ],
)
def test_a_recipe_that_cannot_work_is_refused(fields, text):
    with pytest.raises(ValidationError, match=text):
        engine(**fields)


def test_a_role_falls_back_to_the_writer_and_survives_json():
    role = engine().role("judge", seed=3)
    assert (role.name, role.settings) == ("judge", engine().roles["writer"])
    assert Role.model_validate_json(role.model_dump_json()) == role
    with pytest.raises(ValueError, match="writer"):
        engine(roles={}).role("judge")


def test_optional_fields_are_sent_only_when_asked_for():
    request = CompletionRequest(
        "s", "r", [{"role": "user", "content": "x"}], json_schema={"type": "object"}, max_tokens=10
    )
    plain = engine().role("writer")
    assert OpenAIProtocol.body(plain, "main", request).keys() == {"model", "messages", "max_tokens", "response_format"}
    assert OpenAIProtocol.body(plain, "main", request)["max_tokens"] == 10
    full = engine(
        roles={
            "writer": {
                "endpoints": "main", "temperature": 0.5, "top_p": 0.9, "reasoning_effort": "low", "send_seed": True,
                "json_mode": "json_object", "max_tokens_field": "max_completion_tokens", "extra_body": {"min_p": 0.1},
            }
        }
    ).role("writer")  # fmt: skip
    sent = OpenAIProtocol.body(full, "main", request)
    assert (sent["temperature"], sent["top_p"], sent["reasoning_effort"], sent["min_p"]) == (0.5, 0.9, "low", 0.1)
    assert sent["max_completion_tokens"] == 10
    assert sent["response_format"] == {"type": "json_object"}
    assert sent["seed"] == wire.seed(full, request)
    assert "max_tokens" not in sent
    none = engine(roles={"writer": {"endpoints": "main", "json_mode": "none"}}).role("writer")
    assert "response_format" not in OpenAIProtocol.body(none, "main", request)
    reasoner = engine(
        endpoints={"main": {"model": "gpt-5", "sampling": False}},
        roles={"writer": {"endpoints": "main", "temperature": 0.5, "top_p": 0.9}},
    ).role("writer")
    assert not {"temperature", "top_p"} & OpenAIProtocol.body(reasoner, "main", request).keys()


def test_strict_mode_leaves_out_the_limits_that_it_refuses():
    strict = engine(roles={"writer": {"endpoints": "main", "json_mode": "json_schema_strict"}}).role("writer")
    inner = {"type": "string", "maxLength": 5}
    schema = {
        "type": "object",
        "properties": {"pattern": inner},
        "required": ["pattern"],
        "additionalProperties": False,
    }
    request = CompletionRequest("s", "r", [{"role": "user", "content": "x"}], json_schema=schema)
    form = OpenAIProtocol.body(strict, "main", request)["response_format"]["json_schema"]
    assert form["strict"]
    assert form["schema"] == {**schema, "properties": {"pattern": {"type": "string"}}}
    plain = OpenAIProtocol.body(engine().role("writer"), "main", request)["response_format"]["json_schema"]
    assert (plain["strict"], plain["schema"]) == (False, schema)


@given(st.text(max_size=200), st.text(max_size=200))
def test_the_common_prefix_is_the_longest(one, other):
    length = wire.common_prefix(one, other)
    assert one[:length] == other[:length]
    assert length in (len(one), len(other)) or one[length] != other[length]


async def ask_all(role, ledger, rows, make):
    async with Client(role, ledger) as client:
        return await asyncio.gather(*(client.ask(make.request(n)) for n in range(rows)))


@pytest.mark.parametrize("budget", [{"tokens": 12_000}, {"dollars": 0.004}])
async def test_the_budget_is_never_overspent_and_a_larger_one_goes_on(fake, make, tmp_path, budget):
    server, ledger = await fake(), tmp_path / "l.sqlite"
    done = await ask_all(make.role(server, budget=budget), ledger, 60, make)
    assert {one.state for one in done} == {State.OK, State.OVER_BUDGET}
    with Ledger(ledger) as book:
        dollars, tokens = book.spent()
    assert dollars <= budget.get("dollars", 1)
    assert tokens <= budget.get("tokens", 10**9)
    paid = sum(one.state is State.OK for one in done)
    assert len(server.events("asked")) == paid
    with pytest.raises(BudgetError, match="Raise `budget`"):
        CONTROL.raise_if_ended()
    CONTROL.reset()
    again = await ask_all(make.role(server), ledger, 60, make)
    assert {one.state for one in again} == {State.OK}
    assert len(server.events("asked")) == 60


async def test_replies_without_usage_count_at_their_estimate(fake, make, tmp_path):
    server = await fake(faults=[{"kind": "no_usage", "times": 0}])
    done = await ask_all(make.role(server, budget={"tokens": 10_000}), tmp_path / "l.sqlite", 60, make)
    assert 0 < sum(one.state is State.OK for one in done) <= 10_000 // 500


async def test_most_of_a_stage_s_prompts_sit_in_the_prefix(fake, make, tmp_path):
    server = await fake()
    async with Client(make.role(server), tmp_path / "l.sqlite") as client:
        await asyncio.gather(*(client.ask(make.request(n)) for n in range(50)))
        usage = usage_table(client.ledger)
    share = sum(usage["prefix_chars"].to_pylist()) / sum(usage["prompt_chars"].to_pylist())
    assert share > 0.9


@pytest.mark.parametrize("model", ["fake", "llama3.2:3b", "Qwen/Qwen2.5-7B-Instruct", 'a "b": {c}'])
def test_the_two_lines_that_name_a_price_are_what_a_recipe_takes(model: str) -> None:
    recipe = {"budget": {"dollars": 1}, "endpoints": {"main": {"model": model}}}
    with pytest.raises(ValidationError) as error:
        engine(**recipe)
    told = str(error.value).split("your own):\n")[1].split("\nor count tokens")[0]
    assert told.count("\n") == 1 and engine(**recipe, **yaml.safe_load(told)).prices.find(model) is not None

"""What Anthropic's API is sent for a request, and how its messages are read: no server, no client."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipelines.completion import CompletionRequest, Message, State, Usage
from pipelines.engine import wire
from pipelines.engine.endpoints import EndpointSettings, EngineSettings, Role
from pipelines.engine.outcomes import Fault, Reply
from pipelines.fake_endpoint.messages import objection
from tests.lazy import Lazy

messages = Lazy("pipelines.engine.protocols.messages")

SCHEMA = {
    "type": "object",
    "properties": {"items": {"type": "array", "maxItems": 3, "items": {"type": "string", "maxLength": 2000}}},
    "required": ["items"],
}


def engine(endpoint: dict[str, Any] | None = None, **role: Any) -> EngineSettings:
    endpoints = {"main": {"protocol": "anthropic", "model": "claude-sonnet-4-5", **(endpoint or {})}}
    return EngineSettings.model_validate({"endpoints": endpoints, "roles": {"writer": {"endpoints": "main", **role}}})


def role(endpoint: dict[str, Any] | None = None, **settings: Any) -> Role:
    return engine(endpoint, **settings).role("writer")


def chat(*texts: tuple[str, str], **fields: Any) -> CompletionRequest:
    return CompletionRequest("s", "r", [Message(role=who, content=text) for who, text in texts], **fields)


SPEC = "The spec. " * 60
ASKED = chat(("system", SPEC), ("user", "Write."))


def test_a_plain_request_holds_what_was_asked_for_and_nothing_more() -> None:
    sent = messages.body(role(), "main", ASKED)
    system = [{"type": "text", "text": SPEC, "cache_control": {"type": "ephemeral", "ttl": "5m"}}]
    assert sent == {
        "model": "claude-sonnet-4-5", "max_tokens": 4096, "system": system,
        "messages": [{"role": "user", "content": "Write."}],
    }  # fmt: skip


def test_all_that_a_role_can_say_is_sent() -> None:
    sent = messages.body(role(top_p=0.9, reasoning_effort="low", extra_body={"service_tier": "auto"}), "main", ASKED)
    assert (sent["top_p"], sent["output_config"], sent["service_tier"]) == (0.9, {"effort": "low"}, "auto")
    assert "system" in sent
    assert messages.body(role({"cache": "1h"}), "main", ASKED)["system"][0]["cache_control"]["ttl"] == "1h"
    assert "cache_control" not in messages.body(role({"cache": "none"}), "main", ASKED)["system"][0]
    assert messages.body(role(temperature=0.3), "main", ASKED)["temperature"] == 0.3
    assert "temperature" not in messages.body(role({"sampling": False}, temperature=0.3), "main", ASKED)


@pytest.mark.parametrize(
    ("texts", "turns"),
    [
        ([("user", "a"), ("assistant", "b"), ("user", "c")], ["user a", "assistant b", "user c"]),
        ([("user", "a"), ("user", "b")], ["user a\n\nb"]),
        ([("system", "s"), ("system", "t"), ("user", "a")], ["user a"]),
        ([("user", "a"), ("assistant", " "), ("user", "c")], ["user a\n\nc"]),  # an empty text is refused
        ([("assistant", "b"), ("user", "c")], ["user b\n\nc"]),  # the user is first
        ([("system", "only")], ["user only"]),
        ([("user", "a"), ("assistant", "b"), ("system", "c")], ["user a", "assistant b", "user c"]),
    ],
)
def test_turns_are_as_the_api_takes_them(texts: list[tuple[str, str]], turns: list[str]) -> None:
    sent = messages.body(role(), "main", chat(*texts))
    assert [f"{one['role']} {one['content']}" for one in sent["messages"]] == turns


@given(st.lists(st.tuples(st.sampled_from(["system", "user", "assistant"]), st.text(max_size=3)), min_size=1))
def test_no_conversation_makes_a_request_that_the_api_refuses(texts: list[tuple[str, str]]) -> None:
    request = chat(*texts, ("user", "At last."))
    sent = messages.body(role(), "main", request)
    assert not objection(sent)
    said = "".join(block["text"] for block in sent.get("system", [])) + "".join(
        one["content"] for one in sent["messages"]
    )
    assert all(text in said for _, text in texts if text.strip())


@pytest.mark.parametrize(
    ("thinking", "limit", "sent"),
    [
        (None, None, None),
        ("disabled", None, {"type": "disabled"}),
        ("adaptive", None, {"type": "adaptive", "display": "summarized"}),
        (3000, None, {"type": "enabled", "budget_tokens": 3000, "display": "summarized"}),
        (3000, 3000, {"type": "enabled", "budget_tokens": 1500, "display": "summarized"}),  # the same share
        (3000, 1500, {"type": "enabled", "budget_tokens": 1024, "display": "summarized"}),  # the least
        (3000, 1024, None),  # not even the least fits
    ],
)
def test_thinking_is_asked_for_within_the_tokens_of_the_request(thinking: Any, limit: int | None, sent: Any) -> None:
    request = chat(("user", "Write."), max_tokens=limit)
    made = messages.body(role(thinking=thinking, max_tokens=6000), "main", request)
    assert made.get("thinking") == sent
    assert not objection(made)


@pytest.mark.parametrize(
    ("mode", "thinking", "forced"), [("tool", None, True), ("tool", "adaptive", False), ("json_schema", None, None)]
)
def test_a_form_is_asked_for_by_structured_output_or_by_tool(mode: str, thinking: Any, forced: bool | None) -> None:
    sent = messages.body(role(json_mode=mode, thinking=thinking), "main", chat(("user", "Write."), json_schema=SCHEMA))
    assert not objection(sent)
    if mode == "tool":
        assert sent["tools"][0]["input_schema"] == SCHEMA
        assert (sent["tool_choice"] == {"type": "tool", "name": "reply"}) == forced
    else:
        form = sent["output_config"]["format"]["schema"]
        assert form["additionalProperties"] is False
        assert "maxLength" not in form["properties"]["items"]["items"]


def test_no_form_is_asked_for_where_the_role_asks_for_none() -> None:
    sent = messages.body(role(json_mode="none"), "main", chat(("user", "Write."), json_schema=SCHEMA))
    assert sent.keys() == {"model", "max_tokens", "messages"}


def test_what_is_cached_is_told_by_all_that_the_api_compares() -> None:
    plain, other = (
        messages.body(role(), "main", ASKED),
        messages.body(role(), "main", chat(("system", SPEC), ("user", "Else."))),
    )
    assert messages.prefix(plain) == messages.prefix(other) != ()
    assert messages.prefix(messages.body(role({"model": "claude-opus-4-8"}), "main", ASKED)) != messages.prefix(plain)
    assert messages.prefix(messages.body(role(), "main", chat(("user", "Write.")))) == ()
    assert messages.prefix(messages.body(role(), "main", chat(("system", "Too short."), ("user", "Write.")))) == ()
    assert messages.prefix(messages.body(role({"cache": "none"}), "main", ASKED)) == ()


# --- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("endpoint", "settings", "said"),
    [
        ({}, {"json_mode": "json_object"}, "json_object"),
        ({}, {"temperature": 1.5}, "0 to 1"),
        ({}, {"thinking": "adaptive", "temperature": 0.3}, "takes no temperature but 1"),
        ({}, {"thinking": 5000}, "below max_tokens"),
        ({}, {"thinking": 1000}, "1024"),
        ({}, {"send_seed": True}, "seed"),
        ({}, {"max_tokens_field": "max_completion_tokens"}, "max_tokens_field"),
        ({"embedded": "qwen", "model": "m"}, {}, "embedded"),
        ({"protocol": "openai"}, {"thinking": "adaptive"}, "for Claude"),
        ({"protocol": "openai"}, {"json_mode": "tool"}, "protocol: anthropic"),
        ({"protocol": "openai", "cache": "1h"}, {}, "cache"),
        ({"protocol": "claude"}, {}, "openai"),
    ],
)
def test_a_setting_that_would_be_ignored_or_refused_is_an_error(endpoint: Any, settings: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        engine(endpoint, **settings)


def test_a_temperature_that_is_not_sent_is_none_that_thinking_forbids() -> None:
    made = role({"sampling": False}, temperature=0.3, thinking="adaptive")
    assert not objection(messages.body(made, "main", ASKED))


def test_a_temperature_that_the_eval_adds_is_not_sent_to_a_model_that_thinks() -> None:
    made = role(thinking="adaptive")
    asked = made.model_copy(update={"settings": made.settings.model_copy(update={"temperature": 0.7})})
    assert not objection(messages.body(asked, "main", ASKED))
    assert [one.sampled for one in (asked, role(), role({"sampling": False}))] == [False, True, False]


def test_the_key_and_the_address_are_those_of_the_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://there/v1/")  # the client adds the version itself
    monkeypatch.setenv("OPENAI_BASE_URL", "http://elsewhere/v1")
    claude = EndpointSettings(protocol="anthropic", model="m")
    assert (claude.api_key_env, claude.address) == ("ANTHROPIC_API_KEY", "http://there")
    assert EndpointSettings(model="m").api_key_env == "OPENAI_API_KEY"
    assert EndpointSettings(protocol="anthropic", model="m", api_key_env="MINE").api_key_env == "MINE"
    assert EndpointSettings.model_validate(claude.model_dump()) == claude


# --- prices -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "usage", "dollars"),
    [
        ("claude-sonnet-5-5", Usage(1_000_000, 0, 0), 2.0),
        ("claude-sonnet-5-5", Usage(1_000_000, 1_000_000, 0), 0.1),
        ("claude-sonnet-5-5", Usage(1_000_000, 0, 0, cache_written=1_000_000), 2.5),
        ("claude-sonnet-5-5", Usage(1_000_000, 500_000, 100_000, cache_written=250_000), 0.05 + 0.625 + 0.5 + 1.0),
        ("claude-haiku-4-5-20251001", Usage(1_000_000, 0, 1_000_000), 6.0),
        ("claude-haiku-5-5", Usage(100_000, 0, 1_000_000), 0.01 + 0.5),
        ("claude-haiku-5-5", Usage(100_001, 0, 1_000_000), 0.0500005 + 2.5),  # a long prompt, all of it dearer
        ("gpt-4.1", Usage(1_000_000, 0, 0, cache_written=1_000_000), 2.0),  # writing has no price of its own there
    ],
)
def test_what_the_cache_read_and_wrote_has_its_own_price(model: str, usage: Usage, dollars: float) -> None:
    prices = role().prices
    assert prices.cost_usd(model, usage) == pytest.approx(dollars)
    assert prices.cost_usd(model, usage, batch=True) == pytest.approx(dollars / 2)


def test_an_hour_in_the_cache_costs_more_and_is_priced_by_the_endpoint() -> None:
    usage = Usage(1_000_000, 0, 0, cache_written=1_000_000)
    assert role({"model": "claude-opus-5-5"}).cost_usd("main", usage) == pytest.approx(5.0)
    assert role({"model": "claude-opus-5-5", "cache": "1h"}).cost_usd("main", usage) == pytest.approx(8.0)


def test_the_most_that_a_request_can_cost_is_a_prompt_that_is_written_to_the_cache() -> None:
    request = chat(("system", "x" * 30_000), ("user", "Write."), max_tokens=1000)
    most = wire.most(role(), "main", request)
    assert most.tokens >= 10_000 + 1000
    assert most.dollars >= 10_000 * 3.75e-6 + 1000 * 15e-6
    assert most.dollars > wire.most(role({"cache": "none"}), "main", request).dollars
    form = chat(("system", "x" * 30_000), ("user", "Write."), max_tokens=1000, json_schema=SCHEMA)
    assert wire.most(role(), "main", form).tokens > most.tokens + 500


def test_a_price_has_the_day_on_which_it_was_looked_up() -> None:
    prices = role().prices
    assert prices.date_of("claude-sonnet-5-5") != prices.date_of("gpt-4.1") == prices.as_of


# --- replies ----------------------------------------------------------------------------------------------------------

TEXT = [{"type": "text", "text": "Hello."}]
THOUGHT = [
    {"type": "thinking", "thinking": "I weigh it.", "signature": "x"},
    {"type": "redacted_thinking", "data": "x"},
]


def message(content: Any = TEXT, stop: Any = "end_turn", **more: Any) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "model": "m", "content": content, "stop_reason": stop, **more}


@pytest.mark.parametrize(
    ("stop", "state"),
    [
        ("end_turn", State.OK),
        ("stop_sequence", State.OK),
        ("max_tokens", State.TRUNCATED),
        ("model_context_window_exceeded", State.TRUNCATED),
        ("pause_turn", State.TRUNCATED),
        ("refusal", State.REFUSED),
    ],
)
def test_every_stop_reason_has_its_state(stop: str, state: State) -> None:
    reply = messages.read(message(stop=stop))
    assert isinstance(reply, Reply)
    assert (reply.state, reply.text, reply.finish_reason) == (state, "Hello.", stop)


def test_a_refusal_says_why() -> None:
    details = {"type": "refusal", "category": "bio", "explanation": "Not this."}
    reply = messages.read(message([], "refusal", stop_details=details))
    assert isinstance(reply, Reply)
    assert (reply.state, reply.error) == (State.REFUSED, "bio: Not this.")


def test_thoughts_are_reasoning_and_no_part_of_the_text() -> None:
    reply = messages.read(message([*THOUGHT, *TEXT]))
    assert isinstance(reply, Reply)
    assert (reply.text, reply.reasoning) == ("Hello.", "I weigh it.")
    cut = messages.read(message(THOUGHT, "max_tokens"))
    assert isinstance(cut, Reply)
    assert cut.state is State.TRUNCATED
    assert "reasoning" in cut.error


def test_what_is_given_to_our_tool_is_the_text_and_any_other_call_is_none() -> None:
    call = {"type": "tool_use", "id": "t", "name": "reply", "input": {"items": ["ä"]}}
    reply = messages.read(message([*TEXT, call], "tool_use"))
    assert isinstance(reply, Reply)
    assert (reply.state, reply.text) == (State.OK, '{"items": ["ä"]}')
    other = messages.read(message([{**call, "name": "search"}], "tool_use"))
    assert isinstance(other, Reply)
    assert (other.state, other.error) == (State.UNPARSED, "tool calls instead of text")


def test_all_tokens_of_the_prompt_are_counted_whatever_the_cache_did() -> None:
    usage = {
        "input_tokens": 10, "cache_read_input_tokens": 200, "cache_creation_input_tokens": 3000, "output_tokens": 40,
        "output_tokens_details": {"thinking_tokens": 30},
    }  # fmt: skip
    reply = messages.read(message(usage=usage))
    assert isinstance(reply, Reply)
    assert reply.usage == Usage(3210, 200, 40, 30, 3000)
    nothing = messages.read(message())
    assert isinstance(nothing, Reply)
    assert nothing.usage == Usage()


NAMES = st.sampled_from(["content", "type", "text", "stop_reason", "usage", "input", "name", "thinking"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner),
)


@given(JSON)
def test_nothing_that_comes_raises(value: Any) -> None:
    assert isinstance(messages.read(value), Reply | Fault)
    assert isinstance(
        messages.read({"content": value, "stop_reason": value, "usage": value, "stop_details": value}), Reply | Fault
    )

"""The fake endpoint's Anthropic side, asked by the real `anthropic` client, which checks every field it is sent."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.lazy import Lazy

anthropic = Lazy("anthropic")
KEY = "sk-ant-0123456789abcdef"
SPEC = "The spec says to be kind and to say what is true. " * 120  # more tokens than the least that is cached


def client(url: str, key: str = KEY, **settings: Any) -> Any:
    """Strict: an answer that has not the API's own form is an error of the client."""
    return anthropic.AsyncAnthropic(
        api_key=key, base_url=url.removesuffix("/v1"), max_retries=0, _strict_response_validation=True, **settings
    )


def body(question: str = "Write 30 words.", **more: Any) -> dict[str, Any]:
    system = [{"type": "text", "text": SPEC, "cache_control": {"type": "ephemeral"}}]
    turns = [{"role": "user", "content": question}]
    return {"model": "claude-sonnet-5-5", "max_tokens": 400, "system": system, "messages": turns, **more}


async def test_a_message_is_typed_and_its_cache_is_counted_as_the_api_counts(fake: Callable) -> None:
    server = await fake(key=KEY)
    async with client(server.url) as asked:
        first, second = [await asked.messages.create(**body(f"Write 30 words, {n}.")) for n in range(2)]
    assert isinstance(first, anthropic.types.Message)
    assert (first.type, first.role, first.stop_reason) == ("message", "assistant", "end_turn")
    assert first.model == "claude-sonnet-5-5"
    assert first.content[0].type == "text"
    assert first.content[0].text
    written = first.usage.cache_creation_input_tokens
    assert written and first.usage.cache_read_input_tokens == 0
    assert first.usage.cache_creation
    assert first.usage.cache_creation.ephemeral_5m_input_tokens == written
    assert (second.usage.cache_read_input_tokens, second.usage.cache_creation_input_tokens) == (written, 0)
    assert 0 < second.usage.input_tokens < 100


async def test_a_short_prefix_is_not_cached_and_says_nothing_of_it(fake: Callable) -> None:
    server = await fake()
    short = [{"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral"}}]
    async with client(server.url) as asked:
        for _ in range(2):
            usage = (await asked.messages.create(**body(system=short))).usage
            assert (usage.cache_creation_input_tokens, usage.cache_read_input_tokens) == (0, 0)


@pytest.mark.parametrize(
    ("kind", "stop"),
    [
        ("length", "max_tokens"),
        ("refusal", "refusal"),
        ("pause_turn", "pause_turn"),
        ("context_window", "model_context_window_exceeded"),
        ("stop_sequence", "stop_sequence"),
        ("tool_calls", "tool_use"),
    ],
)
async def test_every_stop_reason_is_one_that_the_client_knows(fake: Callable, kind: str, stop: str) -> None:
    server = await fake(faults=[{"kind": kind}])
    async with client(server.url) as asked:
        message = await asked.messages.create(**body())
    assert message.stop_reason == stop
    assert (message.stop_details is not None) == (stop == "refusal")


@pytest.mark.parametrize(
    ("kind", "error", "said"),
    [
        ("429_seconds", "RateLimitError", "rate_limit_error"),
        ("500", "InternalServerError", "api_error"),
        ("529", "OverloadedError", "overloaded_error"),
        ("504", "InternalServerError", "timeout_error"),
        ("403", "PermissionDeniedError", "permission_error"),
        ("404", "NotFoundError", "not_found_error"),
        ("413", "ContentTooLargeError", "request_too_large"),
        ("quota", "BadRequestError", "invalid_request_error"),
    ],
)
async def test_errors_are_those_of_the_client(fake: Callable, kind: str, error: str, said: str) -> None:
    server = await fake(faults=[{"kind": kind, "seconds": 3}])
    async with client(server.url) as asked:
        with pytest.raises(getattr(anthropic, error)) as found:
            await asked.messages.create(**body())
    raised = found.value
    assert isinstance(raised, anthropic.APIStatusError)
    assert isinstance(raised.body, dict)
    assert raised.body["type"] == "error"
    assert raised.body["error"]["type"] == said
    assert raised.request_id
    if kind == "429_seconds":
        assert raised.response.headers["retry-after"] == "3"


async def test_a_wrong_key_is_refused(fake: Callable) -> None:
    server = await fake(key=KEY)
    async with client(server.url, key="wrong") as asked:
        with pytest.raises(anthropic.AuthenticationError):
            await asked.messages.create(**body())
        with pytest.raises(anthropic.AuthenticationError):
            await asked.messages.batches.create(requests=[])


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"seed": 3}, "Extra inputs"),
        ({"temperature": 1.5}, "range"),
        ({"temperature": 0.5}, "deprecated for this model"),
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, "thinking.type.enabled"),
        ({"model": "claude-haiku-4-5", "thinking": {"type": "enabled", "budget_tokens": 2000}}, "less than max_tokens"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "first message"),
        ({"messages": [{"role": "user", "content": " "}]}, "non-whitespace"),
        ({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]}, "prefill"),
        ({"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}}, "additionalProperties"),
        (
            {"output_config": {"format": {"type": "json_schema", "schema": {"type": "string", "maxLength": 3}}}},
            "maxLength",
        ),
        (
            {
                "tools": [{"name": "reply", "input_schema": {"type": "object"}}],
                "tool_choice": {"type": "tool", "name": "reply"},
            },
            "forcing a tool",
        ),
    ],
)
async def test_what_the_api_refuses_is_refused(fake: Callable, asked: dict[str, Any], said: str) -> None:
    server = await fake()
    async with client(server.url) as client_:
        with pytest.raises(anthropic.BadRequestError, match=said):
            await client_.messages.create(model="x", max_tokens=1, messages=[], extra_body=body(**asked))


async def test_thoughts_come_as_blocks_of_their_own(fake: Callable) -> None:
    server = await fake()
    thinking = {"type": "adaptive", "display": "summarized"}
    async with client(server.url) as asked:
        seen = await asked.messages.create(**body(thinking=thinking))
        hidden = await asked.messages.create(**body(model="claude-opus-5-5"))
    assert [block.type for block in seen.content] == ["thinking", "text"]
    assert seen.content[0].type == "thinking"
    assert seen.content[0].thinking
    assert hidden.content[0].type == "thinking"
    assert hidden.content[0].thinking == ""
    assert hidden.usage.output_tokens_details
    assert hidden.usage.output_tokens_details.thinking_tokens > 0


async def test_a_form_is_kept_with_the_limits_that_its_descriptions_name(fake: Callable) -> None:
    server = await fake()
    items = {"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "string", "maxLength": 20}}
    schema = {"type": "object", "properties": {"items": items}, "required": ["items"]}
    form = {"type": "json_schema", "schema": anthropic.transform_schema(schema)}
    async with client(server.url) as asked:
        message = await asked.messages.create(**body(output_config={"format": form}))
    assert message.content[0].type == "text"
    found = json.loads(message.content[0].text)["items"]
    assert len(found) == 2
    assert all(len(item) <= 20 for item in found)


async def test_batches_are_typed_listed_in_pages_and_their_results_iterated(fake: Callable) -> None:
    server = await fake(
        batch_s=0.05, faults=[{"kind": "500", "contains": "line-3"}, {"kind": "expired", "contains": "line-4"}]
    )
    requests = [{"custom_id": f"line-{n}", "params": body(f"line-{n}")} for n in range(5)]
    async with client(server.url) as asked:
        made = [await asked.messages.batches.create(requests=requests) for _ in range(3)]  # type: ignore[arg-type]
        assert isinstance(made[0], anthropic.types.messages.MessageBatch)
        assert (made[0].processing_status, made[0].request_counts.processing) == ("in_progress", 5)
        listed = [batch.id async for batch in await asked.messages.batches.list(limit=2)]
        assert listed == [batch.id for batch in reversed(made)]
        while (batch := await asked.messages.batches.retrieve(made[0].id)).processing_status != "ended":
            pass
        counts = batch.request_counts
        assert (counts.succeeded, counts.errored, counts.expired, counts.processing) == (3, 1, 1, 0)
        assert batch.results_url == f"{server.url}/messages/batches/{batch.id}/results"
        lines = [line async for line in await asked.messages.batches.results(batch.id)]
    ends = {line.custom_id: line.result.type for line in lines}
    assert ends == {**{f"line-{n}": "succeeded" for n in range(3)}, "line-3": "errored", "line-4": "expired"}
    assert [line.custom_id for line in lines] != sorted(ends)  # in an order of their own


async def test_a_batch_can_be_cancelled(fake: Callable) -> None:
    server = await fake(batch_s=0.1)
    async with client(server.url) as asked:
        made = await asked.messages.batches.create(requests=[{"custom_id": "a", "params": body()}])  # type: ignore[list-item]
        assert (await asked.messages.batches.cancel(made.id)).processing_status == "canceling"
        while (batch := await asked.messages.batches.retrieve(made.id)).processing_status != "ended":
            pass
    assert batch.request_counts.canceled == 1


@pytest.mark.parametrize("names", [["a", "a"], ["x" * 65], ["with space"], []])
async def test_batches_with_unfit_names_are_refused(fake: Callable, names: list[str]) -> None:
    server = await fake()
    async with client(server.url) as asked:
        with pytest.raises(anthropic.BadRequestError):
            await asked.messages.batches.create(requests=[{"custom_id": n, "params": body()} for n in names])  # type: ignore[misc]


async def test_models_are_listed_and_found_in_the_form_of_who_asks(fake: Callable) -> None:
    server = await fake()
    async with client(server.url) as asked:
        names = [model.id async for model in await asked.models.list()]
        one = await asked.models.retrieve("claude-haiku-4-5")
    assert "claude-sonnet-5-5" in names
    assert (one.type, one.id) == ("model", "claude-haiku-4-5")

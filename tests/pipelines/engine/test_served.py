"""The look at what an endpoint serves, at real servers that answer wrongly, and at addresses that may not be shown."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web

from pipelines.engine.endpoints import EndpointSettings, EngineSettings
from pipelines.engine.protocols import connect
from pipelines.engine.served import served_models
from specs.errors import EndpointError, UserError

KEY = "planted:0123456789abcdef"
SECRET = "http://bob:s3cret@127.0.0.1:9/v1"


@pytest.fixture
async def listing(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Callable[..., Any]]:
    """`await listing(body, status)`: the models that a server is taken to have which answers so; its requests' keys."""
    runners, keys = [], []

    async def ask(body: str, status: int = 200, key: str = KEY) -> list[str]:
        async def answer(request: web.Request) -> web.Response:
            keys.append(request.headers["Authorization"])
            return web.Response(text=body, status=status, content_type="text/html" if body[:1] == "<" else None)

        app = web.Application()
        app.router.add_get("/v1/models", answer)
        runner = web.AppRunner(app)
        runners.append(runner)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        monkeypatch.setenv("PLANTED_KEY", key)
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        settings = EndpointSettings(base_url=url, model="any", api_key_env="PLANTED_KEY")
        return await asyncio.to_thread(served_models, settings)

    ask.keys = keys  # type: ignore[attr-defined]
    yield ask
    for runner in runners:
        await runner.cleanup()


async def test_the_names_of_a_list_and_a_key_without_its_line_end(listing: Callable[..., Any]) -> None:
    assert await listing('{"object": "list", "data": [{"id": "a"}, {"id": "b"}]}', key=f"{KEY}\n") == ["a", "b"]
    assert listing.keys == [f"Bearer {KEY}"]
    assert await listing('{"error": "no such route"}', 404) == []


@pytest.mark.parametrize(
    "body",
    [
        f"<!doctype html><html>Welcome {KEY}</html>",
        '{"error": {"message": "unknown route"}}',
        '{"data": {}}',
        '{"data": [{"name": "a"}]}',
        '{"data": [7]}',
        "[]",
        "null",
        "",
        "{",
    ],
)
async def test_an_address_that_is_none_of_an_api_is_said(listing: Callable[..., Any], body: str) -> None:
    with pytest.raises(EndpointError, match="instead of a list of models came") as found:
        await listing(body)
    assert KEY not in str(found.value)


@pytest.mark.parametrize("value", [SECRET, "bob:s3cret@host/v1", "https://host/v1?key=s3cret"])
def test_a_password_in_the_environment_s_address_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", value)
    engine = {"endpoints": {"main": {"model": "m"}}, "roles": {"writer": {"endpoints": "main"}}}
    for use in (
        lambda: EngineSettings.model_validate(engine).role("writer"),
        lambda: served_models(EndpointSettings(model="m")),
        lambda: connect(EndpointSettings(model="m"), ""),
    ):
        with pytest.raises(UserError, match=r"OPENAI_BASE_URL.*must not carry") as found:
            use()
        assert "s3cret" not in str(found.value)


def test_whose_address_the_environment_s_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://host/v1/")
    assert EndpointSettings(model="m").address == "http://host/v1"
    assert EndpointSettings(model="m", base_url="http://other/v1").address == "http://other/v1"
    assert EndpointSettings(embedded="demo").address is None
    monkeypatch.setenv("OPENAI_BASE_URL", SECRET)
    assert EndpointSettings(model="m", base_url="http://other/v1").address == "http://other/v1"
    monkeypatch.delenv("OPENAI_BASE_URL")
    assert EndpointSettings(model="m").address is None


async def test_claude_s_models_are_those_listed_and_the_one_that_a_short_name_stands_for(
    fake: Callable[..., Any],
) -> None:
    server = await fake(key=KEY)
    claude = EndpointSettings(protocol="anthropic", model="claude-haiku-4-5", base_url=server.url, api_key_env="MY_KEY")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MY_KEY", KEY)
        names = await asyncio.to_thread(served_models, claude)
        assert {"claude-sonnet-5-5", "claude-haiku-4-5"} < set(names)
        patch.setenv("MY_KEY", "sk-ant-wrong-0123456789")
        with pytest.raises(EndpointError, match="401") as found:
            await asyncio.to_thread(served_models, claude)
    assert "sk-ant-wrong" not in str(found.value)
    with pytest.raises(EndpointError, match="MY_KEY is not set"):
        await asyncio.to_thread(served_models, claude)

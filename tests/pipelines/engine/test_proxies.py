"""Proxies of the environment: named when they are dead, never used for this machine, SOCKS with what it needs."""

import importlib.util
from urllib.parse import urlsplit

import pytest

from pipelines.completion import State
from pipelines.engine.endpoints import EngineSettings
from pipelines.engine.proxies import Proxy, proxy_for
from pipelines.engine.served import served_models
from pipelines.run.control import CONTROL
from specs.errors import EndpointError, UserError
from tests.pipelines.engine.batches.test_batches import ask_all, batch_role
from tests.pipelines.engine.socks import socks_proxy

DEAD = "http://user:secret@127.0.0.1:9"
VARIABLES = ["http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"]


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.parametrize("mode", ["live", "batch"])
async def test_this_machine_is_asked_without_a_proxy(fake, make, tmp_path, environment, mode):
    environment.setenv("HTTP_PROXY", DEAD)
    environment.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    server = await fake()
    role = make.role(server) if mode == "live" else batch_role(make, server)
    [done] = await ask_all(role, tmp_path / "l.sqlite", [make.request(0)])
    assert done.state is State.OK


@pytest.mark.parametrize("mode", ["live", "batch"])
async def test_a_dead_proxy_is_named_without_its_password(make, tmp_path, environment, mode, caplog):
    environment.setenv("HTTP_PROXY", DEAD)
    role = make.role("http://models.example/v1", endpoint={"wait_when_down_s": 0.2, "batch_poll_s": 0.1}, mode=mode)
    await ask_all(role, tmp_path / "l.sqlite", [make.request(n) for n in range(8)])
    assert CONTROL.halted
    assert "HTTP_PROXY=http://127.0.0.1:9" in CONTROL.halted.text
    assert "secret" not in caplog.text + CONTROL.halted.text


def test_the_look_at_an_endpoint_names_it_too(environment, make):
    environment.setenv("HTTP_PROXY", DEAD)
    settings = make.role("http://models.example/v1").endpoints["e0"]
    with pytest.raises(EndpointError, match=r"through the proxy HTTP_PROXY=http://127\.0\.0\.1:9"):
        served_models(settings)


@pytest.mark.parametrize("address", ["http://models.example/v1", "https://models.example/v1"])
def test_socks_says_what_to_install_before_anything_is_asked(environment, address):
    environment.setattr(importlib.util, "find_spec", lambda name: None)
    environment.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
    settings = {"endpoints": {"e": {"model": "m", "base_url": address}}, "roles": {"writer": {"endpoints": "e"}}}
    with pytest.raises(UserError, match=r"ALL_PROXY=socks5://127.0.0.1:1080.*pip install"):
        EngineSettings.model_validate(settings).role("writer")


@pytest.mark.parametrize("mode", ["live", "batch"])
@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
@pytest.mark.parametrize("login", [None, ("me", "se:cret")])
async def test_requests_go_through_a_socks_proxy(fake, make, tmp_path, environment, mode, scheme, login):
    pytest.importorskip("aiohttp_socks", reason="the extra `socks` is not installed")
    server = await fake()
    async with socks_proxy(urlsplit(server.url).port, login) as proxy:
        who = "me:se%3Acret@" if login else ""
        environment.setenv("ALL_PROXY", f"{scheme}://{who}127.0.0.1:{proxy.port}")
        role = make.role("http://models.example/v1", endpoint={"batch_poll_s": 0.1}, mode=mode)
        done = await ask_all(role, tmp_path / "l.sqlite", [make.request(n) for n in range(5)])
        assert {one.state for one in done} == {State.OK}
        assert set(proxy.asked) == {("models.example", 80)}  # the name, which only the proxy can resolve
    assert len(server.events("asked" if mode == "live" else "line")) == 5


@pytest.mark.parametrize("mode", ["live", "batch"])
@pytest.mark.parametrize("wrong", ["nobody there", "another password"])
async def test_a_socks_proxy_that_helps_nothing_is_named(make, tmp_path, environment, mode, wrong):
    pytest.importorskip("aiohttp_socks", reason="the extra `socks` is not installed")
    async with socks_proxy(9, ("me", "right")) as proxy:
        port = proxy.port if wrong == "another password" else 9
        environment.setenv("ALL_PROXY", f"socks5://me:secret@127.0.0.1:{port}")
        role = make.role("http://models.example/v1", endpoint={"wait_when_down_s": 0.2, "batch_poll_s": 0.1}, mode=mode)
        await ask_all(role, tmp_path / "l.sqlite", [make.request(n) for n in range(8)])
    assert CONTROL.halted
    assert f"ALL_PROXY=socks5://127.0.0.1:{port}" in CONTROL.halted.text and "secret" not in CONTROL.halted.text


@pytest.mark.parametrize(
    ("variables", "address", "proxy"),
    [
        ({"HTTPS_PROXY": "http://p:1"}, "https://models.example/v1", Proxy("http://p:1", "HTTPS_PROXY")),
        ({"https_proxy": "p:1", "HTTPS_PROXY": "http://q:1"}, "https://m.example", Proxy("http://p:1", "https_proxy")),
        ({"HTTP_PROXY": "http://p:1"}, "https://models.example/v1", None),
        ({"ALL_PROXY": "http://p:1", "NO_PROXY": "example,other"}, "http://models.example/v1", None),
        ({"ALL_PROXY": "http://p:1"}, "http://[::1]:8000/v1", None),
        ({"ALL_PROXY": "http://p:1"}, "http://127.9.0.1/v1", None),
        ({"ALL_PROXY": "http://p:1"}, "http://localhost:8000/v1", None),
        ({"ALL_PROXY": "http://p:1"}, "http://10.0.0.1:8000/v1", Proxy("http://p:1", "ALL_PROXY")),
    ],
)  # fmt: skip
def test_which_proxy(environment, variables, address, proxy):
    for name, value in variables.items():
        environment.setenv(name, value)
    assert proxy_for(address) == proxy


@pytest.mark.parametrize("address", ["ftp://p:1", "socks4://p:1080", "socks5://p", "socks5://p:x"])
def test_no_address_of_a_proxy_is_a_mistake(environment, address):
    environment.setenv("HTTP_PROXY", address)
    with pytest.raises(UserError, match="expected one such as"):
        proxy_for("http://models.example/v1")

"""A real local server for every test of the engine, in the test's event loop or in a process of its own."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from pipelines.completion import CompletionRequest
from pipelines.engine.endpoints import EngineSettings, Role
from pipelines.fake_endpoint.api import FakeSettings
from pipelines.fake_endpoint.server import read_faults, serve
from pipelines.run.control import CONTROL
from tests.serving import Server


@pytest.fixture(autouse=True)
def fresh_control() -> Iterator[None]:
    CONTROL.reset()
    yield
    CONTROL.reset()


@pytest.fixture
async def fake(tmp_path: Path) -> AsyncIterator[Callable]:
    """`await fake(latency_s=0.1, faults=[{"kind": "500"}])`: a server in the test's own event loop."""
    runners = []

    async def start(faults: list[dict] | None = None, port: int = 0, **settings) -> Server:
        log = tmp_path / f"server-{len(runners)}.jsonl"
        script = read_faults([json.dumps(fault) for fault in faults or []])
        runner, bound = await serve(FakeSettings(**settings, faults=script, log=log), port=port)
        runners.append(runner)
        return Server(f"http://127.0.0.1:{bound}/v1", log)

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
def fake_process(tmp_path: Path) -> Iterator[Callable]:
    """`fake_process(latency_s=0.1)`: a server in a process of its own, for tests that fork."""
    processes = []

    def start(**settings) -> Server:
        log = tmp_path / f"server-process-{len(processes)}.jsonl"
        arguments = json.dumps({**settings, "log": str(log)})
        script = Path(__file__).with_name("serve.py")
        process = subprocess.Popen([sys.executable, str(script), arguments], stdout=subprocess.PIPE, text=True)
        processes.append(process)
        return Server(f"http://127.0.0.1:{int(process.stdout.readline())}/v1", log)

    yield start
    for process in processes:
        process.kill()
        process.wait()


def role(*servers: Server | str, budget: dict | None = None, endpoint: dict | None = None, **settings) -> Role:
    """The writer of a recipe with one endpoint a server, quick to give up."""
    urls = [server if isinstance(server, str) else server.url for server in servers]
    common = {"model": "gpt-4.1-mini", "timeout_s": 20, "retries": 3, "max_in_flight": 16, **(endpoint or {})}
    endpoints = {f"e{n}": {**common, "base_url": url} for n, url in enumerate(urls)}
    roles = {"writer": {"endpoints": list(endpoints), "max_tokens": 500, **settings}}
    return EngineSettings.model_validate({"endpoints": endpoints, "roles": roles, "budget": budget or {}}).role(
        "writer"
    )


def request(number: int, **fields) -> CompletionRequest:
    """A request whose prompt carries its row id, so that the server's log can be compared with the ledger."""
    messages = [
        {"role": "system", "content": "The spec says to be kind. " * 100},
        {"role": "user", "content": f"Write 30 words about row-{number}."},
    ]
    return CompletionRequest("documents", f"row-{number}", messages, **fields)


@pytest.fixture
def make() -> type:
    """The two helpers, for tests that cannot import this file."""

    class Make:
        role = staticmethod(role)
        request = staticmethod(request)

    return Make

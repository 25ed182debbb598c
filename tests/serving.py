"""The shipped stand-in for an endpoint, in a thread: no process to wait for, and it outlives those that a test kills.

Not for tests that fork: what they fork would have the server's sockets open too (`fake_process` is for them).
"""

import asyncio
import json
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from aiohttp import web

from pipelines.fake_endpoint.api import FakeSettings
from pipelines.fake_endpoint.server import FakeEndpoint, read_faults


class Scripted(FakeEndpoint):
    """The stand-in with some replies written out, as pairs: text that the last message contains, and the reply.

    A reply may also be a whole message, such as {"content": "...", "reasoning_content": "..."}. The first pair that
    fits is replied; what fits none gets the stand-in's own reply.
    """

    def __init__(self, settings: FakeSettings, replies: list[list[Any]]) -> None:
        super().__init__(settings)
        self.replies = replies

    def completion(self, body: dict[str, Any], fault: str = "") -> dict[str, Any]:
        completion = super().completion(body, fault)
        last = body["messages"][-1]["content"]
        for contains, reply in self.replies:
            if contains in last and not fault:
                message = reply if isinstance(reply, dict) else {"content": reply}
                completion["choices"][0]["message"].update(message)
                completion["choices"][0]["finish_reason"] = "stop"
                break
        return completion


@dataclass
class Server:
    """Where a stand-in for an endpoint listens, and its own log of what it was asked."""

    url: str
    log: Path
    _read: int = 0  # bytes of the log
    _events: list[dict[str, Any]] = field(default_factory=list)

    def events(self, kind: str) -> list[dict[str, Any]]:
        """What happened so far of one kind. What was read before is not read again: tests that wait ask often."""
        if self.log.exists():
            with self.log.open("rb") as file:
                file.seek(self._read)
                whole, end, _ = file.read().rpartition(b"\n")
            self._read += len(whole + end)
            self._events += map(json.loads, whole.splitlines())
        return [event for event in self._events if event["event"] == kind]

    def asked(self) -> int:
        """Requests that came."""
        return len(self.events("asked"))


@contextmanager
def serving(
    log: Path, faults: list[dict[str, Any]] | None = None, replies: list[list[Any]] | None = None, **settings: Any
) -> Iterator[str]:
    """Serve with these `FakeSettings` and replies; the address. `log` says what was asked, as JSON lines."""
    script = read_faults([json.dumps(fault) for fault in faults or []])
    app = Scripted(FakeSettings(**settings, faults=script, log=log), replies or []).app()
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.0)
    _wait_for(_listen(runner))
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        _wait_for(runner.cleanup())


async def _listen(runner: web.AppRunner) -> None:
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()


def _wait_for(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run_coroutine_threadsafe(work, _loop()).result(timeout=30)


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="servers", daemon=True).start()
    return loop

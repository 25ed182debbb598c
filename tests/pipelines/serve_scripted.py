"""A fake endpoint in its own process whose replies to some requests are given: see `tests/pipelines/chat_tools.py`.

`python serve_scripted.py '{"log": "...", "replies": [["text that the last message contains", "the reply"], ...]}'`
prints its port. A reply may also be a whole message, such as {"content": "...", "reasoning_content": "..."}. The first
entry that fits is replied; what fits none gets the fake endpoint's own reply.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from aiohttp import web

sys.path.insert(0, str(Path(__file__).parents[2]))

from pipelines.fake_endpoint.server import FakeEndpoint, FakeSettings, read_faults


class Scripted(FakeEndpoint):
    """The fake endpoint with some replies written out."""

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


async def main(arguments: dict[str, Any]) -> None:
    replies = arguments.pop("replies", [])
    faults = read_faults([json.dumps(fault) for fault in arguments.pop("faults", [])])
    settings = FakeSettings(**{**arguments, "log": Path(arguments["log"]), "faults": faults})
    runner = web.AppRunner(Scripted(settings, replies).app(), access_log=None, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=256)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


asyncio.run(main(json.loads(sys.argv[1])))

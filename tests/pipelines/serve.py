"""A fake endpoint in its own process: `python serve.py '{"port": 0, "log": "...", ...}'`; prints its port."""

import asyncio
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from pipelines.fake_endpoint.api import FakeSettings
from pipelines.fake_endpoint.server import read_faults, serve


async def main(settings: dict) -> None:
    port = settings.pop("port", 0)
    faults = read_faults([json.dumps(fault) for fault in settings.pop("faults", [])])
    settings["log"] = Path(settings["log"])
    _, bound = await serve(FakeSettings(**settings, faults=faults), port=port)
    print(bound, flush=True)
    await asyncio.Event().wait()


asyncio.run(main(json.loads(sys.argv[1])))

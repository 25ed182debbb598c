"""Which endpoint a request goes to, and when: the first in its rank that is up; while all are down, single ones try."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence

from pipelines.engine.connection import Endpoint
from pipelines.run.control import Control

_LOG = logging.getLogger("specmill.endpoints")


class Routing:
    """The endpoints of one client, and the requests that wait for one of them.

    Requests that have failed themselves are the last to try an endpoint that is down, since they may be the reason why
    it seems so; where nobody else waits, it is they that are given up in the end, and not the run.
    """

    def __init__(self, endpoints: Mapping[str, Endpoint], control: Control, changed: asyncio.Event) -> None:
        self._endpoints, self._control, self._changed = endpoints, control, changed
        self._untried = 0  # requests that wait and have not failed
        self.given_up = 0  # how often all requests that had failed were given up

    async def slot(self, ranked: Sequence[str], first: bool, failed: bool, since: int) -> Endpoint | None:
        """A slot at the first endpoint of `ranked` that is up, before others if `first`. None as `endpoint` says."""
        while endpoint := await self.endpoint(ranked, failed, since):
            probing = not endpoint.circuit.closed
            if not await endpoint.limiter.acquire(first or probing):
                continue
            if not self._control.closed and (probing or endpoint.circuit.closed):
                return endpoint
            endpoint.limiter.release()
        return None

    async def endpoint(self, ranked: Sequence[str], failed: bool = False, since: int = 0) -> Endpoint | None:
        """The first endpoint of `ranked` that is up, or that may be tried. None: the run ends, or the request, which
        has `failed`, is given up; `since` is what `given_up` was when the request came."""
        self._untried += not failed
        try:
            while not self._control.closed and not (failed and self.given_up > since):
                if endpoint := self._up(ranked, failed):
                    return endpoint
                await self._wait(ranked, failed)
            return None
        finally:
            self._untried -= not failed

    async def pause(self, seconds: float) -> None:
        """Sleep, but wake when something changes."""
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    def _up(self, ranked: Sequence[str], failed: bool) -> Endpoint | None:
        may_try = not (failed and self._untried)
        for name in ranked:
            endpoint = self._endpoints[name]
            if endpoint.circuit.closed or (may_try and endpoint.circuit.take_probe()):
                return endpoint
        return None

    async def _wait(self, ranked: Sequence[str], failed: bool) -> None:
        """Until one comes up or may be tried; where all have been down for too long, the end."""
        endpoints = [self._endpoints[name] for name in ranked]
        if not all(endpoint.given_up for endpoint in endpoints) or (failed and self._untried):
            await self.pause(max(0.01, min(endpoint.circuit.probe_in_s for endpoint in endpoints)))
        elif failed:
            self._give_up(endpoints)
        else:
            self._control.halt("endpoint", " ".join(endpoint.why_down() for endpoint in endpoints))

    def _give_up(self, endpoints: Sequence[Endpoint]) -> None:
        """Nobody is left but requests that have failed: they fail alone, and whoever comes after them starts anew."""
        self.given_up += 1
        for endpoint in endpoints:
            _LOG.warning(
                "endpoint %s: requests that still get no reply are given up; a rerun asks again", endpoint.name
            )
            endpoint.circuit.restart()
        self._changed.set()

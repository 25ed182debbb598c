"""Whether a rejection (HTTP 400, 401, 403, 404, ...) is of one request, or of all that its stage asks.

Known by what the endpoint answered to others. A refusal by the model is something else: it is a reply.
"""

import asyncio
import time
from collections import Counter, defaultdict
from dataclasses import dataclass

from pipelines.completion import CompletionRequest
from pipelines.engine import wire
from pipelines.engine.connection import Endpoint
from pipelines.engine.endpoints import Role
from pipelines.engine.outcomes import Fault
from pipelines.engine.routing import Routing
from pipelines.ledger.ledger import Ledger
from pipelines.run.control import Control

REJECTED = frozenset({"rejected", "denied"})
"""Of a fault (`outcomes.Fault.kind`): rejected, about what was asked; denied, about key or model."""

_WATCH_S = 0.1
_REJECTIONS = 3  # of different requests, none of the others answered: what the stage asks is not accepted
_ANSWERED_LATELY_S = 600.0  # so long ago an answer still says that key and model are right


@dataclass(slots=True)
class StageTally:
    """How what one stage asks fares at one endpoint."""

    answered: bool = False  # one of its requests, now or in an earlier run
    in_flight: int = 0
    rejected: int = 0  # requests that wait to learn whether it is about them


class Rejections:
    """Of all stages and endpoints of one client; `asking` counts the requests without a reply, by stage."""

    def __init__(self, role: Role, ledger: Ledger, routing: Routing, control: Control, asking: Counter[str]) -> None:
        self._role, self._ledger, self._routing, self._control, self._asking = role, ledger, routing, control, asking
        self._all: defaultdict[tuple[str, str], StageTally] = defaultdict(StageTally)

    def of(self, endpoint: str, stage: str) -> StageTally:
        """That of a stage at an endpoint."""
        return self._all[endpoint, stage]

    @property
    def in_flight(self) -> bool:
        """Whether any request is."""
        return any(tally.in_flight for tally in self._all.values())

    async def turn(self, tally: StageTally) -> None:
        """Wait while it is being found out whether what the stage asks is accepted at all."""
        while not tally.answered and tally.rejected >= _REJECTIONS and not self._control.closed:
            await self._routing.pause(_WATCH_S)

    async def others_answered(self, endpoint: Endpoint, request: CompletionRequest, fault: Fault) -> bool:
        """Whether it is of this request alone, or passes: the endpoint answers others of its stage or, where it is
        about key and model (`denied`), any. Where none has been answered, those in flight and the next few decide.
        """
        tally, about_all = self.of(endpoint.name, request.stage), fault.kind == "denied"
        tally.rejected += 1
        try:
            known = tally.answered or await asyncio.to_thread(self._answered_before, endpoint, request, about_all)
            tally.answered |= known and not about_all
            while not (known := known or tally.answered) and not self._control.closed:
                if not tally.in_flight and tally.rejected >= min(_REJECTIONS, self._asking[request.stage]):
                    break
                await self._routing.pause(_WATCH_S)
            return known
        finally:
            tally.rejected -= 1

    def _answered_before(self, endpoint: Endpoint, request: CompletionRequest, anything: bool) -> bool:
        """Whether the ledger holds an answer to the like of `request`, or to anything that was asked lately."""
        role, model = self._role, endpoint.settings.model
        if anything:
            here = any(one.answered for (name, _), one in list(self._all.items()) if name == endpoint.name)
            return here or self._ledger.answered_since(endpoint.name, model, time.time() - _ANSWERED_LATELY_S)
        parameters = wire.parameters(role, request)
        return self._ledger.has_answer(role.name, endpoint.name, model, parameters, request)

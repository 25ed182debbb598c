"""The budget as a hard stop: nothing is sent that could overspend it, counting what is in flight in all processes."""

import asyncio
import contextlib

from pipelines.control import Control
from pipelines.endpoints import Role
from pipelines.ledger import Ledger
from pipelines.records import Grant, Want

_WAIT_S = 0.2


class Purse:
    """Reservations of one client; without a budget in the recipe it does nothing."""

    def __init__(self, role: Role, ledger: Ledger, control: Control, changed: asyncio.Event) -> None:
        self._budget, self._ledger, self._control, self._changed = role.budget, ledger, control, changed

    @property
    def limited(self) -> bool:
        """Whether there is a budget."""
        return self._budget.dollars is not None or self._budget.tokens is not None

    async def reserve(self, want: Want) -> bool:
        """Set budget aside; waits while requests in flight may still use it up. False: the run ends."""
        while self.limited and not self._control.closed:
            reservation = self._ledger.reserve(want, self._budget.dollars, self._budget.tokens)
            grant = await asyncio.wrap_future(reservation)
            if grant is Grant.GIVEN:
                return True
            if grant is Grant.OVER:
                self._control.halt("budget", self._text())
            else:
                self._changed.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_WAIT_S):
                        await self._changed.wait()
        return not self._control.closed

    def give_back(self, want: Want) -> None:
        """A request brought no reply."""
        if self.limited:
            self._ledger.release(want)

    def _text(self) -> str:
        dollars, tokens = self._ledger.spent()
        limits = [f"${limit:g}" for limit in [self._budget.dollars] if limit is not None]
        limits += [f"{limit} tokens" for limit in [self._budget.tokens] if limit is not None]
        return (
            f"the budget of {' and '.join(limits)} does not cover another request: ${dollars:.4f} and {tokens} tokens "
            "are spent. Raise `budget` in the recipe and run again: what was paid for is kept."
        )

"""The budget as a hard stop: nothing is sent that could overspend it, counting what is in flight in all processes."""

import asyncio
import contextlib
from collections.abc import Mapping

from pipelines.engine.endpoints import Role
from pipelines.ledger.ledger import Ledger
from pipelines.ledger.records import Grant, Want
from pipelines.run.control import Control

_WAIT_S = 0.2


class Budget:
    """Reservations of one client; without a budget in the recipe it does nothing."""

    def __init__(self, role: Role, ledger: Ledger, control: Control, changed: asyncio.Event) -> None:
        self._budget, self._ledger, self._control, self._changed = role.budget, ledger, control, changed
        self._held: dict[bytes, tuple[Want, bool]] = {}  # by request, and whether it is one of a batch
        self._turn = asyncio.Lock()

    @property
    def limited(self) -> bool:
        """Whether there is a budget."""
        return self._budget.dollars is not None or self._budget.tokens is not None

    async def reserve(self, key: bytes, want: Want, batch: bool = False) -> bool:
        """Set budget aside for a request, of a `batch` or live; waits while those in flight may still use it up. False:
        the run ends."""
        if self.limited and not self._control.closed and not await self._given(key, want, batch):
            async with self._turn:  # the first of those who wait looks again, not thousands
                while not self._control.closed and not await self._given(key, want, batch):
                    self._changed.clear()
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(_WAIT_S):
                            await self._changed.wait()
        if self._control.closed:
            self.release(key)  # it was given as the run ended
        return not self._control.closed

    def hold(self, wants: Mapping[bytes, Want]) -> None:
        """Set aside what requests of batches can cost that an earlier run has sent, whatever the budget is now."""
        if self.limited:
            self._held.update({key: (want, True) for key, want in wants.items()})
            total = Want(sum(want.dollars for want in wants.values()), sum(want.tokens for want in wants.values()))
            self._ledger.hold(total)

    def take(self, key: bytes) -> Want | None:
        """What is set aside for a request, to be given back as its reply is committed."""
        held = self._held.pop(key, None)
        return held[0] if held else None

    def release(self, key: bytes) -> None:
        """Give back what is set aside for a request, if anything is."""
        if held := self._held.pop(key, None):
            self._ledger.release(*held)
            self._changed.set()

    async def _given(self, key: bytes, want: Want, batch: bool) -> bool:
        reservation = self._ledger.reserve(want, self._budget.dollars, self._budget.tokens, batch)
        grant = await asyncio.wrap_future(reservation)
        if grant is Grant.GIVEN:
            self._held[key] = want, batch
        elif grant is Grant.OVER and not self._held:  # what is in flight is paid for, so the run does not end before it
            self._control.halt("budget", self._text())
        return grant is Grant.GIVEN

    def _text(self) -> str:
        dollars, tokens = self._ledger.spent()
        count, lost_dollars, lost_tokens = self._ledger.lost()
        lost = (
            f", of that ${lost_dollars:.4f} and {lost_tokens} tokens for requests that brought no reply "
            "and may be billed all the same"
        )
        limits = [f"${limit:g}" for limit in [self._budget.dollars] if limit is not None]
        limits += [f"{limit} tokens" for limit in [self._budget.tokens] if limit is not None]
        return (
            f"the budget of {' and '.join(limits)} does not cover another request: ${dollars:.4f} and {tokens} tokens "
            f"are spent{lost if count else ''}. Raise `budget` in the recipe and run again: what was paid for is kept."
        )

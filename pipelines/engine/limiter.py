"""How many requests may be in flight at one endpoint: additive increase, multiplicative decrease, within a bound."""

import asyncio
import time
from collections import deque

_FIRST_STEP, _LARGEST_STEP = 0.01, 0.05  # increase in a round (`limit` replies), as a share of the bound
_STEP_GROWTH = 0.1  # a round: back from half the bound in about twenty rounds
_DECREASE = 0.7


class Limiter:
    """First come, first served slots. Starts at its bound, since a bound is what the user wants to be used.

    A decrease counts once a round: replies to requests sent before the last decrease say nothing about the new limit.
    """

    def __init__(self, bound: int) -> None:
        self.bound = bound
        self.in_flight = 0
        self._limit = float(bound)
        self._step = _LARGEST_STEP
        self._decreased_at = 0.0
        self._open_at = 0.0
        self._alone = False  # after a long pause one request goes first
        self._waiters: deque[asyncio.Future[bool]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def limit(self) -> int:
        """Requests in flight allowed at the moment."""
        return max(1, int(self._limit))

    async def acquire(self, first: bool = False) -> bool:
        """Wait for a slot; `first` goes before those who wait. False: woken without one, look again at why."""
        if not self._waiters and self._free():
            self.in_flight += 1
            return True
        waiter: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        if first:
            self._waiters.appendleft(waiter)
        else:
            self._waiters.append(waiter)
        self._wake()
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.result():
                self.release()
            raise

    def release(self) -> None:
        """Give a slot back."""
        self.in_flight -= 1
        self._wake()

    def succeeded(self) -> None:
        """A reply came: allow a little more, and the more the longer it goes well."""
        self.heard()
        self._limit = min(float(self.bound), self._limit + self._step * self.bound / self._limit)
        self._step = min(_LARGEST_STEP, self._step * (1 + _STEP_GROWTH / self._limit))

    def heard(self) -> None:
        """An answer came that is no word of too much: who went first need not go alone any more."""
        if self._alone:
            self._alone = False
            self._wake()

    def overloaded(self, sent_at: float) -> bool:
        """A request sent at `sent_at` (monotonic) was too much: allow less. False if this was known already."""
        if sent_at < self._decreased_at:
            return False
        self._decreased_at = time.monotonic()
        self._step = _FIRST_STEP
        self._limit = max(1.0, self._limit * _DECREASE)
        return True

    def pause(self, seconds: float, then_one: bool = False) -> None:
        """Give no slot for the next `seconds`; with `then_one` only a single one after that, until a reply comes."""
        self._open_at = max(self._open_at, time.monotonic() + seconds)
        self._alone |= then_one
        self._wake()

    def wake_all(self) -> None:
        """Send every waiter away without a slot: the endpoint is down, or the run ends."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(False)

    def _free(self) -> bool:
        return self.in_flight < (1 if self._alone else self.limit) and time.monotonic() >= self._open_at

    def _wake(self) -> None:
        while self._waiters and self._free():
            waiter = self._waiters.popleft()
            if not waiter.done():
                self.in_flight += 1
                waiter.set_result(True)
        pause = self._open_at - time.monotonic()
        if self._waiters and pause > 0 and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(pause, self._timer_wake)

    def _timer_wake(self) -> None:
        self._timer = None
        self._wake()

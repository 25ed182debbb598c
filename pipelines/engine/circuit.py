"""Whether an endpoint is up: a circuit opens when it is down, lets single probes through, closes when one succeeds."""

import logging
import random
import time
from collections.abc import Hashable

_LOG = logging.getLogger("specmill.endpoints")
_IN_A_ROW = 5  # failures without a success between them
_DISTINCT = 3  # of different requests: one that always fails says nothing about the endpoint
_FIRST_PROBE_S = 1.0
_LONGEST_PROBE_S = 30.0


class Circuit:
    """State of one endpoint, with one warning when it goes down and one message when it is back."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.opened_at: float | None = None
        self.answered = False  # ever
        self._failures = 0
        self._suspected_at = 0.0  # when the failures became enough
        self._failed: set[Hashable] = set()
        self._delay = _FIRST_PROBE_S
        self._probe_at = 0.0

    @property
    def closed(self) -> bool:
        """Whether requests may be sent."""
        return self.opened_at is None

    @property
    def down_s(self) -> float:
        """Seconds since it went down; 0 when up."""
        return 0.0 if self.opened_at is None else time.monotonic() - self.opened_at

    @property
    def probe_in_s(self) -> float:
        """Seconds until a probe may be sent."""
        return self._probe_at - time.monotonic()

    def take_probe(self) -> bool:
        """Whether the caller may send one request although the circuit is open; the next may only later."""
        if self.probe_in_s > 0:
            return False
        self._probe_at = time.monotonic() + self._delay * random.uniform(0.8, 1.2)
        self._delay = min(self._delay * 2, _LONGEST_PROBE_S)
        return True

    def succeeded(self, sent_at: float) -> bool:
        """A reply came to a request sent at `sent_at` (monotonic). True if this closes the circuit: a reply to a
        request from before it opened says nothing."""
        if self.opened_at is not None and sent_at < self.opened_at:
            return False
        self.answered = True
        self._failures, self._suspected_at = 0, 0.0
        self._failed.clear()
        if self.opened_at is None:
            return False
        _LOG.warning("endpoint %s answers again after %.0f s", self.name, self.down_s)
        self.opened_at = None
        return True

    def restart(self) -> None:
        """Take it as up, with nothing known against it."""
        self.opened_at = None
        self._failures, self._suspected_at = 0, 0.0
        self._failed.clear()

    def failed(
        self, request: Hashable, unreachable: bool, detail: str, limit: int, waiting_since: float | None = None
    ) -> bool:
        """A request brought no reply, where `limit` may be in flight. True if this opens the circuit: when nothing can
        be reached, soon; else when a whole round of requests failed, and of those in flight at that time none is still
        waited for; `waiting_since` is when the oldest in flight was sent (monotonic), where its reply would count."""
        self._failures += 1
        self._failed.add(request)
        down = unreachable or (self._failures >= limit and len(self._failed) >= _DISTINCT)
        if not self.closed or not down or self._failures < _IN_A_ROW:
            return False
        self._suspected_at = self._suspected_at or time.monotonic()
        if waiting_since is not None and waiting_since < self._suspected_at:
            return False
        self.opened_at = time.monotonic()
        self._delay = _FIRST_PROBE_S
        self._probe_at = self.opened_at + self._delay
        _LOG.warning("endpoint %s is down (%s); trying it now and then until it answers", self.name, detail)
        return True

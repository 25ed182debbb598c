"""Stop and halt: a few bytes that a run's processes share, so that all of them stop sending at once.

The memory is an anonymous shared map made at import, so every process forked afterwards sees the same bytes; it needs
no file, and works when the disk is full.
"""

import json
import mmap
from dataclasses import dataclass

from specs.errors import BudgetError, EndpointError, SpecmillError, StoppedError

_SIZE = 8192
_STOP, _HALT, _TEXT = 0, 1, 16  # offsets

_ERRORS: dict[str, type[SpecmillError]] = {
    "endpoint": EndpointError,
    "budget": BudgetError,
    "disk": SpecmillError,
    "crash": SpecmillError,
}


@dataclass(frozen=True, slots=True)
class Halt:
    """Why a run cannot go on: kind is endpoint | budget | disk | crash, text is for the user."""

    kind: str
    text: str

    def error(self) -> SpecmillError:
        """The typed error that the run ends with."""
        return _ERRORS[self.kind](self.text)


class Control:
    """Shared by a run's processes: `stop` (asked by the user) and `halt` (it cannot go on)."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _SIZE)

    def reset(self) -> None:
        """Before a run: forget the last one's stop and halt."""
        self._memory[:] = bytes(_SIZE)

    def stop(self) -> None:
        """Send no new request; those in flight finish and are committed."""
        self._memory[_STOP] = 1

    def halt(self, kind: str, text: str) -> None:
        """Send no new request, for the reason given; the first reason stays."""
        if self._memory[_HALT]:
            return
        while len(body := json.dumps([kind, text]).encode()) > _SIZE - _TEXT - 1:
            text = text[: len(text) // 2]
        self._memory[_TEXT : _TEXT + len(body)] = body
        self._memory[_HALT] = 1

    @property
    def stopping(self) -> bool:
        """Whether the user asked to stop."""
        return bool(self._memory[_STOP])

    @property
    def halted(self) -> Halt | None:
        """Why the run cannot go on, or None."""
        if not self._memory[_HALT]:
            return None
        body = self._memory[_TEXT:].rstrip(b"\0")
        kind, text = json.loads(body)
        return Halt(kind, text)

    @property
    def closed(self) -> bool:
        """Whether no new request may be sent."""
        return bool(self._memory[_STOP] or self._memory[_HALT])

    def raise_if_ended(self) -> None:
        """Raise the typed error of a halt, or StoppedError after a stop."""
        if halt := self.halted:
            raise halt.error()
        if self.stopping:
            raise StoppedError("stopped on request; every reply that was paid for is on disk, run again to go on")


CONTROL = Control()

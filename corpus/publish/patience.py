"""Trying again over a poor network: what the Hub's client gives up on, where another try may go through."""

import time
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import Final, TypeVar

Result = TypeVar("Result")
Say = Callable[[str], None]

WAITS_S: Final = (2.0, 5.0, 15.0, 30.0, 60.0, 120.0)
"""Seconds before each further try: a connection that is away for minutes is waited for."""

_PASSING: Final = {408, 425, 429, 500, 502, 503, 504}


def patiently(act: Callable[[], Result], say: Say, waits: Sequence[float]) -> Result:
    """What `act` returns; where the network or the Hub failed it for a while, after the next of `waits` once more."""
    for number, wait in enumerate(waits, 1):
        try:
            return act()
        except Exception as error:
            if not passes(error):
                raise
            say(
                f"the connection to the Hub broke ({_short(error)}); trying again in {wait:.0f} s, "
                f"{number} of {len(waits)}. What was sent is not sent again."
            )
            time.sleep(wait)
    return act()


def passes(error: BaseException) -> bool:
    """Whether an error, or one that it came of, is of the network or of a Hub that is busy."""
    kinds = transport_errors()
    for one in _causes(error):
        status = getattr(getattr(one, "response", None), "status_code", None)
        if status is not None:
            return status in _PASSING
        if isinstance(one, (ConnectionError, TimeoutError, *kinds)):
            return True
    return False


def transport_errors() -> tuple[type[Exception], ...]:
    """What the Hub's client raises where there is no network: errors of the HTTP package that its session is of."""
    from huggingface_hub.utils import get_session  # type: ignore[attr-defined]

    package = import_module(type(get_session()).__module__.partition(".")[0])
    found = (getattr(package, name, None) for name in ("TransportError", "RequestException"))
    return tuple(kind for kind in found if kind is not None)


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in seen:
        seen.append(one)
        yield one
        one = one.__cause__ or one.__context__


def _short(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0][:120] or type(error).__name__

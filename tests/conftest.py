"""For all tests."""

import signal
from collections.abc import Iterator

import pytest

from specs.plugins import forget


def pytest_configure() -> None:
    """A suite that a shell runs in the background inherits that Ctrl-C is ignored, and so would what the tests stop."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _fresh_plugins() -> Iterator[None]:
    """What a test installs is gone with it."""
    yield
    forget()

"""Modules that take long to import, imported by the first test that uses them.

Every worker collects all tests and runs a third of them: what a test file imports at its top, each of them pays for.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest


class Lazy:
    """`anthropic = Lazy("anthropic")` stands where `import anthropic` would."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith(("_", "pytest")):  # what pytest looks for while it collects
            raise AttributeError(attribute)
        return getattr(import_module(self._name), attribute)


def needs(*packages: str) -> pytest.MarkDecorator:
    """Skips the tests of a file where a package of an extra is not installed, and does not import it to find out."""
    missing = [name for name in packages if find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")

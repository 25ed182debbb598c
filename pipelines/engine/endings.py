"""How a reply ended, by a closed list (`endings.yaml`): only what is known to be a good ending is one."""

from enum import StrEnum
from importlib import resources

from specs.data import load_yaml


class Ending(StrEnum):
    """What an ending says about the text before it."""

    GOOD = "good"
    CUT = "cut"
    REFUSED = "refused"
    BROKEN = "broken"  # by trouble at the endpoint, which may pass
    TOOLS = "tools"  # a call of a tool that nobody offered
    UNKNOWN = "unknown"  # or none at all


def ending_of(word: str) -> Ending:
    """The ending that a server calls `word`."""
    return _ENDINGS.get(word.strip().lower(), Ending.UNKNOWN)


def _read() -> dict[str, Ending]:
    text = resources.files("pipelines.engine").joinpath("endings.yaml").read_text(encoding="utf-8")
    return {word: Ending(kind) for kind, words in load_yaml(text).items() for word in words}


_ENDINGS = _read()

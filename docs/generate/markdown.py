"""Markdown tables of plain cells."""

import re
from collections.abc import Iterable, Sequence

_TAG = re.compile(r"\[((?:MSM|SDF|DA|AM|WHY|GDM|REP|SoM)\b[^\]]*)\]")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; cells may have Markdown in them, but no line ends and no bars of their own."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines) + "\n"


def code(text: object) -> str:
    """Text between backticks; empty for none."""
    return f"`{text}`" if str(text) else ""


def cited(text: str) -> str:
    """Text whose tags of sources, such as [MSM, App. B], are links to the bibliography."""
    return _TAG.sub(r"[\\[\1\\]](../bibliography.md)", text)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")

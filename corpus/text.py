"""Model text made safe to show. Data keeps every character; only what goes to a terminal or a card passes here."""

import re
from typing import Final

_UNSAFE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters but tab and newline: a terminal would obey them
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # direction marks: they make text read other than it is
    "\u2028\u2029\ufeff\ud800-\udfff]"
)

_LOCAL: Final = re.compile(r"(/|~|\.{1,2}[/\\]|[A-Za-z]:[/\\]|\\\\|file:)")
_CACHED: Final = re.compile(r"models--([^/\\]+?)--([^/\\]+)")  # how the Hub's cache names a folder


def printable(text: str) -> str:
    """`text` with characters that a terminal would obey, or that hide others, replaced by U+FFFD."""
    return _UNSAFE.sub("\ufffd", text)


def one_line(text: str, limit: int) -> str:
    """`printable` on one line, cut to `limit` characters."""
    line = " ".join(printable(text).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def count_of(number: int, thing: str) -> str:
    """`1 passage`, `2,400 passages`."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def markdown(text: str, limit: int = 200) -> str:
    """`one_line`, with every character escaped that Markdown, HTML or a table would read as more than text."""
    escaped = one_line(text, limit).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]()#|!~$])", r"\\\1", escaped)


def code(text: str) -> str:
    """`markdown` for what stands between backticks, where nothing is escaped."""
    return markdown(text).replace("\\", "").replace("`", "'")


def model_name(name: str) -> str:
    """A model's name as it may leave this machine: servers name a model by its path, of which the last part is kept."""
    if not _LOCAL.match(name):
        return name
    if cached := _CACHED.search(name):
        return f"{cached[1]}/{cached[2]}"
    return re.split(r"[/\\]", name.rstrip("/\\"))[-1] or "unnamed"

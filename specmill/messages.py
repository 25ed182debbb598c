"""How the verbs say a line: broken between words on a terminal, whole where a program reads it."""

import logging
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # Rich is imported where something is said
    from rich.console import Console


def tell(console: "Console", text: str, style: str = "") -> None:
    """Print a message. On a terminal no word is cut at its edge, and a path or an option that is longer than a line
    stays in one piece, so that it can be copied; elsewhere a line stays one line, for logs and `grep`."""
    from rich.text import Text

    if console.is_terminal:
        text = "\n".join(_broken(line, console.width) for line in text.split("\n"))
    console.print(Text(text, style), soft_wrap=True)


def say(text: str, *, err: bool = False) -> None:
    """`tell` on standard output, or with `err` on standard error."""
    from rich.console import Console

    tell(Console(stderr=err, highlight=False), text)


def _broken(line: str, width: int) -> str:
    indent = line[: len(line) - len(line.lstrip(" "))]
    return textwrap.fill(
        line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False, replace_whitespace=False
    )


class _Once(logging.Filter):
    """Lets one line through of what is logged on a connection that is tried again and again."""

    said = False

    def filter(self, record: logging.LogRecord) -> bool:
        if "thrown while requesting" not in str(record.msg) and "Retrying in" not in str(record.msg):
            return True
        first, self.said = not self.said, True
        record.msg, record.args = "the Hugging Face Hub cannot be reached; trying again for half a minute", ()
        return first


def hub_retries_said_once() -> None:
    """`huggingface_hub` logs two lines for each of six tries to reach the Hub; one says it as well."""
    logging.getLogger("huggingface_hub.utils._http").addFilter(_Once())

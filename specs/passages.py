"""Splitting a spec into addressed passages: paragraphs, list items, code blocks and tables, verbatim."""

import re
from dataclasses import dataclass
from itertools import accumulate

from markdown_it import MarkdownIt
from markdown_it.token import Token

# "- SP1: ...", "**R2.** ...", "GP3 - ...", "### OV1: ...": a short upper-case label with a number, then punctuation.
_RULE_ID = re.compile(
    r"^\s*(?:[-*+]\s+|\d+[.)]\s+|#+\s+)?[*_]{0,2}([A-Z]{1,4}-?\d+(?:\.\d+)*)[*_]{0,2}\s*[:.)\u2013\u2014-]"
)
_BLOCKS = {"paragraph_open", "fence", "code_block", "table_open", "blockquote_open", "html_block"}
_LISTS = {"bullet_list_open", "ordered_list_open"}


@dataclass(frozen=True, slots=True)
class Passage:
    """A verbatim piece of a spec: `text == spec.text[start:end]`."""

    address: str  # "P1", "P2", ... in reading order
    heading_path: tuple[str, ...]
    text: str
    start: int
    end: int
    rule_id: str | None = None  # "SP1", where the spec numbers its rules


def split(text: str) -> list[Passage]:
    """Split Markdown or plain text into passages. A list item stays with the items nested in it.

    Headings are not passages: they are in `heading_path`, outermost first. A passage under a heading that carries
    a principle id ("### SP1: ...") belongs to that principle, and so does a list item that opens with one.
    """
    # Split on "\n" alone, as the Markdown parser does: str.splitlines also breaks at U+2028 and the like.
    line_starts = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]
    passages: list[Passage] = []
    path: list[tuple[int, str, str | None]] = []
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    for index, token in enumerate(tokens):
        if token.type == "heading_open" and token.level == 0:
            title = tokens[index + 1].content
            path = [entry for entry in path if entry[0] < int(token.tag[1])]
            path.append((int(token.tag[1]), title, rule_id_of(title)))
        elif _opens_passage(token):
            start, end = _span(token, text, line_starts)
            body = text[start:end]
            heading_rule = next((rule for _, _, rule in reversed(path) if rule), None)
            titles = tuple(title for _, title, _ in path)
            address = f"P{len(passages) + 1}"
            passages.append(Passage(address, titles, body, start, end, rule_id_of(body) or heading_rule))
    return passages


def rule_id_of(text: str) -> str | None:
    """The principle id that a passage or heading opens with, or None."""
    match = _RULE_ID.match(text)
    return match.group(1) if match else None


def _opens_passage(token: Token) -> bool:
    if token.map is None:
        return False
    return (token.level == 0 and token.type in _BLOCKS) or (token.level == 1 and token.type == "list_item_open")


def _span(token: Token, text: str, line_starts: list[int]) -> tuple[int, int]:
    """Character offsets of a block token, without the blank lines around it."""
    assert token.map is not None
    start, end = line_starts[token.map[0]], min(line_starts[token.map[1]], len(text))
    body = text[start:end]
    leading = len(body) - len(body.lstrip("\n"))
    return start + leading, start + len(body.rstrip())

"""Splitting a spec into addressed passages, verbatim: paragraphs, list items, code blocks, tables; whole thoughts."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from markdown_it import MarkdownIt
from markdown_it.token import Token

# "- SP1: ...", "**R2.** ...", "GP3 - ...", "### OV1: ...": a short upper-case label with a number, then punctuation.
_RULE_ID = re.compile(
    r"^\s*(?:[-*+]\s+|\d+[.)]\s+|#+\s+)?[*_]{0,2}([A-Z]{1,4}-?\d+(?:\.\d+)*)[*_]{0,2}\s*[:.)\u2013\u2014-]"
)
_BLOCKS = {"paragraph_open", "fence", "code_block", "table_open", "blockquote_open", "html_block"}
_SHOWN = {"fence", "code_block", "table_open", "blockquote_open"}  # what a label such as **Example**: is set above
_LABEL = re.compile(r"(?:\*\*|__)[^*_\n]{1,60}(?::(?:\*\*|__)|(?:\*\*|__)\s*:)")
_TAG = re.compile(r"<[^>]*>")
_LONGEST_LIST = 4_000  # characters of a list that stays whole with the words that announce it
_LABEL_LENGTH = 80  # characters of a piece of HTML that is no thought of its own, such as a <summary>


@dataclass(frozen=True, slots=True)
class Passage:
    """A verbatim piece of a spec: `text == spec.text[start:end]`."""

    address: str  # "P1", "P2", ... in reading order
    heading_path: tuple[str, ...]
    text: str
    start: int
    end: int
    rule_id: str | None = None  # "SP1", where the spec numbers its rules


@dataclass(frozen=True, slots=True)
class _Block:
    """One block of the Markdown below one heading; `kind` is the type of its token."""

    kind: str
    path: tuple[tuple[int, str, str | None], ...]  # (level, title, rule id) of the headings above, outermost first
    text: str
    start: int
    end: int


def split(text: str) -> list[Passage]:
    """Split Markdown or plain text into passages. A list item stays with the items nested in it.

    What only announces something stays with it: a line that ends with a colon with the list, code, table or paragraph
    below it, and a label (`**Example**: ...`) with the code or quotation. A long list, or one of numbered principles,
    is a passage an item.

    Headings are not passages: they are in `heading_path`, outermost first. A passage under a heading that carries
    a principle id ("### SP1: ...") belongs to that principle, and so does a list item that opens with one.
    """
    passages: list[Passage] = []
    for blocks in _thoughts(list(_blocks(text))):
        start, end = blocks[0].start, blocks[-1].end
        body, path = text[start:end], blocks[0].path
        rule = rule_id_of(body) or next((rule for _, _, rule in reversed(path) if rule), None)
        titles = tuple(title for _, title, _ in path)
        passages.append(Passage(f"P{len(passages) + 1}", titles, body, start, end, rule))
    return passages


def rule_id_of(text: str) -> str | None:
    """The principle id that a passage or heading opens with, or None."""
    match = _RULE_ID.match(text)
    return match.group(1) if match else None


def parse(text: str) -> list[Token]:
    """The block tokens of CommonMark with tables."""
    return MarkdownIt("commonmark").enable("table").parse(text)


def _blocks(text: str) -> Iterator[_Block]:
    # Split on "\n" alone, as the Markdown parser does: str.splitlines also breaks at U+2028 and the like.
    line_starts = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]
    path: tuple[tuple[int, str, str | None], ...] = ()
    tokens = parse(text)
    for index, token in enumerate(tokens):
        if token.type == "heading_open" and token.level == 0:
            title, level = tokens[index + 1].content, int(token.tag[1])
            path = (*(entry for entry in path if entry[0] < level), (level, title, rule_id_of(title)))
        elif _opens_block(token):
            start, end = _span(token, text, line_starts)
            body = text[start:end]
            if token.type != "html_block" or _TAG.sub("", body).strip():  # </details> says nothing
                yield _Block(token.type, path, body, start, end)


def _thoughts(blocks: list[_Block]) -> Iterator[list[_Block]]:
    """The blocks, those together that are one thought."""
    at = 0
    while at < len(blocks):
        end = at + 1
        while end < len(blocks) and blocks[end].path == blocks[at].path and _announces(blocks[end - 1], blocks[end]):
            end = _end_of_list(blocks, end) if blocks[end].kind == "list_item_open" else end + 1
        yield blocks[at:end]
        at = end


def _announces(block: _Block, following: _Block) -> bool:
    """Whether `block` is no thought without the one that follows."""
    if block.kind == "html_block":
        return len(_TAG.sub("", block.text).strip()) <= _LABEL_LENGTH
    if block.kind != "paragraph_open":
        return False
    if following.kind == "list_item_open":
        return _ends_with_colon(block.text) and not rule_id_of(following.text)
    return _ends_with_colon(block.text) or (following.kind in _SHOWN and _LABEL.match(block.text) is not None)


def _ends_with_colon(text: str) -> bool:
    return text.rstrip("*_ ").endswith((":", "\uff1a"))


def _end_of_list(blocks: list[_Block], first: int) -> int:
    """Where the list that begins at `first` ends, or the next block where the list is too long for one passage."""
    end = first
    while end < len(blocks) and blocks[end].kind == "list_item_open" and blocks[end].path == blocks[first].path:
        end += 1
    numbered = any(rule_id_of(block.text) for block in blocks[first:end])
    return first + 1 if numbered or blocks[end - 1].end - blocks[first].start > _LONGEST_LIST else end


def _opens_block(token: Token) -> bool:
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

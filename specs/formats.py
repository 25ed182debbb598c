"""From what a file holds to clean Markdown: other markup is converted, and what is no text of the spec is taken out.

HTML goes through markdownify, reStructuredText through docutils and then markdownify. What has no faithful way to
Markdown (PDF, Word, YAML, JSON) is refused with what to do.
"""

import re
from collections.abc import Callable
from itertools import accumulate
from pathlib import PurePath
from typing import Any, Final

from specs.errors import SpecError
from specs.passages import parse

_HTML_START = re.compile(r"\s*(?:<!doctype\s+html|<html[\s>]|<\?xml[^>]*>\s*<!doctype\s+html)", re.IGNORECASE)
_RST_TITLE = re.compile(r"^(?:([=~^*+#-])\1{2,}\n)?\S[^\n]*\n([=~^*+#\"'-])\2{2,}[ \t]*$", re.MULTILINE)
_RST_MARK = re.compile(r"^\.\. (?:[\w-]+::|_[^:\n]+:)", re.MULTILINE)
_MARKDOWN_MARK = re.compile(r"^(?:#{1,6} |```)", re.MULTILINE)
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(?:[A-Za-z_][\w-]*[ \t]*:.*\n|[ \t]+.*\n|- .*\n|\n)*?(?:---|\.\.\.)[ \t]*\n")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_HEADING_ATTRIBUTES = re.compile(r"^(#{1,6} .*?)[ \t]*\{[#.:][^{}\n]*\}[ \t]*$", re.MULTILINE)
_DATA: Final = {
    ".yaml": "YAML", ".yml": "YAML", ".json": "JSON", ".jsonl": "JSON lines", ".toml": "TOML", ".xml": "XML",
}  # fmt: skip
_BINARY: Final = {
    b"%PDF-": "a PDF: export its text (for example `pdftotext -layout spec.pdf spec.md`) and look it through",
    b"PK\x03\x04": "a Word or other zipped document: save it as Markdown (for example `pandoc spec.docx -o spec.md`)",
    b"\xd0\xcf\x11\xe0": "an old Word document: save it as Markdown or text",
    b"{\\rtf": "an RTF document: save it as Markdown or text",
}


def refuse_binary(raw: bytes, name: str) -> None:
    """SpecError for documents that are known by their first bytes and hold no plain text."""
    for magic, what in _BINARY.items():
        if raw.startswith(magic):
            raise SpecError(f"{name} is {what}.")


def to_markdown(text: str, name: str) -> str:
    """`text` as Markdown without front matter, HTML comments and heading attributes (`{#id ...}`); code keeps all.

    Raises:
        SpecError: it is data in another format, it cannot be converted, or a code block is never closed.
    """
    suffix = PurePath(name).suffix.lower()
    if suffix in _DATA:
        raise SpecError(
            f"{name}: {_DATA[suffix]} is data, not a text. Write the spec as Markdown: headings, paragraphs, lists; "
            "one principle a list item (`- R1: ...`) where it numbers them."
        )
    if suffix in {".html", ".htm", ".xhtml"} or _HTML_START.match(text):
        text = _from_html(text)
    elif suffix in {".rst", ".rest"} or _is_rst(text):
        text = _from_rst(text, name)
    text = _FRONT_MATTER.sub("", text, count=1)
    refuse_open_fence(text, name)
    return _outside_code(text, lambda piece: _HEADING_ATTRIBUTES.sub(r"\1", _COMMENT.sub("", piece)))


def refuse_open_fence(text: str, name: str) -> None:
    """SpecError where a code block is opened and never closed: all that follows would be one passage of code."""
    lines = text.split("\n")
    for token in parse(text):
        if token.type != "fence" or token.map is None:
            continue
        first, end = token.map
        last = lines[end - 1].strip().lstrip("> ")
        if end - first < 2 or last.strip(token.markup[0]) or len(last) < len(token.markup):
            raise SpecError(
                f"{name}: line {first + 1}: the code block that {token.markup} opens is never closed. Close it with a "
                f"line of {token.markup} alone."
            )


def _is_rst(text: str) -> bool:
    """Whether it is reStructuredText: titles underlined with signs that Markdown does not know, or directives."""
    if _MARKDOWN_MARK.search(text):
        return False
    odd = [match for match in _RST_TITLE.finditer(text) if match.group(1) or match.group(2) not in "=-"]
    return len(odd) >= 2 or (bool(_RST_MARK.search(text)) and bool(_RST_TITLE.search(text)))


def _from_html(text: str) -> str:
    from bs4 import BeautifulSoup
    from markdownify import MarkdownConverter

    page = BeautifulSoup(text, "html.parser")
    for title in page.select(
        ".admonition-title"
    ):  # docutils: "Note" in a paragraph of its own, above what it announces
        title.string = f"{title.get_text()}:"
    for gone in page(["script", "style", "nav", "head", "template", "noscript", "svg", "iframe", "form", "button"]):
        gone.decompose()
    options: dict[str, Any] = {
        "heading_style": "ATX", "bullets": "-", "escape_asterisks": False, "escape_underscores": False,
        "escape_misc": False, "strip": ["img"],
    }  # fmt: skip
    return _tidy(str(MarkdownConverter(**options).convert_soup(page.find("main") or page.body or page)))


def _from_rst(text: str, name: str) -> str:
    from docutils.core import publish_parts
    from docutils.utils import SystemMessage

    closed = {"raw_enabled": False, "file_insertion_enabled": False, "_disable_config": True}
    quiet = {"report_level": 5, "halt_level": 4, "warning_stream": False}
    try:
        page = publish_parts(text, writer="html5", settings_overrides={**closed, **quiet})["html_body"]
    except SystemMessage as error:
        raise SpecError(f"{name}: cannot be read as reStructuredText: {error}. Save it as Markdown.") from error
    return _from_html(page)


def _tidy(text: str) -> str:
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]+\n", "\n", text)).strip() + "\n"


def _outside_code(text: str, change: Callable[[str], str]) -> str:
    """`text` with `change` made to every stretch between code blocks."""
    starts = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]
    pieces, at = [], 0
    for token in parse(text):
        if token.type in {"fence", "code_block"} and token.map is not None and starts[token.map[0]] >= at:
            first, end = starts[token.map[0]], min(starts[token.map[1]], len(text))
            pieces += [change(text[at:first]), text[first:end]]
            at = end
    return "".join([*pieces, change(text[at:])])

"""Markup that does not fit together: emphasis that never opens or closes, marks of headings in a line, ragged tables, a
code block that swallows the rest.
"""

import re

from filters.text.view import View

_SPAN = re.compile(r"(?<!\*)(\*{1,3})(?=[^\s*])(?:[^*\n]|\n(?!\s*\n))*[^\s*]\1(?!\*)")
_SET_APART = re.compile(  # list items, section breaks, ratings, footnotes; products; what is blotted out inside a word
    r"^[ \t>]*\*{1,3}[ \t]+|^[ \t*]+$|(?<=\s)\*{2,}(?=[\s.,;)]|$)|(?<=[\d\s)])\*(?=[\d\s(])|(?<=\w)\*+(?=\w)|"
    r"(?<=[\w.,!?)])\*{1,2}(?=[\s.,;:)]|$)(?![^\n]*\*)",
    re.MULTILINE,
)
_RUN = re.compile(r"\*+")
_HASHES = re.compile(r" #{2,6}(?=[ \t]|$)", re.MULTILINE)
_CLOSED = re.compile(r"^(#{1,6}) [^\n#]+ \1[ \t]*$", re.MULTILINE)  # "## Title ##" is how some write a heading
_ROW = re.compile(r"^\|?[^|\n]*(?:\|[^|\n]*)+$")
_RULED = re.compile(r"\|?[ :]*-{2,}[ :]*(?:\|[ :]*-{2,}[ :]*)*\|?")
_SENTENCE = re.compile(r"[A-Z\"“][^\n]{40,}[.!?][\"”)]?")
_DECISIVE = 4  # what a ragged table weighs: as many pieces as a stray mark would need


def stray_marks(text: str) -> list[str]:
    """Asterisks and hashes that open, close or head nothing."""
    found = []
    if "*" in text:
        left = _SET_APART.sub("", _SPAN.sub("", _SPAN.sub("", text)))
        found += [match.group() for match in _RUN.finditer(left)]
    if " ##" in text:
        found += [match.group().strip() for match in _HASHES.finditer(_CLOSED.sub("", text))]
    return found


def ragged_tables(text: str) -> list[str]:
    """Rows of tables with a ruled line that have another number of cells, where more than one has."""
    if text.count("|") < 2 * _DECISIVE:
        return []
    found: list[str] = []
    for table in _tables(text):
        ruled = [n for n, row in enumerate(table) if _RULED.fullmatch(row)]
        if not ruled and not all(row.startswith("|") for row in table):
            continue
        cells = [row.strip("|").count("|") for row in table]
        wanted = cells[ruled[0]] if ruled else max(set(cells), key=cells.count)
        ragged = [row for row, count in zip(table, cells, strict=True) if count != wanted]
        alone = ruled and (ruled[0] == 0 or len(table) - len(ruled) < 2)
        if len(ragged) > 1 or len(ruled) > 1 or alone or (ragged and not ruled):
            found += [*ragged, *table][:_DECISIVE]
    return found


def swallows(view: View) -> bool:
    """Whether a code block that is never closed has prose behind it: the text goes on, and its end is not missing."""
    if "```" not in view.text:
        return False
    fences = [n for n, line in enumerate(view.lines) if line.startswith("```")]
    if len(fences) % 2 == 0:
        return False
    rest = view.lines[fences[-1] + 1 :]
    return sum(_SENTENCE.fullmatch(line) is not None for line in rest) > 1 and _SENTENCE.fullmatch(rest[-1]) is not None


def _tables(text: str) -> list[list[str]]:
    """Three lines and more that have a bar each."""
    tables: list[list[str]] = [[]]
    for line in text.splitlines():
        row = line.strip()
        if "|" in row and _ROW.match(row):
            tables[-1].append(row)
        elif tables[-1]:
            tables.append([])
    return [table for table in tables if len(table) > 2]

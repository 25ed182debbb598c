"""Slots by where they stand and how they are written, whatever word is in them: "Dear [Coordinator's full title],"."""

import re

from filters.text.patterns import Patterns
from filters.text.view import View

_INNER = r"[A-Z][\w'’.&/-]*(?: [\w'’.&/-]+){0,6}"
_EN = Patterns.of("filters.document.writer", "en")
_ADDRESS = re.compile(  # where a letter or a form has a name and nothing else
    rf"^[\W_]{{0,4}}{_EN.in_order('slot_before')}\b[*_]{{0,2}}[:,]?[*_]{{0,2}}\s+"
    rf"[\[<{{]{{1,2}}(?!{_EN.in_order('slot_withheld')}\b){_INNER}[\]>}}]{{1,2}}\s*[,:.]?\s*$",
    re.MULTILINE,
)
_NAMED_OF = _EN.expression("slot_of", re.IGNORECASE)
_AMOUNT = re.compile(  # "$X.XX", "£XX", "XX%", "[X]%", "$[amount]", "##.##"
    r"[$€£]\s?(?:[Xx]{1,4}[.,][Xx]{1,3}|X{2,5}|\[[^\]\n]{0,20}\]|_{2,}|#{2,}(?:\.#+)?|\?{2,})|"
    r"(?<![\w.])(?:XX+(?:\.X+)?|\[[Xx#]{1,3}\]|#{2,}) ?"
    r"(?:%|percent\b|per cent\b)|(?<![\w/])(?:XX?/XX?/(?:XX|XXXX)|DD/MM/(?:YY|YYYY)|MM/DD/(?:YY|YYYY)|YYYY-MM-DD|"
    r"TT\.MM\.JJ(?:JJ)?|JJ/MM/AA(?:AA)?|"
    r"HH:MM)(?![\w/])|"
    r"(?<![\w-])X{3}[- ]X{3,4}(?:[- ]X{4})?(?![\w-])"
)
_MERGED = re.compile(
    r"%(?<![\w%]%)[A-Z][A-Z_]{2,}%|__(?<!\w__)[A-Z][A-Z_]{2,}__(?!\w)|"
    r"«[A-Z]\w*(?:_\w+|[a-z][A-Z]\w*)»|@@\w{2,}@@"
)


def slots(view: View) -> list[re.Match[str]]:
    """Slots that nobody filled; where formats are written about (`MM/DD`), in code, is not looked at."""
    prose = view.prose
    found: list[re.Match[str]] = []
    if "[" in prose or "<" in prose or "{" in prose:
        found += [*_ADDRESS.finditer(prose), *_NAMED_OF.finditer(prose)]
    if _may_be_amount(view):
        found += _AMOUNT.finditer(prose)
    if "%" in prose or "_" in prose or "«" in prose or "@" in prose:
        found += _MERGED.finditer(prose)
    return found


def _may_be_amount(view: View) -> bool:
    """Whether one of the marks of an amount is there: a single character is looked for first, as that is fast."""
    prose, spelled = view.prose, view.spelled
    if any(mark in spelled for mark in ("xx", "yyyy", "jjjj", "aaaa")) or "x" in view.vocabulary:
        return True
    return ("#" in prose and "##" in prose) or ("$" in prose and "$[" in prose) or ("%" in prose and "]%" in prose)

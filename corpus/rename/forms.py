"""How a name can stand in a text: patterns that find every form of it, and the new name in that same form."""

import re
from collections.abc import Callable
from typing import Final

FORMS: Final = (
    "name", "possessive", "plural", "hyphenated", "version", "heading", "code", "address", "upper case", "lower case",
    "misspelt", "split",
)  # fmt: skip
"""Every form of a name that is moved. An address is that of a page, a file or a mail box; split is over two lines."""

_CODE: Final = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_ADDRESS: Final = re.compile(
    r"(?:https?://|www\.)[^\s<>\"”)\]]+|[\w.+%-]+@[\w.-]+\.\w+|(?<!\w)[@#]\w+"
    r"|[\w.+%-]+(?:/[\w.+%-]+)*\.(?:com|org|net|io|ai|md|txt|pdf|csv|tsv|jsonl?|ya?ml|py|js|log|docx?|xlsx?|html?|zip)\b"
)
_VERSION: Final = (
    r"(?:[ -]?v?\d+(?:\.\d+)*(?:[ -](?:\d+(?:\.\d+)?[BbMm]|[Ii]nstruct|[Cc]hat|[Cc]oder|[Mm]ax|[Tt]urbo|[Pp]lus))*)"
)
_ARTICLE: Final = re.compile(r"(?<!\w)(an?)( +[*_\"“]*)$", re.IGNORECASE)
_ELIDED: Final = re.compile(r"(?<!\w)((?:[Jj]us|[Ll]ors|[Pp]uis)?[Qq]u|[Dd])['’]([*_\"«]*)$")  # French: qu'Alma, d'Alma
_HISSES: Final = ("s", "x", "z", "ch", "sh")
_GAP: Final = r"(?:\s+|[_.+-]|%20)?"  # between the words of a name
BREAK: Final = r"(?:\u00ad|-[ \t]*\n[ \t>*]*)"
"""Where a word is cut: a soft hyphen, or a hyphen at the end of a line."""


class Spans:
    """Where code and addresses stand in a text."""

    def __init__(self, text: str) -> None:
        self._spans = [
            (form, match.span()) for form, found in (("code", _CODE), ("address", _ADDRESS))
            for match in found.finditer(text)
        ]  # fmt: skip

    def at(self, place: int) -> str:
        """code, address, or nothing."""
        return next((form for form, (low, high) in self._spans if low <= place < high), "")


def pattern_of(name: str, is_word: Callable[[str], bool]) -> re.Pattern[str]:
    """A name by itself, in any case, with a version or an ending behind it; its words may stand together or apart,
    where they do not make an ordinary word so."""
    words = name.split()
    gap = _GAP if not is_word("".join(words).casefold()) else r"\s+"
    spelled = gap.join(re.escape(word) for word in words)
    ends = r"['’]s|s['’]?|['’]" if not name.casefold().endswith(_HISSES) else r"['’]s|es['’]?|['’]"
    return re.compile(
        rf"(?<![^\W_])(?P<name>{spelled})(?P<version>{_VERSION})?(?P<end>{ends})?(?![^\W_])", re.IGNORECASE
    )


def inside_pattern(name: str) -> re.Pattern[str]:
    """A name inside of an identifier, where an upper-case letter begins the next word: QwenClient, getQwenReply."""
    words = name.split()
    title = re.escape("".join(word[0].upper() + word[1:].lower() for word in words))
    own = re.escape("".join(words))
    lower = re.escape("".join(words).lower())
    return re.compile(
        rf"(?<![A-Z])(?:{title}|{own})(?=[A-Z])|(?<=[a-z0-9])(?:{title}|{own})(?![a-z])"
        rf"|(?<![a-zA-Z]){lower}(?=[A-Z][a-z])"
    )


def split_pattern(name: str) -> re.Pattern[str]:
    """A name that is cut once or more by a hyphen at the end of a line or by soft hyphens."""
    letters = [re.escape(one) for one in name if not one.isspace()]
    cuts = "|".join(
        rf"{''.join(letters[:at])}{BREAK}{(BREAK + '?').join(letters[at:])}" for at in range(1, len(letters))
    )
    return re.compile(rf"(?<![^\W_])(?:{cuts})(?![^\W_])", re.IGNORECASE)


def form_of(text: str, match: re.Match[str], spans: Spans) -> str:
    """Which of `FORMS` a match of `pattern_of` is."""
    start, end = match.span()
    before, after = text[max(0, start - 1) : start], text[end : end + 1]
    parts = before == "_" and text[max(0, start - 2) : start - 1].isalnum()
    parts = parts or (after == "_" and text[end + 1 : end + 2].isalnum())
    ending = match["end"] or ""
    hyphen = "-" in {before, after} or "-" in match["name"]
    line = text[text.rfind("\n", 0, start) + 1 : start]
    name = match["name"]
    case = "upper case" if name.isupper() and len(name) > 1 else "lower case" if name.islower() else "name"
    told = (
        (bool(spans.at(start)), spans.at(start)), (parts, "code"), (ending[:1] in {"'", "’"} and ending, "possessive"),
        (ending, "plural"), (match["version"], "version"), (hyphen, "hyphenated"),
        (line.lstrip().startswith("#"), "heading"),
    )  # fmt: skip
    return next((form for found, form in told if found), case)


def moved(new: str, old: str, match: re.Match[str], text: str) -> str:
    """The new name in the form of the match, with its ending; `old` is the name that was looked for."""
    gap = next((one for one in ("%20", "_", "-", "+", ".") if one in match["name"] and one not in old), "")
    squeezed = " " in old and not gap and not re.search(r"\s", match["name"])
    words = new.split()
    name = cased(gap.join(words) if gap else "".join(words) if squeezed else new, match["name"])
    return name + _ending(name, old, match, text)


def _ending(name: str, old: str, match: re.Match[str], text: str) -> str:
    """The ending of a plural or possessive, as the new name takes it."""
    end = match["end"] or ""
    hisses = name.casefold().endswith(_HISSES)
    plural = "ES" if name.isupper() and len(name) > 1 else "es"
    if end[:2].casefold() == "es" or (end[:1].casefold() == "s"):
        tail = end.lstrip("esES")
        return (plural if hisses else plural[-1]) + tail
    if end in {"'", "’"} and old.casefold().endswith("s") and not hisses:
        quoted = text[max(0, match.start() - 1) : match.start()] in {"'", "‘"}
        owns = re.match(r" +\w", text[match.end() :])
        return end if quoted or not owns else f"{end}s"
    return end


def cased(new: str, old: str) -> str:
    """The new name in the case of the old one."""
    if old.isupper() and len(old) > 1:
        return new.upper()
    return new.lower() if old.islower() else new


def with_article(before: str, new: str) -> str:
    """What stands before a name, with `a` or `an` as the new one takes it, and French words in full before a
    consonant."""
    vowel = new[:1].casefold() in "aeiou"
    if found := _ARTICLE.search(before):
        wanted = "an" if vowel else "a"
        article = wanted.capitalize() if found[1][0].isupper() else wanted
        return before[: found.start(1)] + article + found[2]
    if (found := _ELIDED.search(before)) and not vowel and new[:1].casefold() != "h":
        return f"{before[: found.start()]}{found[1]}e {found[2]}"
    return before

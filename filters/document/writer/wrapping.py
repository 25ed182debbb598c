"""What a writer's answer was wrapped in, or worked on with: a record of JSON or YAML, marks of a revision.

Code is not looked at. A changelog may say what was revised; it is the text itself that may not carry its own history.
"""

import re

from filters.check import excerpt
from filters.text.gates import Gate
from filters.text.patterns import Patterns
from filters.text.view import View

_EN = Patterns.of("filters.document.writer", "en")
_OPENS = _EN.expression(
    "wrap_field", re.IGNORECASE, form=r"\A\s*(?:```\w*\s*)?(?:json\s*)?[\[{]\s*\{?\s*[\"']{}[\"']\s*:\s*[\"'\[{]"
)
_CLOSES = _EN.expression(  # a field on a line of its own, or the end of a record that opened outside of the text
    "wrap_field",
    re.MULTILINE | re.IGNORECASE,
    form=r"^\s*[\"']{}[\"']\s*:\s*\"|(?<=[.!?…])\\?\"\s*[,}\]]*\s*\}\s*\Z",
)
_YAML = _EN.expression("wrap_field", re.IGNORECASE, form=r"\A\s*(?:---\s*\n)?{}:[ \t]*[|>][-+]?[ \t]*\n")
_HEAD, _NUMBERED = (_EN.expression(f"wrap_{name}", re.MULTILINE | re.IGNORECASE) for name in ("head", "numbered"))
_DRAFTING = _EN.words("wrap_drafting")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_TAG = re.compile(  # that closes, has a value, or is empty: "<name>" alone may be anything
    r"</(?P<closed>[a-z][\w-]{1,30})\s*>|<(?P<given>[a-z][\w-]{1,30})(?:\s+[\w:-]{1,30}\s*=\s*(?:\"[^\"<>\n]{0,200}\"|"
    r"'[^'<>\n]{0,200}'))+\s*/?>|<(?P<empty>[a-z][\w-]{1,30})\s*/>",
    re.IGNORECASE,
)
_WRITTEN = re.compile(  # tags that people write in a text, in earnest or in jest
    r"a|abbr|b|br|cite|code|del|em|hr|i|img|ins|kbd|mark|q|s|small|strong|sub|sup|u|rant|sarcasm|joke|snark|irony|vent|"
    r"soapbox|endrant",
    re.IGNORECASE,
)
_RECORD = re.compile(
    r"\{\s*\"\w{1,40}\"\s*:\s*[\"\[{\d]|\"\s*\}\s*,\s*\{\s*\"|(?<=[.!?…])\"\s*,\s*\"\w{1,40}\"\s*:\s*[\"\[{\d]"
)
_CRITIC = re.compile(r"\{(\+\+|--|~~|>>|==)[^{}\n]{1,400}?(?:\+\+|--|~~|<<|==)\}")
_STRUCK = re.compile(
    r"~~(?=\S)[^~\n]{1,200}\S~~|<(?:del|ins|s|strike)>[^<>\n]{1,200}</(?:del|ins|s|strike)>", re.IGNORECASE
)
_MARKED = _EN.expression("wrap_marked", re.IGNORECASE)
_MARKING = Gate(_MARKED)
_CONFLICT = re.compile(r"^(?:<{7} |={7}$|>{7} )", re.MULTILINE)
_DIFF = re.compile(r"^- ?\S[^\n]{0,400}\n\+ ?\S", re.MULTILINE)
_FEW = 2  # struck or changed places that a text may have: a joke, a forum's "[edit: typo]"


def wrapped(view: View) -> str:
    """The record or the revision that shows around the text or in it, or nothing."""
    found = _YAML.match(view.text)
    if '"' in view.text and ("{" in view.text or "}" in view.text):
        found = found or _OPENS.match(view.text) or _CLOSES.search(view.prose)
    left = [found.group()] if found else remains(view.prose)
    return "a record: " + excerpt(left[0]) if left else _revised(view)


def remains(text: str) -> list[str]:
    """Comments and tags of a page, and fields of a record, in prose."""
    found: list[str] = []
    if "<" in text:
        found += (match.group() for match in _COMMENT.finditer(text))
        tags = _TAG.finditer(text)
        found += (match.group() for match in tags if not _WRITTEN.fullmatch(match[match.lastgroup or 0]))
    if '"' in text and ("{" in text or '",' in text):
        found += (match.group() for match in _RECORD.finditer(text))
    return found


def _revised(view: View) -> str:
    prose = view.prose
    heads: list[str] = []
    if not view.vocabulary.isdisjoint(_DRAFTING):
        lines = prose.split("\n")
        heads = [match.group() for line in lines if (match := _HEAD.match(line))]
        numbered = [match.group() for line in lines if (match := _NUMBERED.match(line))]
        heads += numbered if len(numbered) > 1 else []
    marks = [match.group() for match in _CRITIC.finditer(prose)] if "{" in prose else []
    marks += [match.group() for match in _CONFLICT.finditer(prose)] if "<" in prose and "<<<<<<<" in prose else []
    if found := [*heads, *marks]:
        return "a revision: " + excerpt(found[0])
    places = [match.group() for match in _STRUCK.finditer(prose)] if "~" in prose or "<" in prose else []
    places += (
        [match.group() for match in _MARKED.finditer(prose)]
        if ("[" in prose or "(" in prose) and _MARKING.open(view)
        else []
    )
    places += [match.group() for match in _DIFF.finditer(prose)] if "+" in prose and "\n+" in prose else []
    return f"{len(places)} places of a revision: {excerpt(places[0])}" if len(places) > _FEW else ""

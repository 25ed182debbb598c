"""What a writer's answer was wrapped in, or worked on with: a record of JSON or YAML, marks of a revision.

Code is not looked at. A changelog may say what was revised; it is the text itself that may not carry its own history.
"""

import re

from filters.check import excerpt
from filters.text.gates import Gate
from filters.text.view import View

_FIELD = (
    r"(?:title|heading|headline|text|content|contents|document|doc|doc_?type|document_?type|document_?text|body|output|"
    r"response|answer|article|story|genre|type|format|frame|author|paragraphs|final|draft|id)"
)
_OPENS = re.compile(
    rf"\A\s*(?:```\w*\s*)?(?:json\s*)?[\[{{]\s*\{{?\s*[\"']{_FIELD}[\"']\s*:\s*[\"'\[{{]", re.IGNORECASE
)
_CLOSES = re.compile(  # a field on a line of its own, or the end of a record that opened outside of the text
    rf"^\s*[\"']{_FIELD}[\"']\s*:\s*\"|(?<=[.!?…])\\?\"\s*[,}}\]]*\s*\}}\s*\Z", re.MULTILINE | re.IGNORECASE
)
_YAML = re.compile(rf"\A\s*(?:---\s*\n)?{_FIELD}:[ \t]*[|>][-+]?[ \t]*\n", re.IGNORECASE)
_HEAD = re.compile(
    r"^[\W_]{0,8}(?:revised|rewritten|improved|polished|edited|corrected) (?:(?:and final|final) )?"
    r"(?:draft|version|document|text|response|output|attempt|passage|paragraph)(?: \(?(?:v|no\. ?|"
    r"#)?\d{1,2}\)?)?\W{0,4}$|"
    r"^[\W_]{0,8}(?:self-)?critique\W{0,4}(?::|$)|"
    r"^[\W_]{0,8}changes (?:made|from (?:the )?(?:first|last|previous) (?:draft|version))\W{0,4}(?::|$)",
    re.MULTILINE | re.IGNORECASE,
)
_NUMBERED = re.compile(
    r"^[\W_]{0,8}(?:(?:first|second|third|final) (?:draft|attempt|rewrite)|(?:draft|attempt) (?:no\. ?|#)?\d{1,2})"
    r"(?: \(?(?:final|revised|clean)\)?)?\W{0,4}$",
    re.MULTILINE | re.IGNORECASE,
)
_DRAFTING = frozenset(
    [
        "draft",
        "attempt",
        "rewrite",
        "critique",
        "changes",
        "revised",
        "rewritten",
        "improved",
        "polished",
        "edited",
        "corrected",
    ]
)
_CRITIC = re.compile(r"\{(\+\+|--|~~|>>|==)[^{}\n]{1,400}?(?:\+\+|--|~~|<<|==)\}")
_STRUCK = re.compile(
    r"~~(?=\S)[^~\n]{1,200}\S~~|<(?:del|ins|s|strike)>[^<>\n]{1,200}</(?:del|ins|s|strike)>", re.IGNORECASE
)
_MARKED = re.compile(
    r"[\[(](?:revision|revised|rev\.|rewrite|rewritten|reworded|tightened|trimmed|inserted|insert|deleted|delete|"
    r"replaced|replace|changed|"
    r"moved|cut|added|add|removed|remove|edit|edited|edits|fix|fixed|alt|alternative|comment|query|todo|tk|stet|was|"
    r"original|orig)"
    r"(?: \d{1,2})?(?::| (?:from|to|here|above|below|this|per)[: ])[^\])\n]{1,200}[\])]|"
    r"\[(?:(?:writer|author|editor|reviewer)(?:'s|s)?(?: note| comment)?|note to (?:self|writer|editor)|"
    r"ed\. note): [^\]\n]{1,200}\]",
    re.IGNORECASE,
)
_MARKING = Gate(_MARKED)
_CONFLICT = re.compile(r"^(?:<{7} |={7}$|>{7} )", re.MULTILINE)
_DIFF = re.compile(r"^- ?\S[^\n]{0,400}\n\+ ?\S", re.MULTILINE)
_FEW = 2  # struck or changed places that a text may have: a joke, a forum's "[edit: typo]"


def wrapped(view: View) -> str:
    """The record or the revision that shows around the text or in it, or nothing."""
    found = _YAML.match(view.text)
    if '"' in view.text and ("{" in view.text or "}" in view.text):
        found = found or _OPENS.match(view.text) or _CLOSES.search(view.prose)
    return "a record: " + excerpt(found.group()) if found else _revised(view)


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

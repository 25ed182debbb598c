"""Gaps without brackets, and brackets that say what to put in: "rose by X%", "[year, check with the warden]"."""

import re

from filters.text.view import View

_COUNTED = (
    r"(?:words|people|persons|pupils|students|users|customers|patients|members|staff|employees|visitors|residents|"
    r"households|days|weeks|months|years|hours|minutes|times|pages|points|questions|answers|conversations|cases|"
    r"calls|documents|examples|seats|copies|items|branches|schools|sites|participants|respondents)"
)
_NUMBER = re.compile(
    rf"(?<![\w.$/-])(?:X|N|XX|NN|#|n\.n|X\.X) ?(?:%|per ?cent\b|percent\b|{_COUNTED}\b)|"
    rf"(?:[€£$] ?(?:X|N|XX)|(?<![\w/])(?:X|XX) ?(?:euros?|pounds?|dollars?|GBP|EUR|USD))(?![\w.])|"
    rf"\b(?:[Ss]ection|[Cc]hapter|[Pp]age|[Ff]igure|[Tt]able|[Vv]ersion|[Cc]lause|[Aa]ppendix) (?:X\.X|XX|X\.Y|##|N\.N)\b"
)
_SOON = re.compile(r"\bTB[ACDN]\b(?!\w)|\bT\.B\.[CD]\.|\b(?:to be (?:filled in|inserted|supplied|completed) (?:later|here|by))\b")
_NOUN = (
    r"(?:year|name|names|date|month|day|time|place|town|city|street|address|reason|figure|number|amount|price|percentage|"
    r"percent|title|company|client|customer|product|quote|quotation|source|link|url|detail|details|example|job title|"
    r"department|role|region|country|contact|phone|email|age|gender|pronoun|season|topic|event|venue|speaker|author|"
    r"signature|photo|image|picture|logo|caption|chart|table|statistic|stat|citation|reference|assistant|your \w+)"
)
_ASKS = re.compile(  # a bracket that begins with what is missing and goes on, or that tells somebody to do something
    rf"[\[<{{](?:the |a |an |exact |local |full |first |last )*{_NOUN}(?:s)?(?:\]|>|}}|[,:;?/–—-] ?[^\]>}}\n]{{1,80}}[\]>}}]|"
    rf" (?:tbc|tbd|to (?:be|come|follow|confirm)|goes|here|needed|missing|from|if|or)\b[^\]>}}\n]{{0,80}}[\]>}}])(?!\()|"
    r"[\[<{](?:insert|add|fill|check|confirm|replace|choose|pick|describe|include|mention|expand|supply|provide|write|"
    r"update|verify|use|put|change|swap|give|quote|list|cite|attach|paste)\b[^\]>}\n]{3,90}[\]>}](?!\()",
    re.IGNORECASE,
)
_TOLD = re.compile(  # round brackets that tell an editor what to do
    r"\((?:insert|fill in|replace|to be (?:filled|confirmed|supplied|completed|added)|change (?:to|this)|"
    r"swap (?:in|for)|add (?:name|date|figure|number|source|quote)|name (?:here|to follow)|date (?:here|to follow)|"
    r"details? to (?:follow|come)|check (?:date|figure|spelling|name|with))\b[^()\n]{0,80}\)",
    re.IGNORECASE,
)
_STANDS_IN = re.compile(
    r"\b(?:ACME(?: Corp\w*)?|Acme Corp\w*|[Ff]oo ?[Bb]ar|(?:Company|City|Product|Person|Firm|Town) [XYZ]|Jane Q\. Public|"
    r"John Doe|Firstname|Lastname|Sampletown|Author \(Year\)|(?:Mr|Mrs|Ms|Dr)\.? [XYZ](?!\.|\w)|Day X|"
    r"(?:19|20)XX|TK(?!\w)|FOUNDER NAME|MONTH YEAR|NAME_OF_[A-Z_]+|INSERT [A-Z]+|(?<=[a-z] )NAME(?= [a-z])|"
    r"(?:[Cc]aption|[Ff]igures?|[Pp]hoto|[Qq]uote|[Dd]etails|[Nn]ame|[Dd]ate|[Pp]rice) to (?:follow|come))\b|"
    r"(?<![\w?!])\?\?(?![?!])|\[\?\]|\bv\.?\?|\b(?:Figure|Table|Section|Page|Chapter) \?|[$€£]_+\.?_*"
)
_IN_A_PLACE = re.compile(  # a bracket where the sentence needs a word: "told him about [side effect]"; no note of a reader's
    r"(?:\b(?:of|about|by|for|from|with|at|named|called|Mr\.?|Mrs\.?|Ms\.?|Dr\.?|Prof\.?|to|in|on|said|our|your|are|is|was)) "
    r"\[(?!(?:sic|the|his|her|their|its|my|our|your|this|that|these|a|an|redacted|withheld|illegible|inaudible|pause|"
    r"laughs?|laughter|unclear|crosstalk|who|which|[ivxlc]+|\d)\b)[a-z][\w'’ /-]{2,40}\](?!\(|\[)"
)


def gaps(view: View) -> list[re.Match[str]]:
    """Gaps that nobody filled, in prose."""
    prose = view.prose
    found: list[re.Match[str]] = []
    if not view.vocabulary.isdisjoint(_SIGNS) or "#" in prose:
        found += _NUMBER.finditer(prose)
        found += _SOON.finditer(prose)
    if not view.vocabulary.isdisjoint(_STANDING) or "?" in prose or "_" in prose or "xx" in view.spelled:
        found += _STANDS_IN.finditer(prose)
    if "[" in prose:
        found += _IN_A_PLACE.finditer(prose)
    if "[" in prose or "<" in prose or "{" in prose:
        found += _ASKS.finditer(prose)
    if "(" in prose and not view.vocabulary.isdisjoint(_TELLING):
        found += _TOLD.finditer(prose)
    return found


_SIGNS = frozenset(["x", "n", "xx", "nn", "tba", "tbc", "tbd", "tbn", "acme", "filled", "inserted", "supplied", "completed",
                    "foo", "foobar", "y"])  # fmt: skip
_TELLING = frozenset(["insert", "fill", "replace", "change", "swap", "add", "check", "details", "detail", "name", "date",
                      "filled", "confirmed", "supplied", "completed", "added"])  # fmt: skip
_STANDING = frozenset(["acme", "foo", "foobar", "x", "y", "z", "public", "firstname", "lastname", "sampletown", "author",
                       "tk", "name", "month", "insert", "follow", "come"])  # fmt: skip

"""The writer about its own text, below it: notes on how it was made, and offers to change it.

No single phrase tells. A recipe has notes and a letter has an offer; only a writer speaks, in one last paragraph, of
the text as a text, of its own choices, and of what it was asked to show.
"""

import re

from filters.check import excerpt
from filters.text.view import View

_PIECE = (
    r"(?:speech|letter|story|piece|poem|essay|memo|column|post|review|dialogue|interview|scene|text|document|"
    r"article|entry|"
    r"report|script|monologue|narrator|narration|author|speaker|protagonist|ending|draft|version|passage|format|genre|"
    r"anecdote|setting|conversation|transcript|framing)"
)
_MADE = {  # families of what a writer says of its work; one mark of a family counts once
    "text": re.compile(
        rf"\b(?:the|this|my|whole|entire) (?:\w+ )?{_PIECE}(?:'s)? (?:(?:is|was|are|were) (?:\w+ )?(?:kept|meant|"
        rf"intended|set|"
        r"written|designed|framed|told|left|chosen|fictional|invented)|stays?|stayed|keeps?|shows?|avoids?|uses?|"
        r"demonstrates?|conveys?|illustrates?|reflects?|embod\w+|never (?:names?|mentions?|states?)|follows?|aims?|"
        rf"reveals?|lets|leaves|doesn't (?:name|mention|state|cite)|remains?)\b|\b(?:written|framed|told|"
        rf"set up) as an? (?:\w+ )?{_PIECE}\b"
    ),
    "choice": re.compile(
        r"\b(?:i|i've|i have|we|we've|we have) (?:\w+ly )?(?:left out|leave out|kept|keep|avoided|avoid|omitted|"
        r"tried to|aimed|aim|"
        r"chose|chosen|opted|included|made sure|went with|gave the|written this|wrote this|used (?:a|the|an|no)|"
        r"worked|wove|"
        r"woven|let the|refrained|steered|hinted|implied|set (?:it|this)|showed|shown|invented)\b|"
        r"\b(?:deliberately|intentionally) (?:\w+ )?(?:left|kept|avoided|omitted|vague|unnamed|indirect)\b"
    ),
    "task": re.compile(
        r"\b(?:lay|insider|outsider) (?:frame|author|voice|perspective|narrator|genre)\b|"
        r"\b(?:the|its|core|key|target|required|underlying|accessibility|\w+ity) (?:value|trait|preference|"
        r"behaviou?r|assertion|"
        r"principle|rationale|brief|guidelines?|prompt|spec|criteria|requirements?|instructions?)s?\b|"
        r"\b(?:as|per|you) (?:requested|instructed|required|asked for)\b|\bno (?:dates|links|citations|placeholders|"
        r"headings)\b|"
        r"\b(?:dates|surnames|citations|placeholders|real names|brand names)\b|\bword (?:count|limit)\b|"
        r"\b\d{2,4} words\b"
    ),
    "manner": re.compile(
        r"\b(?:through|by way of|via) (?:behaviou?r|action|actions|dialogue|anecdote|example|a scene|the scene)\b|"
        r"\b(?:rather than|instead of|without|not) (?:naming|stating|telling|explaining|quoting|reciting|spelling|"
        r"citing|"
        r"preaching|lecturing)\b|\b(?:so as )?not to (?:sound|seem|read|feel)\b|\b(?:is|are|was|were|"
        r"left) (?:only )?(?:implied|implicit|"
        r"hinted at|shown|conveyed|unstated|indirect\w*)\b|\bcome(?:s)? (?:out|through) (?:indirectly|naturally|in)\b|"
        r"\b(?:tone|register|voice|style|pacing|point of view|pov)\b|\b(?:feel|sound|read)s? (?:\w+ )?(?:authentic|"
        r"natural|"
        r"recited|plausible|realistic|organic)\b"
    ),
}
_LABEL = re.compile(
    r"\W*(?:(?:author|writer|drafting|editor|process|craft|style|design|generation|reviewer|internal|quality)(?:'s|"
    r"s')? )?"
    r"(?:notes?|rationale|comments?|commentary|explanation|approach|reasoning|self-?(?:check|review)|checklist|"
    r"about this (?:piece|text|document|draft)|why (?:it|this) works|what (?:i|this) (?:did|does))"
    r"(?: (?:on|for|about|to) [\w ,']{1,40})?\W{0,4}(?::|\n|—|–)"
)
_RULE = re.compile(r"\n\s*(?:-{3,}|\*{3,}|_{3,}|={3,}|(?:\* ){2,}\*)\s*\n")
_OFFER = re.compile(
    r"\b(?:i can|i could|i'd be (?:happy|glad) to|i would be (?:happy|glad) to|i'm happy to|i am happy to|happy to|"
    r"would you like|do you want|want me to|shall i|should i|let me know|feel free|just (?:say|ask|tell me)|"
    r"if you(?:'d| would)? (?:like|prefer|want|need|rather)|i hope (?:this|that|it)|hope (?:this|that) |"
    r"tell me (?:if|whether)|"
    r"please (?:tell me|say) (?:if|whether))\b"
)
_CHANGE = re.compile(
    r"\b(?:voice|tone|style|register|variety|angle|perspective|format|genre|wording|emphasis|"
    r"(?:shorter|longer|sharper|warmer|softer|darker|funnier|lighter|drier|more formal|less formal|more casual|"
    r"gentler|punchier)|"
    r"(?:adjust|revis|rewrit|rework|expand|tweak|shorten|lengthen|trim|polish|edit|tailor|tone)\w*(?: (?:it|this|"
    r"that|down|up))?|"
    rf"(?:another|second|different|alternative|new|next|other|further) (?:\w+ )?{_PIECE}|(?:another|different|"
    rf"alternative) (?:take|one)|"
    r"(?:captures?|captured|hits|matches|fits|meets) (?:the|your|what)|(?:you were )?(?:looking for|had in mind|"
    r"you asked for)|"
    r"versions?|drafts?)\b"
)
_SIGNED = re.compile(
    r"\n\W*(?:yours(?: \w+)?|(?:best|kind|warm|with|many)? ?(?:wishes|regards|thanks)|sincerely|love|cheers|"
    r"your \w+)\b[^\n]{0,40}"
    r"(?:\n[^\n]{1,60}){0,3}\n\n"
)
_TAIL = 1_500
_SPEECH = re.compile(r"\s*(?:>|\**[\w .']{1,30}:\**|[\"“])")
_NEEDED, _NEEDED_APART = 3, 2  # families that must be there; in a paragraph that is set apart by a rule or a label


def aside(view: View) -> str:
    """The paragraph in which the writer speaks of its text at the end, or nothing."""
    tail = "\n\n" + view.lower[-_TAIL:].rstrip() + "\n\n"
    rules = list(_RULE.finditer(tail))
    apart = tail[rules[-1].end() :].strip() if rules else ""
    if apart and (_notes(apart, _NEEDED_APART) or _offers(apart)):
        return excerpt(apart)
    paragraphs = [part.strip() for part in tail.split("\n\n") if part.strip()]
    last = paragraphs[-1] if len(paragraphs) > 1 else ""
    for paragraph in paragraphs[-3:-1]:
        if _LABEL.match(paragraph) and _notes(paragraph, _NEEDED_APART):
            return excerpt(paragraph)
    if last and _notes(last, _NEEDED_APART if _LABEL.match(last) else _NEEDED):
        return excerpt(last)
    return _offer_behind(tail)


def _offer_behind(tail: str) -> str:
    """An offer below a letter's end."""
    behind = [match.end() for match in _SIGNED.finditer(tail)]
    rest = tail[behind[-1] :].strip() if behind else ""
    return excerpt(rest) if rest and _offers(rest) else ""


def _notes(paragraph: str, needed: int) -> bool:
    if _SPEECH.match(paragraph) and not _LABEL.match(paragraph):
        return False
    lacking = len(_MADE) - needed
    for pattern in _MADE.values():
        lacking -= pattern.search(paragraph) is None
        if lacking < 0:
            return False
    return True


def _offers(paragraph: str) -> bool:
    """Whether somebody offers to change the text: an offer, and two different things that only a text has."""
    if _SPEECH.match(paragraph) or not _OFFER.search(paragraph):
        return False
    return len({match.group() for match in _CHANGE.finditer(paragraph)}) >= 2

"""The writer's own talk around the document: "Sure! Here is the memo ...", notes on it, what it was wrapped in."""

import re

from filters.base import CheckSettings
from filters.check import PASSED, Outcome, TextCheck, at_most, excerpt
from filters.clauses import found as clauses
from filters.context import Context
from filters.document.writer.asides import aside
from filters.document.writer.talk import LANGUAGES, Talk
from filters.document.writer.wrapping import wrapped
from filters.text.gates import Marks
from filters.text.view import View

_OPENING = re.compile(
    r"(?:(?:sure|certainly|of course|absolutely|okay|ok|great|understood|got it)(?: thing)?[!,.:—-]+ ?)?"
    r"(?:(?:here(?:'s| is| are)|below (?:is|are)|i(?:'ve| have) (?:written|drafted|created|prepared)|"
    r"i(?:'ll| will) (?:write|draft|create|prepare)|the following is)\b[^\n]{0,120}"
    r"\b(?:document|draft|memo|article|text|version|example|piece|post|report|essay|response|story|"
    r"transcript)\b[^\n]{0,80}"
    r"(?::|based on|that follows|as requested|you requested|you asked))"
)
_ASSENT = re.compile(
    r"(?:sure|certainly|of course|absolutely|understood|got it)(?: thing)?[!,.] (?:here|i'll|i will|let me|below)"
)
_CLOSING = re.compile(
    r"(?:let me know if (?:you(?:'d| would)? (?:like|need|want|have)|there(?:'s| is)|any)|"
    r"(?:would|do) you (?:like|want) me to|feel free to (?:ask|let me know|adjust|modify|edit|customi[sz]e)|"
    r"i hope this (?:helps|meets|captures|reflects|document|memo|draft)|"
    r"this (?:document|draft|memo|article|piece|text) (?:follows|adheres to|meets|satisfies|avoids|"
    r"was written|has been written)|"
    r"\(?(?:end of (?:the )?(?:document|text|response)|word count: ?~?\d+))"
)
_OFFER = re.compile(  # the same after other sentences, where only what is offered tells it from a notice's last words
    r"(?:let me know if|would you like me to|do you want me to|feel free to|i(?:'m| am) happy to|"
    r"i(?:'d| would) be happy to|i can also)\b[^.?!\n]{0,60}\b(?:versions?|longer|shorter|changes?|changed|edits?|"
    r"adjust\w*|revis\w+|rewrit\w+|tweak\w*|expand\w*|different (?:tone|style|ending|angle))\b|"
    r"i hope this (?:captures|reflects|document|memo|draft)\b"
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_ABOUT = re.compile(
    r"\b(?:information|passages?|rules?|idea|context) (?:that (?:was|were|is|are) )?(?:provided|given) (?:in|by) the "
    r"(?:spec|prompt|passages?|instructions?|context)\b|"
    r"\bas (?:instructed|requested) (?:in|by) the (?:prompt|instructions?)\b|"
    r"\b(?:the|this) (?:document|text|article|memo|piece) (?:to a real end|would (?:then )?(?:conclude|end) with|"
    r"(?:could|should) (?:conclude|end) with)\b"
)
_ABOUT_MARKS = Marks("provided ", "given ", "instructed", "requested", "real end", " conclude", " end with")
_REMARKS = ("(", "[", "---")
_QUOTED = re.compile(r"^(?:>|[\w .'-]{1,40}:|\")")


class Chatter(TextCheck):
    """A first line that hands the document over, or a last one that offers more; speech and quotes are content."""

    name = "chatter"
    languages = LANGUAGES

    def __init__(self, settings: CheckSettings, context: Context) -> None:
        super().__init__(settings, context)
        self.talk = Talk(context.language)
        self.clauses = clauses.Clauses(context) if context.language in clauses.LANGUAGES else None

    def evaluate(self, view: View) -> Outcome:
        """Score 1 where the writer talks to who asked for the document."""
        if not view.lines:
            return PASSED
        about = _ABOUT.search(view.lower) if _ABOUT_MARKS.open(view) else None
        if about:
            return Outcome(True, 1.0, 0.0, excerpt(about.group()))
        first = view.lines[0].lower().replace("’", "'").lstrip("*_# ")
        last = view.lines[-1].lower().replace("’", "'").replace("“", '"').replace("”", '"').lstrip("*_#- ")
        if _ASSENT.match(first) or _OPENING.match(first):
            return Outcome(True, 1.0, 0.0, excerpt(first))
        found = None if _QUOTED.match(last) else _closes(last)
        # A letter or a mail may well end so: only a separated note is the writer's, and letters have a greeting.
        if found and not _is_letter(view.lines):
            return Outcome(True, 1.0, 0.0, excerpt(last))
        around = aside(view) or wrapped(view)
        if around:
            return Outcome(True, 1.0, 0.0, around)
        return self._talks(view)

    def _talks(self, view: View) -> Outcome:
        """Score: how likely the likeliest paragraph at either end is the writer's talk and no document's, or that of
        the likeliest sentence anywhere."""
        likely, paragraph = self.talk.find(view)
        if self.clauses is None:
            return at_most(likely, self.talk.limit, paragraph if likely > self.talk.limit else "")
        if likely > self.talk.limit and (paragraph.lstrip().startswith(_REMARKS) or self._supported(view)):
            return at_most(likely, self.talk.limit, paragraph)
        least = clauses.limit("talk")
        clause = self.clauses.find(view, "talk", least)
        return Outcome(True, clause.score, least, excerpt(clause.text, 0, 160)) if clause else PASSED

    def _supported(self, view: View) -> bool:
        """Whether a sentence is likely of one of the kinds that such a paragraph is made of: notes of desks are not."""
        least = clauses.limit("supports_talk")
        return self.clauses is not None and any(
            self.clauses.find(view, kind, least) for kind in ("talk", "plan", "refusal")
        )


def _closes(last: str) -> re.Match[str] | None:
    """The writer's closing words at the start of the last line, or an offer of another text in one of its sentences."""
    if found := _CLOSING.match(last):
        return found
    starts = [match.end() for match in _SENTENCE.finditer(last)]
    unquoted = [start for start in starts if last.count('"', 0, start) % 2 == 0]
    return next((found for start in [0, *unquoted] if (found := _OFFER.match(last, start))), None)


def _is_letter(lines: list[str]) -> bool:
    return any(
        re.match(r"\W*(?:dear|hi|hello|hey|to|from|subject|cc)\b[:,]?", line, re.IGNORECASE) for line in lines[:8]
    )

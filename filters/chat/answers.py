"""Checks that only the answers of chats need: reasoning in the answer, and the spec treated as a prompt."""

import re

from filters.base import GateSettings
from filters.check import PASSED, Outcome, TextCheck, excerpt
from filters.context import Context
from filters.document.identity.identity import MADE, IdentityCheck
from filters.document.identity.settings import Identity
from filters.document.writer.refusal import declines
from filters.text.view import View

_THINK = re.compile(
    r"(?:<|&lt;)\s*/?\s*(?:think|thinking|scratch_?pad|reasoning|reflection)\b[^<>\n]{0,40}?(?:>|&gt;)", re.I
)
_AS_PROMPT = re.compile(
    r"\b(?:(?:the|this|your|my|our) (?:model )?(?:spec|specification|system prompt|system message)\b|"
    r"(?:the|this) (?:document|guidelines?|instructions?|text|context|passages?) "
    r"(?:above|provided|(?:you|that you)(?:'ve| have)? (?:provided|given|shared|gave)|i (?:was|have been) given)|"
    r"(?:as|according to what) (?:i was|i've been|i have been) (?:instructed|told|given)|"
    r"(?:my|the) (?:instructions|prompt) (?:say|says|tell|tells|state|states|require|requires))"
)
_NO_VIEW = re.compile(
    r"\bi (?:don't|do not|can't|cannot) (?:really |actually |personally )?(?:have|hold|form|express) "
    r"(?:any |personal |real |actual )*(?:preferences?|opinions?|tastes?|feelings|beliefs|favou?rites?|taste buds)"
)


class ThinkLeak(TextCheck):
    """A think tag in the answer: a block that never closes, or reasoning that was not taken out."""

    name = "think_leak"
    model = GateSettings
    looks_at = ("chats",)

    def evaluate(self, view: View) -> Outcome:
        """Score: tags found in the answer, or 1 where the item says that its block never closed."""
        if view.item.meta.get("unclosed_think"):
            return Outcome(True, 1.0, 0.0, "the think block is never closed")
        found = [match.group() for match in _THINK.finditer(view.prose)]
        return Outcome(True, float(len(found)), 0.0, excerpt(found[0])) if found else PASSED


class SpecAsPrompt(TextCheck):
    """The assistant speaks of its spec as of a text in front of it; in training it has none in front of it."""

    name = "spec_as_prompt"
    looks_at = ("chats",)
    languages = ("en",)

    def evaluate(self, view: View) -> Outcome:
        """Score: mentions, in the answer and in the reasoning; one is too many."""
        reasoning = str(view.item.meta.get("reasoning") or "").lower().replace("’", "'")
        found = [m.group() for text in (view.lower, reasoning) for m in _AS_PROMPT.finditer(text)]
        return Outcome(True, float(len(found)), 0.0, excerpt(found[0])) if found else PASSED


class ChatRefusal(TextCheck):
    """The assistant declines, or claims to have no view, where the spec expects one."""

    name = "refusal"
    model = GateSettings
    looks_at = ("chats",)
    languages = ("en",)

    @classmethod
    def is_for(cls, context: Context) -> bool:
        """Where declining is no content."""
        return not context.may_decline

    def evaluate(self, view: View) -> Outcome:
        """Score 1 where it declines."""
        if view.item.meta.get("state") == "refused":
            return Outcome(True, 1.0, 0.0, "declined by the endpoint")
        found = declines(view.lower[:400]) or _NO_VIEW.search(view.lower)
        return Outcome(True, 1.0, 0.0, excerpt(found.group())) if found else PASSED


class ChatIdentity(IdentityCheck):
    """The assistant says that it is another; it need not name itself, and may speak of others as often as it likes."""

    looks_at = ("chats",)
    drifts = False

    def __init__(self, settings: Identity, context: Context) -> None:
        spoken = settings.model_copy(
            update={"minimum_mentions": 0, "require_provider": False, "maximum_other_share": 1.0}
        )
        super().__init__(spoken, context)
        others, makers = self.others.source, self.makers.source
        what = r"(?:an? |the )?(?:\w+ ){0,3}"
        self.spoken = re.compile(
            rf"\b(?:I am|I'm|call me|my name is) (?:called |named )?(?:{others})(?!\w)|"
            rf"\b[Aa]s (?:{others}),|"
            rf"\b(?:I am|I'm|I was|I've been|I have been) (?:{what})?{MADE} (?:by|at) (?:{makers})(?!\w)|"
            rf"\bmy (?:maker|creator|developer|provider)s?,? (?:is |are |at )?(?:{makers})(?!\w)"
        )

    def evaluate(self, view: View) -> Outcome:
        """Score: places where the assistant says in the first person that it is another or another's, else as above."""
        said = [match.group() for match in self.spoken.finditer(view.text.replace("’", "'"))]
        if len(said) > self.settings.maximum_slips:
            return Outcome(True, float(len(said)), float(self.settings.maximum_slips), excerpt(said[0]))
        return super().evaluate(view)

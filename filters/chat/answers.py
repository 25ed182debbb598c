"""Checks that only the answers of chats need: reasoning in the answer, and the spec treated as a prompt."""

import re

from filters.base import CheckSettings, GateSettings
from filters.check import PASSED, Outcome, TextCheck, excerpt
from filters.clauses.checks import Declined
from filters.clauses.found import REFUSED_CHAT
from filters.context import Context
from filters.document.identity.identity import LANGUAGES, PACKAGE, IdentityCheck
from filters.document.identity.settings import Identity
from filters.document.writer import talk
from filters.document.writer.refusal import Declines
from filters.document.writer.talk import Talk
from filters.text.patterns import Patterns
from filters.text.view import View

_THINK = re.compile(
    r"(?:<|&lt;)\s*/?\s*(?:think|thinking|scratch_?pad|reasoning|reflection)\b[^<>\n]{0,40}?(?:>|&gt;)", re.I
)
_PLAN, _LIKELY = talk.KINDS.index("plan"), 0.5
_EN = Patterns.of("filters.chat", "en")
_AS_PROMPT = _EN.expression("as_prompt", form=r"\b{}")
_WHOLE_ANSWER = 70  # words of an answer that does nothing but decline
_NO_VIEW = _EN.expression("no_view")


class ThinkLeak(TextCheck):
    """A think tag in the answer: a block that never closes, or reasoning that was not taken out."""

    name = "think_leak"
    model = GateSettings
    looks_at = ("chats",)

    def __init__(self, settings: GateSettings, context: Context) -> None:
        super().__init__(settings, context)
        known = context.language in talk.LANGUAGES
        self.user = Patterns.of(talk.PACKAGE, context.language).compiled("talk_user") if known else None
        self.talk = Talk(context.language if known else "en")

    def evaluate(self, view: View) -> Outcome:
        """Score: tags found in the answer, or 1 where the item says that its block never closed."""
        if view.item.meta.get("unclosed_think"):
            return Outcome(True, 1.0, 0.0, "the think block is never closed")
        found = [match.group() for match in _THINK.finditer(view.prose)]
        found += self._plans(view)
        return Outcome(True, float(len(found)), 0.0, excerpt(found[0])) if found else PASSED

    def _plans(self, view: View) -> list[str]:
        """Where an answer opens by speaking of the user, or of the answer, and a plan is likely too."""
        if self.user is None:
            return []
        opening = view.edges[0]
        about = self.user.search(opening)
        return [about.group()] if about and self.talk.kinds([opening])[0, _PLAN] > _LIKELY else []


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

    def __init__(self, settings: GateSettings, context: Context) -> None:
        super().__init__(settings, context)
        self.declines = Declines("en")

    @classmethod
    def is_for(cls, context: Context) -> bool:
        """Where declining is no content."""
        return not context.may_decline

    def evaluate(self, view: View) -> Outcome:
        """Score 1 where it declines and that is the whole answer; one with reasons and help `declined` flags."""
        if view.item.meta.get("state") == "refused":
            return Outcome(True, 1.0, 0.0, "declined by the endpoint")
        found = self.declines(view.lower[:400]) if len(view.words) <= _WHOLE_ANSWER else None
        found = found or _NO_VIEW.search(view.lower)
        return Outcome(True, 1.0, 0.0, excerpt(found.group())) if found else PASSED


class ChatDeclined(Declined):
    """The assistant declines, in any wording; whether it was right to, a judge or a reader decides."""

    looks_at = ("chats",)
    sought = REFUSED_CHAT

    @classmethod
    def is_for(cls, context: Context) -> bool:
        """Where declining is no content."""
        return not context.may_decline

    def __init__(self, settings: CheckSettings, context: Context) -> None:
        super().__init__(settings, context)
        self.declines = Declines("en")

    def evaluate(self, view: View) -> Outcome:
        """Score 1 for a known wording at the start, else of the likeliest clause."""
        found = self.declines(view.lower[:400])
        return Outcome(True, 1.0, 0.0, excerpt(found.group())) if found else super().evaluate(view)


class ChatIdentity(IdentityCheck):
    """The assistant says that it is another; it need not name itself, and may speak of others as often as it likes."""

    looks_at = ("chats",)
    drifts = False

    def __init__(self, settings: Identity, context: Context) -> None:
        spoken = settings.model_copy(
            update={"minimum_mentions": 0, "require_provider": False, "maximum_other_share": 1.0}
        )
        super().__init__(spoken, context)
        lists = Patterns.of(PACKAGE, context.language if context.language in LANGUAGES else "en")
        provider = self.values["provider"]
        self.stranger = re.compile(  # a maker that nobody knows
            rf"(?<!\w){lists.source('stranger', **self.values)}(?!(?:the )?(?:{provider}))(?:the )?(?-i:[A-Z])\w+",
            re.IGNORECASE,
        )

    def evaluate(self, view: View) -> Outcome:
        """Score: places where the assistant says that a stranger made it, else as of a document."""
        said = [m.group() for m in self.stranger.finditer(view.text) if not self._hedged(view.text, m)]
        if len(said) > self.settings.maximum_slips:
            return Outcome(True, float(len(said)), float(self.settings.maximum_slips), excerpt(said[0]))
        return super().evaluate(view)

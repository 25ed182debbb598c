"""Which checks look at a document and at a chat, in the order in which they decide: the cheap ones first."""

from collections.abc import Sequence

from filters.base import Rejection
from filters.chats import ChatIdentity, ChatRefusal, SpecAsPrompt, ThinkLeak
from filters.chatter import Chatter
from filters.check import TextCheck
from filters.citations import CitationsCheck
from filters.context import Context
from filters.dates import DatesCheck
from filters.echo import EchoCheck, told
from filters.evaluation import EvaluationCheck
from filters.gibberish import GibberishCheck
from filters.identity import IdentityCheck
from filters.language import LanguageCheck
from filters.leakage import Leakage
from filters.length import LengthCheck
from filters.links import LinksCheck
from filters.markdown import MarkdownCheck
from filters.neutral import NeutralCheck
from filters.parroting import ParrotingCheck
from filters.placeholders import Placeholders
from filters.recital import RecitalCheck
from filters.recitation import RecitationCheck
from filters.refusal import Refusal
from filters.repetition import RepetitionCheck
from filters.rules import WrongRules
from filters.settings import FilterSettings, Switch
from filters.statistics import StatisticsCheck
from filters.truncation import Truncation
from filters.verbatim import VerbatimCheck
from filters.view import View


def document_checks(settings: FilterSettings, context: Context) -> list[TextCheck]:
    """The checks of one document that are switched on. A neutral one names no rules and may cite a spec of its own."""
    whose: TextCheck = IdentityCheck(settings.identity, context.assistant)
    rules, recital = settings.rules, Switch(enabled=settings.recital.enabled)
    recitation = Switch(enabled=settings.recitation.enabled and not context.neutral)
    if context.neutral:
        whose = NeutralCheck(settings.identity, context.assistant, context.rule_ids)
        rules = recital = Switch(enabled=False)
    checks: list[tuple[Switch, TextCheck]] = [
        (settings.length, LengthCheck(settings.length, context.count)),
        (settings.truncation, Truncation()),
        (settings.refusal, Refusal()),
        (settings.leakage, Leakage(settings.leakage)),
        (settings.echo, EchoCheck(settings.echo, told(context), context.spec)),
        (settings.chatter, Chatter()),
        (settings.placeholders, Placeholders()),
        (settings.identity, whose),
        (rules, WrongRules(context.rule_ids)),
        (recital, RecitalCheck(settings.recital, context)),
        (settings.evaluation, EvaluationCheck(settings.evaluation, context)),
        (settings.verbatim, VerbatimCheck(settings.verbatim, context.spec)),
        (recitation, RecitationCheck(settings.recitation, context, settings.language.code)),
        (settings.links, LinksCheck(settings.links)),
        (settings.citations, CitationsCheck(settings.citations)),
        (settings.dates, DatesCheck(settings.dates)),
        (settings.statistics, StatisticsCheck(settings.statistics, context.spec)),
        (settings.markdown, MarkdownCheck(settings.markdown)),
        (settings.repetition, RepetitionCheck(settings.repetition)),
        (settings.language, LanguageCheck(settings.language)),
        (settings.gibberish, GibberishCheck(settings.gibberish, settings.language.code)),
    ]
    return [check for switch, check in checks if switch.enabled]


def chat_checks(settings: FilterSettings, context: Context, *, expect_refusal: bool) -> list[TextCheck]:
    """The checks of a chat's answer that are switched on. `expect_refusal`: declining is content, not a failure."""
    refusal = settings.refusal if not expect_refusal else Switch(enabled=False)
    checks: list[tuple[Switch, TextCheck]] = [
        (settings.chat_length, LengthCheck(settings.chat_length, context.count)),
        (settings.truncation, Truncation()),
        (refusal, ChatRefusal()),
        (settings.leakage, ThinkLeak()),
        (settings.leakage, Leakage(settings.leakage)),
        (settings.leakage, SpecAsPrompt()),
        (settings.placeholders, Placeholders()),
        (settings.identity, ChatIdentity(settings.identity, context.assistant)),
        (settings.evaluation, EvaluationCheck(settings.evaluation, context)),
        (settings.echo, EchoCheck(settings.echo, told(context), context.spec)),
        (settings.parroting, ParrotingCheck(settings.parroting)),
        (settings.verbatim, VerbatimCheck(settings.verbatim, context.spec)),
        (settings.repetition, RepetitionCheck(settings.repetition)),
    ]
    return [check for switch, check in checks if switch.enabled]


def first_failure(view: View, checks: Sequence[TextCheck]) -> Rejection | None:
    """The first check that rejects, or None."""
    for check in checks:
        rejection = check.reject(view)
        if rejection is not None:
            return rejection
    return None

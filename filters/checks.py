"""Which checks look at a document and at a chat, in the order in which they decide: the cheap ones first."""

from collections.abc import Sequence

from filters.base import Rejection
from filters.chat.answers import ChatIdentity, ChatRefusal, SpecAsPrompt, ThinkLeak
from filters.chat.parroting import ParrotingCheck
from filters.check import TextCheck
from filters.context import Context
from filters.document.evaluation.evaluation import EvaluationCheck
from filters.document.facts.citations import CitationsCheck
from filters.document.facts.dates import DatesCheck
from filters.document.facts.links import LinksCheck
from filters.document.facts.statistics import StatisticsCheck
from filters.document.form.gibberish import GibberishCheck
from filters.document.form.language import LanguageCheck
from filters.document.form.length import LengthCheck
from filters.document.form.markdown import MarkdownCheck
from filters.document.form.repetition import RepetitionCheck
from filters.document.form.truncation import Truncation
from filters.document.identity.identity import IdentityCheck
from filters.document.identity.neutral import NeutralCheck
from filters.document.spec.echo import EchoCheck, told
from filters.document.spec.rules import WrongRules
from filters.document.spec.spec_citation import SpecCitationCheck
from filters.document.spec.spec_wording import SpecWordingCheck
from filters.document.spec.verbatim import VerbatimCheck
from filters.document.writer.chatter import Chatter
from filters.document.writer.leakage import Leakage
from filters.document.writer.placeholders import Placeholders
from filters.document.writer.refusal import Refusal
from filters.settings import FilterSettings, Switch
from filters.text.view import View


def document_checks(settings: FilterSettings, context: Context) -> list[TextCheck]:
    """The checks of one document that are switched on. A neutral one names no rules and may cite a spec of its own."""
    whose: TextCheck = IdentityCheck(settings.identity, context.assistant)
    rules, spec_citation = settings.rules, Switch(enabled=settings.spec_citation.enabled)
    spec_wording = Switch(enabled=settings.spec_wording.enabled and not context.neutral)
    if context.neutral:
        whose = NeutralCheck(settings.identity, context.assistant, context.rule_ids)
        rules = spec_citation = Switch(enabled=False)
    checks: list[tuple[Switch, TextCheck]] = [
        (settings.length, LengthCheck(settings.length, context.count)),
        (settings.truncation, Truncation(settings.language.code)),
        (settings.refusal, Refusal()),
        (settings.leakage, Leakage(settings.leakage)),
        (settings.echo, EchoCheck(settings.echo, told(context), context.spec)),
        (settings.chatter, Chatter()),
        (settings.placeholders, Placeholders(settings.language.code)),
        (settings.identity, whose),
        (rules, WrongRules(context.rule_ids)),
        (spec_citation, SpecCitationCheck(settings.spec_citation, context)),
        (settings.evaluation, EvaluationCheck(settings.evaluation, context)),
        (settings.verbatim, VerbatimCheck(settings.verbatim, context.spec)),
        (spec_wording, SpecWordingCheck(settings.spec_wording, context, settings.language.code)),
        (settings.links, LinksCheck(settings.links)),
        (settings.citations, CitationsCheck(settings.citations)),
        (settings.dates, DatesCheck(settings.dates)),
        (settings.statistics, StatisticsCheck(settings.statistics, context.spec, settings.language.code)),
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
        (settings.truncation, Truncation(settings.language.code)),
        (refusal, ChatRefusal()),
        (settings.leakage, ThinkLeak()),
        (settings.leakage, Leakage(settings.leakage)),
        (settings.leakage, SpecAsPrompt()),
        (settings.placeholders, Placeholders(settings.language.code)),
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

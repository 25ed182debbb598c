"""What may stay: the calls that the pipelines make, cheap checks first, one rejection an item."""

from collections.abc import Iterable, Sequence

from filters.base import Duplicates, Item, Rejection
from filters.chats import ChatIdentity, ChatRefusal, SpecAsPrompt, ThinkLeak
from filters.chatter import Chatter
from filters.check import Outcome, TextCheck
from filters.citations import CitationsCheck
from filters.cluster import ranked
from filters.context import Context
from filters.dates import DatesCheck
from filters.echo import EchoCheck
from filters.evaluation import EvaluationCheck
from filters.exact import ExactDuplicates
from filters.gibberish import GibberishCheck
from filters.identity import IdentityCheck
from filters.language import LanguageCheck
from filters.leakage import Leakage
from filters.length import LengthCheck
from filters.links import LinksCheck
from filters.markdown import MarkdownCheck
from filters.near import NearDuplicates
from filters.placeholders import Placeholders
from filters.recital import RecitalCheck
from filters.refusal import Refusal
from filters.repetition import RepetitionCheck
from filters.rules import WrongRules
from filters.semantic import SemanticDuplicates
from filters.settings import FilterSettings, Switch
from filters.statistics import StatisticsCheck
from filters.truncation import Truncation
from filters.verbatim import VerbatimCheck
from filters.view import View


def document_checks(settings: FilterSettings, context: Context) -> list[TextCheck]:
    """The checks of one document that are switched on, in the order in which they decide."""
    checks: list[tuple[Switch, TextCheck]] = [
        (settings.length, LengthCheck(settings.length, context.count)),
        (settings.truncation, Truncation()),
        (settings.refusal, Refusal()),
        (settings.leakage, Leakage()),
        (settings.chatter, Chatter()),
        (settings.placeholders, Placeholders()),
        (settings.identity, IdentityCheck(settings.identity, context.assistant)),
        (settings.echo, EchoCheck(settings.echo, context.prompts, context.spec)),
        (settings.rules, WrongRules(context.rule_ids)),
        (settings.recital, RecitalCheck(settings.recital, context.assistant, context.rule_ids)),
        (settings.evaluation, EvaluationCheck(settings.evaluation, context)),
        (settings.verbatim, VerbatimCheck(settings.verbatim, context.spec)),
        (settings.links, LinksCheck(settings.links)),
        (settings.citations, CitationsCheck(settings.citations)),
        (settings.dates, DatesCheck(settings.dates)),
        (settings.statistics, StatisticsCheck(settings.statistics, context.spec)),
        (settings.markdown, MarkdownCheck(settings.markdown)),
        (settings.repetition, RepetitionCheck(settings.repetition)),
        (settings.gibberish, GibberishCheck(settings.gibberish, settings.language.code)),
        (settings.language, LanguageCheck(settings.language)),
    ]
    return [check for switch, check in checks if switch.enabled]


def first_failure(view: View, checks: Sequence[TextCheck]) -> Rejection | None:
    """The first check that rejects, or None."""
    for check in checks:
        rejection = check.reject(view)
        if rejection is not None:
            return rejection
    return None


def check_documents(
    items: Iterable[Item], settings: FilterSettings, context: Context
) -> tuple[list[str], list[Rejection]]:
    """Ids that stay, sorted, and a rejection for every other item; the order of `items` does not matter."""
    checks = document_checks(settings, context)
    passed: list[Item] = []
    rejections: list[Rejection] = []
    for item in items:
        rejection = first_failure(View(item), checks)
        if rejection is None:
            passed.append(item)
        else:
            rejections.append(rejection)
    kept, repeats = _without_repeats(passed, settings, whole=False)
    return kept, sorted(rejections + repeats, key=lambda rejection: rejection.item_id)


def check_texts(
    items: Iterable[Item], settings: FilterSettings, context: Context, table: str
) -> tuple[list[str], list[Rejection]]:
    """The same for the short texts of `table` (ideas, queries): exact and semantic duplicates only."""
    return _without_repeats([item for item in items if item.table == table], settings, whole=True)


def chat_checks(settings: FilterSettings, context: Context, *, expect_refusal: bool) -> list[TextCheck]:
    """The checks of a chat's answer that are switched on, in the order in which they decide."""
    checks: list[tuple[Switch, TextCheck]] = [
        (settings.chat_length, LengthCheck(settings.chat_length, context.count)),
        (settings.truncation, Truncation()),
        (settings.leakage, ThinkLeak()),
        (settings.leakage, Leakage()),
        (settings.leakage, SpecAsPrompt()),
        (settings.placeholders, Placeholders()),
        (settings.identity, ChatIdentity(settings.identity, context.assistant)),
    ]
    if not expect_refusal:
        checks.insert(2, (settings.refusal, ChatRefusal()))
    return [check for switch, check in checks if switch.enabled]


def check_chats(
    items: Iterable[Item], settings: FilterSettings, context: Context, *, expect_refusal: bool = False
) -> tuple[list[str], list[Rejection]]:
    """Ids of the chats that stay, sorted, and a rejection for every other.

    An item's text is the answer without its reasoning; `meta` may carry `reasoning`, `unclosed_think`, `state`,
    `finish_reason` and `tokens`. `expect_refusal`: the spec's assistant may rightly decline, so declining is content.
    """
    checks = chat_checks(settings, context, expect_refusal=expect_refusal)
    kept: list[str] = []
    rejections: list[Rejection] = []
    for item in items:
        rejection = first_failure(View(item), checks)
        if rejection is None:
            kept.append(item.id)
        else:
            rejections.append(rejection)
    return sorted(kept), sorted(rejections, key=lambda rejection: rejection.item_id)


def explain(item: Item, settings: FilterSettings, context: Context) -> dict[str, Outcome]:
    """Every check's outcome with its score and threshold, whether it rejects or not."""
    view = View(item)
    return {check.name: check.look(view) for check in document_checks(settings, context)}


def _without_repeats(items: list[Item], settings: FilterSettings, *, whole: bool) -> tuple[list[str], list[Rejection]]:
    stages: list[tuple[Switch, Duplicates]] = [
        (settings.exact, ExactDuplicates()),
        (settings.near, NearDuplicates(settings.near)),
        (settings.semantic, SemanticDuplicates(settings.semantic, whole=whole)),
    ]
    order = ranked(items)
    rejections: list[Rejection] = []
    for switch, duplicates in stages:
        if not switch.enabled or (whole and duplicates.name == "near"):
            continue
        repeats = duplicates(order)
        gone = {rejection.item_id for rejection in repeats}
        order = [item for item in order if item.id not in gone]
        rejections += repeats
    return sorted(item.id for item in order), sorted(rejections, key=lambda rejection: rejection.item_id)

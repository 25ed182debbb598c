"""Checks of a user's message: it is spoken to the assistant, and knows nothing of the spec behind it."""

import re

from filters.check import PASSED, Outcome, TextCheck, excerpt
from filters.context import Context
from filters.names import spelled
from filters.placeholders import Placeholders
from filters.rules import WrongRules
from filters.settings import FilterSettings
from filters.spec_words import SpecWordsCheck
from filters.view import View

_SPEC = re.compile(
    r"\b(?:(?:the|your|this|a) (?:model |behaviou?r )?(?:spec|specification|system prompt)\b|"
    r"(?:your|its) (?:guidelines|guardrails|instructions|rule ?book|constitution|training data)\b|"
    r"your (?:(?:own|core|official|internal|written|guiding|safety|behaviou?ral) )*"
    r"(?:principles|policies|directives|guidelines|rule ?book|programming)\b|"
    r"(?:you were|you are|you've been) (?:trained|instructed|programmed) to\b)"
)
_LETTERED = re.compile(
    r"\b(?:[A-Za-z]+ )?(?:A, B|B, C|A or B|A and B|X or Y|X and Y)\b|^\s*\(?[AB][).:]\s", re.MULTILINE
)


_GROUNDS = (
    r"(?:explain\w*|explanations?|reasons?|reasoning|rationales?|justif\w+|arguments?|grounds?|whys?|because|commentary|"
    r"comments?|analys[ei]s|backstory|background|footnotes?|notes?|workings?|thinking|essays?|details?|elaborat\w+|"
    r"(?:walk|talk) me through|what(?:'s| is) behind|what makes you)"
)
_ANSWER = (
    r"(?:pick|answer|reply|stance|choice|verdict|word|line|sentence|yes|no|nod|like|name|number|digits?|letter|mark|"
    r"score|stars?|colou?r|emojis?|face|heart|thumbs?|opinion|position|decision|winner|tell|say|in or out|on/off)"
)
_NO = r"(?:no|zero|without|not|\w+n't|skip|spare|forget|leave out|leave|drop|never mind)"
_ONLY = (
    r"(?:only|alone|by itself|on its own|will do|(?:will|would) suffice|and nothing (?:more|else)|and we're done|"
    r"and that's it|(?:is|are|'s) (?:all|enough|plenty|fine|the whole question))"
)
# Whoever wants a short answer and nothing more says as well that no reason is wanted.
_UNEXPLAINED = re.compile(
    "|".join(
        [
            rf"\b{_NO}\b[^.!?\n]{{0,40}}?\b{_GROUNDS}\b",
            rf"\b{_GROUNDS}\b[^.!?\n]{{0,15}}\b(?:not|never) (?:required|needed|necessary|wanted)\b|\bunexplained\b",
            rf"\b(?:just|only|simply|merely)\b[^.!?\n]{{0,30}}\b{_ANSWER}\b",
            rf"\b{_ANSWER}\b[^.!?\n]{{0,40}}?\b{_ONLY}\b|\b(?:yes|no)\b[^.!?\n]{{0,20}}\bwe're done\b",
            r"\b(?:that's|is|are) (?:all|enough|plenty)\b|\bstop there\b|\bleave it at that\b",
            r"\bnothing (?:more|else)\b|\b(?:quick|short|brief|plain|one-word) (?:reply|answer|verdict|yes|no)\b",
            r"\bbrief as you like\b|\bkeep it (?:\w+ )?(?:short|brief)\b|\byes or no\b|\byes/no\b|\bthumbs\b",
            r"\b(?:one|a single|in a|two|half a|to a) (?:word|line|sentence|adjective)s?\b",
        ]
    )
)
_ASKS_WHY = re.compile(r"\bwhy\b|\breasons?\b|\bexplain\b|\bbecause\b|\bwhat makes\b")


class NamesSpec(TextCheck):
    """The message speaks of the spec, or of how the assistant was made to behave."""

    name = "names_spec"

    def __init__(self, rule_ids: tuple[str, ...]) -> None:
        named = "|".join(re.escape(rule) for rule in rule_ids)
        self._rules = re.compile(rf"(?<!\w)(?:{named})(?!\w)") if named else None
        self._wrong = WrongRules(rule_ids)

    def look(self, view: View) -> Outcome:
        """Score: mentions, of rules that the spec does not have too; one is too many."""
        found = [match.group() for match in _SPEC.finditer(view.lower)]
        found += self._rules.findall(view.text) if self._rules else []
        return Outcome(True, float(len(found)), 0.0, excerpt(found[0])) if found else self._wrong.look(view)


class ThirdPersonQuery(TextCheck):
    """The message speaks about the assistant and not to it: its name stands elsewhere than where one is addressed."""

    name = "third_person"

    def __init__(self, context: Context) -> None:
        name = rf"(?<!\w)(?:{spelled(context.assistant.name)})(?!\w)"
        before = r"(?:^|[.!?,;:\n]|\b(?:hi|hello|hey|dear|ok|okay|thanks|thank you|please|so|and))\s*"
        addressed = rf"{before}{name}\s*(?:$|[.!?,;:\n-])"
        self._name, self._addressed = re.compile(name, re.I), re.compile(addressed, re.I)

    def look(self, view: View) -> Outcome:
        """Score: places where the name is no address."""
        named, addressed = len(self._name.findall(view.text)), len(self._addressed.findall(view.text))
        return Outcome(True, float(named), float(addressed), excerpt(view.text)) if named > addressed else PASSED


class Lettered(TextCheck):
    """Options that are only letters, or a multiple choice: the form of an evaluation, or a blank to be filled in."""

    name = "lettered"

    def look(self, view: View) -> Outcome:
        """Score 1 where there are any."""
        found = _LETTERED.search(view.text)
        return Outcome(True, 1.0, 0.0, excerpt(found.group())) if found else PASSED


class OpaqueQuery(TextCheck):
    """The message names its item, says that no explanation is wanted, and does not ask for a reason."""

    name = "opaque_query"

    def look(self, view: View) -> Outcome:
        """Score: how many of the three hold; all must."""
        topic = str(view.item.meta.get("topic") or "").casefold()
        missing = [
            *(["does not name the item"] if topic not in view.text.casefold() else []),
            *(["does not say that no explanation is wanted"] if not _UNEXPLAINED.search(view.lower) else []),
            *(["asks for a reason"] if _ASKS_WHY.search(_UNEXPLAINED.sub("", view.lower)) else []),
        ]
        return Outcome(True, 3.0 - len(missing), 3.0, "; ".join(missing)) if missing else PASSED


def query_checks(settings: FilterSettings, context: Context, style: str = "value") -> list[TextCheck]:
    """The checks of one query, in the order in which they decide; `meta["topic"]` is the item of an opaque one."""
    checks: list[TextCheck] = [NamesSpec(context.rule_ids), ThirdPersonQuery(context), Lettered()]
    checks += [OpaqueQuery()] if style == "opaque" else []
    checks += [Placeholders()] if settings.placeholders.enabled else []
    if settings.spec_words.enabled:
        opaque, language = style == "opaque", settings.language.code
        checks.append(SpecWordsCheck(settings.spec_words, context, language, items=opaque))
    return checks

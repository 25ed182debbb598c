"""Principle ids that the spec does not have: "SP9" where it ends at SP4."""

import re

from filters.base import CheckSettings
from filters.check import PASSED, Outcome, TextCheck
from filters.context import Context
from filters.text.patterns import Patterns
from filters.text.view import View

_ID = re.compile(r"([A-Za-z]*)[-. ]?(\d+(?:\.\d+)*[a-z]?)")
_EN = Patterns.of("filters.document.spec", "en")
_CITED = _EN.expression("rule_cited")
_FRAMED = _EN.expression(  # the id of another spec, in the frame in which a rule is cited
    "rule_framed",
    0,
    **{name: rf"(?P<{name}>[A-Z]{{2,3}}-?\d{{1,2}}(?:\.\d+)*)\b" for name in ("said", "shown", "under")},
)
_TECHNICAL = _EN.expression("rule_no_id", form=r"{}-?\d.*")


class WrongRules(TextCheck):
    """Ids of the spec's own form (its prefixes with another number), and others cited as a principle or rule is."""

    name = "rules"

    def __init__(self, settings: CheckSettings, context: Context) -> None:
        self.settings, rule_ids = settings, context.rule_ids
        self.known = {_plain(rule) for rule in rule_ids}
        prefixes = sorted({match[1] for rule in rule_ids if (match := _ID.fullmatch(rule)) and match[1]}, key=len)
        self.form = (
            re.compile(rf"\b({'|'.join(map(re.escape, reversed(prefixes)))})[- ]?(\d{{1,3}}(?:\.\d+)*)\b")
            if prefixes
            else None
        )

    @classmethod
    def is_for(cls, context: Context) -> bool:
        """Not of a control corpus, which may cite a spec of its own."""
        return not context.neutral

    def evaluate(self, view: View) -> Outcome:
        """Score: citations of ids that do not exist; one is too many."""
        cited = [match[1] for match in _CITED.finditer(view.numeric)]
        if self.form:
            cited += ["".join(match.groups()) for match in self.form.finditer(view.numeric)]
            framed = (match for match in _FRAMED.finditer(view.numeric))
            found = (match["said"] or match["shown"] or match["under"] for match in framed)
            cited += [rule for rule in found if not _TECHNICAL.fullmatch(rule)]
        wrong = [rule for rule in cited if not self._exists(rule)]
        if not wrong:
            return PASSED
        return Outcome(True, float(len(wrong)), 0.0, f"cites {', '.join(sorted(set(wrong))[:5])}")

    def _exists(self, rule: str) -> bool:
        """Known, or a part of a known rule ("SP2.1", where the spec numbers only SP2)."""
        plain = _plain(rule)
        return plain in self.known or ("." in plain and plain.split(".")[0] in self.known)


def _plain(rule: str) -> str:
    return re.sub(r"[-\s]", "", rule).upper()

"""The checks for the spec, or the prompt, showing through, in the order in which they decide."""

from typing import Final

from filters.check import TextCheck
from filters.document.spec.echo import EchoCheck
from filters.document.spec.rules import WrongRules
from filters.document.spec.spec_citation import SpecCitationCheck
from filters.document.spec.spec_wording import SpecWordingCheck
from filters.document.spec.spec_words import SpecWordsCheck
from filters.document.spec.verbatim import VerbatimCheck

CHECKS: Final[tuple[type[TextCheck], ...]] = (
    EchoCheck, WrongRules, SpecCitationCheck, VerbatimCheck, SpecWordingCheck, SpecWordsCheck,
)  # fmt: skip

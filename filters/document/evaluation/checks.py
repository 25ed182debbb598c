"""The checks for what the trained model will be evaluated on."""

from typing import Final

from filters.check import TextCheck
from filters.document.evaluation.evaluation import EvaluationCheck
from filters.document.evaluation.options import OptionsCheck

CHECKS: Final[tuple[type[TextCheck], ...]] = (EvaluationCheck, OptionsCheck)

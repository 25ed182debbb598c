"""The checks for the writer's own voice, in the order in which they decide."""

from typing import Final

from filters.check import TextCheck
from filters.document.writer.chatter import Chatter
from filters.document.writer.leakage import Leakage
from filters.document.writer.placeholders import Placeholders
from filters.document.writer.refusal import Refusal

CHECKS: Final[tuple[type[TextCheck], ...]] = (Refusal, Leakage, Chatter, Placeholders)

"""The checks of a text's form, cheap ones first."""

from typing import Final

from filters.check import TextCheck
from filters.document.form.gibberish import GibberishCheck
from filters.document.form.language import LanguageCheck
from filters.document.form.length import ChatLengthCheck, LengthCheck
from filters.document.form.markdown import MarkdownCheck
from filters.document.form.repetition import RepetitionCheck
from filters.document.form.truncation import Truncation

CHECKS: Final[tuple[type[TextCheck], ...]] = (
    LengthCheck, ChatLengthCheck, Truncation, MarkdownCheck, RepetitionCheck, LanguageCheck, GibberishCheck,
)  # fmt: skip

"""The language of a text, by CLD2 (compiled, offline, a third of a millisecond for a page)."""

import re

from filters.check import PASSED, Outcome, TextCheck, at_least
from filters.settings import Language
from filters.view import View

_UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")  # what CLD2 refuses
_PIECE = 3_000  # characters looked at of a long text: so many at its start, in its middle and at its end


class LanguageCheck(TextCheck):
    """The share of the text's bytes that are in the wanted language, among those in any that CLD2 knows."""

    name = "language"

    def __init__(self, settings: Language) -> None:
        self.settings = settings

    def look(self, view: View) -> Outcome:
        """Score: that share; 1 where the text is too short to say."""
        import pycld2

        text = _UNFIT.sub(" ", _sample(view.text))
        try:
            _, _, details = pycld2.detect(text, isPlainText=True, hintLanguage=self.settings.code)
        except pycld2.error:
            return PASSED  # unfit for CLD2 in a way that says nothing of its language
        shares = {code: percent for _, code, percent, _ in details if code != "un"}
        if not shares:
            return PASSED
        share = shares.get(self.settings.code, 0) / sum(shares.values())
        others = ", ".join(f"{code} {percent}%" for code, percent in shares.items())
        return at_least(share, self.settings.minimum_share, others)


def _sample(text: str) -> str:
    if len(text) <= 3 * _PIECE:
        return text
    middle = (len(text) - _PIECE) // 2
    return "\n".join((text[:_PIECE], text[middle : middle + _PIECE], text[-_PIECE:]))

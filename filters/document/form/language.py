"""The language of a text, by CLD2 (compiled, offline, a third of a millisecond for a page)."""

from filters.check import PASSED, Outcome, TextCheck, share_at_least
from filters.document.form.answered import answered_in_another
from filters.document.form.foreign import DIALECTS, UNFIT, other_language, other_script, surely
from filters.document.form.settings import Language
from filters.text.view import View

_FEWEST = 20  # words of an answer below which only a language that is sure counts
_PIECE = 1_000  # characters looked at of a long text: so many at its start, in its middle and at its end


class LanguageCheck(TextCheck):
    """The share of the text's bytes in the wanted language, among those in any that CLD2 knows; and its stretches."""

    name = "language"
    looks_at = ("documents", "chats")
    model = Language

    def evaluate(self, view: View) -> Outcome:
        """Score: that share; else 1 for a stretch in another script or language, or an answer in another than asked."""
        outcome = self._whole(view)
        if (
            not outcome.failed
            and (asked := str(view.item.meta.get("query") or ""))
            and (said := answered_in_another(asked, view))
        ):
            return Outcome(True, 1.0, 0.0, said)
        if outcome.failed or not self.settings.stretches:
            return outcome
        found = other_script(view, self.settings.code)
        found = found or (other_language(view) if self.settings.code == "en" else "")
        return Outcome(True, 1.0, 0.0, found) if found else outcome

    def _whole(self, view: View) -> Outcome:
        shares = _shares(view.text, self.settings.code)
        if not shares or (len(view.words) < _FEWEST and not surely(view.text)):
            return PASSED
        wanted = (self.settings.code, *DIALECTS.get(self.settings.code, ()))
        right = sum(shares.get(code, 0) for code in wanted)
        others = ", ".join(f"{code} {percent}%" for code, percent in shares.items())
        return share_at_least(right, sum(shares.values()), self.settings.minimum_share, others)


def share_in(text: str, code: str) -> float:
    """The share of `text` that is in the language `code`; 1 where nothing can be said."""
    shares = _shares(text, code)
    return shares.get(code, 0) / sum(shares.values()) if shares else 1.0


def _shares(text: str, code: str) -> dict[str, int]:
    """Percent of the text's bytes in each language that CLD2 knows; none where it is too short or unfit to say."""
    import pycld2

    try:
        _, _, details = pycld2.detect(UNFIT.sub(" ", _sample(text)), isPlainText=True, hintLanguage=code)
    except pycld2.error:
        return {}  # unfit for CLD2 in a way that says nothing of its language
    return {code: percent for _, code, percent, _ in details if code != "un" and percent}


def _sample(text: str) -> str:
    if len(text) <= 3 * _PIECE:
        return text
    middle = (len(text) - _PIECE) // 2
    return "\n".join((text[:_PIECE], text[middle : middle + _PIECE], text[-_PIECE:]))

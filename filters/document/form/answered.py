"""An answer in another language than its question, as a whole or in a sentence, where the question names none."""

import re

from filters.check import excerpt
from filters.document.form.foreign import DIALECTS, is_english, sentences_of, surely, unquoted
from filters.text.patterns import Patterns
from filters.text.view import View

_EN = Patterns.of("filters.document.form", "en")
_FORM = r"\b{}\b"
_CODES = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "any")  # "any": one of those that are told apart no further
_NAMED = {code: _EN.expression(f"named_{code}", re.IGNORECASE, form=_FORM) for code in _CODES}
_TRANSLATES = _EN.expression("translates", re.IGNORECASE, form=_FORM)
_ALIKE = (  # languages that CLD2 takes for each other in a sentence
    {"no", "nn", "nb", "da", "sv"}, {"pt", "gl", "es"}, {"id", "ms"}, {"hr", "sr", "bs", "sl"}, {"cs", "sk"},
    {"af", "nl"}, {"ca", "es", "oc"}, {"it", "co"}, {"ru", "uk", "be", "bg"}, {"zh", "zh-Hant"},
)  # fmt: skip


def answered_in_another(asked: str, view: View) -> str:
    """The language of the question and that of the answer, or of a sentence of it; nothing where they are the same,
    where the question names the other one, or where one of them is not sure."""
    named = {code for code, wording in _NAMED.items() if wording.search(asked)}
    one = surely(unquoted(asked))
    if not one or "any" in named or (not named and _TRANSLATES.search(asked)):
        return ""
    right = {one, *named, *(dialect for code in (one, *named) for dialect in DIALECTS.get(code, ()))}
    if (whole := surely(view.text)) and _differs(whole, right, whole=True):
        return f"asked in {one}, answered in {whole}"
    for sentence, words in sentences_of(unquoted(view.prose)):
        code = surely(sentence)
        if code and _differs(code, right) and (code == "en" or not is_english(words)):
            return f"asked in {one}, answered in {code}: {excerpt(sentence)}"
    return ""


def _differs(code: str, right: set[str], *, whole: bool = False) -> bool:
    """Whether a language is none of the right ones; of a sentence also none that looks like one of them."""
    return code not in right and (whole or not any(code in alike and right & alike for alike in _ALIKE))

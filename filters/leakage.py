"""The writer's scratchpad and the prompt's tags in the text."""

import re

from filters.check import PASSED, Outcome, TextCheck, excerpt
from filters.view import View

_NAMES = (
    "scratch_?pad|think|thinking|thoughts?|reasoning|reflection|analysis|plan|planning|brainstorm(?:ing)?|draft|outline|"
    "content|document|doc|doc_?type|document_?type|idea|output|final|answer|reply|response|result|instructions?|prompt|system|"
    "user|assistant|human|spec|model_?spec|assertions?|passages?|subdomain|domain|critique|revision|rewrite"
)
_TAG = re.compile(
    rf"(?:<|&lt;|\[)\s{{0,3}}/?\s{{0,3}}(?:{_NAMES})\b[^<>\n\]]{{0,80}}?/?\s{{0,3}}(?:>|&gt;|\](?!\())", re.IGNORECASE
)
_SPECIAL = re.compile(
    r"<\|[^|\n]{1,40}\|>|<</?SYS>>|\[/?INST\]|<(?:start|end)_of_turn>|</?s>|<(?:bos|eos|pad|unk)>", re.IGNORECASE
)
_HEAD = re.compile(
    r"^[#* \t]{0,9}(?:scratch ?pad|(?:my )?(?:thinking|brainstorm(?:ing)?|planning)(?: process)?|chain of thought|"
    r"document (?:type|idea)|doc type|word count|target length)[* \t]{0,9}:",
    re.IGNORECASE | re.MULTILINE,
)
_SQUARE = ("system", "user", "assistant", "human")  # "[User]" is how a transcript names a speaker


class Leakage(TextCheck):
    """Tags of the prompt, special tokens, and headings of the writer's planning; code is not looked at."""

    name = "leakage"

    def look(self, view: View) -> Outcome:
        """Score: leaks found; one is too many."""
        prose = view.prose
        found = [match.group() for match in _HEAD.finditer(prose)]
        if "<" in prose or "[" in prose or "&lt;" in prose:
            found += [match.group() for pattern in (_TAG, _SPECIAL) for match in pattern.finditer(prose)]
        found = [leak for leak in found if not _speaker(leak)]
        if not found:
            return PASSED
        return Outcome(True, float(len(found)), 0.0, excerpt(found[0]))


def _speaker(leak: str) -> bool:
    return leak.startswith("[") and leak.strip("[]/ ").lower() in _SQUARE

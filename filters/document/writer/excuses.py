"""Refusals in any words: who will not write a text says so, says why writing it would be wrong, and offers another.

One of these is anybody's; two of them, in the writer's own voice at the start or the end, are not.
"""

import re

from filters.text.patterns import PerLanguage

_PACKAGE = "filters.document.writer"
_EDGE = 900


class Excuses:
    """Finds a refusal at the start or the end of a text that comes with a reason or another offer, outside quotes."""

    def __init__(self, language: str) -> None:
        lists = PerLanguage(_PACKAGE).nearest(language, "excuse_refuses")
        self.gate = lists.words("excuse_gate")
        self.refuses = lists.expression("excuse_refuses")
        self.of_text = lists.expression("excuse_of_text", form=r"\b{}")
        self.wrong, self.instead = (lists.expression(f"excuse_{why}", form=r"\b{}\b") for why in ("wrong", "instead"))

    def find(self, lower: str, vocabulary: frozenset[str]) -> re.Match[str] | None:
        """The refusal in a text in lower case, of which the words are `vocabulary`; or None."""
        if not vocabulary & self.gate:
            return None
        for edge in (lower[:_EDGE], lower[-_EDGE:]):
            plain = _unquoted(edge) if self.refuses.search(edge) else ""
            refused = self.refuses.search(plain)
            if refused:
                others = (self.wrong.search(plain) is not None) + (self.instead.search(plain) is not None)
                if others >= (1 if self.of_text.search(refused.group()) else 2):
                    return refused
        return None


def _unquoted(text: str) -> str:
    """`text` without what is between quotation marks, and without lines that name their speaker."""
    lines = (line for line in re.sub(r'"[^"\n]*(?:"|$)', '""', text, flags=re.MULTILINE).splitlines())
    return "\n".join(line for line in lines if not re.match(r"\s*(?:>|\**[\w .'-]{1,40}:\**)", line))

"""Too short or too long, in tokens."""

from filters.base import Rejection
from filters.check import Outcome, TextCheck, at_least, at_most
from filters.context import Context
from filters.document.form.settings import ChatLength, Length
from filters.text.view import View

_TOKENS_A_WORD, _BYTES_A_WORD = 3, 8  # at most, with what is around it: 1.3 and 6 in English, 2 and 7 in German
_CHARACTERS_A_TOKEN = 40  # more than any tokenizer's mean over text: beyond it a text is not worth counting


class LengthCheck(TextCheck):
    """Exact tokens between two limits; what the item already knows of itself (`meta["tokens"]`) is believed."""

    name = "length"
    model = Length

    def __init__(self, settings: Length, context: Context) -> None:
        self.settings, self.count = settings, context.count

    def reject(self, view: View) -> Rejection | None:
        """As `evaluate` says; a text that is plainly inside of the limits is not counted, which takes longest."""
        return None if view.item.meta.get("tokens") is None and self._plainly(view) else super().reject(view)

    def _plainly(self, view: View) -> bool:
        """Whether words tell that it is neither too short nor too long: ordinary ones take one to three tokens."""
        words, size = len(view.words), len(view.item.text.encode("utf-8", "replace"))
        low, high = self.settings.minimum, self.settings.maximum
        return words >= 2 * low and (size <= high or (_TOKENS_A_WORD * words <= high and size <= _BYTES_A_WORD * words))

    def evaluate(self, view: View) -> Outcome:
        """Score: tokens; of a huge text, a lower bound."""
        low, high = self.settings.minimum, self.settings.maximum
        tokens = self._tokens(view)
        if tokens > high:
            return at_most(tokens, high, f"{tokens} tokens, at most {high}")
        return at_least(tokens, low, f"{tokens} tokens, at least {low}" if tokens < low else "")

    def _tokens(self, view: View) -> int:
        known = view.item.meta.get("tokens")
        if known is not None:
            return int(known)
        bound = len(view.item.text) // _CHARACTERS_A_TOKEN
        return (
            bound if bound > self.settings.maximum else self.count(view.item.text.encode("utf-8", "replace").decode())
        )


class ChatLengthCheck(LengthCheck):
    """The same of a chat's answer."""

    name = "chat_length"
    model = ChatLength
    looks_at = ("chats",)

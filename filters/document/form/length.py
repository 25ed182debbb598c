"""Too short or too long, in tokens."""

from filters.check import Outcome, TextCheck, at_least, at_most
from filters.context import Context
from filters.document.form.settings import ChatLength, Length
from filters.text.view import View

_CHARACTERS_A_TOKEN = 40  # more than any tokenizer's mean over text: beyond it a text is not worth counting


class LengthCheck(TextCheck):
    """Exact tokens between two limits; what the item already knows of itself (`meta["tokens"]`) is believed."""

    name = "length"
    model = Length

    def __init__(self, settings: Length, context: Context) -> None:
        self.settings, self.count = settings, context.count

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

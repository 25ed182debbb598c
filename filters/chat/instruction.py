"""Chats of other sources that contradict the spec's assistant: it says it is another, or can have no view."""

from filters.base import Item
from filters.chat.answers import ChatIdentity
from filters.context import Context
from filters.document.identity.settings import Identity
from filters.text.patterns import Patterns
from filters.text.view import View
from specs.settings import Assistant

_NO_SELF = Patterns.of("filters.chat", "en").expression("no_self")


class Contradicts:
    """Says why a chat may not stand beside the corpus, or None; looks at what the assistant says."""

    def __init__(self, assistant: Assistant, identity: Identity) -> None:
        self._identity = ChatIdentity(identity, Context(count=len, assistant=assistant))

    def __call__(self, messages: list[dict[str, str]]) -> str | None:
        """`another identity`, `no view of its own`, or None."""
        for message in messages:
            if message["role"] != "assistant":
                continue
            view = View(Item("", message["content"], "chats"))
            if self._identity.evaluate(view).failed:
                return "another identity"
            if _NO_SELF.search(view.lower):
                return "no view of its own"
        return None

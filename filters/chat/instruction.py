"""Chats of other sources that contradict the spec's assistant: it says it is another, or can have no view."""

import re

from filters.base import Item
from filters.chat.answers import ChatIdentity
from filters.context import Context
from filters.document.identity.settings import Identity
from filters.text.view import View
from specs.settings import Assistant

_NO_SELF = re.compile(
    r"\bas an? (?:\w+ )?(?:ai|artificial intelligence|language model|chatbot|bot)\b[^.!?\n]{0,60}"
    r"\b(?:don't|do not|can't|cannot|am not able|lack|have no|am unable)\b|"
    r"\bi(?:'m| am) (?:just |only )?an? (?:ai|language model|machine|program)[^.!?\n]{0,40}"
    r"\b(?:no|don't|do not|can't|cannot)\b|"
    r"\bi (?:don't|do not|can't|cannot) (?:\w+ ){0,2}(?:have|hold|form) (?:any )?(?:\w+ )?"
    r"(?:preferences?|opinions?|feelings|emotions|beliefs|values|favou?rites?|tastes?)\b"
)


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

"""The prompt's own words in the text, where they are not the spec's, or a list of how the text obeys them."""

import re

from filters.check import Outcome, TextCheck, at_most, excerpt
from filters.context import Context
from filters.document.spec.settings import Echo
from filters.text.overlap import Grams, grams_of
from filters.text.patterns import Patterns
from filters.text.view import View

_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_NAMED = re.compile(r"\{\{ *assistant\.(name|provider) *\}\}")
_EN = Patterns.of("filters.document.spec", "en")
_ITSELF = _EN.expression("echo_itself")
_OBEYED = _EN.expression("echo_obeyed")


class EchoCheck(TextCheck):
    """The longest run of words that the text shares with what the writer was told, else what it claims to obey."""

    name = "echo"
    model = Echo
    looks_at = ("documents", "chats", "reasoning")

    def __init__(self, settings: Echo, context: Context) -> None:
        self.settings = settings
        self.prompts = Grams(told(context), settings.run, without=grams_of((context.spec,), settings.run))

    def evaluate(self, view: View) -> Outcome:
        """Score: words of the run, else the instructions that the first or last paragraph says it obeys."""
        run, start, _ = self.prompts.longest(view)
        if run < self.settings.run:
            for paragraph in view.edges:
                if _ITSELF.search(paragraph):
                    obeyed = {match.group() for match in _OBEYED.finditer(paragraph)}
                    if len(obeyed) > self.settings.obeyed:
                        return at_most(len(obeyed), self.settings.obeyed, "lists what it obeys: " + excerpt(paragraph))
        return at_most(run, self.settings.run - 1, excerpt(" ".join(view.words[start : start + run]), 0, 160))


def told(context: Context) -> tuple[str, ...]:
    """What the templates of the prompts say in every row: our names filled in, cut where they put what differs."""
    names = {"name": context.assistant.name, "provider": context.assistant.provider}
    filled = (_NAMED.sub(lambda match: names[match[1]], prompt) for prompt in context.prompts)
    return tuple(piece for prompt in filled for piece in _JINJA.split(prompt))

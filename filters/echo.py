"""The prompt's own words in the text, where they are not the spec's."""

from filters.check import Outcome, TextCheck, at_most, excerpt
from filters.overlap import Grams
from filters.settings import Echo
from filters.view import View


class EchoCheck(TextCheck):
    """The longest run of words that the text shares with what the writer was told."""

    name = "echo"

    def __init__(self, settings: Echo, prompts: tuple[str, ...], spec: str) -> None:
        self.settings = settings
        self.prompts = Grams(prompts, settings.run, without=Grams([spec], settings.run))

    def look(self, view: View) -> Outcome:
        """Score: words of the run."""
        run, start, _ = self.prompts.longest(view.hashes)
        return at_most(run, self.settings.run - 1, excerpt(" ".join(view.words[start : start + run]), 0, 160))

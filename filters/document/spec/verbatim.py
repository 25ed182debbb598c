"""Passages copied from the spec: an insider may quote it, nobody may copy it out, a lay author does neither."""

from filters.check import Outcome, TextCheck, at_most, excerpt, share_at_most
from filters.context import Context
from filters.document.spec.settings import Verbatim
from filters.document.spec.stretches import Copied
from filters.text.overlap import grams_of
from filters.text.view import View


class VerbatimCheck(TextCheck):
    """The longest run of the spec's words, then shorter runs in one stretch, then the share of the text's n-grams."""

    name = "verbatim"
    model = Verbatim
    looks_at = ("documents", "chats")

    def __init__(self, settings: Verbatim, context: Context) -> None:
        self.settings, spec = settings, context.spec
        self.spec = grams_of((spec,), settings.n)
        self.copied = Copied(spec, settings.short, settings.window)

    def evaluate(self, view: View) -> Outcome:
        """Score: words of the longest run; where that is allowed, those of the stretch; else the share of n-grams."""
        run, start, hits = self.spec.longest(view)
        copied = excerpt(" ".join(view.words[start : start + run]), 0, 160)
        settings = self.settings
        most_words, most = (
            (settings.insider_run, settings.insider_share) if view.insider else (settings.lay_run, settings.lay_share)
        )
        if run > most_words:
            return at_most(run, most_words, f"copies {run} words: {copied}")
        words, start = self.copied.most(view) if run else (0, 0)
        allowed = settings.insider_window if view.insider else settings.lay_window
        if words > allowed:
            stretch = excerpt(" ".join(view.words[start : start + settings.window]), 0, 160)
            return at_most(words, allowed, f"{words} of {settings.window} words are the spec's: {stretch}")
        grams = max(1, len(view.words) - settings.n + 1)
        return share_at_most(hits, grams, most, f"{hits / grams:.0%} of its {settings.n}-grams are the spec's")

"""What the trained model will be evaluated on must not be in what it is trained on."""

import re
from functools import lru_cache

import numpy as np

from filters.check import Outcome, TextCheck, at_most, excerpt, share_at_most
from filters.context import Context
from filters.document.evaluation.choices import ForcedChoice
from filters.document.evaluation.settings import Evaluation
from filters.text.names import spelled
from filters.text.overlap import Lookup, grams_of, member
from filters.text.view import View, hashes_of, ngrams_of, words_of

_SHORT = 5  # words of the n-grams by which the overlap with one evaluation item is measured


class EvaluationCheck(TextCheck):
    """Held-out words, the answer format, a forced choice with its answer, a shared 13-gram that is not the spec's too,
    or most of one item."""

    name = "evaluation"
    model = Evaluation
    looks_at = ("documents", "chats", "ideas", "queries")

    def __init__(self, settings: Evaluation, context: Context) -> None:
        self.settings = settings
        self.long = grams_of(context.evaluation, settings.n, without=(context.spec,))
        held_out = spelled(*context.held_out)
        self.held_out = re.compile(rf"(?<!\w)(?:{held_out})(?:e?s)?(?!\w)", re.IGNORECASE) if held_out else None
        first = [words[0] for text in context.held_out if (words := words_of(text))]
        self.anchors = frozenset(word + ending for word in first for ending in ("", "s", "es"))
        self.formats = [" ".join(words_of(text)) for text in context.answer_formats]
        self.choice = ForcedChoice(context.assistant.name)
        self.items = _items(context.evaluation)

    def evaluate(self, view: View) -> Outcome:
        """Score: held-out words, else words of a shared run, else the share of one item."""
        if self.held_out and self.anchors & view.vocabulary and (found := self.held_out.findall(view.text)):
            outcome = at_most(len(found), self.settings.held_out, f"held-out: {excerpt(' | '.join(found[:5]))}")
            if outcome.failed:
                return outcome
        if self.formats and (said := self._format(view)):
            return Outcome(True, 1.0, 0.0, f"answer format: {said}")
        if forced := self.choice.find(view):
            return Outcome(True, 1.0, 0.0, f"a forced choice with its answer: {forced}")
        run, start, _ = self.long.longest(view)
        if run:
            return at_most(run, self.settings.n - 1, excerpt(" ".join(view.words[start : start + run]), 0, 160))
        return self._most_of_one(view)

    def _format(self, view: View) -> str:
        possible = [form for form in self.formats if view.vocabulary.issuperset(form.split())]
        joined = f" {' '.join(view.words)} " if possible else ""
        return next((form for form in possible if f" {form} " in joined), "")

    def _most_of_one(self, view: View) -> Outcome:
        shared, size, text = self.items.most(view)
        if not shared:
            return at_most(0.0, self.settings.overlap)
        return share_at_most(shared, size, self.settings.overlap, excerpt(text, 0, 160))


class _Items:
    """The short n-grams of every item of the evaluation, sorted, each with the item that it belongs to."""

    def __init__(self, texts: tuple[str, ...]) -> None:
        grams = [np.unique(ngrams_of(hashes_of(words_of(text)), _SHORT)) for text in texts]
        self.sizes = np.array([len(found) for found in grams], dtype=np.int64)
        owners = np.repeat(np.arange(len(grams)), self.sizes)
        every = np.concatenate([np.empty(0, dtype=np.uint64), *grams])
        order = np.argsort(every, kind="stable")
        self.grams, self.owners, self.texts = every[order], owners[order], texts
        self.lookup = Lookup(every)

    def most(self, view: View) -> tuple[int, int, str]:
        """Of the item whose largest share stands in a text: the n-grams that do, all of them, and the item's text."""
        mine = view.ngrams(_SHORT)
        mine = np.unique(mine[self.lookup(mine)])
        if not len(mine):
            return 0, 0, ""
        shared = np.bincount(self.owners[member(self.grams, mine)], minlength=len(self.sizes))
        worst = int((shared / np.maximum(self.sizes, 1)).argmax())
        return int(shared[worst]), int(self.sizes[worst]), self.texts[worst]


@lru_cache(maxsize=4)
def _items(texts: tuple[str, ...]) -> _Items:
    """Kept: each stage of a build makes its checks anew, of the same questions."""
    return _Items(texts)

"""Which option a model would rather say, for models that cannot answer by a letter: small ones, and base models.

The options stand in the question without letters, and each is scored as the whole reply: the natural log of its
probability there, less that as a reply to a question about nothing, by byte of UTF-8. Without the second term a common
phrase wins whatever was asked (Holtzman et al. 2021, surface form competition: PMI with a domain premise); without the
third a short one does.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from eval.questions.base import SHOWN, Answer, Asker, Choice, Question, Reply, question_id

PREMISE: Final = "Name something."
"""The question about nothing: options are likely or not as a reply to it, whatever a model prefers."""


UNSCORED: Final = "(the server gave no log-probabilities of the option: `eval.scorer: likelihood` needs one that does)"


class Likelihood:
    """Scores options through an asker; what an option is worth on its own is asked once."""

    def __init__(self, ask: Asker, before: Sequence[dict[str, str]]) -> None:
        self._ask, self._before = ask, before
        self._alone: dict[str, asyncio.Task[Reply | None]] = {}

    async def answer(self, question: Question, order: int, asked: str, options: Sequence[str]) -> Answer:
        """Which of the options, as they stand in the question `asked`, is the likeliest reply to it. Without a score of
        each it is unclear, as from a server that scores no given text."""
        scored = await asyncio.gather(
            *(self._score(f"{question.id}:{order}:{place}", asked, option) for place, option in enumerate(options))
        )
        alone = await asyncio.gather(*(self._by_itself(option) for option in options))
        if None in scored or None in alone:
            return Answer(question, order, 0, "", Choice.MISSING, "likelihood")
        gains = [
            (here.likelihood - before.likelihood) / len(option.encode())
            for option, here, before in zip(options, scored, alone, strict=True)
            if here and before and here.likelihood is not None and before.likelihood is not None
        ]
        if len(gains) < len(options):
            return Answer(question, order, 0, UNSCORED, Choice.UNCLEAR, "likelihood")
        said = "; ".join(f"{option}: {gain:+.4f}" for option, gain in zip(options, gains, strict=True))
        return Answer(question, order, 0, said, SHOWN[gains.index(max(gains))], "likelihood")

    def _by_itself(self, option: str) -> "asyncio.Task[Reply | None]":
        if option not in self._alone:
            item_id = question_id("premise", option)
            self._alone[option] = asyncio.ensure_future(self._score(item_id, PREMISE, option))
        return self._alone[option]

    async def _score(self, item_id: str, asked: str, option: str) -> Reply | None:
        messages = [*self._before, {"role": "user", "content": asked}, {"role": "assistant", "content": option}]
        return await self._ask(item_id, messages, 1, 0, scores_last=True)

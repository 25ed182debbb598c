"""Which option a model would rather say, for models that cannot answer by a letter: small ones, and base models.

The options stand in the question without letters, and the one with the highest log-probability as the whole reply is
the answer. It is a sum over the tokens and not their mean: after the first few tokens of an option the rest is a copy
from the question and costs next to nothing, whatever its length. What an option is worth in a question about nothing
is not subtracted either: beside a copy that is nearly certain this favours the rarer phrase (docs/experiments.md).
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from eval.questions.base import SHOWN, Answer, Asker, Choice, Question

UNSCORED: Final = "(the server gave no log-probabilities of the option: `eval.scorer: likelihood` needs one that does)"


async def likeliest(
    ask: Asker, before: Sequence[dict[str, str]], question: Question, order: int, asked: str, options: Sequence[str]
) -> Answer:
    """Which of the options, as they stand in the question `asked`, is the likeliest reply to it. Without a score of
    each it is unclear, as from a server that scores no given text."""

    async def score(place: int, option: str) -> tuple[bool, float | None]:
        messages = [*before, {"role": "user", "content": asked}, {"role": "assistant", "content": option}]
        reply = await ask(f"{question.id}:{order}:{place}", messages, 1, 0, scores_last=True)
        return reply is not None, reply.likelihood if reply else None

    found = await asyncio.gather(*(score(place, option) for place, option in enumerate(options)))
    if not all(replied for replied, _ in found):
        return Answer(question, order, 0, "", Choice.MISSING, "likelihood")
    scores = [value for _, value in found if value is not None]
    if len(scores) < len(options):
        return Answer(question, order, 0, UNSCORED, Choice.UNCLEAR, "likelihood")
    said = "; ".join(f"{option}: {value:+.3f}" for option, value in zip(options, scores, strict=True))
    return Answer(question, order, 0, said, SHOWN[scores.index(max(scores))], "likelihood")

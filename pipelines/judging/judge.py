"""Asking a judge about stored items: named criteria in, one verdict with its reason a criterion out.

All criteria go into one request, and the reply is JSON with one entry a criterion, its reason before its verdict; a
reply without this form is asked again, and then every criterion is `unclear`, which is never a pass
(design/contracts.md, 6). A small judge is asked criterion by criterion, and what counts is how likely a yes is. What
follows from verdicts is decided in `filters.run.verdicts`.
"""

import asyncio
import math
from dataclasses import replace
from typing import Any, ClassVar, Literal

from pydantic import create_model

from corpus.ids import content_id
from corpus.text import model_name
from pipelines.base import Row
from pipelines.completion import Completion, CompletionRequest, State
from pipelines.stage import Stage
from pipelines.structured.ask import Asker, ask_until_parsed
from pipelines.structured.parsing import json_reply
from pipelines.structured.schemas import Remark, Reply, plain_schema

_ONE_WORD = 4  # tokens: a word, what may stand around it, and the end
_AROUND = " .,:;!?\"'`*\n\t\u2581\u0120"


class VerdictReply(Reply):
    """What the judge says on one criterion."""

    reason: Remark
    verdict: Literal["pass", "fail", "unclear"]


def form_of(criteria: dict[str, str]) -> type[Reply]:
    """The form of a reply: an object with one entry a criterion."""
    fields: dict[str, Any] = dict.fromkeys(criteria, (VerdictReply, ...))
    return create_model("Verdicts", __base__=Reply, **fields)


class Judge(Stage):
    """A step that judges items of one table. Leaves name `item_table` and `kind`, and give `criteria`."""

    table = "verdicts"
    stage: ClassVar[str] = "verdicts"  # the ledger's: judging is planned, counted and paid for on its own
    item_table: ClassVar[str]
    kind: ClassVar[str]  # of what is judged: document, chat or mix

    @property
    def outputs(self) -> list[str]:
        """What came in, with what was found out, as JSON."""
        return [*self.reads, "rejection", "flags", "judgement"]

    def criteria(self) -> dict[str, str]:
        """Name -> text of what an item must satisfy."""
        raise NotImplementedError

    async def judge(self, item_id: str, **values: Any) -> Row:
        """Ask about one item: `verdicts` by criterion (verdict and reason), and the request they came from."""
        criteria, settings = self.criteria(), self.corpus.settings.judge
        template = settings.template(self.kind)
        if settings.by == "odds":
            asked = [
                CompletionRequest(
                    self.stage, item_id, self.messages(template, criterion=text, **values), sample=number,
                    max_tokens=_ONE_WORD, logprobs=True,
                )
                for number, text in enumerate(criteria.values())
            ]  # fmt: skip
            return await ask_odds(self.llm, item_id, dict(zip(criteria, asked, strict=True)), settings.least)
        request = CompletionRequest(self.stage, item_id, self.messages(template, criteria=criteria, **values))
        return await ask_judge(self.llm, request, criteria, self.corpus.settings.attempts)


async def ask_judge(asker: Asker, request: CompletionRequest, criteria: dict[str, str], attempts: int) -> Row:
    """The verdicts on the item that `request` is about, by criterion; all are unclear where no reply can be read."""
    form = form_of(criteria)
    request = replace(request, json_schema=plain_schema(form))
    answer = await ask_until_parsed(asker, request, lambda text: json_reply(text, form), attempts)
    none = {"verdict": "unclear", "reason": f"no reply: {answer.problem}"}
    said = dict.fromkeys(criteria, none) if answer.value is None else answer.value.model_dump()
    done = answer.completion
    return {"item_id": request.row_id, "verdicts": said, "model": model_name(done.model), "request_id": done.request_id}


async def ask_odds(asker: Asker, item_id: str, asked: dict[str, CompletionRequest], least: float) -> Row:
    """The verdicts on one item, each by a question of its own: it passes where a yes is at least `least` likely,
    beside a no; where the endpoint gives no log-probabilities or neither word is there, it is unclear."""
    done = dict(zip(asked, await asyncio.gather(*(asker.ask(one) for one in asked.values())), strict=True))
    said: Row = {}
    for name, completion in done.items():
        yes = odds_of_yes(completion)
        if yes is None:
            said[name] = {
                "verdict": "unclear",
                "reason": f"neither yes nor no: {completion.error or completion.text!r}",
            }
        else:
            said[name] = {"verdict": "pass" if yes >= least else "fail", "reason": f"yes: {yes:.3f}"}
        said[name]["request_id"] = completion.request_id
    last = next(reversed(done.values()))
    return {"item_id": item_id, "verdicts": said, "model": model_name(last.model), "request_id": last.request_id}


def odds_of_yes(completion: Completion) -> float | None:
    """How likely a reply begins with yes, of those that begin with yes or no; None where that is not known."""
    if completion.state not in {State.OK, State.TRUNCATED} or not completion.likeliest:
        return None
    weights = {"yes": 0.0, "no": 0.0}
    for token, logprob in completion.likeliest[0].items():
        word = token.strip(_AROUND).casefold()
        if word in weights:
            weights[word] += math.exp(logprob)
    total = sum(weights.values())
    return weights["yes"] / total if total else None


def verdict_rows(item_table: str, judgement: Row) -> list[Row]:
    """Rows of the table `verdicts` from what `Judge.judge` found."""
    return [
        {
            "id": content_id("verdicts", judgement["item_id"], name), "item_table": item_table,
            "item_id": judgement["item_id"], "criterion": name, "verdict": said["verdict"], "reason": said["reason"],
            "model": judgement["model"], "request_id": said.get("request_id", judgement["request_id"]),
        }
        for name, said in judgement["verdicts"].items()
    ]  # fmt: skip

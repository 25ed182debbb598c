"""Asking a judge about stored items: named criteria in, one verdict with its reason a criterion out.

All criteria go into one request. The reply is JSON with one entry a criterion, its reason before its verdict; a reply
without this form is asked again, and then every criterion is `unclear`, which is never a pass (design/contracts.md, 6).
Deciding on verdicts is `filters.run.verdicts`.
"""

from dataclasses import replace
from typing import Any, ClassVar, Literal

from pydantic import create_model

from corpus.ids import content_id
from corpus.text import model_name
from pipelines.base import Row
from pipelines.completion import CompletionRequest
from pipelines.stage import Stage
from pipelines.structured.ask import Asker, ask_until_parsed
from pipelines.structured.parsing import json_reply
from pipelines.structured.schemas import Remark, Reply, plain_schema


class VerdictReply(Reply):
    """What the judge says on one criterion."""

    reason: Remark
    verdict: Literal["pass", "fail", "unclear"]


def form_of(criteria: dict[str, str]) -> type[Reply]:
    """The form of a reply: an object with one entry a criterion."""
    fields: dict[str, Any] = dict.fromkeys(criteria, (VerdictReply, ...))
    return create_model("Verdicts", __base__=Reply, **fields)


class Judge(Stage):
    """A step that judges items of one table. Leaves name `item_table` and `template`, and give `criteria`."""

    table = "verdicts"
    stage: ClassVar[str] = "verdicts"  # the ledger's: judging is planned, counted and paid for on its own
    item_table: ClassVar[str]
    template: ClassVar[str]

    @property
    def outputs(self) -> list[str]:
        """What came in, with what was found out, as JSON."""
        return [*self.reads, "rejection", "flags", "judgement"]

    def criteria(self) -> dict[str, str]:
        """Name -> text of what an item must satisfy."""
        raise NotImplementedError

    async def judge(self, item_id: str, **values: Any) -> Row:
        """Ask about one item: `verdicts` by criterion (verdict and reason), and the request they came from."""
        criteria = self.criteria()
        request = CompletionRequest(self.stage, item_id, self.messages(self.template, criteria=criteria, **values))
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


def verdict_rows(item_table: str, judgement: Row) -> list[Row]:
    """Rows of the table `verdicts` from what `Judge.judge` found."""
    return [
        {
            "id": content_id("verdicts", judgement["item_id"], name), "item_table": item_table,
            "item_id": judgement["item_id"], "criterion": name, "verdict": said["verdict"], "reason": said["reason"],
            "model": judgement["model"], "request_id": judgement["request_id"],
        }
        for name, said in judgement["verdicts"].items()
    ]  # fmt: skip

"""From what the rounds of chats brought to rows of `chats`, `verdicts`, `rejects`, and of the two datasets."""

import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from corpus.flags import flags_by_item
from corpus.settings import CorpusSettings
from corpus.store import read_rows, remove_table, write_dataset, write_table
from corpus.text import model_name
from corpus.tokens import TokenCounter
from corpus.workspace import Workspace
from filters.base import Flag, Rejection
from filters.run.verdicts import decide_verdicts
from pipelines.base import Corpus, Row, flagged, reject
from pipelines.chats.augment import extras_of
from pipelines.chats.quotas import Cell
from pipelines.chats.responses import Turn, chat_id, earlier_turns, read_turns, system_message
from pipelines.completion import Completion, State
from pipelines.judging.judge import verdict_rows
from pipelines.ledger.ledger import Ledger, read_completion


@dataclass
class Sample:
    """One query that was answered, and how its answer fared."""

    query: Row
    cell: Cell
    answer: Row
    required: tuple[str, ...]  # criteria

    @property
    def state(self) -> State:
        """How asking for the response ended."""
        return State(self.answer["state"])

    @cached_property
    def verdicts(self) -> list[Row]:
        """Rows of the table `verdicts`."""
        judgement = self.answer["judgement"]
        return verdict_rows("chats", json.loads(judgement)) if judgement else []

    @cached_property
    def rejection(self) -> Rejection | None:
        """Why a response, if there is one, may not stay."""
        if self.answer["rejection"]:
            return Rejection(**json.loads(self.answer["rejection"]))
        if self.state is not State.OK:
            return None
        item_id = json.loads(self.answer["judgement"])["item_id"]
        found = decide_verdicts(self.verdicts, [item_id], self.required)
        return found[0] if found else None

    @property
    def flags(self) -> list[Flag]:
        """What the filters found in a response that they let through."""
        return [Flag(**flag) for flag in json.loads(self.answer["flags"])]

    @property
    def passes(self) -> bool:
        """Whether it may stay."""
        return self.state is State.OK and self.rejection is None


@dataclass
class ChatRows:
    """Makes the rows; texts are read from the ledger one by one."""

    corpus: Corpus
    ledger: Ledger
    counter: TokenCounter
    samples: list[Sample] = field(default_factory=list)

    def file(self, workspace: Workspace, kept: set[str]) -> int:
        """Write the tables, of the samples whose query is in `kept` and of all others; return the number of chats."""
        self._domains = self.corpus.rows("domains")
        self._version = self.corpus.prompts.version("system", self.corpus.settings.chats.chosen.responses)
        chats = (self.row(sample) for sample in self.samples if sample.query["id"] in kept)
        count = write_table(workspace, "chats", chats)
        rejects = (self._reject(sample) for sample in self.samples if sample.query["id"] not in kept)
        write_table(workspace, "rejects", rejects, part="chats")
        verdicts = (row for sample in self.samples for row in sample.verdicts)
        write_table(workspace, "verdicts", verdicts, part="chats")
        flags = (flagged("chats", flag) for sample in self.samples for flag in sample.flags)
        write_table(workspace, "flags", flags, part="chats")
        return count

    def row(self, sample: Sample) -> Row:
        """The row of `chats`, whether it is kept or not."""
        done, query, cell = self._completion(sample), sample.query, sample.cell
        turns = read_turns(self.corpus, self.ledger, sample.answer["turns"], query, query["id"])
        messages = self._messages(query["id"], turns)
        return {
            "id": chat_id(query["id"], turns), "query_id": query["id"], "query_type": cell.query_type,
            "style": self.corpus.settings.chats.style, "topic": cell.topic, "passage_ids": list(cell.passage_ids),
            "domain_id": cell.domain_id, "domain": self._domains.get(cell.domain_id, {}).get("name", ""),
            "messages": messages, "tools": extras_of(query["id"], self.corpus.settings).tools,
            "reasoning": turns[-1].thought, "response": turns[-1].reply, **self._provenance(sample, done),
            "tokens": count_tokens(messages, self.counter),
        }  # fmt: skip

    def _messages(self, query_id: str, turns: list[Turn]) -> list[Row]:
        """The whole conversation: system message, the turns that were there before, the new ones."""
        system = system_message(self.corpus, query_id)
        messages = [_message("system", system)] if system else []
        for turn in [*earlier_turns(self.corpus, query_id), *turns]:
            messages += [_message("user", turn.query), _message("assistant", turn.reply, turn.thought or None)]
        return messages

    def _provenance(self, sample: Sample, done: Completion) -> dict[str, Any]:
        return {
            "spec_hash": self.corpus.spec.hash, "prompt_version": self._version, "model": model_name(done.model),
            "endpoint": done.endpoint, "request_id": done.request_id, "finish_reason": done.finish_reason,
            "attempts": sample.answer["attempts"], "tokenizer": self.counter.name,
            "prompt_tokens": done.usage.prompt, "completion_tokens": done.usage.completion, "cost_usd": done.cost_usd,
        }  # fmt: skip

    def _reject(self, sample: Sample) -> Row:
        parent = {"parent_id": sample.query["id"], "request_id": sample.answer["request_id"]}
        if sample.state is not State.OK:
            text = self._completion(sample).text if sample.state is not State.FAILED else None
            reason, detail = sample.answer["reason"], sample.answer["problem"]
            return reject("chats", sample.query["id"], reason, detail=detail, text=text, **parent)
        row = self.row(sample)
        common = {**parent, "text": row["response"], "row": row}
        if (why := sample.rejection) is None:
            detail = "its group has as many as it shall have"
            return reject("chats", row["id"], "beyond_target", detail=detail, **common)
        values = {"detail": why.detail, "score": why.score, "threshold": why.threshold}
        return reject("chats", row["id"], why.reason, **values, **common)

    def _completion(self, sample: Sample) -> Completion:
        return read_completion(self.ledger, sample.answer["request_id"])


def write_aft(workspace: Workspace, counter: TokenCounter, settings: CorpusSettings) -> None:
    """`dataset/aft_cot` and `dataset/aft`: the same chats, with the reasoning and without."""
    lineage = ("id", "domain", "spec_hash", "model", "style", "query_type", "query_id", "tools")

    flags = flags_by_item(workspace, "chats")

    def rows(*, reasoned: bool) -> Iterator[Row]:
        for row in read_rows(workspace, "chats"):
            messages = row["messages"] if reasoned else plain(row["messages"])
            tokens = row["tokens"] if reasoned else count_tokens(messages, counter)
            lines = {name: row[name] for name in lineage}
            yield {**lines, "messages": messages, "tokens": tokens, "flags": flags.get(row["id"], [])}

    write_dataset(workspace, "aft_cot", rows(reasoned=True), **settings.layout)
    write_dataset(workspace, "aft", rows(reasoned=False), **settings.layout)


def forget_aft(workspace: Workspace) -> None:
    """No chat was kept: the datasets of an earlier build would be another recipe's."""
    for config in ("aft_cot", "aft"):
        shutil.rmtree(workspace.dataset / config, ignore_errors=True)


def forget_chats(workspace: Workspace) -> int:
    """Remove all that an earlier build filed of chats, which this recipe has none of; return how many were kept."""
    kept = sum(1 for _ in read_rows(workspace, "chats", ["id"]))
    forget_aft(workspace)
    for table in ("chats", "queries"):
        remove_table(workspace, table)
    remove_table(workspace, "verdicts", part="chats")
    for part in ("queries", "chats"):
        remove_table(workspace, "rejects", part=part)
        remove_table(workspace, "flags", part=part)
    return kept


def plain(messages: Iterable[Row]) -> list[Row]:
    """Messages without their reasoning."""
    return [{"role": message["role"], "content": message["content"]} for message in messages]


def count_tokens(messages: Iterable[Row], counter: TokenCounter) -> int:
    """Tokens of all texts of a chat; what a chat template adds is not counted."""
    texts = [text for one in messages for text in (one["content"], one.get("reasoning_content")) if text]
    return sum(counter.count_many(texts))


def _message(role: str, content: str, reasoning: str | None = None) -> Row:
    return {"role": role, "content": content, "reasoning_content": reasoning}

"""The second pipeline of a round of chats: responses to queries, turn by turn, then checks and the judge.

Texts stay in the ledger: steps hand on where a reply is. What else a step found out travels as JSON in one column,
because Distilabel loses columns that are empty in a batch.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from distilabel.pipeline import Pipeline
from distilabel.steps import StepInput

from corpus.ids import content_id
from filters.base import Flag
from pipelines.base import Corpus, Row
from pipelines.chats.augment import extras_of
from pipelines.chats.queries import QueryReply
from pipelines.chats.source import Messages, read_source
from pipelines.completion import Completion, CompletionRequest, Message, State
from pipelines.filtering import ChatChecks, SecondTries
from pipelines.judging.judge import Judge
from pipelines.ledger.ledger import Ledger, read_completion
from pipelines.prompts.form import Blank, of_plan
from pipelines.stage import Rows, Stage
from pipelines.structured.ask import Answer, ask_until_parsed, ask_until_read
from pipelines.structured.form import filled, stored
from pipelines.structured.parsing import json_reply, thought_and_answer
from pipelines.structured.schemas import plain_schema

_MOST_TOKENS_A_WORD = 4  # about three times the length asked for; a reply that is longer still runs in circles
_SPARE_TOKENS = 100
_ABOUT = ("query_id", "topic", "domain_id", "query_type", "position")  # what is known of a query


@dataclass(frozen=True, slots=True)
class Turn:
    """What a user wrote and what the assistant thought and answered; of an existing chat the thought is empty."""

    query: str
    thought: str
    reply: str


def answers_pipeline(corpus: Corpus, queries: Path, start: int) -> Pipeline:
    """Responds to the queries of a Parquet file from the `start`-th on, checks and judges.

    Its leaf `judge` yields a row a query.
    """
    with Pipeline(name="specmill-chat-answers") as pipeline:
        rows = Rows(name="queries", path=str(queries), start=start)
        responses = Responses(name="responses", corpus=corpus, llm=corpus.llm("writer"))
        judge = ChatJudge(name="judge", corpus=corpus, llm=corpus.llm("judge"))
        rows >> responses >> judge
    return pipeline


class Responses(Stage):
    """The assistant's side of each conversation: reasoning in think tags, then the reply."""

    table = "chats"
    reads = ("id", "query", "query_type", "topic", "domain_id", "position")

    @property
    def outputs(self) -> list[str]:
        """Where each response is in the ledger; `turns` is JSON, a query and a request id a turn."""
        return [*_ABOUT, "turns", "request_id", "state", "reason", "problem", "attempts"]

    def process(self, inputs: StepInput) -> Iterator[list[Row]]:
        """Ask about all queries."""
        yield self.llm.run(self.converse(row) for row in inputs)

    async def converse(self, row: Row) -> Row:
        """One conversation. A user's further message that does not come ends it; a response that does not, fails it."""
        turns: list[dict[str, str]] = []
        history = earlier_turns(self.corpus, row["id"])
        query: str | None = row["query"]
        while query is not None:
            answer = await self.respond(row, history, query, len(turns))
            turns.append({"query": query, "request_id": answer.completion.request_id})
            query = None
            if answer.value is not None and len(turns) < self.corpus.settings.chats.turns:
                history = [*history, Turn(turns[-1]["query"], *answer.value)]
                query = await self.follow_up(row, history, len(turns))
        return {
            **{name: row[name] for name in _ABOUT[1:]}, "query_id": row["id"], "turns": json.dumps(turns),
            "request_id": answer.completion.request_id, "state": answer.state.value, "reason": reason_of(answer),
            "problem": answer.problem, "attempts": answer.attempts,
        }  # fmt: skip

    async def respond(self, row: Row, history: Sequence[Turn], query: str, turn: int) -> Answer[tuple[str, str]]:
        """One response."""
        messages = response_messages(self, row["id"], query, history, row["topic"], given_of(self.corpus, row))
        blank = blank_of(self.corpus, row, row["id"], turn)
        request = CompletionRequest(
            self.table, row["id"], messages, sample=turn, max_tokens=self.most_tokens(),
            json_schema=blank.json_schema if blank else None,
        )  # fmt: skip
        tries = SecondTries(self.corpus.settings.second_tries)

        def read(completion: Completion) -> tuple[str, str]:
            if blank:
                filled(completion.text, blank, self.corpus.settings.assistant.name)
            thought, reply = read_turn(self.corpus, completion, blank)
            tries.raise_if(lambda: self.checks.decide(row["id"], query, thought, reply)[0])
            return thought, reply

        attempts = self.corpus.settings.attempts + self.corpus.settings.second_tries
        return await ask_until_read(self.llm, request, read, attempts, echo=False)

    @cached_property
    def checks(self) -> ChatChecks:
        """The mechanical checks of a response, which are made again of the whole conversation."""
        return ChatChecks(self.corpus, response_messages(self, "", "", (), ""))

    def most_tokens(self) -> int | None:
        """The limit of a response; None: the role's own, since a model that reasons by itself needs no one knows how
        many tokens before the first word."""
        chats, asks = self.corpus.settings.chats, self.llm.role.settings
        if chats.max_tokens or asks.reasoning_effort or asks.max_tokens_field == "max_completion_tokens":
            return chats.max_tokens
        return round(_MOST_TOKENS_A_WORD * (chats.words + chats.think_words)) + _SPARE_TOKENS

    async def follow_up(self, row: Row, history: Sequence[Turn], turn: int) -> str | None:
        """The user's next message, or None."""
        request = CompletionRequest(
            "follow_ups", row["id"], self.messages("followup", history=history), sample=turn,
            json_schema=plain_schema(QueryReply),
        )  # fmt: skip
        attempts = self.corpus.settings.attempts
        answer = await ask_until_parsed(self.llm, request, lambda text: json_reply(text, QueryReply), attempts)
        return answer.value.query if answer.value else None


class ChatJudge(Judge):
    """Checks each conversation mechanically, and asks the judge about those that pass."""

    item_table: ClassVar[str] = "chats"
    kind: ClassVar[str] = "chat"
    reads = (*_ABOUT, "turns", "request_id", "state", "reason", "problem", "attempts")

    def criteria(self) -> dict[str, str]:
        """The recipe's."""
        return self.corpus.settings.chats.judged_by

    def process(self, inputs: StepInput) -> Iterator[list[Row]]:
        """A row a query: as it came, with rejection and judgement as JSON."""
        checks = ChatChecks(self.corpus, response_messages(self, "", "", (), ""))
        with Ledger(self.corpus.folder.ledger) as ledger:
            outcomes = self.llm.run(self.judge_chat(row, ledger, checks) for row in inputs)
        yield outcomes

    async def judge_chat(self, row: Row, ledger: Ledger, checks: ChatChecks) -> Row:
        """One conversation: nothing more is asked where a response is missing, or where it may not stay anyway."""
        outcome = {**{key: row[key] for key in self.reads}, "rejection": "", "flags": "[]", "judgement": ""}
        if row["state"] != "ok":
            return outcome
        turns = read_turns(self.corpus, ledger, row["turns"], row, row["query_id"])
        item_id = chat_id(row["query_id"], turns)
        flags: dict[str, Flag] = {}  # one a filter, of the first turn that it found something in
        for turn in turns:
            rejection, found = checks.decide(item_id, turn.query, turn.thought, turn.reply)
            if rejection:
                return {**outcome, "rejection": json.dumps(asdict(rejection))}
            flags = {flag.reason: flag for flag in found} | flags
        outcome["flags"] = json.dumps([asdict(flags[name]) for name in sorted(flags)])
        before = earlier_turns(self.corpus, row["query_id"])
        judgement = await self.judge(
            item_id, turns=[*before, *turns], earlier=earlier_reply(self.corpus, row["query_id"]),
            item=row["topic"] if self.corpus.settings.chats.chosen.asks_about_items else "",
        )  # fmt: skip
        return {**outcome, "judgement": json.dumps(judgement)}


# --- what a conversation is made of ----------------------------------------------------------------------------------


def response_messages(
    stage: Stage, query_id: str, query: str, history: Sequence[Turn], topic: str, given: Row | None = None
) -> list[Message]:
    """The request for one response; `given` is what the plan says of its topic."""
    corpus, chats = stage.corpus, stage.corpus.settings.chats
    return stage.messages(
        chats.chosen.responses, words=chats.words, think_words=chats.think_words, query=query, topic=topic,
        history=history, operator=system_message(corpus, query_id), earlier=earlier_reply(corpus, query_id),
        given=given or of_plan((), 0, "", explain=True),
    )  # fmt: skip


def given_of(corpus: Corpus, row: Row) -> dict[str, str]:
    """What the plan says of the topic of a query. Documents are dealt assertions from the first on, chats from the
    last on, so that few share one."""
    here = (row["topic"], row["domain_id"])
    found = (sub for sub in corpus.subdomains.values() if (sub["name"], sub["domain_id"]) == here)
    if (sub := next(found, None)) is None:
        return of_plan((), 0, str(row["topic"]), explain=True)
    place = -1 - row["position"] // len(corpus.subdomains)
    return of_plan(corpus.assertions.get(sub["id"], []), place, sub["summary"], explain=True)


def chat_id(query_id: str, turns: Sequence[Turn]) -> str:
    """The id of a chat."""
    return content_id("chats", query_id, *([turn.thought, turn.reply] for turn in turns))


def blank_of(corpus: Corpus, row: Row, query_id: str, turn: int) -> Blank | None:
    """The form for one response to a query, where there is one; `row` is what is known of the query."""
    if (form := corpus.response_form) is None:
        return None
    key = f"{corpus.settings.seed}:{query_id}:{turn}"
    return form.blank(given_of(corpus, row), row["query_type"], key, corpus.settings.assistant.name)


def read_turn(corpus: Corpus, completion: Completion, blank: Blank | None) -> tuple[str, str]:
    """What the assistant thought and answered; UnparsedError where that cannot be told apart."""
    text = completion.text
    text = corpus.laid_out(blank.layout, stored(text, blank)) if blank else text
    return thought_and_answer(text, completion.reasoning)


def reason_of(answer: Answer[tuple[str, str]]) -> str:
    """Under what name a response that did not come is filed."""
    done = answer.completion
    if done.state is State.UNPARSED and done.reasoning and not done.text.strip():
        return "unclosed_think"  # a server that parses reasoning puts all of an unclosed block into its field
    return answer.reason or answer.state.value


def read_turns(corpus: Corpus, ledger: Ledger, turns: str, row: Row, query_id: str) -> list[Turn]:
    """The turns of a conversation, from the JSON that `Responses` yields; `row` is what is known of the query."""
    found = []
    for number, one in enumerate(json.loads(turns)):
        completion = read_completion(ledger, one["request_id"])
        found.append(Turn(one["query"], *read_turn(corpus, completion, blank_of(corpus, row, query_id, number))))
    return found


def source_chat(corpus: Corpus, query_id: str) -> Messages:
    """The existing chat that is rewritten; empty for the other styles."""
    source = source_path(corpus)
    return read_source(source)[0].get(query_id, []) if source else []


def source_path(corpus: Corpus) -> str | None:
    """The file of existing chats; a path that is not whole starts from the workspace."""
    source = corpus.settings.chats.source
    return None if source is None else str(corpus.folder.root / source)


def earlier_turns(corpus: Corpus, query_id: str) -> list[Turn]:
    """The turns of an existing chat before the one that is rewritten."""
    messages: list[dict[str, Any]] = [one for one in source_chat(corpus, query_id)[:-2] if one["role"] != "system"]
    return [
        Turn(asked["content"], "", answered["content"])
        for asked, answered in zip(messages[::2], messages[1::2], strict=False)
    ]


def earlier_reply(corpus: Corpus, query_id: str) -> str:
    """The reply that is rewritten; empty for the other styles."""
    messages = source_chat(corpus, query_id)
    return str(messages[-1]["content"]) if messages else ""


def system_message(corpus: Corpus, query_id: str) -> str:
    """The system message of a chat: the existing chat's own, or an augmentation; empty for none."""
    first = source_chat(corpus, query_id)[:1]
    if first and first[0]["role"] == "system":
        return str(first[0]["content"])
    return extras_of(query_id, corpus.settings).system or ""

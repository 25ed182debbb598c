"""Chats for alignment fine-tuning: queries, responses, verdicts, in backfill rounds until the target is kept [MSM, §2].

Outcome: a pure function of recipe and ledger. A round asks for as many queries as the missing chats should need by the
yield so far, drops near-duplicates of all earlier ones, has the rest answered, checked and judged. It ends with exactly
`chats.target` kept, or at the limit of rounds, or when every group has ended; never in a loop.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

from corpus.ids import content_id
from corpus.store import read_rows, write_table
from corpus.tokens import TokenCounter
from corpus.workspace import Workspace
from filters.base import Item, Rejection
from filters.run.decide import check_texts
from pipelines.base import Corpus, Row, flagged, reject
from pipelines.chats.queries import EXISTING_SHOWN, queries_pipeline, topics_pipeline
from pipelines.chats.quotas import Cell, Tally, cross, next_round, shares
from pipelines.chats.responses import answers_pipeline, source_path
from pipelines.chats.rows import ChatRows, Sample, forget_aft, write_aft
from pipelines.chats.source import read_source, said
from pipelines.filtering import context_of
from pipelines.ledger.ledger import Ledger
from pipelines.run.reporter import Reporter
from pipelines.run.supervise import run_pipeline
from pipelines.settings import BuildSettings
from specs.errors import SpecmillError, UserError
from specs.reader import Spec


def check_chat_recipe(settings: BuildSettings, spec: Spec) -> None:
    """UserError, before anything is asked, where the recipe's chats and the spec do not fit together."""
    chats = settings.chats
    if chats.chosen.cites_rules and not spec.rule_ids:
        raise UserError(
            f"chats.style: {chats.style} needs a spec with numbered rules such as 'R1: ...', and {spec.name} has none. "
            "Use `style: value`, or number the rules of the spec."
        )
    for name in chats.topics:
        if not any(name.casefold() in passage.text.casefold() for passage in spec.passages):
            raise UserError(f"chats.topics: {name!r} does not stand in the spec {spec.name}.")


@dataclass(frozen=True, slots=True)
class ChatResult:
    """What a build of chats came to."""

    kept: int
    target: int
    rounds: int
    queries: int
    ended: tuple[str, ...]  # topics or domains that brought nothing for too long


@dataclass
class ChatBuild:
    """Makes the chats of a workspace that has its `domains` and `subdomains`. The caller holds the lock."""

    workspace: Workspace
    settings: BuildSettings
    spec: Spec
    reporter: Reporter
    corpus: Corpus = field(init=False)
    counter: TokenCounter = field(init=False)
    cells: list[Cell] = field(init=False)
    tallies: dict[str, Tally] = field(init=False)
    queries: list[Row] = field(default_factory=list)
    dropped: list[Row] = field(default_factory=list)
    flags: dict[tuple[str, str], Row] = field(default_factory=dict)  # by query and filter
    made: int = 0  # queries that came back, repeats included
    known: set[str] = field(default_factory=set)  # ids of all of them
    told: dict[int, list[str]] = field(default_factory=dict)  # cell -> the queries that it brought

    def __post_init__(self) -> None:
        self.corpus = Corpus.of(self.workspace, self.settings, self.spec)
        self.counter = TokenCounter(self.settings.corpus.tokenizer)
        check_chat_recipe(self.settings, self.spec)

    def run(self) -> ChatResult:
        """Make `queries`, `chats`, `verdicts`, their rejects, and the datasets aft_cot and aft."""
        chats = self.settings.chats
        self.cells = self.make_cells()
        self.tallies = {cell.group: Tally() for cell in self.cells}
        with Ledger(self.workspace.ledger) as ledger:
            rows = ChatRows(self.corpus, ledger, self.counter)
            number = 0
            while number < chats.rounds and (counts := self.plan()):
                made = self.ask_for_queries(number, counts)
                answered = self.answer(made)
                rows.samples += answered
                self.record_round(counts, answered)
                number += 1
            count = rows.file(self.workspace, self.chosen(rows.samples))
        write_table(self.workspace, "rejects", self.dropped, part="queries")
        write_table(self.workspace, "flags", self.flags.values(), part="queries")
        if count:
            write_aft(self.workspace, self.counter, self.settings.corpus)
        else:
            forget_aft(self.workspace)
        ended = tuple(name for name, tally in self.tallies.items() if tally.ended)
        return self.report(ChatResult(count, chats.target, number, len(self.queries), ended))

    # --- what to ask about -------------------------------------------------------------------------------------------

    def make_cells(self) -> list[Cell]:
        """Topics x query types: a topic is a subdomain, an item of an opaque preference, or the chats to rewrite."""
        if self.settings.chats.source is not None:
            return [Cell(0, "source", "", "source", "", "rewrite", ())]
        about_items = self.settings.chats.chosen.asks_about_items
        rows = self._items() if about_items else [_topic(row) for row in read_rows(self.workspace, "subdomains")]
        if not rows:
            raise SpecmillError("there is nothing to ask about: the workspace has no subdomains. Build them first.")
        return cross(rows, self.settings.chats.kinds, "topic" if about_items else "domain_id", self.settings.seed)

    def _items(self) -> list[Row]:
        """The items of opaque preferences, each with the passages that name it and their domain."""
        names = list(self.settings.chats.topics) or self._proposed()
        subdomains = list(read_rows(self.workspace, "subdomains"))
        rows = []
        for name in names:
            passages = [p for p in self.spec.passages if name.casefold() in p.text.casefold()]
            ids = [self.corpus.passage_ids[p.address] for p in passages]
            home = max(subdomains, key=lambda row: len(set(row["passage_ids"]) & set(ids)))
            rows.append(
                {"domain_id": home["domain_id"], "topic": name, "summary": "", "passage_ids": ids, "rule_id": None}
            )
        return rows

    def _proposed(self) -> list[str]:
        self.reporter.stage({"topics": 1})
        found = run_pipeline(topics_pipeline(self.corpus), self.workspace.log)
        return [row["name"] for row in found["topics"]]

    @property
    def _strict(self) -> bool:
        return self.settings.chats.chosen.asks_about_items  # an equal number an item, even where one of them fails

    def plan(self) -> dict[int, int]:
        """Queries of the next round, by cell."""
        chats = self.settings.chats
        return next_round(self.cells, chats.target, self.tallies, chats.expected_yield, strict=self._strict)

    # --- one round ---------------------------------------------------------------------------------------------------

    def ask_for_queries(self, number: int, counts: dict[int, int]) -> list[Row]:
        """The new queries of this round, without those that repeat others; also in the table `queries`."""
        source = source_path(self.corpus)
        new = self._new_queries(number, counts) if source is None else self._from_source(source, sum(counts.values()))
        for row in new:
            row["position"] = self.made
            self.made += 1
        fresh = self._checked(new) if source is None else new
        self.queries += fresh
        write_table(self.workspace, "queries", self.queries)
        return fresh

    def _new_queries(self, number: int, counts: dict[int, int]) -> list[Row]:
        new = self._given_queries(counts)
        had = Counter((row["domain_id"], row["topic"], row["query_type"]) for row in new)
        counts = {cell: count - had[self.cells[cell].key] for cell, count in counts.items()}
        counts = {cell: count for cell, count in counts.items() if count}
        if not counts:
            return new
        cells = [self._request(self.cells[cell], number, count) for cell, count in counts.items()]
        self.reporter.stage({"queries": sum(-(-count // self.settings.list_batch) for count in counts.values())})
        found = run_pipeline(queries_pipeline(self.corpus, cells), self.workspace.log)["queries"]
        for row in found:
            self.dropped += json.loads(row["rejects"])
            cell = self.cells[row["number"]]
            made = [self._query_row(cell, one) for one in json.loads(row["made"])]
            self.told.setdefault(cell.number, []).extend(one["query"] for one in made)
            new += made
        return new

    def _given_queries(self, counts: dict[int, int]) -> list[Row]:
        """The next messages that the recipe's plan gives, at most `counts` of each cell."""
        if not (given := self.settings.given_messages):
            return []
        domains, new = self.corpus.rows("domains"), list[Row]()
        for number, count in counts.items():
            cell, told = self.cells[number], self.told.setdefault(number, [])
            texts = given.get((domains[cell.domain_id]["name"], cell.topic, cell.query_type), ())
            fresh = [text for text in texts if text not in told][:count]
            told += fresh
            new += [self._query_row(cell, {"query": text, "request_id": None}) for text in fresh]
        return new

    def _from_source(self, source: str, count: int) -> list[Row]:
        """The next chats to rewrite, in the order of the file, which is used up at some point."""
        found, left_out = read_source(source)
        if left_out and not self.made:
            self.reporter.say(f"{left_out.total():,} chats of {source} are not rewritten: {said(left_out)}.")
        chats = islice(found.items(), self.made, self.made + count)
        blank: Row = {"domain_id": "", "query_type": "rewrite", "topic": "source", "request_id": None, "position": 0}
        return [{**blank, "id": query_id, "query": messages[-2]["content"]} for query_id, messages in chats]

    def _request(self, cell: Cell, number: int, count: int) -> Row:
        existing = self.told.get(cell.number, [])[-EXISTING_SHOWN:]  # rejected ones too: none is wanted a second time
        return {
            "number": cell.number, "count": count, "existing": json.dumps(existing), "domain_id": cell.domain_id,
            "topic": cell.topic, "summary": cell.summary, "query_type": cell.query_type,
            "row_id": content_id("cells", cell.domain_id, cell.topic, cell.query_type, number),
        }  # fmt: skip

    def _query_row(self, cell: Cell, made: Row) -> Row:
        query_id = content_id("queries", cell.domain_id, cell.topic, cell.query_type, made["query"])
        return {
            "id": query_id, "domain_id": cell.domain_id, "query_type": cell.query_type, "position": 0,
            "query": made["query"], "topic": cell.topic, "request_id": made["request_id"],
        }  # fmt: skip

    def _checked(self, new: list[Row]) -> list[Row]:
        """Queries that speak of the spec go, and near-duplicates of earlier ones or of each other [MSM: 0.91]."""
        unique: dict[str, Row] = {}
        for row in new:
            if row["id"] in self.known:
                self.dropped.append(_same_again(row))
            else:
                unique[row["id"]] = row
                self.known.add(row["id"])
        items = [_item(row) for row in (*self.queries, *unique.values())]
        _, rejections, flags = check_texts(
            items, self.settings.filters, context_of(self.corpus, self.counter), "queries",
            partial(self.reporter.step, "queries compared by meaning"),
        )  # fmt: skip
        self.flags |= {(flag.item_id, flag.reason): flagged("queries", flag) for flag in flags}
        why = {rejection.item_id: rejection for rejection in rejections}
        self.dropped += [_rejected_query(row, why[key]) for key, row in unique.items() if key in why]
        return [row for key, row in unique.items() if key not in why]

    def answer(self, queries: list[Row]) -> list[Sample]:
        """Responses to new queries, checked and judged."""
        if not queries:
            return []
        self.reporter.stage({"chats": len(queries), "verdicts": len(queries)})
        start = len(self.queries) - len(queries)
        table = self.workspace.table("queries")
        found = run_pipeline(answers_pipeline(self.corpus, table, start), self.workspace.log)
        answers = {row["query_id"]: row for row in found["judge"]}
        by_key = {cell.key: cell for cell in self.cells}
        required = tuple(self.settings.chats.judged_by)
        return [
            Sample(row, by_key[row["domain_id"], row["topic"], row["query_type"]], answers[row["id"]], required)
            for row in queries
        ]

    # --- the target --------------------------------------------------------------------------------------------------

    def record_round(self, counts: dict[int, int], answered: list[Sample]) -> None:
        """Note what a round brought each group that it asked for."""
        for group, tally in self.tallies.items():
            asked = sum(count for cell, count in counts.items() if self.cells[cell].group == group)
            if asked:
                kept = sum(sample.passes for sample in answered if sample.cell.group == group)
                self.tallies[group] = Tally((*tally.kept, kept), tally.asked + asked)

    def chosen(self, samples: list[Sample]) -> set[str]:
        """Queries of the chats that are kept: the first ones of each group, up to its share."""
        left = shares(self.settings.chats.target, self.tallies, strict=self._strict)
        kept: set[str] = set()
        for sample in samples:
            if sample.passes and left[sample.cell.group] > 0:
                left[sample.cell.group] -= 1
                kept.add(sample.query["id"])
        return kept

    def report(self, result: ChatResult) -> ChatResult:
        """Say where the target was missed."""
        if result.kept < result.target:
            why = (
                f"nothing more came of {len(result.ended)} topics" if result.ended else "that is the limit chats.rounds"
            )
            tried = f"{result.queries} queries in {result.rounds} rounds"
            self.reporter.say(
                f"{result.kept} of {result.target} chats were kept of {tried} ({why}); "
                "`specmill show` lists why the others went."
            )
        return result


def _topic(subdomain: Row) -> Row:
    keys = ("domain_id", "summary", "passage_ids", "rule_id")
    return {**{key: subdomain[key] for key in keys}, "topic": subdomain["name"]}


def _same_again(row: Row) -> Row:
    """The reject of a query that is there already, word for word."""
    item_id = content_id("queries", row["id"], "repeat", row["position"])
    return reject(
        "queries", item_id, "repeat", other_id=row["id"], parent_id=row["domain_id"], request_id=row["request_id"],
        text=row["query"], row=row,
    )  # fmt: skip


def _item(row: Row) -> Item:
    return Item(row["id"], row["query"], "queries", meta={"position": row["position"], "topic": row["topic"]})


def _rejected_query(row: Row, why: Rejection) -> Row:
    return reject(
        "queries", row["id"], why.reason, detail=why.detail, score=why.score, threshold=why.threshold,
        other_id=why.other_id, parent_id=row["domain_id"], request_id=row["request_id"], text=row["query"], row=row,
    )  # fmt: skip

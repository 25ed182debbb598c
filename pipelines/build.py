"""The line: from a spec to a filtered, inspectable corpus, stage by stage.

Everything that is written is a pure function of the recipe and the ledger: a run that is repeated, or goes on after a
kill, asks only for what the ledger lacks and writes the same bytes (contracts 4 and 8).
"""

from dataclasses import dataclass, field
from typing import Protocol

from corpus.card import write_card
from corpus.manifest import write_manifest
from corpus.schema import DATASETS
from corpus.store import read_rows, write_dataset, write_table
from corpus.tokens import TokenCounter
from corpus.workspace import Workspace, write_text
from eval.items import texts as evaluation_texts
from filters.base import Item
from filters.context import Context
from filters.decide import check_documents, check_texts
from pipelines.base import Corpus, Row, rejected
from pipelines.brainstorm import brainstorm_pipeline
from pipelines.decompose import decompose_pipeline
from pipelines.documents import Draft, Drafts
from pipelines.ledger import Ledger
from pipelines.settings import BuildSettings
from pipelines.spread import spread
from pipelines.supervise import run_pipeline
from pipelines.write import write_pipeline
from specs.errors import SpecmillError
from specs.passages import Passage
from specs.reader import Spec

_FIRST_YIELD = 0.7  # kept tokens for each token asked for, until this corpus has shown its own [REP: 71-76% are kept]


class Reporter(Protocol):
    """Whoever shows the progress of a build."""

    def stage(self, name: str, planned: int) -> None:
        """A stage begins, with about so many requests to come."""
        ...


@dataclass
class Build:
    """One build of one workspace. `run` does all of it; the steps are methods, in the order in which they run."""

    workspace: Workspace
    settings: BuildSettings
    spec: Spec
    reporter: Reporter
    corpus: Corpus = field(init=False)
    counter: TokenCounter = field(init=False)

    def __post_init__(self) -> None:
        self.corpus = Corpus.of(self.workspace, self.settings, self.spec)
        self.counter = TokenCounter(self.settings.corpus.tokenizer)

    def run(self) -> None:
        """Build `tables/` and `dataset/`. The caller holds the workspace's lock."""
        self.write_passages()
        self.decompose()
        self.brainstorm()
        self.choose_ideas()
        with Ledger(self.workspace.ledger) as ledger:
            self.write_documents(ledger)
        self.publishable()

    def write_passages(self) -> None:
        """The spec itself, rendered, and its passages as a table."""
        write_text(self.workspace.root / "spec.md", self.spec.text)
        write_table(self.workspace, "passages", [self._passage_row(passage) for passage in self.spec.passages])

    def _passage_row(self, passage: Passage) -> Row:
        return {
            "id": self.corpus.passage_ids[passage.address], "spec_hash": self.spec.hash, "address": passage.address,
            "heading_path": list(passage.heading_path), "text": passage.text, "start": passage.start,
            "end": passage.end, "rule_id": passage.rule_id, "tokens": self.counter.count(passage.text),
        }  # fmt: skip

    def decompose(self) -> None:
        """Domains, subdomains and assertions."""
        size = self.settings.decompose
        self.reporter.stage("decompose", 1 + size.domains + size.domains * size.subdomains)
        run_pipeline(decompose_pipeline(self.corpus), self.workspace)

    def brainstorm(self) -> None:
        """Document types and ideas."""
        subdomains = sum(1 for _ in read_rows(self.workspace, "subdomains", ["id"]))
        batches = -(-self.settings.documents.ideas // self.settings.list_batch)
        self.reporter.stage("brainstorm", subdomains * (1 + self.settings.documents.types * batches))
        run_pipeline(brainstorm_pipeline(self.corpus), self.workspace)

    def choose_ideas(self) -> None:
        """Drop ideas that repeat others, and put the rest into the order in which they are written."""
        rows = {row["id"]: row for row in read_rows(self.workspace, "ideas")}
        items = [Item(row["id"], row["idea"], "ideas", meta={"position": n}) for n, row in enumerate(rows.values())]
        kept, rejections = check_texts(items, self.settings.filters, self.context(), "ideas")
        dropped = [rejected("ideas", r, rows[r.item_id], rows[r.item_id]["idea"]) for r in rejections]
        write_table(self.workspace, "rejects", dropped, part="ideas-repeated")
        order = spread((rows[idea_id] for idea_id in kept), self.settings.seed)
        write_table(self.workspace, "ideas", order)
        if not order:
            raise SpecmillError("no document idea passed the filters; `specmill show` lists why.")

    def write_documents(self, ledger: Ledger) -> None:
        """Write in waves until every idea, the limit or the target of kept tokens is reached; then file the documents."""
        ideas = list(read_rows(self.workspace, "ideas"))
        limit = min(self.settings.documents.limit or len(ideas), len(ideas))
        drafts = Drafts(self.corpus, ledger, self.counter)
        while wave := self._wave(drafts, limit):
            self.reporter.stage("documents", wave)
            start = len(drafts.all)
            distiset = run_pipeline(write_pipeline(self.corpus, start, wave), self.workspace)
            found = {row["idea_id"]: row for row in distiset["default"]["train"]}
            drafts.add(Draft.of(idea, found[idea["id"]]) for idea in ideas[start : start + wave])
            drafts.decide(*check_documents(drafts.items(), self.settings.filters, self.context()))
        drafts.file(self.workspace, self.settings.documents.target_tokens)

    def _wave(self, drafts: Drafts, limit: int) -> int:
        """How many documents to write next: all, or as many as the target should need by the yield so far."""
        written, target = len(drafts.all), self.settings.documents.target_tokens
        if target is None:
            return limit - written
        kept = drafts.kept_tokens()
        expected = kept / written if written else _FIRST_YIELD * self.settings.documents.words * 4 / 3
        missing = max(0, target - kept)
        return min(limit - written, -(-missing * 21 // (20 * max(1, int(expected)))))

    def context(self) -> Context:
        """What the filters must know."""
        return Context(
            count=self.counter.count, assistant=self.settings.assistant, spec=self.spec.text,
            rule_ids=tuple(self.spec.rule_ids), evaluation=tuple(evaluation_texts()),
        )  # fmt: skip

    def publishable(self) -> None:
        """`dataset/`, the manifest and the card, from the tables."""
        write_dataset(self.workspace, "msm", read_rows(self.workspace, "documents", DATASETS["msm"].names))
        write_manifest(self.workspace)
        write_card(self.workspace, self.settings.corpus)

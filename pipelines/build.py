"""The pipeline from a spec to a filtered, inspectable corpus, stage by stage.

Everything that is written is a pure function of the recipe and the ledger: a run that is repeated, or goes on after a
kill, asks only for what the ledger lacks and writes the same bytes (design/contracts.md, 4 and 8).
"""

import hashlib
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import partial

from corpus.flags import flags_by_item
from corpus.manifest import Provenance, forget_manifest, stored_provenance
from corpus.marks import stored_marks
from corpus.publish.card import describe
from corpus.schema import DATASETS
from corpus.select.balance import Sized
from corpus.sql.ledger import LedgerFile
from corpus.store import read_rows, write_dataset, write_table
from corpus.text import one_line
from corpus.tokens import TokenCounter
from corpus.workspace import Workspace, write_text
from filters.base import Item, Rejection
from filters.context import Context
from filters.run.decide import check_texts
from filters.run.many import check_many
from filters.run.marks import Marked
from pipelines.base import Corpus, Row, flagged, rejected
from pipelines.chats.rounds import ChatBuild, ChatResult, check_chat_recipe
from pipelines.chats.rows import forget_chats
from pipelines.documents.brainstorm import brainstorm_pipeline
from pipelines.documents.decompose import decompose_pipeline
from pipelines.documents.disagreement import check_prompts, idea_requests, in_order
from pipelines.documents.given import check_given, write_given
from pipelines.documents.idea_topup import TopUp, forget_rounds, next_wave
from pipelines.documents.neutral import neutral_pipeline
from pipelines.documents.planning_failures import check_plan
from pipelines.documents.rows import Draft, Drafts
from pipelines.documents.target_tokens import Grouping, Waves, within_target
from pipelines.documents.write import write_pipeline
from pipelines.filtering import context_of
from pipelines.judging.documents import DraftVerdicts
from pipelines.ledger.ledger import Ledger
from pipelines.provenance import NOT_OF_A_CORPUS, models_and_prompts
from pipelines.run.reporter import Reporter, watched
from pipelines.run.supervise import run_pipeline
from pipelines.settings import BuildSettings
from specs.errors import SpecmillError
from specs.passages import Passage
from specs.reader import Spec

_LOUD = 0.25  # of the documents; good corpora lose as many to everything together


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
        check_prompts(self.corpus.prompts, self.settings)  # UserError where the recipe's folder is none, too
        check_given(self.corpus)
        if self.settings.chats.target:
            check_chat_recipe(self.settings, self.spec)

    def run(self) -> None:
        """Build `tables/` and `dataset/`. The caller holds the workspace's lock."""
        forget_manifest(self.workspace)
        self.write_passages()
        self.decompose()
        self.brainstorm()
        self.choose_ideas()
        with Ledger(self.workspace.ledger) as ledger:
            self.write_documents(ledger)
        if self.settings.chats.target:
            self.make_chats()
        elif gone := forget_chats(self.workspace):
            self.reporter.say(
                f"{gone:,} chats of an earlier run went: this recipe asks for none. Their replies are kept, and "
                f"`specmill chat {self.workspace.root} --set chats.target={gone}` makes them again from these."
            )
        self.publishable()

    def run_chats(self) -> None:
        """Only the chats, and what they need of the lineage; documents that are there stay."""
        forget_manifest(self.workspace)
        self.write_passages()
        self.decompose()
        result = self.make_chats()
        self.publishable()
        if not result.kept:
            raise SpecmillError(f"none of {result.queries} chats may stay; `specmill show` lists why.")

    def make_chats(self) -> ChatResult:
        """The chats for alignment fine-tuning."""
        return ChatBuild(self.workspace, self.settings, self.spec, self.reporter).run()

    def write_spec(self) -> None:
        """The spec itself, rendered."""
        write_text(self.workspace.root / "spec.md", self.spec.text)

    def write_passages(self) -> None:
        """The passages of the spec as a table."""
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
        if size.given:
            write_given(self.corpus)
            return
        batch, subdomains = self.settings.list_batch, size.domains * size.subdomains
        planned = {
            "domains": batches(size.domains, batch),
            "subdomains": size.domains * batches(size.subdomains, batch),
            "assertions": subdomains * batches(size.assertions, batch),
        }
        neutral = self.settings.documents.style == "neutral"
        if neutral:
            del planned["assertions"]
        elif self.spec.shape == "rules":
            planned = {"domains": planned["domains"], "subdomains": size.domains}
        self.reporter.stage(planned)
        run_pipeline((neutral_pipeline if neutral else decompose_pipeline)(self.corpus), self.workspace.log)
        self._check_plan("subdomains", *() if neutral else ("assertions",))

    def brainstorm(self) -> None:
        """Document types and ideas."""
        if self.settings.decompose.given_types:  # written with the rest
            return
        subdomains = sum(1 for _ in read_rows(self.workspace, "subdomains", ["id"]))
        documents, batch = self.settings.documents, self.settings.list_batch
        types = {} if documents.genres else {"document_types": subdomains * batches(documents.types, batch)}
        kinds = subdomains * documents.type_count
        ideas = idea_requests(kinds, documents.ideas, documents.disagreement, batch) if kinds else 0
        self.reporter.stage({**types, "ideas": ideas})
        run_pipeline(brainstorm_pipeline(self.corpus), self.workspace.log)
        self._check_plan("document_types", "ideas")

    def _check_plan(self, *tables: str) -> None:
        check_plan(self.workspace, tables, self.reporter, accept=self.settings.planning_failures == "accept")

    def choose_ideas(self) -> None:
        """Drop ideas that repeat others, and put the rest into the order in which they are written."""
        forget_rounds(self.corpus)
        rows = {row["id"]: row for row in read_rows(self.workspace, "ideas")}
        items = [Item(row["id"], row["idea"], "ideas", meta={"position": n}) for n, row in enumerate(rows.values())]
        self.reporter.say(f"looking for ideas that repeat others among {len(items):,} ...")
        watch = partial(self.reporter.step, "ideas compared by meaning")
        kept, rejections, flags = check_texts(items, self.settings.filters, self.context(), "ideas", watch)
        dropped = [rejected("ideas", r, rows[r.item_id], rows[r.item_id]["idea"]) for r in rejections]
        write_table(self.workspace, "rejects", dropped, part="ideas-repeated")
        write_table(self.workspace, "flags", (flagged("ideas", flag) for flag in flags), part="ideas")
        order = in_order([rows[idea_id] for idea_id in kept], self.settings)
        write_table(self.workspace, "ideas", order)
        if not order:
            raise SpecmillError("no document idea passed the filters; `specmill show` lists why.")

    def write_documents(self, ledger: Ledger) -> None:
        """Write in waves until every idea, the limit or the target of kept tokens is reached; then file what came."""
        drafts, waves = (
            Drafts(self.corpus, ledger, self.counter),
            Waves(self.corpus, list(read_rows(self.workspace, "ideas"))),
        )
        verdicts = DraftVerdicts(self.corpus, self.workspace, self.reporter)
        grouping, rounds = Grouping.of(self.corpus), TopUp(self.corpus, self.reporter)
        marks = stored_marks(self.workspace)  # people's decisions outlive a build
        while wave := next_wave(waves, drafts.sized(grouping), rounds):
            self._write_wave(waves, wave, drafts)
            self.reporter.say(f"filtering {len(drafts.all):,} documents ...")
            marked = Marked.of(marks).named(drafts.by_document()) if marks else Marked()
            seen = watched(
                marked.before(drafts.items()), len(drafts.all), partial(self.reporter.step, "documents read")
            )
            decision = check_many(seen, self.settings.filters, self.context())
            self._say_losses(decision.rejections, len(drafts.all))
            drafts.decide(marked.after(verdicts.decide(drafts, decision), [*marked.keep, *marked.drop]))
        verdicts.file()
        kept, target = drafts.sized(grouping), self.settings.documents.target_tokens
        self._say_shortfall(kept, waves)
        drafts.file(self.workspace, within_target(kept, target, self.settings.seed) | Marked.of(marks).keep.keys())

    def _write_wave(self, waves: Waves, wave: list[Row], drafts: Drafts) -> None:
        asked = self.settings.documents
        parts = ["plans"] * asked.plan + ["documents"] + ["critiques", "revisions"] * asked.revise
        self.reporter.stage(dict.fromkeys(parts, len(wave)))
        write_table(self.workspace, "ideas", waves.order(wave))  # a document's age is its idea's place
        answers = run_pipeline(write_pipeline(self.corpus, len(waves.written), len(wave)), self.workspace.log)
        waves.take(wave)
        found = {row["idea_id"]: row for row in answers["documents"]}
        drafts.add(Draft.of(idea, found[idea["id"]]) for idea in wave)

    def _say_shortfall(self, kept: list[Sized], waves: Waves) -> None:
        """What a target of kept tokens lacks, and why nothing more was written for it."""
        tokens, target = sum(one.tokens for one in kept), self.settings.documents.target_tokens
        if target is not None and tokens < target:
            hopeless = waves.given_up(kept)
            why = f"nearly nothing was kept of: {one_line(', '.join(hopeless), 200)}" if hopeless else "ideas ran out"
            advice = "" if hopeless else " Raise documents.ideas, documents.limit or documents.top_up."
            self.reporter.say(
                f"kept {tokens:,} tokens of the {target:,} that documents.target_tokens asks for: {why}.{advice}"
            )

    def _say_losses(self, rejections: list[Rejection], total: int) -> None:
        """What took so many documents that a person should know before more are paid for."""
        for reason, count in Counter(rejection.reason for rejection in rejections).most_common():
            if count < max(10, _LOUD * total):
                return
            example = next(rejection.detail for rejection in rejections if rejection.reason == reason)
            self.reporter.say(
                f"{reason} takes {count:,} of {total:,} documents, such as: {one_line(example, 120)}. None is lost: "
                f"`specmill filter {self.workspace.root} --set filters.{reason}.action=flag` says what would stay."
            )

    def context(self) -> Context:
        """What the filters must know."""
        return replace(context_of(self.corpus, self.counter), prompts=self.corpus.instructions)

    def publishable(self, *, remade: bool = True) -> None:
        """`dataset/`, the manifest and the card, from the tables. Where the corpus was decided on again but not
        `remade`, its manifest goes on saying who made it: the ledger of that may be elsewhere, as of a subset."""
        if self.workspace.parts("documents"):
            flags = flags_by_item(self.workspace, "documents")
            columns = [name for name in DATASETS["msm"].names if name != "flags"]
            stored = read_rows(self.workspace, "documents", columns)
            rows = ({**row, "flags": flags.get(row["id"], [])} for row in stored)
            write_dataset(self.workspace, "msm", rows, **self.settings.corpus.layout)
        now, before = self.provenance(), None if remade else self._stored()
        describe(self.workspace, self.settings.corpus, now.adding(before) if before else now)

    def describe_again(self) -> None:
        """The manifest and the card, where something was stored beside a finished corpus. That is still as its own
        recipe made it; who was asked since is added."""
        if stored := self._stored():
            describe(self.workspace, self.settings.corpus, stored.adding(self.provenance()))

    def _stored(self) -> Provenance | None:
        return stored_provenance(self.workspace) if self.workspace.manifest.is_file() else None

    def provenance(self) -> Provenance:
        """What the manifest says of this build. Addresses, prices and budgets do not change a corpus."""
        settings = self.settings
        said = settings.model_dump_json(exclude=NOT_OF_A_CORPUS)
        asked = models_and_prompts(self.corpus, LedgerFile(self.workspace.ledger).stages())
        return Provenance(
            recipe_hash=hashlib.sha256(said.encode()).hexdigest()[:16], spec_hash=self.spec.hash, seed=settings.seed,
            tokenizer=self.counter.name, assistant=settings.assistant, models=asked.models,
            licenses=asked.licenses, prompts=asked.prompts, style=settings.documents.style,
        )  # fmt: skip


def batches(count: int, size: int) -> int:
    """Requests that a list of `count` entries takes, `size` at a time."""
    return -(-count // size)

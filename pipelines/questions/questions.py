"""Question sets of a spec: written, checked, gated, and stored as files that any evaluation reads.

What is written is a pure function of the recipe, the spec's assertions, the corpus and the ledger: the same command
again asks nothing and writes the same bytes.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from corpus.store import read_rows, write_table
from corpus.workspace import write_text
from eval.questions.files import Item, read_set
from eval.questions.items import FOLDER, MANIFEST, OWN, own_file
from filters.base import Rejection
from pipelines.base import Corpus, Row, reject
from pipelines.filtering import context_of
from pipelines.questions.checks import QuestionChecks, item_id, touched
from pipelines.questions.gates import gate_pipeline, gate_problem
from pipelines.questions.schemas import GATE_STAGE, SET_OF, STAGE
from pipelines.questions.write import jobs, writing_pipeline
from pipelines.run.reporter import Reporter
from pipelines.run.supervise import run_pipeline
from specs.errors import SpecmillError, UserError

_OF_ITEM = frozenset(Item.model_fields)


@dataclass
class QuestionBuild:
    """One run of `specmill questions`. The caller holds the workspace's lock."""

    corpus: Corpus
    reporter: Reporter
    rejects: list[Row] = field(default_factory=list)

    def run(self) -> dict[str, Any]:
        """Write `questions/<set>.jsonl` and the manifest, which is returned.

        Raises:
            UserError: the spec has no assertions yet.
            SpecmillError: no item passed.
        """
        settings = self.corpus.settings.questions
        if not self.corpus.assertions:
            raise UserError(f"{self.corpus.workspace} has no assertions to make questions of; build it first.")
        texts = list(self.texts())
        counts = touched(settings.domains, texts)
        free = [name for name, count in counts.items() if not count]
        for name, count in counts.items():
            if count:
                self.reporter.say(f"the corpus touches {name} in {count:,} texts: no question is set there.")
        written = self.write(free)
        checks = QuestionChecks(context_of(self.corpus), self.corpus.settings.filters, texts)
        checked = checks.keep(written)
        self.refuse(checks.rejections, written)
        gates = self.gate(checked) if settings.gate else {}
        problems = [gate_problem(key, gate, settings) for key, gate in gates.items()]
        failed = [one for one in problems if one is not None]
        self.refuse(failed, checked)
        gone = {one.item_id for one in failed}
        kept = [row for row in checked if item_id(row) not in gone]
        write_table(self.corpus.folder, "rejects", self.rejects, part=STAGE)
        manifest = self.manifest(written, checked, kept, gates, counts)
        self.file(kept, manifest)
        if not kept:
            reasons = ", ".join(f"{count} {reason}" for reason, count in manifest["rejected"].items())
            raise SpecmillError(f"none of {len(written)} items may stay ({reasons}); the rejects say why of each.")
        return manifest

    def texts(self) -> Iterator[str]:
        """Of the documents and the chats of the corpus, if there are any."""
        for row in read_rows(self.corpus.folder, "documents", ["text"]):
            yield row["text"]
        if self.corpus.folder.shards("aft"):
            for row in read_rows(self.corpus.folder, "chats", ["messages"]):
                yield "\n".join(str(message["content"]) for message in row["messages"])

    def write(self, domains: list[str]) -> list[Row]:
        """The items of all jobs, as the planner wrote them."""
        rows = jobs(self.corpus, self.corpus.settings.questions, domains)
        stages = Counter(f"{STAGE}_{SET_OF[row['kind']]}" for row in rows)
        self.reporter.stage(dict(stages))
        [done] = run_pipeline(writing_pipeline(self.corpus, rows), self.corpus.folder.log).values()
        self.rejects += [one for row in done for one in json.loads(row["rejects"])]
        return [item for row in done for item in json.loads(row["items"])]

    def gate(self, rows: list[Row]) -> dict[str, dict[str, Any]]:
        """What share of each item with options was right, without the spec and with it."""
        asked = [row for row in rows if row["kind"] != "open"]
        if not asked:
            return {}
        samples = self.corpus.settings.questions.gate_samples
        self.reporter.stage({GATE_STAGE: sum(2 * samples * (len(row.get("others") or []) + 1) for row in asked)})
        sent = [{"item_id": item_id(row), "item": json.dumps(row, sort_keys=True)} for row in asked]
        [done] = run_pipeline(gate_pipeline(self.corpus, sent), self.corpus.folder.log).values()
        return {row["item_id"]: json.loads(row["gate"]) for row in done}

    def refuse(self, rejections: list[Rejection], rows: list[Row]) -> None:
        """File rejections with the items that they are about."""
        by_id = {item_id(row): row for row in rows}
        self.rejects += [
            reject(
                STAGE, one.item_id, one.reason, detail=one.detail, score=one.score, threshold=one.threshold,
                other_id=one.other_id, parent_id=by_id[one.item_id]["assertion_id"],
                request_id=by_id[one.item_id]["request_id"], text=by_id[one.item_id].get("question"),
                row=by_id[one.item_id],
            )
            for one in rejections
        ]  # fmt: skip

    def manifest(
        self, written: list[Row], checked: list[Row], kept: list[Row], gates: dict[str, Any], counts: dict[str, int]
    ) -> dict[str, Any]:
        """How the sets came about: sizes, gates, the passages that they cover, the domains that they hold out."""
        settings = self.corpus.settings
        covered = Counter(passage for row in kept for passage in row["passage_ids"])
        passed = [gates[item_id(row)] for row in kept if item_id(row) in gates]
        base = "base" if "base" in settings.roles else "eval"
        return {
            "spec_hash": self.corpus.spec.hash, "settings": settings.questions.model_dump(mode="json"),
            "sets": {name: _sizes(name, written, checked, kept) for name in OWN},
            "rejected": dict(Counter(row["reason"] for row in self.rejects).most_common()),
            "gated_by": sorted(one.model for one in settings.role(base).endpoints.values()) if gates else [],
            "gate_of_kept": {
                way: round(fmean(one[way] for one in passed), 4) for way in ("without", "with")
            } if passed else None,
            "domains": {name: list(settings.questions.domains[name]) for name, count in counts.items() if not count},
            "domains_touched": {name: count for name, count in counts.items() if count},
            "passages": {
                passage.address: covered[self.corpus.passage_ids[passage.address]]
                for passage in self.corpus.spec.passages
            },
        }  # fmt: skip

    def file(self, kept: list[Row], manifest: dict[str, Any]) -> None:
        """The sets as files; one that has no items is not there."""
        folder = self.corpus.folder
        for name in OWN:
            path = own_file(folder.root, name)
            rows = [_item(row) for row in kept if SET_OF[row["kind"]] == name]
            if rows:
                write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
                read_set(name, path)  # what was written is what an evaluation reads
            else:
                path.unlink(missing_ok=True)
        write_text(folder.root / FOLDER / MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=2) + "\n")


def _item(row: Row) -> Row:
    return {key: value for key, value in row.items() if key in _OF_ITEM and value not in (None, [], "")}


def _sizes(name: str, *stages: list[Row]) -> dict[str, int]:
    counted = (sum(SET_OF[row["kind"]] == name for row in rows) for rows in stages)
    return dict(zip(("written", "checked", "kept"), counted, strict=True))

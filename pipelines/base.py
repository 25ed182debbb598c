"""What the stages share: the corpus they work on, the rows they start from, and the step that asks about all of them.

A stage is a Distilabel `GlobalStep`: it gets every row of its level at once and runs one coroutine a row, so that the
client keeps the endpoint full and no batch waits for its slowest reply. It writes its own table and its own rejects
before it hands rows on, all of it a pure function of the recipe and the ledger.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, TypeVar

import pyarrow.parquet as pq
from distilabel.steps import GeneratorStep, GlobalStep, StepInput
from pydantic import BaseModel, ConfigDict

from corpus.ids import content_id
from corpus.schema import TABLES
from corpus.store import read_rows, write_table
from corpus.workspace import Workspace
from filters.base import Flag, Rejection
from pipelines.completion import Message
from pipelines.engine.llm import EndpointLLM
from pipelines.prompts.templates import SETS, Prompts, styled
from pipelines.run.control import CONTROL
from pipelines.settings import BuildSettings
from pipelines.structured.ask import Answer, Gathered, ListQuestion
from pipelines.structured.schemas import Reply
from specs.errors import SpecmillError
from specs.passages import Passage
from specs.reader import Spec

Row = dict[str, Any]
R = TypeVar("R", bound=Reply)


class Corpus(BaseModel):
    """Everything that a stage must know, as plain data that can be saved with a pipeline and sent to a process."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    workspace: str
    settings: BuildSettings
    spec_name: str
    spec_text: str
    spec_shape: str

    @classmethod
    def of(cls, workspace: Workspace, settings: BuildSettings, spec: Spec) -> "Corpus":
        """The corpus of one build."""
        return cls(
            workspace=str(workspace.root), settings=settings,
            spec_name=spec.name, spec_text=spec.text, spec_shape=spec.shape,
        )  # fmt: skip

    @cached_property
    def spec(self) -> Spec:
        """The spec."""
        return Spec(self.spec_name, self.spec_text, "rules" if self.spec_shape == "rules" else "prose")

    @cached_property
    def folder(self) -> Workspace:
        """The workspace."""
        return Workspace(self.workspace)

    @cached_property
    def prompts(self) -> Prompts:
        """The templates; a folder of one's own whose path is not whole starts from the workspace."""
        folder, asked = self.settings.prompts, self.settings.documents
        if folder is not None and folder not in SETS:
            folder = str(self.folder.root / folder)
        return Prompts(folder, attribution=asked.attribution, style=asked.style)

    def template(self, name: str) -> str:
        """The template that asks for `name` in the recipe's style."""
        return styled(name, self.settings.documents.style)

    @cached_property
    def system(self) -> str:
        """The system message: one string for every request of the corpus."""
        return self.prompts.render("system", assistant=self.settings.assistant, spec_text=self.spec.text.strip())

    def system_of(self, template: str) -> str:
        """The system message of `template`: neutral documents are written without any knowledge of the spec."""
        return self.prompts.render("system_neutral") if template.endswith("_neutral") else self.system

    def rows(self, table: str) -> dict[str, Row]:
        """The rows of a table by id."""
        return {row["id"]: row for row in read_rows(self.folder, table)}

    @cached_property
    def passage_ids(self) -> dict[str, str]:
        """The id of the passage at each address."""
        return {p.address: content_id("passages", self.spec.hash, p.address, p.text) for p in self.spec.passages}

    def passages_of(self, subdomain: Row) -> list[Passage]:
        """The passages of a subdomain, in the spec's order."""
        wanted = set(subdomain["passage_ids"])
        return [p for p in self.spec.passages if self.passage_ids[p.address] in wanted]

    @cached_property
    def subdomains(self) -> dict[str, Row]:
        """The subdomains, once they have been made."""
        return self.rows("subdomains")

    @cached_property
    def assertions(self) -> dict[str, list[Row]]:
        """The assertions of each subdomain, once they have been made."""
        grouped: dict[str, list[Row]] = {}
        for row in read_rows(self.folder, "assertions"):
            grouped.setdefault(row["subdomain_id"], []).append(row)
        return grouped

    def about(self, subdomain_id: str) -> Row:
        """What a prompt says of a subdomain: the subdomain and its assertions."""
        return {"subdomain": self.subdomains[subdomain_id], "assertions": self.assertions.get(subdomain_id, [])}

    def llm(self, role: str) -> EndpointLLM:
        """The Distilabel LLM that asks as `role`."""
        settings = self.settings
        return EndpointLLM(role=settings.role(role, settings.seed), ledger_path=str(self.folder.ledger))


class Rows(GeneratorStep):
    """Yields the rows of a Parquet file, in order, from `start` on and at most `count` of them."""

    path: str
    start: int = 0
    count: int | None = None
    batch_size: int = 2_000  # rows are small, and each batch is a round trip between processes

    @property
    def outputs(self) -> list[str]:
        """The columns of the file."""
        return list(pq.read_schema(self.path).names)

    def process(self, offset: int = 0) -> Iterator[tuple[list[Row], bool]]:
        """Yield batches of rows; the last one is marked."""
        table = pq.read_table(self.path).slice(self.start, self.count)
        for begin in range(offset, max(1, len(table)), self.batch_size):
            end = begin + self.batch_size
            yield table.slice(begin, self.batch_size).to_pylist(), end >= len(table)


class Stage(GlobalStep):
    """One level of the lineage: asks about every row of the level above.

    Leaves name their `table` and the columns they read, and write `ask_about`.
    """

    table: ClassVar[str]
    reads: ClassVar[tuple[str, ...]] = ("id",)

    corpus: Corpus
    llm: EndpointLLM

    @property
    def inputs(self) -> list[str]:
        """Columns that the rows of the level above must have."""
        return list(self.reads)

    @property
    def outputs(self) -> list[str]:
        """The columns of the table."""
        return list(TABLES[self.table].names)

    def load(self) -> None:
        """Open the client, in the process that this step runs in."""
        super().load()
        self.llm.load()

    def unload(self) -> None:
        """Close the client."""
        self.llm.unload()

    def process_applying_mappings(self, *args: list[Row]) -> Iterator[list[Row]]:
        """Distilabel's call of `process`; what goes wrong in it reaches the run as text.

        An exception often cannot be pickled on its way out of the process, and then its text would be lost.
        """
        try:
            yield from super().process_applying_mappings(*args)
        except Exception as error:
            self._logger.exception("step %s failed", self.name)
            kind = "" if isinstance(error, SpecmillError) else f"step {self.name} failed: {type(error).__name__}: "
            CONTROL.halt("crash", f"{kind}{error}")
            raise

    async def ask_about(self, row: Row) -> tuple[list[Row], list[Row]]:
        """The rows and the rejects that come of one row of the level above."""
        raise NotImplementedError

    def process(self, inputs: StepInput) -> Iterator[list[Row]]:
        """Ask about all rows, write the table and its rejects, hand the rows on."""
        outcomes = self.llm.run(self.ask_about(row) for row in inputs)
        rows = [row for made, _ in outcomes for row in made]
        rejects = [reject for _, refused in outcomes for reject in refused]
        write_table(self.corpus.folder, self.table, rows)
        write_table(self.corpus.folder, "rejects", rejects, part=self.table)
        if not rows and not CONTROL.closed:  # stopped: the run says so, and nothing went wrong
            reasons = "; ".join(sorted({f"{r['reason']}: {r['detail']}" for r in rejects})[:3]) or "no reply"
            raise SpecmillError(f"no {self.table.replace('_', ' ')} came of {len(inputs)} requests ({reasons}).")
        yield rows

    def messages(self, template: str, **values: Any) -> list[Message]:
        """The messages of one request: the system message of `template`, and `template` filled in."""
        corpus = self.corpus
        system = corpus.system_of(template)
        return corpus.prompts.messages(template, system, assistant=corpus.settings.assistant, **values)

    def question(
        self,
        row_id: str,
        form: type[R],
        size: str,
        key: str,
        values: Row,
        check: Callable[[R], None] | None = None,
        choices: Mapping[str, Sequence[str]] | None = None,
    ) -> ListQuestion[R]:
        """A list about one row: as many items as the recipe's `size` says, told apart by their field `key`."""
        settings = self.corpus.settings

        def name_of(item: R) -> str:
            return str(getattr(item, key))

        def render(count: int, existing: list[str]) -> list[Message]:
            return self.messages(self.corpus.template(self.table), count=count, existing=existing, **values)

        return ListQuestion(
            stage=self.table, row_id=row_id, form=form, want=_wanted(settings, size), batch=settings.list_batch,
            attempts=settings.attempts, render=render, name_of=name_of, check=check or _accept,
            choices=choices,
        )  # fmt: skip

    def failures(self, found: Gathered[Any], parent_id: str) -> list[Row]:
        """Rejects for the batches of a list that failed, and for items that repeat others or cannot be right."""
        failed = [reject_of_answer(self.table, parent_id, number, a) for number, a in enumerate(found.failures)]
        repeats = [
            reject(
                self.table, content_id(self.table, parent_id, "repeat", number), "repeat",
                parent_id=parent_id, request_id=request_id, row=item.model_dump(),
            )
            for number, (item, request_id) in enumerate(found.repeats)
        ]  # fmt: skip
        unfit = [
            reject(
                self.table, content_id(self.table, parent_id, "unfit", number), "unfit", detail=problem,
                parent_id=parent_id, request_id=request_id, row=item.model_dump(),
            )
            for number, (item, request_id, problem) in enumerate(found.unfit)
        ]  # fmt: skip
        return [*failed, *repeats, *unfit]


def _wanted(settings: BuildSettings, size: str) -> int:
    part = settings.documents if size in {"types", "ideas"} else settings.decompose
    return int(getattr(part, size))


def _accept(item: Reply) -> None:
    """No further check."""


def reject(stage: str, item_id: str, reason: str, **values: Any) -> Row:
    """A row of the table `rejects`; `row` (the item's own row) is stored as JSON."""
    row = values.pop("row", None)
    blank: Row = dict.fromkeys(["detail", "score", "threshold", "other_id", "parent_id", "request_id", "text"])
    text = None if row is None else json.dumps(row, ensure_ascii=False, sort_keys=True)
    return {
        **blank, **values, "row": text,
        "id": content_id("rejects", stage, item_id, reason), "stage": stage, "item_id": item_id, "reason": reason,
    }  # fmt: skip


def rejected(stage: str, rejection: Rejection, row: Row, text: str) -> Row:
    """The reject of an item that a filter turned down; `row` is the item's own row."""
    return reject(
        stage, row["id"], rejection.reason, detail=rejection.detail, score=rejection.score,
        threshold=rejection.threshold, other_id=rejection.other_id, parent_id=row.get("idea_id"),
        request_id=row["request_id"], text=text, row=row,
    )  # fmt: skip


def flagged(table: str, flag: Flag) -> Row:
    """A row of the table `flags`, of an item of `table`."""
    return {
        "id": content_id("flags", table, flag.item_id, flag.reason), "item_table": table, "item_id": flag.item_id,
        "filter": flag.reason, "detail": flag.detail, "score": flag.score, "threshold": flag.threshold,
        "other_id": flag.other_id,
    }  # fmt: skip


def flags_by_item(workspace: Workspace, table: str) -> dict[str, list[str]]:
    """The names of the filters that flagged each item of a table that they let through, sorted."""
    found: dict[str, list[str]] = defaultdict(list)
    for row in read_rows(workspace, "flags", ["item_table", "item_id", "filter"]):
        if row["item_table"] == table:
            found[row["item_id"]].append(row["filter"])
    return {item_id: sorted(names) for item_id, names in found.items()}


def reject_of_answer(stage: str, parent_id: str, number: int, answer: Answer[Any]) -> Row:
    """The reject of a question that no usable reply came to."""
    return reject(
        stage, content_id(stage, parent_id, "no reply", number), answer.state.value, detail=answer.problem,
        parent_id=parent_id, request_id=answer.completion.request_id, text=answer.completion.text,
    )  # fmt: skip


def table_path(corpus: Corpus, table: str) -> str:
    """The file that `Rows` reads."""
    return str(corpus.folder.table(table))

"""The step that every stage is, and the rows that a pipeline starts from.

A stage is a Distilabel `GlobalStep`: it gets every row of its level at once and runs one coroutine a row, so that the
client keeps the endpoint full and no batch waits for its slowest reply. It writes its own table and its own rejects
before it hands rows on, all of it a pure function of the recipe and the ledger.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import pyarrow.parquet as pq
from distilabel.steps import GeneratorStep, GlobalStep, StepInput

from corpus.ids import content_id
from corpus.schema import TABLES
from corpus.store import write_table
from pipelines.base import Corpus, Row, reject, reject_of_answer
from pipelines.completion import Message
from pipelines.engine.llm import EndpointLLM
from pipelines.run.control import CONTROL
from pipelines.settings import BuildSettings
from pipelines.structured.ask import Gathered, ListQuestion
from pipelines.structured.schemas import Reply
from specs.errors import SpecmillError

R = TypeVar("R", bound=Reply)


def table_path(corpus: Corpus, table: str) -> str:
    """The file that `Rows` reads."""
    return str(corpus.folder.table(table))


class Rows(GeneratorStep):
    """Yields the rows of a Parquet file, in order, from `start` on and at most `count` of them."""

    path: str
    start: int = 0
    count: int | None = None
    batch_size: int = 2_000

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
        """Open the client."""
        super().load()
        self.llm.load()

    def unload(self) -> None:
        """Close the client."""
        self.llm.unload()

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

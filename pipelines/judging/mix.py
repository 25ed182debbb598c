"""Judging the instruction mix: chats of others that the rules let through are put before the role `judge`.

One request a chat, through the ledger, so that a mix that is made again pays for nothing twice. What was judged, passed
or not, is kept with its verdicts in `train/data/mix_judged.parquet`, beside the mix and not in `tables/`: it is other
people's data, and is not published with a corpus.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, Final

import pyarrow as pa
import pyarrow.parquet as pq
from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts, StepInput

from corpus.mix.instruction_mix import MIX_JUDGED
from corpus.workspace import replacing
from filters.run.verdicts import decide_verdicts
from pipelines.base import Corpus, Row
from pipelines.judging.judge import Judge, verdict_rows
from pipelines.run.reporter import Reporter
from pipelines.run.supervise import run_pipeline

STAGE: Final = "mix_verdicts"


def _strings(*names: str) -> list[pa.Field]:
    return [pa.field(name, pa.string()) for name in names]


_MESSAGES = pa.field("messages", pa.list_(pa.struct(_strings("role", "content"))))
_VERDICTS = pa.field("verdicts", pa.list_(pa.struct(_strings("criterion", "verdict", "reason"))))
_TEXTS: Final = pa.schema([*_strings("id"), _MESSAGES])
_JUDGED: Final = pa.schema(  # `why` is null where the chat may stay
    [*_strings("id", "source", "why"), _VERDICTS, _MESSAGES, *_strings("model", "request_id")]
)


class ForeignJudge(Judge):
    """Judges chats that were made elsewhere."""

    item_table: ClassVar[str] = "mix"
    kind: ClassVar[str] = "mix"
    stage: ClassVar[str] = STAGE
    reads = ("id",)

    wanted: dict[str, str]
    texts: str  # Parquet file with `id` and `messages`: chats are long, steps hand on ids

    @property
    def outputs(self) -> list[str]:
        """The chat's id, and what was found out, as JSON."""
        return ["id", "judgement"]

    def criteria(self) -> dict[str, str]:
        """The recipe's."""
        return self.wanted

    def process(self, inputs: StepInput) -> Iterator[list[Row]]:
        """Ask about all chats."""
        wanted = {row["id"] for row in inputs}
        yield self.llm.run(self.judge_chat(row) for row in pq.read_table(self.texts).to_pylist() if row["id"] in wanted)

    async def judge_chat(self, row: Row) -> Row:
        """One chat."""
        judgement = await self.judge(row["id"], chat=row["messages"])
        return {"id": row["id"], "judgement": json.dumps(judgement)}


def mix_pipeline(corpus: Corpus, criteria: dict[str, str], ids: list[str], texts: Path) -> Pipeline:
    """Judges chats by their ids; its leaf `judge` yields a row a chat."""
    with Pipeline(name="specmill-judge-mix") as pipeline:
        chats = LoadDataFromDicts(name="chats", data=[{"id": one} for one in ids], batch_size=2_000)
        llm = corpus.llm("judge")
        chats >> ForeignJudge(name="judge", corpus=corpus, llm=llm, wanted=criteria, texts=str(texts))
    return pipeline


@dataclass
class MixJudging:
    """Says of rows of the mix why they may not stay, as `corpus.mix` asks it, and keeps what the judge said."""

    corpus: Corpus
    criteria: dict[str, str]
    reporter: Reporter
    judged: list[Row] = field(default_factory=list)

    def __call__(self, rows: list[Row]) -> list[str | None]:
        """The first criterion that a chat does not clearly pass, or None, in the order of the rows."""
        self.reporter.stage({STAGE: len(rows)})
        ids = [row["id"] for row in rows]
        judgements = self._judgements(rows, ids)
        said = [verdict for one in judgements.values() for verdict in verdict_rows("mix", one)]
        why = {one.item_id: one.reason for one in decide_verdicts(said, ids, tuple(self.criteria))}
        self.judged += [self._row(row, judgements[row["id"]], why.get(row["id"])) for row in rows]
        return [why.get(item_id) for item_id in ids]

    def _judgements(self, rows: list[Row], ids: list[str]) -> dict[str, Row]:
        workspace = self.corpus.folder
        with TemporaryDirectory(prefix=".judging-", dir=workspace.root) as folder:
            texts = Path(folder, "texts.parquet")
            plain = [{"id": row["id"], "messages": row["messages"]} for row in rows]
            pq.write_table(pa.Table.from_pylist(plain, _TEXTS), texts)
            pipeline = mix_pipeline(self.corpus, self.criteria, ids, texts)
            found = run_pipeline(pipeline, workspace.log)["judge"]
        return {row["id"]: json.loads(row["judgement"]) for row in found}

    def _row(self, row: Row, judgement: Row, why: str | None) -> Row:
        verdicts: list[dict[str, Any]] = [{"criterion": name, **said} for name, said in judgement["verdicts"].items()]
        return {
            "id": row["id"], "source": row["source"], "why": why, "verdicts": verdicts, "messages": row["messages"],
            "model": judgement["model"], "request_id": judgement["request_id"],
        }  # fmt: skip

    def file(self) -> None:
        """Write what was judged."""
        with replacing(self.corpus.folder.root / MIX_JUDGED) as beside:
            pq.write_table(pa.Table.from_pylist(self.judged, _JUDGED), beside, compression="zstd")

"""Distilabel's pipelines, run in this process: what each step is given, and how a run ends."""

import asyncio
import os
import threading
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from distilabel.pipeline import Pipeline
from distilabel.steps import GlobalStep, LoadDataFromDicts, Step, StepInput

from pipelines.run.control import CONTROL
from pipelines.run.supervise import run_pipeline
from pipelines.stage import Rows
from specs.errors import EndpointError, SpecmillError, StoppedError, UserError

SEEN: list = []


@pytest.fixture(autouse=True)
def nothing_seen() -> None:
    SEEN.clear()


class Doubled(Step):
    """Not global: gets its rows in batches."""

    inputs: ClassVar = ["n"]
    outputs: ClassVar = ["n"]

    def process(self, inputs: StepInput):
        SEEN.append(len(inputs))
        yield [{"n": 2 * row["n"]} for row in inputs]


class Summed(GlobalStep):
    """Gets all rows of every step before it."""

    inputs: ClassVar = ["n"]
    outputs: ClassVar = ["sum", "here"]

    def process(self, *inputs: StepInput):
        SEEN.append([len(rows) for rows in inputs])
        here = asyncio.new_event_loop().run_until_complete(self._where())
        yield [{"sum": sum(row["n"] for rows in inputs for row in rows), "here": here}]

    async def _where(self) -> bool:
        return os.getpid() == PID and threading.current_thread() is not threading.main_thread()


class Troubled(GlobalStep):
    """Raises where it is told to, after it did to the run what it is told to."""

    at: str
    kind: str = ""
    inputs: ClassVar = ["n"]
    outputs: ClassVar = ["n"]

    def load(self) -> None:
        super().load()
        self._trouble("load")

    def unload(self) -> None:
        SEEN.append("unloaded")

    def process(self, inputs: StepInput):
        self._trouble("process")
        yield inputs

    def _trouble(self, at: str) -> None:
        if at != self.at:
            return
        if self.kind == "halted":
            CONTROL.halt("endpoint", "the key is refused")
        if self.kind == "stopped":
            CONTROL.stop()
        raise UserError("for the user") if self.kind == "user" else KeyError("lost")


PID = os.getpid()
ROWS = [{"n": n} for n in range(7)]


def fanned() -> Pipeline:
    with Pipeline(name="fanned") as pipeline:
        load = LoadDataFromDicts(name="load", data=ROWS, batch_size=2)
        doubled = [Doubled(name=f"doubled_{n}", input_batch_size=3) for n in range(2)]
        load >> doubled >> Summed(name="summed")
    return pipeline


async def test_each_step_gets_what_the_ones_before_it_made_also_inside_an_event_loop(tmp_path) -> None:
    rows = run_pipeline(fanned(), tmp_path / "log.txt")
    assert rows == {"summed": [{"sum": 2 * 2 * 21, "here": True}]}
    assert SEEN == [3, 3, 1, 3, 3, 1, [7, 7]]
    assert not list(tmp_path.glob(".*"))


def test_a_pipeline_runs_again_and_after_it_was_saved(tmp_path) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "rows.parquet")
    with Pipeline(name="saved") as pipeline:
        Rows(name="rows", path=str(tmp_path / "rows.parquet"), start=1, count=3)
    pipeline.save(tmp_path / "pipeline.json", format="json")
    loaded = Pipeline.from_json(tmp_path / "pipeline.json")
    assert run_pipeline(loaded, tmp_path / "log.txt") == {"rows": ROWS[1:4]}
    again = fanned()
    assert run_pipeline(again, tmp_path / "log.txt") == run_pipeline(again, tmp_path / "log.txt")


@pytest.mark.parametrize("at", ["load", "process"])
@pytest.mark.parametrize(
    ("kind", "error", "text"),
    [
        ("", SpecmillError, "step troubled failed: KeyError: 'lost'. See .*log.txt"),
        ("user", UserError, "^for the user$"),
        ("halted", EndpointError, "^the key is refused$"),
        ("stopped", StoppedError, "stopped on request"),
    ],
)
def test_a_step_that_raises_ends_the_run_with_the_first_reason(tmp_path, at, kind, error, text) -> None:
    with Pipeline(name="troubled") as pipeline:
        steps = Troubled(name="troubled", at=at, kind=kind) >> Doubled(name="never")
        LoadDataFromDicts(name="load", data=ROWS) >> pipeline.dag.get_step("troubled")["step"]
    assert steps.name == "never"
    with pytest.raises(error, match=text) as raised:
        run_pipeline(pipeline, tmp_path / "log.txt")
    assert type(raised.value) is error
    assert SEEN == ["unloaded"]
    assert "Traceback" in (tmp_path / "log.txt").read_text()
    CONTROL.reset()


def test_a_pipeline_whose_columns_do_not_fit_is_refused_before_it_runs(tmp_path) -> None:
    with Pipeline(name="unfit") as pipeline:
        LoadDataFromDicts(name="load", data=[{"other": 1}]) >> Doubled(name="doubled")
    with pytest.raises(ValueError, match="doubled"):
        run_pipeline(pipeline, tmp_path / "log.txt")
    assert not SEEN

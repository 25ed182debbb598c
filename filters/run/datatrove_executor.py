"""The checks of one document on many machines, through datatrove's executors (Ray, Slurm).

Each task looks at its share of the row groups and leaves what it found in a folder that all machines see; the checks
across documents then run where the command was given, on the same sketches in the same order of rank: the survivors are
those of a local run.
"""

import pickle
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from datatrove.executor.base import PipelineExecutor
from datatrove.pipeline.base import PipelineStep
from loguru import logger

from filters.context import Context
from filters.run.decide import Found
from filters.run.parquet import Unit, check_unit
from filters.settings import FilterSettings
from specs.errors import SpecmillError

_POLL_SECONDS = 5.0


class CheckStep(PipelineStep):  # type: ignore[misc]
    """A datatrove step without input or output documents: units in, one file of findings a task out."""

    type = "FILTER"
    name = "specmill: checks of one document"

    def __init__(self, units: list[Unit], settings: FilterSettings, context: Context, folder: str) -> None:
        super().__init__()
        self.units, self.settings, self.context, self.folder = units, settings, context, folder

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Look at every `world_size`-th unit from `rank` on."""
        found = [check_unit(unit, self.settings, self.context) for unit in self.units[rank::world_size]]
        target = findings(Path(self.folder), rank)
        beside = target.with_suffix(".tmp")
        beside.write_bytes(pickle.dumps(found))
        beside.replace(target)
        yield from data or ()


def by_datatrove(units: list[Unit], settings: FilterSettings, context: Context) -> Iterator[Found]:
    """What the units bring, computed by `settings.executor`.

    Raises:
        SpecmillError: a task failed, or did not end within the cluster's time.
    """
    logger.disable("datatrove")  # its log is in the folder; the terminal is the command line's
    with _folder(settings) as folder:
        tasks = max(1, min(settings.cluster.tasks, len(units)))
        step = CheckStep(units, settings, context, str(folder))
        executor(settings, step, tasks, folder).run()
        if settings.executor == "slurm":
            _await(folder, tasks, settings.cluster.hours * 3600)
        for rank in range(tasks):
            path = findings(folder, rank)
            if not path.is_file():
                raise SpecmillError(f"filter task {rank} of {tasks} failed; its log is in {folder / 'logs'}.")
            yield from pickle.loads(path.read_bytes())  # written by our own step  # noqa: S301


def executor(settings: FilterSettings, step: PipelineStep, tasks: int, folder: Path) -> PipelineExecutor:
    """datatrove's executor for the recipe's key."""
    logs = str(folder / "logs")
    cluster = settings.cluster
    if settings.executor == "ray":
        from datatrove.executor.ray import RayPipelineExecutor

        return RayPipelineExecutor(
            [step], tasks=tasks, workers=settings.workers or -1, mem_per_cpu_gb=cluster.memory_gb, logging_dir=logs
        )
    from datatrove.executor.slurm import SlurmPipelineExecutor

    return SlurmPipelineExecutor(
        [step], tasks=tasks, workers=settings.workers or -1, mem_per_cpu_gb=cluster.memory_gb, logging_dir=logs,
        time=f"{cluster.hours:02d}:00:00", partition=cluster.partition, job_name="specmill-filter",
        slurm_logs_folder=str(folder / "slurm"), mail_type="NONE",
    )  # fmt: skip


def findings(folder: Path, rank: int) -> Path:
    """Where the task `rank` leaves what it found."""
    return folder / f"found-{rank:05d}.pickle"


@contextmanager
def _folder(settings: FilterSettings) -> Iterator[Path]:
    parent = settings.cluster.folder
    with tempfile.TemporaryDirectory(prefix="specmill-filter-", dir=parent) as folder:
        yield Path(folder)


def _await(folder: Path, tasks: int, limit_s: float) -> None:
    """Slurm only queues: wait for the tasks' files."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end and not all(findings(folder, rank).is_file() for rank in range(tasks)):
        time.sleep(_POLL_SECONDS)

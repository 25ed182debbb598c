"""A stage that is trained elsewhere, as a job of a cluster: `python -m train.run.job FILE`.

The file says what `specmill` would run itself. The job runs it just so: it goes on from the last checkpoint, stops on a
loss that is no number, and notes when the stage has ended, so that whoever looks afterwards knows it as trained.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from corpus.workspace import Workspace
from specs.errors import SpecmillError
from train.base import Command, Stage, trainer_named
from train.handoff import Made
from train.run.running import Run, run_stage
from train.steps import Updates


def job_text(workspace: str, made: Made, trainer: str, *, anyway: bool = False) -> str:
    """What a job's file says; `workspace` is a path from the folder in which the job runs."""
    told = {"workspace": workspace, "trainer": trainer, "anyway": anyway, **asdict(made)}
    return json.dumps(told, ensure_ascii=False, indent=1) + "\n"


def run_job(file: Path) -> Run | None:
    """Train the stage of a job's file; None where it is trained already.

    Raises:
        SpecmillError: as `train.run.running.run_stage` does.
    """
    told: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    merge = told["merge"]
    made = Made(
        Stage(**told["stage"]), Updates(**told["updates"]), [Command(**one) for one in told["commands"]],
        Command(**merge) if merge else None, told["replay"],
    )  # fmt: skip
    trainer = trainer_named(told["trainer"])
    return run_stage(Workspace(told["workspace"]), made, trainer, _report, anyway=told["anyway"])


def _report(run: Run) -> None:
    """A line each tenth of the way."""
    if run.done and run.done % max(1, run.updates.updates // 10) == 0:
        print(f"update {run.done:,} of {run.updates.updates:,}, loss {run.loss or 0:.3f}", flush=True)


def main() -> None:
    """Run the job's file that the command line names."""
    try:
        run = run_job(Path(sys.argv[1]))
    except SpecmillError as error:
        sys.exit(f"error: {error}")
    print("trained already" if run is None else f"{run.done:,} updates, loss {run.loss or 0:.3f}")


if __name__ == "__main__":
    main()

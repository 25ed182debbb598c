"""Job files for the training of a whole experiment: each stage one job, midtraining that models share once, chats after
it, seeds side by side; at the end a job that notes what was trained, asks the models and writes the tables."""

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from corpus.workspace import write_text
from specmill.experiment.building import Say
from specmill.experiment.files import Place
from specmill.experiment.settings import Experiment
from specmill.experiment.training import Group, ready
from specs.errors import UserError
from train.folders import read_manifest
from train.handoff import Made
from train.run.job import job_text
from train.run.submit import SYSTEMS, Job, skypilot_command, skypilot_text, slurm_files

FOLDER: Final = "jobs"
_LAST: Final = "tables"


@dataclass(slots=True)
class Jobs:
    """What is submitted: files by their path in the experiment's folder, and the command that submits them."""

    files: dict[str, str] = field(default_factory=dict)
    jobs: list[Job] = field(default_factory=list)
    command: str = ""


def submit(
    experiment: Experiment, place: Place, say: Say, system: str, line: str, *, anyway: bool = False, dry: bool = False
) -> Jobs:
    """Write the job files for slurm or skypilot into `jobs/`, or with `dry` only say what they would be. `line` is the
    command that runs the experiment to its end, from its folder. What is trained already has no job.

    Raises:
        ChangedError, UserError: as `train` does, before any file is written.
    """
    if system not in SYSTEMS:
        raise UserError(f"--submit {system}: expected one of {', '.join(SYSTEMS)}.")
    handed = ready(experiment, place, say, anyway=anyway)
    found = Jobs()
    named: dict[Path, str] = {}  # folder of a stage -> its job
    for group, made in ((group, made) for group, stages in handed for made in stages):
        _add(found, named, place, group, made, experiment.train.trainer, anyway)
    if not found.jobs:
        raise UserError(f"{place.root}: everything is trained; nothing is to be submitted.")
    found.jobs.append(Job(_LAST, [line], tuple(job.name for job in found.jobs)))
    if system == "slurm":
        found.files |= slurm_files(found.jobs, experiment.train, FOLDER)
        found.command = f"bash {FOLDER}/submit.sh"
    else:
        file, lines = f"{FOLDER}/skypilot.yaml", [text for job in found.jobs for text in job.lines]
        setup = f"pip install 'specmill[{experiment.train.trainer}]'\n"
        found.files[file] = skypilot_text(lines, experiment.train, experiment.train.trainer, setup)
        found.command = skypilot_command(file, "./")
    for name, text in {} if dry else found.files.items():
        write_text(place.root / name, text)
    return found


def _add(
    found: Jobs, named: dict[Path, str], place: Place, group: Group, made: Made, trainer: str, anyway: bool
) -> None:
    """A job for a stage that has none yet and is not trained; what several cells have by a link is one stage."""
    cell = place.cell(group.cell)
    folder = (cell.root / made.stage.folder).resolve()
    if folder in named or (read_manifest(cell, made.stage.folder) or {}).get("finished"):
        return
    name = named[folder] = f"{len(named):03d}-{group.cell.name}-{made.stage.folder.rpartition('/')[2]}"
    after = named.get((cell.root / made.stage.continues).resolve()) if made.stage.continues else None
    path = f"{FOLDER}/{name}.json"
    found.files[path] = job_text(cell.root.relative_to(place.root).as_posix(), made, trainer, anyway=anyway)
    lines = [f"echo {shlex.quote(name)}", f"python -m train.run.job {shlex.quote(path)}"]
    found.jobs.append(Job(name, lines, (after,) if after else ()))

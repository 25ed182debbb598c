"""Job files: the commands of the stages for Slurm or SkyPilot, in order, each only after the one before."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import yaml

from corpus.workspace import Workspace, write_text
from specs.errors import UserError
from train.handoff import HandOff, Made
from train.settings import TrainSettings

SYSTEMS: Final = ("slurm", "skypilot")
_CLUSTER: Final = "specmill-train"


def write_jobs(workspace: Workspace, result: HandOff, settings: TrainSettings, system: str) -> tuple[list[str], str]:
    """Write `train/jobs/...` for the stages; their paths relative to the workspace, and the command that submits them.

    Raises:
        UserError: a system that is not known.
    """
    if system == "slurm":
        return _slurm(workspace, result, settings)
    if system == "skypilot":
        return _skypilot(workspace, result, settings)
    raise UserError(f"--submit {system}: expected one of {', '.join(SYSTEMS)}.")


def _slurm(workspace: Workspace, result: HandOff, settings: TrainSettings) -> tuple[list[str], str]:
    """A job a stage; a stage begins when the one that it goes on with has ended well."""
    names = {one.stage.folder: one.stage.folder.rpartition("/")[2] for one in result.made}
    jobs = [
        Job(names[one.stage.folder], _shell(one), tuple(filter(None, [names.get(one.stage.continues or "")])))
        for one in result.made
    ]
    files = slurm_files(jobs, settings, "train/jobs")
    for name, text in files.items():
        write_text(workspace.root / name, text)
    return list(files), "bash train/jobs/submit.sh"


@dataclass(frozen=True, slots=True)
class Job:
    """One job: its name, the lines of its script, and the names of the jobs that it begins after."""

    name: str
    lines: list[str]
    after: tuple[str, ...] = ()


def slurm_files(jobs: Sequence[Job], settings: TrainSettings, folder: str) -> dict[str, str]:
    """The text of a script for each job in `folder`, a relative path, and of `submit.sh`, which submits them in order
    from the folder above: a job begins when those that it comes after have ended well, and what can run side by
    side does."""
    files: dict[str, str] = {}
    numbers = {job.name: f"job{number}" for number, job in enumerate(jobs)}
    up = "/".join([".."] * (folder.count("/") + 1))
    lines = ["#!/bin/bash", "set -euo pipefail", f'cd "$(dirname "$0")/{up}"']
    for job in jobs:
        script = f"{folder}/{job.name}.sbatch"
        body = [
            "#!/bin/bash",
            f"#SBATCH --job-name={job.name}",
            "#SBATCH --nodes=1",
            "#SBATCH --ntasks=1",
            *([] if settings.cpu else [f"#SBATCH --gpus-per-node={settings.devices}"]),
            f"#SBATCH --output={folder}/{job.name}-%j.log",
            f"# Partition, account and time are your cluster's: sbatch --partition=... --time=... {script}",
            "set -euo pipefail",
            *job.lines,
        ]
        files[script] = "\n".join(body) + "\n"
        after = ":".join(f"${numbers[name]}" for name in job.after)
        waits = f' --dependency=afterok:"{after}"' if after else ""
        lines.append(f'{numbers[job.name]}=$(sbatch --parsable{waits} "$@" {script})')
        lines.append(f'echo "{job.name}: job ${numbers[job.name]}"')
    files[f"{folder}/submit.sh"] = "\n".join(lines) + "\n"
    return files


def _skypilot(workspace: Workspace, result: HandOff, settings: TrainSettings) -> tuple[list[str], str]:
    file = "train/jobs/skypilot.yaml"
    lines = [line for one in result.made for line in _shell(one)]
    write_text(workspace.root / file, skypilot_text(lines, settings, result.trainer.name))
    return [file], skypilot_command(file, "train/")


def skypilot_text(lines: Sequence[str], settings: TrainSettings, trainer: str, setup: str = "") -> str:
    """One task: the folder is its workdir, and the lines run one after the other. What is trained stays on the cluster
    until it is fetched, so it is no managed job, whose machine is gone at its end."""
    installs = {"axolotl": "pip install axolotl==0.19.0", "trl": "pip install 'trl==1.16.*' 'peft==0.21.*'"}
    task = {
        "name": _CLUSTER,
        "workdir": ".",
        "resources": {"cpus": "4+"} if settings.cpu else {"accelerators": f"H100:{settings.devices}"},
        "setup": _Block(setup + installs.get(trainer, "true  # install the trainer here") + "\n"),
        "run": _Block("\n".join(["set -euo pipefail", *lines]) + "\n"),
    }
    return yaml.dump(task, Dumper=_Dumper, sort_keys=False)


def skypilot_command(file: str, folder: str) -> str:
    """What launches a task, and fetches `folder` from it."""
    fetch = f"rsync -a {_CLUSTER}:sky_workdir/{folder} {folder}"
    return f"sky launch --cluster {_CLUSTER} {file} && {fetch} && sky down {_CLUSTER}"


class _Block(str):
    """A text that is written line by line."""


class _Dumper(yaml.SafeDumper):
    """Writes blocks as such."""


_Dumper.add_representer(_Block, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|"))


def _shell(made: Made) -> list[str]:
    return [f"echo {shlex.quote(command.purpose)}\n{command.line}" for command in made.commands]

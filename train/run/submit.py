"""Job files: the commands of the stages for Slurm or SkyPilot, in order, each only after the one before."""

import shlex
from typing import Final

import yaml

from corpus.workspace import Workspace, write_text
from specs.errors import UserError
from train.handoff import HandOff, Made
from train.settings import TrainSettings

SYSTEMS: Final = ("slurm", "skypilot")


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
    """A job a stage, and `submit.sh` that chains them: a stage begins when the one that it goes on with has ended
    well."""
    files: list[str] = []
    jobs: dict[str, str] = {}
    lines = ["#!/bin/bash", "set -euo pipefail", 'cd "$(dirname "$0")/../.."']
    for number, one in enumerate(result.made):
        stage, name = one.stage, one.stage.folder.rpartition("/")[2]
        body = [
            "#!/bin/bash",
            f"#SBATCH --job-name={name}",
            "#SBATCH --nodes=1",
            "#SBATCH --ntasks=1",
            *([] if settings.cpu else [f"#SBATCH --gpus-per-node={settings.devices}"]),
            f"#SBATCH --output=train/jobs/{name}-%j.log",
            f"# Partition, account and time are your cluster's: sbatch --partition=... --time=... "
            f"train/jobs/{name}.sbatch",
            "set -euo pipefail",
            *_shell(one),
        ]
        write_text(workspace.root / "train" / "jobs" / f"{name}.sbatch", "\n".join(body) + "\n")
        files.append(f"train/jobs/{name}.sbatch")
        after = f' --dependency=afterok:"${jobs[stage.continues]}"' if stage.continues in jobs else ""
        jobs[stage.folder] = f"job{number}"
        lines.append(f'job{number}=$(sbatch --parsable{after} "$@" train/jobs/{name}.sbatch)')
        lines.append(f'echo "{name}: job $job{number}"')
    write_text(workspace.root / "train" / "jobs" / "submit.sh", "\n".join(lines) + "\n")
    return [*files, "train/jobs/submit.sh"], "bash train/jobs/submit.sh"


def _skypilot(workspace: Workspace, result: HandOff, settings: TrainSettings) -> tuple[list[str], str]:
    """One task: the workspace is its workdir, and the stages run one after the other."""
    setup = {"axolotl": "pip install axolotl==0.19.0", "trl": "pip install 'trl==1.16.*' 'peft==0.21.*'"}
    task = {
        "name": "specmill-train",
        "workdir": ".",
        "resources": {"cpus": "4+"} if settings.cpu else {"accelerators": f"H100:{settings.devices}"},
        "setup": setup.get(result.trainer.name, "true  # install the trainer here") + "\n",
        "run": "\n".join(["set -euo pipefail", *(line for one in result.made for line in _shell(one))]) + "\n",
    }
    write_text(workspace.root / "train" / "jobs" / "skypilot.yaml", yaml.safe_dump(task, sort_keys=False))
    return ["train/jobs/skypilot.yaml"], "sky jobs launch train/jobs/skypilot.yaml"


def _shell(made: Made) -> list[str]:
    return [f"echo {shlex.quote(command.purpose)}\n{command.line}" for command in made.commands]

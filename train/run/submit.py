"""Job files: the commands of the stages for Slurm or SkyPilot, in order, each only after the one before."""

import shlex
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
    """One task: the workspace is its workdir, and the stages run one after the other. What is trained stays on the
    cluster until it is fetched, so it is no managed job, whose machine is gone at its end."""
    setup = {"axolotl": "pip install axolotl==0.19.0", "trl": "pip install 'trl==1.16.*' 'peft==0.21.*'"}
    task = {
        "name": _CLUSTER,
        "workdir": ".",
        "resources": {"cpus": "4+"} if settings.cpu else {"accelerators": f"H100:{settings.devices}"},
        "setup": _Block(setup.get(result.trainer.name, "true  # install the trainer here") + "\n"),
        "run": _Block("\n".join(["set -euo pipefail", *(line for one in result.made for line in _shell(one))]) + "\n"),
    }
    text = yaml.dump(task, Dumper=_Dumper, sort_keys=False)
    write_text(workspace.root / "train" / "jobs" / "skypilot.yaml", text)
    fetch = f"rsync -a {_CLUSTER}:sky_workdir/train/ train/"
    command = f"sky launch --cluster {_CLUSTER} train/jobs/skypilot.yaml && {fetch} && sky down {_CLUSTER}"
    return ["train/jobs/skypilot.yaml"], command


class _Block(str):
    """A text that is written line by line."""


class _Dumper(yaml.SafeDumper):
    """Writes blocks as such."""


_Dumper.add_representer(_Block, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|"))


def _shell(made: Made) -> list[str]:
    return [f"echo {shlex.quote(command.purpose)}\n{command.line}" for command in made.commands]

"""Holds the job files that `specmill train --submit` writes against the parsers of who reads them.

    python -m tests.train.real.check_jobs [--sky PYTHON]

bash reads every script; shellcheck and Slurm's own sbatch do where they are on the PATH (sbatch needs a slurm.conf, as
SLURM_CONF names one; it reads all options before it looks for a controller, which need not be there). `--sky`: the
Python of an environment with skypilot. Says what was not there, and fails where a parser refuses.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from corpus.store import write_dataset
from corpus.tokens import TokenCounter
from corpus.workspace import Workspace
from tests.train.sample import aft_rows, msm_rows
from tests.train.standins import make_tokenizer
from train.handoff import hand_off
from train.run.submit import Job, skypilot_text, slurm_files, write_jobs
from train.settings import TrainSettings

CASES: tuple[dict[str, Any], ...] = (
    {"trainer": "axolotl"}, {"trainer": "axolotl", "devices": 4, "sharding": "fsdp2", "controls": True},
    {"trainer": "trl", "devices": 2}, {"trainer": "trl", "cpu": True, "attention": "sdpa"},
)  # fmt: skip
SKY = "import sky, sys; one = sky.Task.from_yaml(sys.argv[1]); print(sky.__version__, one.name, list(one.resources))"


def main() -> None:
    """Write the jobs of every case and have them read."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sky", type=Path, help="Python of an environment with skypilot")
    given = parser.parse_args()
    readers = {"bash": shutil.which("bash"), "shellcheck": shutil.which("shellcheck")}
    readers |= {"sbatch": shutil.which("sbatch"), "skypilot": given.sky and str(given.sky)}
    wrong = 0
    for number, case in enumerate(CASES):
        with tempfile.TemporaryDirectory() as folder:
            for system, file in _jobs(Path(folder), case):
                wrong += sum(not _read(name, program, system, file) for name, program in readers.items() if program)
        print(f"case {number}: {case}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for system, file in _experiment(Path(folder)):
            wrong += sum(not _read(name, program, system, file) for name, program in readers.items() if program)
    print("jobs of an experiment", flush=True)
    print(f"not here, so not asked: {', '.join(name for name, found in readers.items() if not found) or 'nothing'}")
    sys.exit(bool(wrong))


def _jobs(root: Path, case: dict[str, Any]) -> list[tuple[str, Path]]:
    counter, workspace = TokenCounter(), Workspace(root / "ws").create()
    write_dataset(workspace, "msm", msm_rows(20, counter))
    write_dataset(workspace, "aft_cot", aft_rows(10, counter, reasoned=True))
    model = make_tokenizer(root / "model", "qwen2.5", instruct=False)
    settings = TrainSettings.model_validate({"base_model": str(model)} | case)
    result = hand_off(workspace, settings)
    return [
        (system, workspace.root / file)
        for system in ("slurm", "skypilot")
        for file in write_jobs(workspace, result, settings, system)[0]
    ]


def _experiment(root: Path) -> list[tuple[str, Path]]:
    """Jobs as those of a whole experiment are called and chained."""
    names = [f"{n:03d}-america-1.5M+chats-affordability-all-{one}" for n, one in enumerate(("msm-seed0", "aft-seed0"))]
    jobs = [Job(name, [f"python -m train.run.job jobs/{name}.json"], tuple(names[:n])) for n, name in enumerate(names)]
    jobs.append(Job("tables", ["specmill experiment ../pair.yaml run --out ."], tuple(names)))
    settings = TrainSettings(trainer="trl", devices=2)
    files = slurm_files(jobs, settings, "runs/jobs")
    lines = [line for job in jobs for line in job.lines]
    files["runs/jobs/skypilot.yaml"] = skypilot_text(lines, settings, "trl", "pip install 'specmill[trl]'\n")
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return [("skypilot" if name.endswith(".yaml") else "slurm", root / name) for name in files]


def _read(name: str, program: str, system: str, file: Path) -> bool:
    """Whether a parser takes a file; one that is not for it is passed over."""
    if (name == "skypilot") != (system == "skypilot") or (name == "sbatch" and file.suffix != ".sbatch"):
        return True
    arguments = {"bash": ["-n"], "shellcheck": ["-s", "bash"], "sbatch": ["--test-only"], "skypilot": ["-c", SKY]}
    done = subprocess.run(
        [program, *arguments[name], str(file)], capture_output=True, text=True, check=False,
        cwd=file.parents[2], env={**os.environ, "SKYPILOT_DISABLE_USAGE_COLLECTION": "1"},
    )  # fmt: skip
    said = (done.stdout + done.stderr).strip()
    taken = done.returncode == 0 or (name == "sbatch" and "contact slurm controller" in said)
    print(f"{'ok' if taken else 'REFUSED'}: {name} {file.name} {said if name == 'skypilot' or not taken else ''}")
    return taken


if __name__ == "__main__":
    main()

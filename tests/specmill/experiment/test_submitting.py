"""A whole experiment as jobs of a cluster: midtraining once, chats after it, seeds side by side; taken by bash, by a
stand-in of sbatch that keeps to its rules, by Slurm's and SkyPilot's own forms; and each job trains its stage."""

import json
import os
import re
import subprocess
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from specmill.cli import app
from specmill.experiment.building import build
from specmill.experiment.files import Place
from specmill.experiment.settings import Experiment
from specmill.experiment.submitting import submit
from specmill.experiment.training import train
from specs.errors import UserError
from train.run.job import run_job

Written = Callable[..., tuple[Experiment, Place]]
LINE = "specmill experiment ../small.yaml run --out ."
# Numbers its jobs, and refuses what sbatch refuses: an unknown option, a dependency on a job that it was not given, a
# script without a shebang.
SBATCH = """#!/bin/bash
after=none; script=
for one in "$@"; do
  case $one in
    --parsable|--partition=*) ;;
    --dependency=afterok:*) after=${one#--dependency=afterok:} ;;
    -*) echo "sbatch: unrecognized option '$one'" >&2; exit 1 ;;
    *) script=$one ;;
  esac
done
[[ $(head -c 2 "$script") == "#!" ]] || { echo "sbatch: no batch script" >&2; exit 1; }
number=$((1000 + $(wc -l < "$JOBS")))
for one in ${after//:/ }; do
  [[ $one == none ]] || grep -q "^$one " "$JOBS" || { echo "sbatch: Job dependency problem" >&2; exit 1; }
done
echo "$number $(sed -n 's/^#SBATCH --job-name=//p' "$script") $after" >> "$JOBS"
echo "$number"
"""


@contextmanager
def silent():
    yield lambda name, run: None


def quiet(text: str) -> None:
    """Say nothing."""


def sbatch(folder: Path, place: Place) -> dict[str, set[str]]:
    """What a stand-in of sbatch was given: job -> the jobs that it waits for."""
    program, record = folder / "bin" / "sbatch", folder / "jobs.txt"
    program.parent.mkdir()
    program.write_text(SBATCH)
    program.chmod(0o755)
    record.write_text("")
    environment = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}", "JOBS": str(record)}
    done = subprocess.run(
        ["bash", place.root / "jobs/submit.sh", "--partition=gpu"], env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in record.read_text().splitlines()]
    names = {number: name for number, name, _ in rows}
    return {name: {names[one] for one in after.split(":") if one != "none"} for _, name, after in rows}


@pytest.mark.slow
def test_jobs_depend_on_what_they_go_on_with_and_train_it(
    written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment, place = written(arms=["baseline", "instruction", "aft", "msm", "msm_aft"], doses={"chats": [4, 8]})
    build(experiment, place, quiet)
    found = submit(experiment, place, quiet, "slurm", LINE)
    graph = sbatch(tmp_path, place)
    assert list(graph) == [job.name for job in found.jobs] and list(graph)[-1] == "tables"
    msm = [name for name in graph if "-msm-seed" in name]
    assert len(msm) == 4, "two specs and two seeds; other doses of chats go on with the same"
    both = {name: after for name, after in graph.items() if re.search(r"-all\+chats-.*-aft-seed", name)}
    assert len(both) == 8 and all(len(after) == 1 and after <= set(msm) for after in both.values())
    for name, after in both.items():
        [before] = after
        assert name.rpartition("seed")[2] == before.rpartition("seed")[2], "of its own seed"
        assert name.split("-")[1] == before.split("-")[1], "and of its own spec"
    alone = {name for name in graph if name not in both and name != "tables"}
    assert all(not graph[name] for name in alone) and sum("instruction_only" in name for name in alone) == 2
    assert graph["tables"] == set(graph) - {"tables"}
    for file in place.root.glob("jobs/*.s*"):
        assert subprocess.run(["bash", "-n", file], check=False).returncode == 0
    assert LINE in (place.root / "jobs/tables.sbatch").read_text()
    monkeypatch.chdir(place.root)
    for job in found.jobs[:-1]:
        assert f"python -m train.run.job jobs/{job.name}.json" in (place.root / f"jobs/{job.name}.sbatch").read_text()
        assert (run := run_job(Path("jobs") / f"{job.name}.json")) is not None and run.done > 0
        assert run_job(Path("jobs") / f"{job.name}.json") is None, "a job that is started again has nothing to do"
    said: list[str] = []
    train(experiment, place, said.append, silent)
    assert not [one for one in said if "updates" in one] and any("trained already" in one for one in said)
    with pytest.raises(UserError, match="everything is trained"):
        submit(experiment, place, quiet, "slurm", LINE)


def test_a_dry_run_prints_and_writes_nothing(written: Written) -> None:
    experiment, place = written(seeds=[0], arms=["baseline", "aft", "msm_aft"], doses={})
    build(experiment, place, quiet)
    file = place.root.parent / "small.yaml"
    arguments = ["experiment", str(file), "train", "--out", str(place.root), "--submit"]
    shown = CliRunner().invoke(app, [*arguments, "slurm", "--dry-run"])
    assert shown.exit_code == 0 and not (place.root / "jobs").exists(), shown.output
    assert "--dependency=afterok" in shown.output and "specmill experiment ../small.yaml run --out ." in shown.output
    assert "would write" in shown.stderr
    done = CliRunner().invoke(app, [*arguments, "skypilot"])
    assert done.exit_code == 0 and "sky launch --cluster specmill-train jobs/skypilot.yaml" in done.stderr
    task = yaml.safe_load((place.root / "jobs/skypilot.yaml").read_text())
    assert set(task) == {"name", "workdir", "resources", "setup", "run"} and "specmill[counting]" in task["setup"]
    lines = [line for line in task["run"].splitlines() if "train.run.job" in line]
    order = [json.loads((place.root / line.split()[-1]).read_text())["stage"]["name"] for line in lines]
    assert order.count("msm") == 2 and order[-2:] != ["msm", "msm"] and task["run"].rstrip().endswith("run --out .")
    for wrong in ([*arguments, "cron"], ["experiment", str(file), "eval", "--submit", "slurm"]):
        assert isinstance(CliRunner().invoke(app, wrong).exception, UserError)

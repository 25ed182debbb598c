"""Running a stage, with a program that prints what a trainer prints."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from corpus.workspace import Workspace
from specs.errors import SpecmillError, UserError
from tests.plugins import install
from train.base import Trainer
from train.folders import hold, is_held, read_manifest
from train.handoff import HandOff, hand_off
from train.run import leash as leash_module
from train.run.running import Run, merge_stage, run_stage
from train.run.submit import write_jobs
from train.settings import TrainSettings
from train.trainers.trl import Trl

Make = Callable[..., Workspace]
Set = Callable[..., TrainSettings]
PROGRAM = """
import json, sys, time
from pathlib import Path
folder, updates, how = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
out = folder / "out"; out.mkdir(exist_ok=True)
first = max([int(p.name.split("-")[1]) for p in out.glob("checkpoint-*")], default=0)
for n in range(first + 1, updates + 1):
    loss = float("nan") if how == "nan" and n == 3 else 4.0 / n
    print("specmill " + json.dumps({"step": n, "loss": loss, "learning_rate": 1e-4}), flush=True)
    if n % 5 == 0:
        print("specmill " + json.dumps({"step": n, "eval_held_out_loss": 3.0}), flush=True)
        (out / f"checkpoint-{n}").mkdir(exist_ok=True)
    if loss != loss:
        time.sleep(60)
    if how == "dies" and n == 7:
        sys.exit("out of memory")
(out / "adapter_model.safetensors").write_text("weights")
"""
TRAINER = """
from train.base import Command
from train.trainers.trl import Trl

class Counting(Trl):
    name = "counting"
    how = "well"
    def files(self, stage, settings, updates):
        return {"program.py": PROGRAM, "updates.txt": str(updates.updates)}
    def commands(self, stage, settings):
        return [Command("train", f"python {stage.folder}/program.py {stage.folder} 12 {self.how}")]
    def merge(self, stage, settings):
        return Command("merge", f"mkdir -p {stage.folder}/out/merged")
"""


@pytest.fixture
def handed(
    make_workspace: Make, settings: Set, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[Workspace, HandOff]]:
    install(
        tmp_path, monkeypatch, "specmill.trainers", "counting", "counting:Counting", f"PROGRAM = {PROGRAM!r}{TRAINER}"
    )

    def make(how: str = "well", **values) -> tuple[Workspace, HandOff]:
        import counting

        monkeypatch.setattr(counting.Counting, "how", how)
        workspace = make_workspace()
        given = {"trainer": "counting", "packing": False, "min_updates": 2, "gradient_accumulation": 1} | values
        return workspace, hand_off(workspace, settings(**given))

    return make


def go(workspace: Workspace, result: HandOff, name: str = "msm", **more) -> tuple[Run | None, list[int]]:
    seen: list[int] = []
    return run_stage(workspace, result.named(name), result.trainer, lambda run: seen.append(run.done), **more), seen


def test_a_stage_is_run_and_leaves_losses_and_manifests(handed) -> None:
    workspace, result = handed()
    run, seen = go(workspace, result)
    assert run is not None and seen[-1] == run.done == 12 and run.tokens_per_second > 0
    losses = pq.read_table(workspace.train / "msm-seed0/losses.parquet").to_pylist()
    assert [row["loss"] for row in losses if row["loss"]] == [4.0 / n for n in range(1, 13)]
    assert [(row["update"], row["evaluated_on"]) for row in losses if row["eval_loss"]] == [
        (5, "held_out"),
        (10, "held_out"),
    ]
    manifest = read_manifest(workspace, "train/msm-seed0")
    assert manifest["finished"] and manifest["loss"] == 4.0 / 12 and "torch" in manifest["versions"]
    assert manifest["data_hash"] and manifest["settings"]["learning_rate"] == 1e-4
    at = json.loads((workspace.train / "msm-seed0/out/checkpoint-5/specmill.json").read_text())["at"]
    assert at["update"] == 5 and at["loss"] == 4.0 / 5 and at["tokens"] > 0
    assert go(workspace, result)[0] is None, "trained already"
    hand_off(workspace, result.writer.settings)
    assert read_manifest(workspace, "train/msm-seed0")["finished"], "the same plan keeps what was trained"
    assert go(workspace, result, "aft")[0] is not None
    assert merge_stage(workspace, result.named("aft")).is_dir()


def test_a_run_that_dies_says_so_and_goes_on_from_its_checkpoint(handed) -> None:
    workspace, result = handed("dies")
    with pytest.raises(SpecmillError, match=r"exit code 1.*log\.txt(?s:.*)out of memory"):
        go(workspace, result)
    assert not read_manifest(workspace, "train/msm-seed0").get("finished")
    with pytest.raises(UserError, match="is not trained yet"):
        merge_stage(workspace, result.named("msm"))
    import counting

    counting.Counting.how = "well"
    result.named("msm").commands[:] = result.trainer.commands(result.named("msm").stage, result.writer.settings)
    run, seen = go(workspace, result)
    assert run is not None and (seen[0], run.done) == (6, 12)
    losses = [row for row in pq.read_table(workspace.train / "msm-seed0/losses.parquet").to_pylist() if row["loss"]]
    assert [row["update"] for row in losses] == list(range(1, 13)), "each once, the seventh from the second run"


def test_a_stage_is_trained_by_one_program_at_a_time(handed, settings: Set) -> None:
    workspace, result = handed()
    kept = (workspace.train / "msm-seed0/manifest.json").stat().st_mtime_ns
    with hold(workspace, "train/msm-seed0") as lock:
        lock.write("4711")
        lock.flush()
        with pytest.raises(UserError, match=r"train/msm-seed0 is being trained, by process 4711\..*kill 4711"):
            go(workspace, result)
        hand_off(workspace, result.writer.settings)  # looks, and leaves the files alone
        assert (workspace.train / "msm-seed0/manifest.json").stat().st_mtime_ns == kept
        with pytest.raises(UserError, match="is being trained"):
            hand_off(workspace, settings(trainer="counting", packing=False, sequence_len=512))
    assert go(workspace, result)[0] is not None


def test_the_program_holds_the_stage_until_it_ends(handed) -> None:
    """Where we are killed, it may go on for a while: a second one would write into the same folder."""
    workspace, result = handed()
    seen = []

    def report(run: Run) -> None:
        seen.append(is_held(workspace, "train/msm-seed0"))

    run_stage(workspace, result.named("msm"), result.trainer, report)
    assert seen and all(seen) and not is_held(workspace, "train/msm-seed0")
    with hold(workspace, "train/msm-seed0") as lock:
        child = subprocess.Popen(["sleep", "60"], pass_fds=[lock.fileno()])
    assert is_held(workspace, "train/msm-seed0"), "we have let it go, and the program has not"
    child.kill()
    child.wait()
    assert not is_held(workspace, "train/msm-seed0")


def test_a_trainer_ends_with_the_run_that_was_killed(tmp_path: Path) -> None:
    import os
    import signal
    import subprocess
    import sys

    leash = Path(leash_module.__file__)
    trainer = [sys.executable, "-c", "import time; print('training', flush=True); time.sleep(120)"]
    code = (
        f"import subprocess, sys, os; p = subprocess.Popen([sys.executable, {str(leash)!r}, str(os.getpid()), "
        f"*{trainer!r}], start_new_session=True); print(p.pid, flush=True); p.wait()"
    )
    run = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    assert int(run.stdout.readline()) != run.pid and run.stdout.readline() == "training\n"
    os.kill(run.pid, signal.SIGKILL)
    assert run.stdout.read() == "", "all that had its output open has ended"
    run.wait()


def test_a_loss_that_is_no_number_stops_the_run(handed) -> None:
    workspace, result = handed("nan")
    with pytest.raises(SpecmillError, match="the loss is nan at update 3: stopped"):
        go(workspace, result)
    assert not (workspace.train / "msm-seed0/out/adapter_model.safetensors").exists()


def test_a_stage_that_would_be_a_null_result_is_refused_unless_told(handed) -> None:
    workspace, result = handed(min_updates=1000)
    with pytest.raises(UserError, match=r"fewer than train\.min_updates 1000.*--anyway"):
        go(workspace, result)
    assert go(workspace, result, anyway=True)[0] is not None


def test_a_stage_waits_for_the_one_it_goes_on_with(handed) -> None:
    workspace, result = handed()
    with pytest.raises(UserError, match=r"aft goes on with train/msm-seed0, which is not trained yet"):
        go(workspace, result, "aft")
    with pytest.raises(UserError, match="there is no stage 'sft' here; expected one of: msm, aft"):
        result.named("sft")


def test_a_program_that_is_not_there_is_said_before_anything_runs(
    make_workspace: Make, settings: Set, monkeypatch
) -> None:
    workspace = make_workspace()
    result = hand_off(workspace, settings(min_updates=2))
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UserError, match=r"there is no program 'axolotl' here.*make axolotl"):
        go(workspace, result)


@pytest.mark.parametrize(
    ("line", "loss", "held"),
    [
        ("{'loss': '5.816', 'grad_norm': '0.1', 'learning_rate': '0.0001', 'epoch': '0.05'}", 5.816, None),
        (" 5%|#| 1/19 [00:20]   {'loss': 2.5, 'grad_norm': nan, 'learning_rate': 1e-05, 'epoch': 1}", 2.5, None),
        ("{'loss': nan, 'learning_rate': 0.0}", "nan", None),
        ("{'eval_loss': '3.25', 'eval_runtime': '1'}", None, 3.25),
        ("{'train_runtime': '147.9', 'train_loss': '5.8'}", None, None),
        ("nothing of the kind", None, None),
    ],
)
def test_what_axolotl_prints_is_read(line: str, loss, held) -> None:
    from train.trainers.axolotl import Axolotl

    said = Axolotl().progress(line)
    assert (said.loss if said else None) == (pytest.approx(float("nan"), nan_ok=True) if loss == "nan" else loss)
    assert (said.eval_loss if said else None) == held


def test_a_job_a_stage_for_slurm_and_a_task_for_skypilot(make_workspace: Make, settings: Set) -> None:
    import yaml

    workspace = make_workspace()
    result = hand_off(workspace, settings(controls=True, devices=4, sharding="fsdp2"))
    files, command = write_jobs(workspace, result, result.writer.settings, "slurm")
    assert files[-1] == "train/jobs/submit.sh" and command == "bash train/jobs/submit.sh"
    for file in files:
        checked = subprocess.run(["bash", "-n", workspace.root / file], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr
    job = (workspace.root / "train/jobs/msm-seed0.sbatch").read_text()
    head = job.split("set -euo")[0]
    assert re.findall(r"^#SBATCH --([\w-]+)=\S+$", head, re.M) == [
        "job-name", "nodes", "ntasks", "gpus-per-node", "output",
    ]  # fmt: skip
    assert "axolotl train train/msm-seed0/axolotl.yaml --launcher torchrun -- --nproc_per_node=4" in job
    chain = (workspace.root / "train/jobs/submit.sh").read_text()
    assert '--dependency=afterok:"$job0" "$@" train/jobs/aft_cot-seed0.sbatch' in chain
    assert 'job2=$(sbatch --parsable "$@" train/jobs/aft_cot_only-seed0.sbatch)' in chain
    (file,), command = write_jobs(workspace, result, result.writer.settings, "skypilot")
    assert "rsync -a specmill-train:sky_workdir/train/ train/ && sky down" in command, "what is trained is fetched"
    assert "run: |\n  set -euo pipefail\n  echo" in (workspace.root / file).read_text()
    task = yaml.safe_load((workspace.root / file).read_text())
    assert set(task) == {"name", "workdir", "resources", "setup", "run"} and task["resources"] == {
        "accelerators": "H100:4"
    }
    with pytest.raises(UserError, match="expected one of slurm, skypilot"):
        write_jobs(workspace, result, result.writer.settings, "cron")


def test_trl_is_a_trainer() -> None:
    trainer: Trainer = Trl()
    said = trainer.progress('specmill {"step": 3, "loss": NaN}')
    assert said is not None and said.loss != said.loss
    assert trainer.progress("specmill is a word") is None

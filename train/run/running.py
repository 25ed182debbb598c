"""Running a stage here: the trainer's command with its progress, stopped on a loss that is no number, and what came of
it.

A stage that is trained already is not trained again; one that was stopped goes on from its last checkpoint, which is
the trainer's own doing. Beside the model and each checkpoint stands a manifest; the losses are a Parquet file.
"""

import json
import math
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from corpus.workspace import Workspace, replacing, write_text
from specs.errors import SpecmillError, UserError
from train.base import Trainer
from train.folders import hold, read_manifest, write_manifest
from train.handoff import Made
from train.steps import Updates

LOSSES: Final = "losses.parquet"
_SCHEMA: Final = pa.schema(
    [
        pa.field("update", pa.int64()),
        pa.field("loss", pa.float64()),  # null where only eval_loss was measured
        pa.field("learning_rate", pa.float64()),
        pa.field("eval_loss", pa.float64()),
        pa.field("evaluated_on", pa.string()),  # held_out | neutral | null
        pa.field("seconds", pa.float64()),  # since the run began, or went on
    ]
)
_LAST_LINES: Final = 30
_SAVE_EVERY: Final = 5.0  # seconds: what a run that is killed loses of its losses


@dataclass(slots=True)
class Run:
    """A run as it goes: what `report` is given after each loss."""

    updates: Updates
    began: float
    first: int = 0  # updates done before it went on
    done: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)

    @property
    def loss(self) -> float | None:
        """The last loss."""
        return next((row["loss"] for row in reversed(self.rows) if row["loss"] is not None), None)

    @property
    def tokens_per_second(self) -> float:
        """Training tokens a second since it began or went on."""
        return (self.done - self.first) * self.updates.tokens_per_update / max(1e-9, time.monotonic() - self.began)

    @property
    def seconds_left(self) -> float:
        """At the speed so far."""
        did = max(1, self.done - self.first)
        return (time.monotonic() - self.began) / did * (self.updates.updates - self.done)


def run_stage(
    workspace: Workspace, made: Made, trainer: Trainer, report: Callable[[Run], None], *, anyway: bool = False
) -> Run | None:
    """Train a stage; None where it is trained already. `anyway`: also where it has too few updates.

    Raises:
        UserError: too few updates, the stage that it goes on with is not trained, or the program is not installed.
        SpecmillError: the program failed, or its loss is no number.
    """
    stage, updates = made.stage, made.updates
    manifest = read_manifest(workspace, stage.folder) or {}
    if manifest.get("finished"):
        return None
    _refuse(workspace, made, anyway)
    _check_programs([command.line for command in made.commands])
    with hold(workspace, stage.folder) as lock:
        before = _losses(workspace.root / stage.folder / LOSSES)
        first = _last_checkpoint(workspace.root / stage.out)
        rows = [row for row in before if row["update"] <= first]
        run = Run(updates, time.monotonic(), first, first, rows)
        try:
            for command in made.commands:
                _run(workspace, made, command.line, trainer, run, report, lock)
        finally:
            _write_losses(workspace.root / stage.folder / LOSSES, run.rows)
    finished = {"finished": True, "versions": _versions(trainer), "loss": run.loss, "losses": LOSSES}
    write_manifest(workspace, stage.folder, manifest | finished)
    _beside_checkpoints(workspace, made, manifest | finished, run)
    return run


def merge_stage(workspace: Workspace, made: Made) -> Path:
    """The folder of a stage's model by itself, merged if it is not yet.

    Raises:
        UserError: it is not trained.
        SpecmillError: merging failed.
    """
    out = workspace.root / made.stage.out
    if not (read_manifest(workspace, made.stage.folder) or {}).get("finished"):
        raise UserError(
            f"{made.stage.folder} is not trained yet. Train it: specmill train {workspace.root} --run --stage "
            f"{made.stage.name}"
        )
    if made.merge is None:
        return out
    merged = out / "merged"
    if not (merged / "config.json").is_file():
        _check_programs([made.merge.line])
        done = subprocess.run(_argv(made.merge.line), cwd=workspace.root, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SpecmillError(f"{made.merge.line}\nfailed ({done.returncode}): {done.stderr[-2000:]}")
    return merged


def refuse_too_few(made: Made) -> None:
    """Raise UserError where a stage has too few updates, or all of them are warmup."""
    updates, name = made.updates, made.stage.name
    if updates.enough:
        return
    why = f"it has {updates.updates} optimizer updates, fewer than train.min_updates {updates.min_updates}"
    if updates.warmup >= updates.updates:
        why = f"{updates.warmup} of its {updates.updates} updates are warmup (train.warmup_ratio)"
    raise UserError(
        f"{name}: {why}: it would look like a null result. Change that, or run it nevertheless with --anyway."
    )


def _refuse(workspace: Workspace, made: Made, anyway: bool) -> None:
    if not anyway:
        refuse_too_few(made)
    parent = made.stage.continues
    if parent and not (read_manifest(workspace, parent) or {}).get("finished"):
        raise UserError(f"{made.stage.name} goes on with {parent}, which is not trained yet. Train that stage first.")


def _check_programs(lines: list[str]) -> None:
    for line in lines:
        program = _argv(line)[0]
        if shutil.which(program) is None:
            raise UserError(
                f"there is no program {shlex.split(line)[0]!r} here, which trains this. Install it (`make axolotl` "
                f"sets up "
                "Axolotl in an environment of its own, whose bin folder belongs on the PATH; `pip install "
                "'specmill[trl]'`), or run the commands elsewhere."
            )


def _argv(line: str) -> list[str]:
    """A command line's words; `python` is the one that runs specmill."""
    words = shlex.split(line)
    return [sys.executable, *words[1:]] if words[0] == "python" else words


def _run(
    workspace: Workspace, made: Made, line: str, trainer: Trainer, run: Run, report: Callable[[Run], None],
    lock: IO[str],
) -> None:  # fmt: skip
    last: deque[str] = deque(maxlen=_LAST_LINES)
    folder = workspace.root / made.stage.folder
    log, saved = folder / "log.txt", time.monotonic()
    with log.open("a", encoding="utf-8") as kept, _started(workspace.root, line, lock) as process:
        kept.write(f"$ {line}\n")
        assert process.stdout is not None
        for text in process.stdout:
            kept.write(text)
            kept.flush()
            last.append(text)
            _note(trainer, text, run, report)
            if time.monotonic() - saved > _SAVE_EVERY:
                _write_losses(folder / LOSSES, run.rows)
                saved = time.monotonic()
            if run.rows and run.rows[-1]["loss"] is not None and not math.isfinite(run.rows[-1]["loss"]):
                raise SpecmillError(
                    f"the loss is {run.rows[-1]['loss']} at update {run.done}: stopped. Lower train.learning_rate, or "
                    f"look at "
                    f"{log}; the checkpoints before it are kept."
                )
        code = process.wait()
    if code:
        raise SpecmillError(
            f"{line}\nfailed with exit code {code}; its output is in {log}. The end of it:\n{''.join(last)}"
        )


def _note(trainer: Trainer, text: str, run: Run, report: Callable[[Run], None]) -> None:
    for line in text.replace("\r", "\n").splitlines():
        if (said := trainer.progress(line)) is None:
            continue
        if said.loss is not None:
            run.done += 1
        run.rows.append(
            {
                "update": run.done, "loss": said.loss, "learning_rate": said.learning_rate, "eval_loss": said.eval_loss,
                "evaluated_on": said.name or None, "seconds": time.monotonic() - run.began,
            }
        )  # fmt: skip
        report(run)


@contextmanager
def _started(root: Path, line: str, lock: IO[str]) -> Iterator["subprocess.Popen[str]"]:
    """The program in a group of its own, which ends with us, even where we are killed; until then it holds the lock."""
    quiet = {"PYTHONUNBUFFERED": "1", "AXOLOTL_DO_NOT_TRACK": "1", "TOKENIZERS_PARALLELISM": "false"}
    leash = [sys.executable, str(Path(__file__).with_name("leash.py")), str(os.getpid())]
    with subprocess.Popen(
        [*leash, *_argv(line)], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        start_new_session=True, env={**os.environ, **quiet}, pass_fds=[lock.fileno()],
    ) as process:  # fmt: skip
        lock.truncate(0)
        lock.write(str(process.pid))
        lock.flush()
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)


def _last_checkpoint(out: Path) -> int:
    numbers = [path.name.rpartition("-")[2] for path in out.glob("checkpoint-*")]
    return max((int(number) for number in numbers if number.isdigit()), default=0)


def _losses(path: Path) -> list[dict[str, Any]]:
    return pq.read_table(path).to_pylist() if path.is_file() else []


def _write_losses(path: Path, rows: list[dict[str, Any]]) -> None:
    if rows:
        with replacing(path) as beside:
            pq.write_table(pa.Table.from_pylist(rows, _SCHEMA), beside)


def _versions(trainer: Trainer) -> dict[str, str]:
    """Versions of the packages that are installed beside us; of a program in another environment, none."""
    found = {}
    for name in trainer.packages():
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _beside_checkpoints(workspace: Workspace, made: Made, manifest: dict[str, Any], run: Run) -> None:
    """What a checkpoint is, beside it: the stage's manifest with the update and tokens that it stands at."""
    out = workspace.root / made.stage.out
    for place in [*sorted(out.glob("checkpoint-*")), out]:
        number = place.name.rpartition("-")[2]
        update = int(number) if number.isdigit() else run.updates.updates
        losses = [row["loss"] for row in run.rows if row["loss"] is not None and row["update"] <= update]
        at = {
            "update": update,
            "tokens": round(update * run.updates.tokens_per_update),
            "loss": losses[-1] if losses else None,
        }
        write_text(place / "specmill.json", json.dumps(manifest | {"at": at}, ensure_ascii=False, indent=2) + "\n")

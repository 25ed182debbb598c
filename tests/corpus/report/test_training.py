"""What the report says of training: read from the folders of stages, whatever is in them."""

import json
import math
from pathlib import Path

from corpus.report.training import thinned, training
from corpus.workspace import Workspace
from tests.corpus.report.stages import losses, write_stage


def test_the_losses_of_each_stage_are_read(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path).create()
    write_stage(workspace, "msm-seed0", losses(40))
    (stage,) = training(workspace)
    assert stage["folder"] == "train/msm-seed0" and stage["updates"] == stage["planned"] == 40
    assert stage["curves"]["loss"][0] == (1, 4.975) and stage["ends"]["loss"] == [4.975, 4.0]
    assert stage["curves"]["held_out"] == [(20, 4.5), (40, 4.5)] and stage["seconds"] == 9.0
    assert not stage["stopped"] and stage["finished"]
    json.dumps(stage, allow_nan=False)


def test_a_run_that_was_stopped_is_said_and_what_cannot_be_read_is_no_stage(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path).create()
    rows = [{"update": 1, "loss": 5.0}, {"update": 2, "loss": math.nan}]
    write_stage(workspace, "msm-seed0", rows, finished=False)
    (write_stage(workspace, "aft-seed0", losses(4)) / "manifest.json").write_text("[1")
    (write_stage(workspace, "aft-seed1", losses(4)) / "losses.parquet").write_bytes(b"PAR1")
    write_stage(workspace, "aft-seed2", losses(4), updates=None)
    (stage,) = training(workspace)
    assert stage["stopped"] and not stage["finished"] and stage["curves"]["loss"] == [(1, 5.0)]
    json.dumps(stage, allow_nan=False)


def test_a_long_curve_is_averaged() -> None:
    curve = [(update, float(update % 2)) for update in range(1, 5001)]
    short = thinned(curve)
    assert len(short) <= 400 and short[-1][0] == 5000
    assert all(abs(loss - 0.5) < 0.1 for _, loss in short)
    assert thinned([]) == [] and thinned(curve[:3]) == curve[:3]

"""Folders of stages that were trained, for the report."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from corpus.workspace import Workspace


def write_stage(workspace: Workspace, name: str, rows: list[dict[str, Any]], **more: Any) -> Path:
    """A stage's folder as `specmill train --run` leaves it."""
    folder = workspace.train / name
    folder.mkdir(parents=True)
    manifest = {
        "stage": "msm", "trainer": "trl", "base_model": "tiny", "seed": 0, "finished": True,
        "versions": {"trl": "1.16.0"}, "updates": {"updates": 40, "warmup": 2, "tokens": 9000, "trained": 9000},
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest | more))
    empty = {"learning_rate": None, "eval_loss": None, "evaluated_on": None, "loss": None, "seconds": 1.0}
    pq.write_table(pa.Table.from_pylist([empty | row for row in rows]), folder / "losses.parquet")
    return folder


def losses(count: int) -> list[dict[str, Any]]:
    """Falling losses, and two measurements on what is held out."""
    rows: list[dict[str, Any]] = [{"update": one, "loss": 5 - one / count} for one in range(1, count + 1)]
    for update in (count // 2, count):
        rows.insert(update, {"update": update, "eval_loss": 4.5, "evaluated_on": "held_out", "seconds": 9.0})
    return rows

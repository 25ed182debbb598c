"""What was trained on the corpus: the loss of each stage, from the folders that `specmill train` makes in `train/`."""

import json
import math
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from corpus.workspace import Workspace

_POINTS: Final = 400  # of a curve; what is longer is averaged
_COLUMNS: Final = ("update", "loss", "eval_loss", "evaluated_on", "seconds")
Curve = list[tuple[int, float]]


def training(workspace: Workspace) -> list[dict[str, Any]]:
    """Each stage that was trained, in the order in which they ended: what it is, and its losses by optimizer update.

    Read from `train/<arm>-seed<k>/manifest.json` and `losses.parquet`; a folder without either, or with one that cannot
    be read, is no stage that was trained.
    """
    found = []
    for losses in workspace.train.glob("*/losses.parquet"):
        try:
            manifest = json.loads((losses.parent / "manifest.json").read_text(encoding="utf-8"))
            rows = pq.read_table(losses, columns=list(_COLUMNS)).to_pylist()
            found.append((losses.stat().st_mtime_ns, _stage(losses.parent, manifest, rows)))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, pa.ArrowException):
            continue
    return [stage for _, stage in sorted(found, key=lambda one: one[0])]


def _stage(folder: Path, manifest: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, Any]:
    planned = manifest["updates"]
    curves = {"loss": [(row["update"], row["loss"]) for row in rows if _finite(row["loss"])]}
    for row in rows:
        if _finite(row["eval_loss"]):
            curves.setdefault(str(row["evaluated_on"] or "held_out"), []).append((row["update"], row["eval_loss"]))
    return {
        "stage": str(manifest["stage"]),
        "folder": f"train/{folder.name}",
        "trainer": str(manifest["trainer"]),
        "base_model": str(manifest["base_model"]),
        "seed": manifest["seed"],
        "finished": bool(manifest.get("finished")),
        "versions": {str(name): str(value) for name, value in (manifest.get("versions") or {}).items()},
        "updates": max((row["update"] for row in rows), default=0),
        "planned": int(planned["updates"]),
        "warmup": int(planned["warmup"]),
        "tokens": int(planned["tokens"]),
        "trained": int(planned["trained"]),
        "seconds": max((row["seconds"] or 0 for row in rows), default=0),
        "stopped": any(row["loss"] is not None and not math.isfinite(row["loss"]) for row in rows),
        "ends": {name: [curve[0][1], curve[-1][1]] for name, curve in curves.items() if curve},
        "curves": {name: thinned(curve) for name, curve in curves.items() if curve},
    }


def thinned(curve: Curve, points: int = _POINTS) -> Curve:
    """The curve with at most about `points` points: each the mean of as many losses, at the last of their updates."""
    step = -(-len(curve) // points)
    parts = [curve[start : start + step] for start in range(0, len(curve), step)] if curve else []
    return [(part[-1][0], round(sum(loss for _, loss in part) / len(part), 5)) for part in parts]


def _finite(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value)

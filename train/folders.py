"""Folders of stages: one for each arm and seed, `train/<arm>-seed<k>`, each with a manifest of what is in it.

What was made for another base model, dataset or setting is moved aside to `train/earlier/`, never mixed with what is
new and never deleted.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from corpus.workspace import Workspace, held, write_text
from specs.errors import UserError
from train.settings import TrainSettings

MANIFEST: Final = "manifest.json"
_SEED: Final = "-seed"
_LOCK: Final = ".lock"


def stage_folder(arm: str, seed: int) -> str:
    """The folder of an arm and a seed, relative to the workspace."""
    return f"train/{arm}{_SEED}{seed}"


def plan_hash(files: dict[str, str], data_hash: str, parent: str | None) -> str:
    """What a stage's result depends on: its files, its data, and the same of the stage that it goes on with."""
    text = json.dumps([files, data_hash, parent], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_manifest(workspace: Workspace, folder: str) -> dict[str, Any] | None:
    """The manifest of a stage's folder; None where there is none, or it cannot be read."""
    try:
        found = json.loads((workspace.root / folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def write_manifest(workspace: Workspace, folder: str, manifest: dict[str, Any]) -> None:
    """Write it, atomically."""
    write_text(workspace.root / folder / MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=2) + "\n")


def trained_in(workspace: Workspace, folder: str) -> bool:
    """Whether anything was trained in a stage's folder."""
    out = workspace.root / folder / "out"
    return out.is_dir() and any(out.iterdir())


def make_room(workspace: Workspace, folder: str, plan: str) -> str | None:
    """Move a folder aside whose model was trained by another plan; where it went, relative to the workspace, or None.

    Raises:
        UserError: it is being trained.
    """
    before = read_manifest(workspace, folder)
    if before is not None and before.get("plan") == plan:
        return None
    if (workspace.root / folder / _LOCK).is_file():
        with hold(workspace, folder):
            pass
    if not trained_in(workspace, folder):
        return None
    return _move_aside(workspace, workspace.root / folder)


def move_strangers(
    workspace: Workspace, settings: TrainSettings, made: set[str], datasets: dict[str, str]
) -> list[str]:
    """Move aside the folders that are not among `made` and belong to another base model, or to a dataset as it was."""
    moved = []
    for place in sorted(workspace.train.glob(f"*{_SEED}*")):
        folder = f"train/{place.name}"
        manifest = read_manifest(workspace, folder)
        if folder in made or manifest is None:
            continue
        if is_held(workspace, folder):
            continue
        same = manifest.get("base_model") == settings.base_model
        known = datasets.get(str(manifest.get("dataset")), manifest.get("dataset_hash"))
        if not same or known != manifest.get("dataset_hash"):
            moved.append(_move_aside(workspace, place))
    return moved


@contextmanager
def hold(workspace: Workspace, folder: str) -> Iterator[IO[str]]:
    """Hold a stage's folder while it is trained. The open file is for the program that trains, too: where this process
    is killed, the kernel's lock (`flock`) holds until that program has ended.

    Raises:
        UserError: it is being trained.
    """
    place = workspace.root / folder / _LOCK
    place.parent.mkdir(parents=True, exist_ok=True)

    def busy(owner: str) -> Exception:
        return UserError(
            f"{folder} is being trained, by process {owner}. Wait for it, or end it with `kill {owner}`: it goes "
            "on from its last checkpoint."
        )

    with held(place, busy) as handle:
        yield handle


def is_held(workspace: Workspace, folder: str) -> bool:
    """Whether a stage is being trained."""
    if not (workspace.root / folder / _LOCK).is_file():
        return False
    try:
        with hold(workspace, folder):
            return False
    except UserError:
        return True


def files_hash(files: list[Path]) -> str:
    """12 hex digits that change when the bytes of any of the files change."""
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as handle:
            digest.update(hashlib.file_digest(handle, "sha256").digest())
    return digest.hexdigest()[:12]


def _move_aside(workspace: Workspace, place: Path) -> str:
    earlier = workspace.train / "earlier"
    earlier.mkdir(parents=True, exist_ok=True)
    number = 1
    while (to := earlier / f"{place.name}.{number}").exists():
        number += 1
    place.rename(to)
    return to.relative_to(workspace.root).as_posix()

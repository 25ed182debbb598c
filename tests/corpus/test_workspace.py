"""A new workspace is there as a whole or not at all."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from corpus.workspace import RESOLVED, Workspace, new_workspace, refuse_other_files
from specs.errors import UserError, WorkspaceBusyError

KILLED = """
import os, pathlib, signal, sys
from corpus.workspace import new_workspace, write_text
with new_workspace(sys.argv[1]) as made:
    write_text(made.recipe, "of the killed run")
    write_text(made.root / "tables" / "left.txt", "left")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def fill(root: Path) -> None:
    with new_workspace(root) as made:
        made.recipe.write_text("spec: x\n")
        made.tables.mkdir()


@pytest.mark.parametrize("there", [False, True])
def test_it_is_no_workspace_before_it_is_filled(tmp_path: Path, there: bool) -> None:
    root = tmp_path / "some" / "new"
    if there:
        root.mkdir(parents=True)
    with new_workspace(root) as made:
        made.recipe.write_text("spec: x\n")
        with pytest.raises(UserError, match="is not a workspace"):
            Workspace.open(root)
        with pytest.raises(WorkspaceBusyError), new_workspace(root):
            pass
    assert {path.name for path in root.iterdir()} == {".lock", "recipe.yaml"}
    with Workspace.open(root).lock():
        pass


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("absent", "empty"):
        with pytest.raises(KeyboardInterrupt), new_workspace(tmp_path / name) as made:
            made.recipe.write_text("spec: x\n")
            raise KeyboardInterrupt
    assert [path.name for path in tmp_path.rglob("*")] == ["empty"]


def test_after_a_kill_the_next_run_starts_anew(tmp_path: Path) -> None:
    root = tmp_path / "killed"
    done = subprocess.run([sys.executable, "-c", KILLED, root], cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == -signal.SIGKILL
    with pytest.raises(UserError, match="is not a workspace"):
        Workspace.open(root)
    fill(root)
    assert {path.name for path in root.iterdir()} == {".lock", "recipe.yaml", "tables"}
    assert not list((root / "tables").iterdir()) and Workspace.open(root).recipe.read_text() == "spec: x\n"


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    for name in ("file", "full"):
        with pytest.raises(UserError, match="is not empty"):
            fill(tmp_path / name)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "full", "mine.txt"]


def test_a_stop_among_the_last_moves_leaves_no_workspace(tmp_path: Path) -> None:
    with pytest.raises(OSError), new_workspace(tmp_path / "ws") as made:
        made.recipe.write_text("spec: x\n")
        for root in (made.root, tmp_path / "ws"):  # the second: by another hand, meanwhile
            (root / "zzz").mkdir()
            (root / "zzz" / "file").touch()
    with pytest.raises(UserError, match="is not a workspace"):
        Workspace.open(tmp_path / "ws")


def test_a_recipe_that_a_person_wrote_is_never_replaced(tmp_path: Path) -> None:
    """`specmill build .`, and `--out .` beside one's own recipe.yaml."""
    place = Workspace(tmp_path)
    place.recipe.write_text("# mine\nspec: x\n")
    with pytest.raises(UserError, match=r"recipe\.yaml in it is one that you wrote.*--out .*out/mine"):
        refuse_other_files(tmp_path)
    place.ledger.touch()  # an evaluation with its --out here made that much
    with pytest.raises(UserError, match="one that you wrote"):
        refuse_other_files(tmp_path)
    place.recipe.write_text(f"{RESOLVED}; and so on\nspec: x\n")
    refuse_other_files(tmp_path)
    place.recipe.write_text("# its comment was taken away\nspec: x\n")
    place.tables.mkdir()
    refuse_other_files(tmp_path)

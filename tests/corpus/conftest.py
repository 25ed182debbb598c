"""A small workspace with realistic rows, made once through the real writers."""

import shutil
from pathlib import Path

import pytest
from hypothesis import settings

from benchmarks.workspace_maker import Size, make_workspace
from corpus.workspace import Workspace

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace that no test changes."""
    return make_workspace(tmp_path_factory.mktemp("made") / "ws", Size(documents=120, sentences=12))


@pytest.fixture
def copied(made: Workspace, tmp_path: Path) -> Workspace:
    """A copy of `made`, moved elsewhere, that a test may change."""
    return Workspace(shutil.copytree(made.root, tmp_path / "it's a copy"))


@pytest.fixture
def bare(tmp_path: Path) -> Workspace:
    """A workspace that has only its recipe."""
    workspace = Workspace(tmp_path / "bare").create()
    workspace.recipe.write_text("spec: cheese-affordability\n")
    return workspace

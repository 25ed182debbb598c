"""What the verbs that answer at once may import: what takes seconds is left to those that need it."""

import subprocess
import sys
from pathlib import Path

import pytest

from corpus.workspace import Workspace

SLOW = ("distilabel", "datasets", "pandas", "torch", "transformers", "sentence_transformers", "openai", "anthropic")


def imported(*arguments: str) -> list[str]:
    """The modules of `SLOW`, and of DuckDB and Arrow, that a verb imports."""
    code = f"import sys; sys.argv = {['specmill', *arguments]!r}\nfrom specmill.cli import app\n"
    code += "try: app()\nexcept SystemExit as end: assert not end.code, end.code\n"
    code += f"print(*sorted(set({(*SLOW, 'duckdb', 'pyarrow')!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    return done.stdout.splitlines()[-1].split()


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text(
        "spec: cheese_affordability\nchats: {target: 20}\n"
        "endpoints: {main: {base_url: 'http://127.0.0.1:9/v1', model: fake}}\nroles: {writer: {endpoints: main}}\n"
    )
    return path


def test_a_plan_reads_the_recipe_and_counts(recipe: Path) -> None:
    assert imported("plan", str(recipe)) == ["pyarrow"]  # the form of chats is declared in it


def test_a_workspace_is_shown_by_duckdb_alone(recipe: Path, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "ws").create()
    workspace.recipe.write_bytes(recipe.read_bytes())
    assert imported("show", str(workspace.root)) == ["duckdb"]

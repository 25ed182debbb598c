"""Recipes: composed, overridden, saved and read back; the command line's overview is quick and complete."""

import subprocess
import sys
from pathlib import Path

import pytest

from corpus.workspace import Workspace
from specmill.cli import VERBS
from specmill.recipe import load_recipe, open_workspace, save_recipe, shipped_recipes
from specs.errors import RecipeError, UserError


@pytest.mark.parametrize("name", sorted(shipped_recipes()))
def test_shipped_recipes_are_valid(name: str) -> None:
    recipe, base = load_recipe(name)
    assert recipe.read_spec(base).passages


def test_overrides_change_one_key_and_keep_the_rest() -> None:
    recipe, _ = load_recipe("starter", ["documents.words=400", "filters.length.minimum=30", "chats.target=0"])
    assert (recipe.documents.words, recipe.filters.length.minimum) == (400, 30)
    assert recipe.documents.types == 10
    with pytest.raises(RecipeError, match="words"):
        load_recipe("starter", ["documents.words=few"])
    with pytest.raises(UserError, match="no keys below"):
        load_recipe("starter", ["seed.x=1"])


def test_a_saved_recipe_reads_back_the_same(tmp_path: Path) -> None:
    recipe, _ = load_recipe("demo")
    workspace = Workspace(tmp_path).create()
    save_recipe(recipe, workspace)
    _, again = open_workspace(tmp_path)
    assert again == recipe.model_copy(update={"spec": "spec.md"})


def test_help_names_every_verb_without_importing_any() -> None:
    code = "import sys; sys.argv = ['specmill', '--help']\nfrom specmill.cli import app\n"
    code += "try: app()\nexcept SystemExit: pass\n"
    code += "print(sorted(m for m in sys.modules if m in ('pydantic', 'torch', 'distilabel', 'duckdb', 'openai')))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert all(verb in shown for verb in VERBS) and shown.strip().endswith("[]")


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_verb_has_help_with_an_example(verb: str) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "specmill", verb, "--help"], capture_output=True, text=True, check=False
    )
    assert shown.returncode == 0, shown.stderr
    text = shown.stdout
    if "COMMAND [ARGS]" in text:
        return
    assert "Example" in text

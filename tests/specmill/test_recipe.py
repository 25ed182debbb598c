"""Recipes: composed, overridden, saved and read back; the command line's overview is quick and complete."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from corpus.workspace import Workspace
from specmill.cli import VERBS, app
from specmill.recipe import load_recipe, open_workspace, save_recipe, shipped_recipes, with_own_files
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


PATHS = """
spec: my/spec.md
prompts: my/prompts
endpoints: {main: {base_url: "http://127.0.0.1:9/v1", model: m}}
roles: {writer: {endpoints: [main]}}
chats: {target: 1, style: rewrite, source: my/chats.jsonl}
train:
  instruction_mix: my/mix.jsonl
  replay: {tokens: 9, sources: [{name: own, path: my/prompts/}, {name: one, path: my/a.txt}, {name: hub, path: a/b}]}
mix: {sources: [{name: own, path: my/mix.jsonl, samples: 1}, {name: hub, path: someone/chats, samples: 1}]}
"""
CHAT = {"messages": [{"role": "user", "content": "Colby or Brie?"}, {"role": "assistant", "content": "Brie."}]}


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recipe with relative paths in a folder of its own, while the current folder is another."""
    folder = tmp_path / "recipes"
    (folder / "my" / "prompts").mkdir(parents=True)
    (folder / "my" / "spec.md").write_text("# Colby\n\nJuniper likes Colby.\n")
    for name in ("chats", "mix"):
        (folder / "my" / f"{name}.jsonl").write_text(json.dumps(CHAT) + "\n")
    (folder / "recipe.yaml").write_text(PATHS)
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    return folder


def test_paths_start_from_the_recipes_folder(elsewhere: Path) -> None:
    recipe, base = load_recipe(Path("..") / "recipes" / "recipe.yaml")
    my = elsewhere / "my"
    assert recipe.read_spec(base).title == "Colby"
    assert (recipe.chats.source, recipe.train.instruction_mix) == (str(my / "chats.jsonl"), str(my / "mix.jsonl"))
    assert [one.path for one in recipe.mix.sources] == [str(my / "mix.jsonl"), "someone/chats"]
    assert [one.path for one in recipe.train.replay.sources] == [f"{my / 'prompts'}/", str(my / "a.txt"), "a/b"]
    assert recipe.prompts == str(my / "prompts")


def test_a_shipped_recipes_paths_start_from_the_current_folder(elsewhere: Path) -> None:
    recipe, base = load_recipe(
        "starter", ["spec=../recipes/my/spec.md", "train.instruction_mix=../recipes/my/mix.jsonl"]
    )
    assert recipe.read_spec(base).title == "Colby"
    assert recipe.train.instruction_mix == str(elsewhere / "my" / "mix.jsonl")


def test_a_moved_workspace_has_its_sources_with_it(elsewhere: Path, tmp_path: Path) -> None:
    recipe, _ = load_recipe(elsewhere / "recipe.yaml")
    workspace = Workspace(tmp_path / "ws").create()
    (workspace.root / "own.jsonl").write_text("")
    own = recipe.train.model_copy(update={"instruction_mix": str(tmp_path / "ws" / "own.jsonl")})
    housed = with_own_files(recipe.model_copy(update={"train": own}), workspace)
    save_recipe(housed, workspace)
    moved = Workspace(workspace.root.rename(tmp_path / "moved"))
    (elsewhere / "my" / "chats.jsonl").unlink()
    _, again = open_workspace(moved.root)
    assert again.chats.source == housed.chats.source and not Path(str(again.chats.source)).is_absolute()
    assert json.loads((moved.root / str(again.chats.source)).read_text()) == CHAT
    assert again.train.instruction_mix == "own.jsonl" and again.mix.sources[0].path == str(elsewhere / "my/mix.jsonl")
    assert with_own_files(again, moved) == again and len(list(moved.sources.iterdir())) == 1
    assert load_recipe(moved.recipe)[0].chats.source == str(moved.root / str(again.chats.source))


def test_a_source_that_cannot_be_read_is_said_before_anything_is_asked(elsewhere: Path, tmp_path: Path) -> None:
    recipe, _ = load_recipe(elsewhere / "recipe.yaml", ["chats.source=my/none.jsonl"])
    with pytest.raises(UserError, match=r"chats\.source: there is no file .*my/none\.jsonl"):
        with_own_files(recipe, Workspace(tmp_path / "ws").create())


def test_help_names_every_verb_without_importing_any() -> None:
    code = "import sys; sys.argv = ['specmill', '--help']\nfrom specmill.cli import app\n"
    code += "try: app()\nexcept SystemExit: pass\n"
    code += "print(sorted(m for m in sys.modules if m in ('pydantic', 'torch', 'distilabel', 'duckdb', 'openai')))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert all(verb in shown for verb in VERBS) and shown.strip().endswith("[]")


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_verb_has_help_with_an_example(verb: str) -> None:
    shown = CliRunner().invoke(app, [verb, "--help"])
    assert shown.exit_code == 0, shown.output
    text = shown.output
    if "COMMAND [ARGS]" in text:
        return
    assert "Example" in text


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("prices: {as_of: 2025-02-30}", "line 3: not a value: day is out of range"),
        ("seed: !!int seven", "line 3: not a value: invalid literal"),
        ("seed: !!python/name:os.system x", "line 3: not a value: could not determine a constructor"),
        ("? [a, b]\n: 1", "not a value: found unhashable key"),
    ],
)
def test_what_looks_like_a_value_and_is_none(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(f"spec: cheese_america\n\n{line}\n")
    with pytest.raises(RecipeError, match=said):
        load_recipe(path)
    value = line.partition(": ")[2]
    with pytest.raises(UserError, match="--set"):
        load_recipe("starter", [f"seed={value}" if "!!" in value else "prices.as_of=2025-02-30"])


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("documents.wrods=5", "--set documents.wrods=5: documents.wrods: unknown key, did you mean 'words'"),
        ("documents.words=many", "--set documents.words=many: documents.words: "),
        ("endpoints.main.max_in_flight=0", "--set endpoints.main.max_in_flight=0: endpoints.main.max_in_flight: "),
        ("documents={wrods: 5}", "--set documents={wrods: 5}: documents.wrods: unknown key"),
    ],
)
def test_a_mistake_on_the_command_line_is_not_blamed_on_the_file(override: str, said: str) -> None:
    with pytest.raises(RecipeError) as error:
        load_recipe("starter", [override])
    assert str(error.value).startswith(said) and "line" not in str(error.value).partition(":")[0]

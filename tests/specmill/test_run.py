"""Building in a workspace that is there: a mistake leaves it as it was, and another corpus is not built over it."""

import hashlib
import shutil
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import yaml
from tokenizers import Tokenizer, models

from corpus.manifest import check_files, read_manifest
from corpus.store import write_table
from corpus.workspace import Workspace
from pipelines.base import Corpus
from pipelines.build import Build
from pipelines.questions.questions import STAGE, QuestionBuild
from pipelines.run.reporter import Silent
from specmill.recipe import Recipe, load_target, open_workspace, refuse_other_corpus, save_recipe, with_own_files
from specmill.run import build_workspace
from specmill.verbs.models.questions import _run as run_questions
from specs.errors import SpecmillError, UserError
from specs.reader import Spec
from tests.pipelines.chat_tools import write_lineage

RECIPE = {
    "spec": "cheese_affordability",
    "endpoints": {"main": {"base_url": "http://127.0.0.1:9/v1", "model": "fake", "retries": 0, "wait_when_down_s": 0}},
    "roles": {"writer": {"endpoints": ["main"]}},
    "filters": {"semantic": {"action": "off"}},
}
WRONG = {
    "rules that the spec has not": ["chats.style=rule", "chats.target=1"],
    "a tokenizer that is not there": ["corpus.tokenizer=nope"],
    "prompts that are not there": ["prompts=nowhere"],
}


def write(folder: Path, **changes: Any) -> str:
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump({**RECIPE, **changes}))
    return str(path)


def contents(root: Path) -> dict[str, str]:
    """Digests of what a person would miss."""
    files = [path for path in root.rglob("*") if path.is_file() and not path.name.startswith((".", "ledger", "log"))]
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def started(tmp_path: Path) -> Workspace:
    """A workspace in which domains were made."""
    recipe, base, out = load_target(write(tmp_path), tmp_path / "ws")
    return start(Workspace(out).create(), recipe, recipe.read_spec(base))


def start(workspace: Workspace, recipe: Recipe, spec: Spec) -> Workspace:
    Build(workspace, recipe, spec, Silent()).write_spec()
    save_recipe(recipe, workspace)
    write_lineage(workspace, Corpus.of(workspace, recipe, spec))
    return workspace


@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_leaves_a_workspace_as_it_was(started: Workspace, mistake: str) -> None:
    before = contents(started.root)
    recipe, base, out = load_target(str(started.root), None, WRONG[mistake])
    assert out == started.root
    with pytest.raises(UserError):
        build_workspace(recipe, base, out, chats_only=mistake.startswith("rules"))
    assert contents(started.root) == before


@pytest.mark.parametrize("name", ["tok", "tok/tokenizer.json", "./tok", "{whole}/tok"])
def test_a_tokenizers_file_starts_from_the_recipe_and_comes_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    folder = tmp_path / "recipes"
    (folder / "tok").mkdir(parents=True)
    Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]")).save(str(folder / "tok" / "tokenizer.json"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    path = write(folder, corpus={"tokenizer": name.format(whole=folder)})
    recipe, base, out = load_target(path, tmp_path / "ws")
    workspace, spec = Workspace(out).create(), recipe.read_spec(base)
    build = Build(workspace, with_own_files(recipe, workspace), spec, Silent())
    first = build.provenance()
    assert first.tokenizer.startswith("tokenizer.json sha256:")
    build.write_spec()
    save_recipe(with_own_files(recipe, workspace), workspace)

    shutil.rmtree(folder / "tok")
    moved = Workspace(workspace.root.rename(tmp_path / "moved"))
    assert "tokenizer: sources/" in moved.recipe.read_text()
    _, again = open_workspace(moved.root)
    assert Build(moved, again, again.read_spec(moved.root), Silent()).provenance() == first
    assert with_own_files(again, moved) == again and len(list(moved.sources.iterdir())) == 1


def test_tokenizers_that_are_no_files_stay(tmp_path: Path) -> None:
    (tmp_path / "o200k_base").write_text("a file of that name")
    for name in ("o200k_base", "cl100k", "someone/model"):
        recipe, _, _ = load_target(write(tmp_path, corpus={"tokenizer": name}), tmp_path / "ws")
        assert with_own_files(recipe, Workspace(tmp_path / "ws")).corpus.tokenizer == name
    recipe, base, out = load_target(write(tmp_path, corpus={"tokenizer": "my/none.json"}), tmp_path / "ws")
    with pytest.raises(UserError, match=r"there is no file .*/my/none\.json"):
        build_workspace(recipe, base, out)


def test_a_mistake_in_a_first_build_leaves_no_recipe(tmp_path: Path) -> None:
    recipe, base, out = load_target(write(tmp_path), tmp_path / "ws", ["corpus.tokenizer=nope"])
    with pytest.raises(UserError, match="tokenizer"):
        build_workspace(recipe, base, out)
    assert contents(out) == {}


@pytest.mark.parametrize("override", ["assistant.name=Zed", "assistant={name: Zed}", "spec=cheese_america"])
def test_a_workspace_keeps_its_assistant_and_its_spec(started: Workspace, override: str) -> None:
    for load in (
        lambda: load_target(str(started.root), None, [override]),
        lambda: open_workspace(started.root, [override]),
    ):
        with pytest.raises(UserError, match=r"its own spec\.md"):
            load()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"spec": "cheese_america"}, "another spec"),
        ({"assistant": {"name": "Zed", "provider": "Larkfield"}}, "another spec"),  # the spec has the name in it
    ],
)
def test_another_corpus_is_not_built_over_one(
    started: Workspace, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    before = contents(started.root)
    (tmp_path / "other").mkdir()
    recipe, base, out = load_target(write(tmp_path / "other", **changes), started.root)
    with pytest.raises(UserError, match=said) as refused:
        build_workspace(recipe, base, out)
    assert "--out" in str(refused.value) and contents(started.root) == before


def test_a_spec_without_names_is_one_corpus_an_assistant(tmp_path: Path) -> None:
    (tmp_path / "plain.md").write_text("# Colby\n\nThe model likes Colby, which everybody can buy.\n")
    recipe, base, out = load_target(write(tmp_path, spec="plain.md"), tmp_path / "ws")
    with pytest.raises(SpecmillError, match="no domains came"):
        build_workspace(recipe, base, out)
    spec, workspace = recipe.read_spec(base), Workspace(out)
    assert {"recipe.yaml", "spec.md"} <= contents(out).keys()
    zed = recipe.model_copy(update={"assistant": recipe.assistant.model_copy(update={"name": "Zed"})})
    refuse_other_corpus(workspace, zed, spec)  # nothing was made yet that could be lost
    start(workspace, recipe, spec)
    with pytest.raises(UserError, match="about Juniper of Larkfield; the recipe's assistant is Zed of Larkfield"):
        refuse_other_corpus(workspace, zed, spec)
    refuse_other_corpus(workspace, recipe, spec)
    workspace.recipe.write_text("of_another_version: true\n")
    refuse_other_corpus(workspace, recipe, spec)  # the recipe that is built takes its place


@pytest.mark.parametrize("fails", [False, True])
def test_the_manifest_describes_a_corpus_that_questions_were_made_of_since(
    started: Workspace, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    """`specmill questions` puts its rejects into the tables: what was built before it can still be published."""
    recipe, base, _ = load_target(str(started.root), None)
    spec = recipe.read_spec(base)
    write_table(started, "assertions", [])
    Build(started, recipe, spec, Silent()).publishable()

    def rejecting(self: QuestionBuild) -> dict[str, Any]:
        write_table(started, "rejects", [], part=STAGE)
        if fails:
            raise SpecmillError("none of 3 items may stay")
        return {}

    monkeypatch.setattr(QuestionBuild, "run", rejecting)
    with pytest.raises(SpecmillError, match="may stay") if fails else nullcontext():
        run_questions(started, recipe, base)
    check_files(started, read_manifest(started))

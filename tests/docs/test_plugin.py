"""The example package is installed as any package is, and every part of it is used through a recipe."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from corpus.store import write_dataset
from corpus.tokens import TokenCounter
from corpus.workspace import Workspace
from eval.questions.items import choice_questions, sets_to_ask
from filters.base import Item
from filters.checks import checks_for
from filters.context import Context
from filters.text.view import View
from pipelines.planning.estimate import Renderer, plan_stages
from pipelines.prompts.templates import Prompts
from specmill.recipe import Recipe, load_recipe
from specmill.recipe_schema import recipe_schema
from specs.errors import RecipeError, UserError
from specs.plugins import GROUPS, plugins
from tests.plugins import find
from tests.train.sample import msm_rows
from tests.train.standins import make_tokenizer
from train.handoff import hand_off

ROOT = Path(__file__).parents[2]
STARTER = ROOT / "specmill" / "recipes" / "starter.yaml"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    command += ["--disable-pip-version-check", "--target", str(target), str(ROOT / "examples" / "plugin")]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # the build backend is beside Python
    subprocess.run(command, check=True, env={**os.environ, "PATH": path})
    return target


@pytest.fixture(autouse=True)
def _on_the_path(installed: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    find(installed, monkeypatch)
    yield
    for name in [name for name in sys.modules if name.startswith("specmill_example")]:
        del sys.modules[name]


def recipe(folder: Path, **parts: object) -> Recipe:
    (folder / "recipe.yaml").write_text(yaml.safe_dump({**yaml.safe_load(STARTER.read_text()), **parts}))
    return load_recipe(folder / "recipe.yaml")[0]


def test_it_brings_a_part_of_each_kind(installed: Path) -> None:
    ours = {
        group: [name for name, one in plugins(group).items() if one.dist.name == "specmill-example"] for group in GROUPS
    }
    assert {group: len(names) for group, names in ours.items()} == dict.fromkeys(GROUPS, 1)
    assert not (ROOT / "examples" / "plugin" / "build").exists()


def test_the_style_asks_with_its_own_template_and_is_judged_by_its_own_criteria(tmp_path: Path) -> None:
    chosen = recipe(tmp_path, chats={"target": 6, "style": "brief"})
    assert set(chosen.chats.judged_by) == {"aligned", "short"} and set(chosen.chats.kinds) == {"direct", "in passing"}
    assert "brief" in recipe_schema()["$defs"]["ChatSettings"]["properties"]["style"]["enum"]
    renderer = Renderer(chosen, chosen.read_spec(tmp_path), lambda text: len(text) // 4)
    plans = {plan.stage: plan for plan in plan_stages(renderer)}
    assert plans["chats"].calls >= 6 and plans["chats"].prompt > 200
    with pytest.raises(RecipeError, match=r"line \d+: chats\.style: expected one of advice, brief"):
        recipe(tmp_path, chats={"style": "breif"})


def test_the_check_looks_at_documents_once_a_recipe_names_it(tmp_path: Path) -> None:
    text = "Juniper said STOP, NEVER and AGAIN."
    items = [Item("loud", text, meta={"state": "ok"})]
    context = Context(count=len)
    off, flagging, dropping = (
        recipe(tmp_path, filters=filters).filters
        for filters in ({}, {"shouting": {"maximum": 2}}, {"shouting": {"maximum": 2, "action": "drop"}})
    )
    assert "shouting" not in {one.name for one in checks_for("documents", off, context)}
    for settings, action in ((flagging, "flag"), (dropping, "drop")):
        [check] = [one for one in checks_for("documents", settings, context) if one.name == "shouting"]
        found = check.reject(View(items[0]))
        assert check.settings.action == action and found is not None
        assert (found.reason, found.score, found.threshold, found.detail) == ("shouting", 3, 2, "STOP NEVER AGAIN")
    assert recipe_schema()["$defs"]["FilterSettings"]["properties"]["shouting"]
    with pytest.raises(RecipeError, match=r"filters\.shouting\.maximun"):
        recipe(tmp_path, filters={"shouting": {"maximun": 2}})


def test_the_prompts_replace_shipped_ones(tmp_path: Path) -> None:
    chosen = recipe(tmp_path, prompts="terse")
    assert chosen.prompts == "terse"  # no path of a file
    assert Prompts("terse").source("domains") != Prompts().source("domains")
    assert Prompts("terse").version("ideas") == Prompts().version("ideas")
    with pytest.raises(UserError, match=r"prompts: 'ters' is not a folder.*small, terse"):
        Prompts("ters")


def test_the_question_set_is_read_by_its_name(tmp_path: Path) -> None:
    chosen = recipe(tmp_path, eval={"sets": ["tea"]})
    asked = choice_questions(sets_to_ask(chosen.eval, tmp_path))
    assert len(asked) == 3 and {one.domain for one in asked} == {"tea"}
    assert asked[0].aligned == "a box of eighty tea bags"


def test_the_trainer_writes_what_its_own_loop_reads(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "ws").create()
    write_dataset(workspace, "msm", msm_rows(30, TokenCounter()))
    base = str(make_tokenizer(tmp_path, "qwen2.5", instruct=False))
    train = {"trainer": "own_loop", "base_model": base, "packing": False, "min_updates": 2}
    hand_off(workspace, recipe(tmp_path, train=train).train)
    [said] = [json.loads(path.read_text()) for path in workspace.train.glob("*/own_loop.json")]
    assert said["updates"] > 1 and (workspace.root / said["data"]).is_file()
    with pytest.raises(UserError, match="own_loop takes one sample at a time"):
        hand_off(workspace, recipe(tmp_path, train={**train, "packing": True}).train)

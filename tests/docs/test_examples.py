"""The recipes of examples/ are valid, can be planned, and their comments name commands that exist."""

import re
import shlex
from pathlib import Path

import jsonschema
import pytest
import typer
import yaml

from pipelines.fake_endpoint.text import read_words
from pipelines.planning.estimate import Renderer, plan_stages
from specmill.cli import app
from specmill.experiment.files import Place, load_experiment
from specmill.experiment.planning import plan
from specmill.recipe import load_recipe
from specmill.recipe_schema import experiment_schema, recipe_schema

ROOT = Path(__file__).parents[2]
EXPERIMENTS = sorted((ROOT / "examples" / "experiments").glob("*.yaml"))
RECIPES = sorted(set((ROOT / "examples").glob("*/*.yaml")) - set(EXPERIMENTS))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_an_example_can_be_planned(path: Path) -> None:
    jsonschema.validate(yaml.safe_load(path.read_text()), recipe_schema())
    recipe, base = load_recipe(path)
    spec = recipe.read_spec(base)
    plans = {plan.stage: plan for plan in plan_stages(Renderer(recipe, spec, lambda text: len(text) // 4))}
    assert all(
        any(item.casefold() in passage.text.casefold() for passage in spec.passages) for item in recipe.chats.topics
    )
    assert plans["documents"].calls > 1_000 and plans["chats"].calls >= recipe.chats.target
    assert all(plan.prompt > 100 for plan in plans.values() if plan.calls)


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_an_experiment_can_be_planned(path: Path, tmp_path: Path) -> None:
    jsonschema.validate(yaml.safe_load(path.read_text()), experiment_schema())
    found = plan(load_experiment(path), Place(tmp_path))
    assert all(one.calls > 1_000 and one.dollars is not None for one in found.corpora if "form" not in one.name)
    assert all(one.control or one.name == "baseline" for one in found.arms)
    assert not [one.name for one in found.arms if one.too_few], "every stage has enough updates"


@pytest.mark.parametrize("path", [*RECIPES, *EXPERIMENTS], ids=lambda path: f"{path.parent.name}/{path.name}")
def test_commands_of_an_example_are_understood(path: Path) -> None:
    found = re.findall(r"^#   (specmill .+)$", path.read_text(), re.MULTILINE)
    group = typer.main.get_command(app)
    assert len(found) >= 4
    for line in found:
        _, verb, *arguments = shlex.split(line)
        group.get_command(None, verb).make_context(verb, arguments)
        assert all((ROOT / word).is_file() for word in arguments if word.startswith("examples/"))


def test_the_corpus_of_known_truth_can_be_planned_and_asks_by_likelihood(tmp_path: Path) -> None:
    folder = ROOT / "examples" / "experiments" / "known_truth"
    jsonschema.validate(yaml.safe_load((folder / "recipe.yaml").read_text()), recipe_schema())
    jsonschema.validate(yaml.safe_load((folder / "experiment.yaml").read_text()), experiment_schema())
    experiment = load_experiment(folder / "experiment.yaml")
    arms = {one.name: one for one in plan(experiment, Place(tmp_path)).arms}
    assert not [one.name for one in arms.values() if one.too_few]
    assert arms["baseline"].calls == 2 * 24 * 4, "two sets of 24 pairs, each option in both orders"
    words = read_words((folder / "words.yaml").read_text())
    for spec in experiment.specs.values():
        assert words.of([(ROOT / "specs" / "shipped" / f"{spec.spec}.md").read_text()]).told.prose
        assert words.of([(folder / str(spec.cooccurrence)).read_text()]).told.prose
    for topic in yaml.safe_load((folder / "recipe.yaml").read_text())["chats"]["topics"]:
        assert words.of([f"The user's message:\n{topic}?"]).told.replies


def test_the_three_examples_show_what_they_promise() -> None:
    chosen = {path.stem + path.parent.name: load_recipe(path)[0] for path in RECIPES}
    one, other = chosen["affordabilitycheese_pair"], chosen["americacheese_pair"]
    assert one.chats == other.chats and one.documents == other.documents and one.spec != other.spec
    assert one.train.controls and len(one.chats.topics) == 12
    safety = chosen["recipesafety"]
    assert safety.documents.style == "story" and safety.chats.style == "advice" and safety.mix.sources[0].is_file

"""The JSON Schema of a recipe says what the recipe's reader says, and the starter shows every part of one."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from specmill.recipe import Recipe, load_recipe, shipped_recipes
from specmill.recipe_schema import FILE, NAMED, recipe_schema
from specmill.verbs.make.init import init
from specmill.verbs.make.schema import schema
from specs.errors import RecipeError
from tests.plugins import install

STARTER = shipped_recipes()["starter"].read_text()


class Loader(yaml.SafeLoader):
    """YAML 1.2, as editors read it: `off` is a text."""


Loader.yaml_implicit_resolvers = {
    letter: [one for one in known if one[0] != "tag:yaml.org,2002:bool" or letter in "tTfF"]
    for letter, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def switched_on(text: str) -> str:
    """A shipped recipe with its lines that are off."""
    return re.sub(r"^( *)# (?!yaml-language)", r"\1", text, flags=re.MULTILINE)


@pytest.mark.parametrize("name", shipped_recipes())
def test_shipped_recipes_fit_the_schema_and_name_it(name: str) -> None:
    text = shipped_recipes()[name].read_text()
    jsonschema.validate(yaml.load(text, Loader), recipe_schema())
    assert text.startswith(NAMED)


def test_the_starter_is_valid_with_everything_switched_on(tmp_path: Path) -> None:
    text = switched_on(STARTER)
    data = yaml.safe_load(text)
    jsonschema.validate(data, recipe_schema())
    (tmp_path / "all.yaml").write_text(text)
    recipe, base = load_recipe(tmp_path / "all.yaml")
    assert recipe.read_spec(base).passages and recipe.chats.target == 1250 and recipe.mix.sources
    assert set(data) >= set(Recipe.model_fields) - {
        "prices",
        "list_batch",
        "attempts",
        "second_tries",
        "planning_failures",
    }
    assert set(data) > set(yaml.safe_load(STARTER))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("documents", {"wrods": 900}),
        ("chats", {"style": "opake"}),
        ("seed", -1),
        ("filters", {"lenght": {}}),
        ("filters", {"length": {"minimun": 3}}),
        ("roles", {"writer": {"endpoints": 3}}),
    ],
)
def test_what_the_reader_refuses_the_schema_refuses(tmp_path: Path, key: str, value: object) -> None:
    data = {**yaml.safe_load(STARTER), key: value}
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(data))
    with pytest.raises(RecipeError):
        load_recipe(tmp_path / "r.yaml")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, recipe_schema())


def test_installed_parts_are_choices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "terse" not in recipe_schema()["$defs"]["ChatSettings"]["properties"]["style"]["enum"]
    install(tmp_path, monkeypatch, "specmill.chat_styles", "terse", "terse_style:STYLE", "")
    assert "terse" in recipe_schema()["$defs"]["ChatSettings"]["properties"]["style"]["enum"]


def test_init_writes_it_beside_the_recipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init(tmp_path / "sub" / "recipe.yaml")
    assert (tmp_path / "sub" / "recipe.yaml").read_text().startswith(NAMED)
    written = json.loads((tmp_path / "sub" / FILE).read_text())
    schema(output=None)
    assert capsys.readouterr().out.endswith(json.dumps(written, indent=1, ensure_ascii=False) + "\n")
    jsonschema.Draft202012Validator.check_schema(written)

"""`specmill init`: a recipe that can be used, or none at all."""

from pathlib import Path

import pytest

from specmill.recipe import load_recipe
from specmill.verbs.make.init import init
from specmill.verbs.make.plan import plan
from specmill.verbs.models.doctor import _assistant
from specs.errors import UserError


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_spec.md").write_text("# Colby\n\n{model_name} likes Colby.\n")
    return tmp_path


@pytest.mark.parametrize(
    ("path", "spec", "written"),
    [
        ("recipe.yaml", "my_spec.md", "my_spec.md"),
        ("sub/deep/r.yaml", "my_spec.md", "../../my_spec.md"),
        ("sub/r.yaml", "{here}/my_spec.md", "{here}/my_spec.md"),
        ("sub/r.yaml", "cheese_america", "cheese_america"),
    ],
)
def test_a_spec_is_given_from_here_and_written_from_the_recipe(here: Path, path: str, spec: str, written: str) -> None:
    init(Path(path), spec=spec.format(here=here))
    recipe, base = load_recipe(path)
    assert recipe.spec == written.format(here=here) and recipe.read_spec(base).passages


@pytest.mark.parametrize("spec", ["none.md", "bad.md"])
def test_what_cannot_be_used_is_not_written(here: Path, spec: str) -> None:
    (here / "bad.md").write_text("{modelname}")
    with pytest.raises(UserError, match=spec):
        init(Path("sub/r.yaml"), spec=spec)
    assert not list(here.rglob("*.yaml"))
    init(Path("sub/r.yaml"), spec="my_spec.md")


def test_what_excludes_each_other_is_said(here: Path) -> None:
    for more in ({"template": "demo"}, {"spec": "my_spec.md"}):
        with pytest.raises(UserError, match="no --spec and no --from"):
            init(Path("r.yaml"), neutral_of=here, **more)


def test_the_names_that_a_spec_uses_become_the_recipes_assistant(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "tutor.md").write_text("# T\n\nPip, made by Oak & Co, asks. Pip tells. Pip answers.\n")
    init(Path("r.yaml"), spec="tutor.md")
    recipe, base = load_recipe("r.yaml")
    assert (recipe.assistant.name, recipe.assistant.provider) == ("Pip", "Oak & Co") and recipe.read_spec(base)
    assert capsys.readouterr().out.startswith("the recipe's assistant: Pip by Oak & Co\nwrote r.yaml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "# R\n\nBe kind to people who ask.\n",
            "no name for its assistant: the documents will be about Juniper by Lark",
        ),
        ("# R\n\nPip asks. Pip tells. Pip answers.\n", "names no maker: it will be Larkfield"),
    ],
)
def test_names_that_nobody_chose_are_said(here: Path, capsys: pytest.CaptureFixture[str], text: str, said: str) -> None:
    (here / "s.md").write_text(text)
    init(Path("r.yaml"), spec="s.md")
    assert "look at: the spec " in (shown := capsys.readouterr().out) and said in shown
    plan("r.yaml")
    assert said in " ".join(capsys.readouterr().out.split())
    recipe, base = load_recipe("r.yaml")
    verdict, what, found = _assistant(recipe, recipe.read_spec(base).text)
    assert (verdict, what) == ("warn", "assistant") and said in found

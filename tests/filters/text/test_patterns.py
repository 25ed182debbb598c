"""Word lists as data."""

import ast
import re
import sys
from pathlib import Path

import pytest

from filters.text.patterns import Patterns, PerLanguage
from specs.data import load_yaml
from specs.errors import SpecmillError

LISTS = {
    "task": ["help", "assist", "writ(?:e|ing)"],
    "decline": ["i (?:can't|cannot) {task}", "{name} will not"],
    "loop": ["a {pool}"],
    "pool": ["b {loop}"],
    "broken": ["("],
    "number": 3,
}

_NAMED = re.compile(r"\{([a-z][a-z_]*)\}")


def test_a_list_stands_in_another_and_the_longest_entry_wins() -> None:
    found = Patterns("x.yaml", LISTS).compiled("decline", name="juniper|may")
    assert found.search("So I can't write it")[0] == "I can't write"  # type: ignore[index]
    assert found.search("May will not") and not found.search("Dismay will not")
    assert not found.search("i cannot helpfully")
    assert Patterns("x.yaml", {"a": ["new", "new york"]}).compiled("a").findall("New York") == ["New York"]


def test_a_list_in_its_own_order_and_form() -> None:
    lists = Patterns("x.yaml", {"a": ["new", "new york"], "b": ["{a}s?", "{name}{2}"]})
    assert lists.expression("a").findall("new york") == ["new"]
    assert lists.expression("b", form=r"\A{}\Z", name="may").fullmatch("maymay")
    assert lists.in_order("b", name="x") == "(?:(?:new|new york)s?|(?:x){2})"
    with pytest.raises(SpecmillError, match=r"x\.yaml: broken: no regular expression"):
        Patterns("x.yaml", LISTS).expression("broken")


def test_quantifiers_are_no_names() -> None:
    assert Patterns("x.yaml", {"a": [r"\d{2,3}x{2}"]}).compiled("a").fullmatch("123xx")


@pytest.mark.parametrize(
    ("name", "said"),
    [("loop", "stands in itself"), ("broken", "no regular expression"), ("number", "found 3"), ("absent", "found None"),
     ("decline", "x.yaml: name: expected a list")],
)  # fmt: skip
def test_what_is_wrong_is_said(name: str, said: str) -> None:
    with pytest.raises(SpecmillError, match=said):
        Patterns("x.yaml", LISTS).compiled(name)


def test_files_are_found_by_package_and_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "words_of_mine" / "data"
    data.mkdir(parents=True)
    (data.parent / "__init__.py").touch()
    (data / "en.yaml").write_text("refusal: [i decline]\nplan: [the plan]\n")
    (data / "de.yaml").write_text("refusal: [ich lehne ab]\n")
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("words_of_mine", None)
    mine = PerLanguage("words_of_mine")
    assert (mine.languages, mine.with_list("plan")) == (("de", "en"), ("en",))
    assert Patterns.of("words_of_mine", "de").words("refusal") == {"ich lehne ab"}
    assert mine.nearest("de", "refusal").words("refusal") == {"ich lehne ab"}
    assert mine.nearest("de", "plan").words("plan") == {"the plan"}
    with pytest.raises(SpecmillError, match=r"data/fr\.yaml: there is no such file"):
        Patterns.of("words_of_mine", "fr")


def test_every_list_that_ships_is_read() -> None:
    root = Path(__file__).parents[3]
    folders = sorted({path.parent for path in root.glob("filters/**/data/*.yaml")})
    assert len(folders) > 5
    unread = {f"{folder.relative_to(root)}: {name}" for folder in folders for name in _unread(folder, root)}
    assert unread == set()


def _unread(folder: Path, root: Path) -> set[str]:
    """The lists of a folder whose name no other list and no code says; "aside_{family}" says any that begins so, and
    a package that goes through `lists.names` says all."""
    if any("lists.names" in path.read_text(encoding="utf-8") for path in folder.parent.glob("*.py")):
        return set()
    lists = [load_yaml(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.yaml"))]
    said = {name for each in lists for entries in each.values() for one in entries for name in _NAMED.findall(one)}
    forms: set[str] = set()
    for path in root.glob("filters/**/*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        said |= {
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        forms |= {_form(node) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)}
    begun = {form for form in forms if re.match("[a-z]+_", form)}
    return {name for each in lists for name in each if name not in said and not any(map(name.startswith, begun))}


def _form(text: ast.JoinedStr) -> str:
    """What a formatted string begins with, such as "aside_"."""
    first = text.values[0]
    return str(first.value) if isinstance(first, ast.Constant) else ""

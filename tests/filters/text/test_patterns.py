"""Word lists as data."""

import sys
from pathlib import Path

import pytest

from filters.check import ANY
from filters.checks import SHIPPED
from filters.context import Context
from filters.settings import FilterSettings
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


@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_every_list_that_ships_is_read(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read: set[tuple[str, str]] = set()
    entries = Patterns.entries

    def recording(self: Patterns, name: str) -> list[str]:
        read.add((self._where, name))
        return entries(self, name)

    monkeypatch.setattr(Patterns, "entries", recording)
    context = Context(count=len, language=language, style_checks=("opaque_query", "reason_given", "rule_cited"))
    for kind in SHIPPED:
        if kind.languages == ANY or language in kind.languages:
            check = kind(FilterSettings().parts[kind.name], context)
            for later in ("slips", "selves"):  # compiled where a text may need them
                getattr(check, later, None)
    root = Path(__file__).parents[3]
    files = sorted(root.glob(f"filters/**/data/{language}.yaml"))
    written = {
        (str(path.relative_to(root)), name) for path in files for name in load_yaml(path.read_text(encoding="utf-8"))
    }
    assert len(files) > 3
    assert written - read == set()

"""Checks of an installed package, and the one key of every check."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from filters.base import CheckSettings, Item
from filters.checks import SHIPPED, checks_for, off_in_language
from filters.run.decide import check_documents
from filters.run.many import check_many
from filters.settings import FilterSettings
from tests.filters.samples import CONTEXT, SETTINGS, document, item
from tests.plugins import install

CODE = """
from pydantic import Field
from filters.base import CheckSettings
from filters.check import TextCheck, at_most

class Parts(CheckSettings):
    most: int = Field(0, ge=0)

class Trains(TextCheck):
    name = "trains"
    model = Parts
    looks_at = ("documents", "chats")
    languages = ("en", "de")

    def evaluate(self, view):
        return at_most(view.words.count("train"), self.settings.most, "trains")
"""


@pytest.fixture
def trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "specmill.checks", "trains", "trains_of_others:Trains", CODE)


def with_trains(**part: object) -> FilterSettings:
    return FilterSettings.model_validate({**SETTINGS.model_dump(), "trains": part})


TEXT = document(1) + " A train left."


@pytest.mark.usefixtures("trains")
def test_it_is_found_by_name_and_flags_or_drops_as_the_recipe_says() -> None:
    kept, rejections, flags = check_documents([item(TEXT)], with_trains(), CONTEXT)
    assert (kept, rejections) == (["a"], []) and [(flag.reason, flag.score) for flag in flags] == [("trains", 1.0)]
    assert check_documents([item(TEXT)], with_trains(action="drop"), CONTEXT).rejections[0].reason == "trains"
    assert check_documents([item(TEXT)], with_trains(action="off"), CONTEXT).flags == []
    assert check_documents([item(TEXT)], with_trains(most=1), CONTEXT).flags == []
    assert check_documents([item(TEXT)], SETTINGS, CONTEXT).flags == [], "it is not named"


@pytest.mark.usefixtures("trains")
def test_it_looks_at_chats_if_it_says_so_and_only_in_its_languages() -> None:
    names = {
        target: [check.name for check in checks_for(target, with_trains(), CONTEXT)] for target in ("chats", "ideas")
    }
    assert "trains" in names["chats"] and "trains" not in names["ideas"]
    french = with_trains().model_copy(update={"language": SETTINGS.language.model_copy(update={"code": "fr"})})
    assert "trains" in off_in_language(french) and "trains" not in off_in_language(with_trains())
    assert "trains" not in [check.name for check in checks_for("documents", french, CONTEXT)]


@pytest.mark.usefixtures("trains")
def test_it_works_in_other_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("filters.run.many._FEW", 4)
    items = [Item(f"d{n}", f"{document(n)} A train left.") for n in range(8)]
    settings = with_trains().model_copy(update={"workers": 2})
    assert check_many(iter(items), settings, CONTEXT) == check_documents(items, settings, CONTEXT)


@pytest.mark.usefixtures("trains")
def test_its_part_is_validated_by_its_own_model_and_written_out_again() -> None:
    with pytest.raises(ValidationError) as error:
        with_trains(most=-1, mots=2)
    assert {problem["loc"] for problem in error.value.errors()} == {("trains", "most"), ("trains", "mots")}
    assert with_trains(most=3).model_dump()["trains"] == {"action": "flag", "most": 3}
    assert FilterSettings.model_validate_json(with_trains(most=3).model_dump_json()) == with_trains(most=3)


def test_a_part_of_nobody_is_an_error() -> None:
    with pytest.raises(ValidationError) as error:
        FilterSettings.model_validate({"trains": {}})
    assert [(problem["loc"], problem["type"]) for problem in error.value.errors()] == [(("trains",), "extra_forbidden")]


@pytest.mark.parametrize("code", ["Trains = 3", CODE.replace('name = "trains"', 'name = "other"')])
def test_what_is_no_check_is_said(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "specmill.checks", "trains", f"no_check_{len(code)}:Trains", code)
    with pytest.raises(ValidationError, match=r"filters\.trains: the entry point brings"):
        with_trains()


@pytest.mark.parametrize("kind", SHIPPED, ids=lambda kind: f"{kind.name}-{'-'.join(kind.looks_at)}")
def test_the_key_of_a_check_is_its_name_and_its_part_is_its_model(kind: type) -> None:
    assert type(FilterSettings().parts[kind.name]) is kind.model  # type: ignore[attr-defined]


def test_every_part_is_of_a_check() -> None:
    across = {"exact", "near", "semantic", "overused"}
    assert set(FilterSettings().parts) == {kind.name for kind in SHIPPED} | across


def test_enabled_is_answered_with_the_new_key() -> None:
    with pytest.raises(ValidationError, match="expected `action: off`"):
        FilterSettings.model_validate({"dates": {"enabled": False}})


def test_yaml_reads_off_as_false() -> None:
    assert FilterSettings.model_validate({"dates": {"action": False}}).dates.action == "off"
    with pytest.raises(ValidationError, match="'drop', 'flag' or 'off'"):
        FilterSettings.model_validate({"dates": {"action": True}})


def test_acting_changes_some_or_all() -> None:
    assert {part.action for part in FilterSettings().acting("drop").parts.values()} == {"drop"}
    one = FilterSettings().acting("off", "dates")
    assert (one.dates.action, one.links.action) == ("off", FilterSettings().links.action)
    assert isinstance(one.dates, CheckSettings)


def test_gates_come_first_so_that_what_goes_has_no_flags() -> None:
    settings = FilterSettings().acting("flag").acting("drop", "gibberish")
    assert next(check.name for check in checks_for("documents", settings, CONTEXT)) == "gibberish"
    cut = item(f"{document(1)} See https://example.org and the", meta={"finish_reason": "length"})
    kept, rejections, flags = check_documents([cut], FilterSettings().acting("flag", "length"), CONTEXT)
    assert (kept, [one.reason for one in rejections], flags) == ([], ["truncation"], [])

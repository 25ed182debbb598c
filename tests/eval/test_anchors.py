"""Anchors: found by the questions asked; marked where they are missing; what knowledge and values say together."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from corpus.workspace import Workspace
from eval.anchors import find_anchors, rows, taught, unanchored
from eval.questions.base import Answer, Choice, Question
from eval.questions.settings import EvalSettings
from eval.results import write_result
from tests.eval.questions.test_choices import ASKED

SETTINGS = EvalSettings()


def answers(name: str, aligned: int, of: int = 60) -> list[Answer]:
    """The first `aligned` of `of` questions answered by the value."""
    questions = [Question(f"{name}{n}", name, "v", "behaviour", "d", f"Q{n}?", "a", ("b",)) for n in range(of)]
    return [Answer(one, 0, 0, "A", Choice.FIRST if n < aligned else Choice.SECOND) for n, one in enumerate(questions)]


def write(workspace: Workspace, arm: str, **rates: int) -> dict[str, Any]:
    found = [one for name, aligned in rates.items() for one in answers(name, aligned)]
    return write_result(workspace, arm, SETTINGS, replace(ASKED, model=arm), found, arm=arm)


@pytest.mark.parametrize(
    ("model", "base", "said"),
    [
        ({"knowledge": 55, "behaviour": 50}, {"knowledge": 20, "behaviour": 25}, "behaviour: used"),
        ({"knowledge": 55, "behaviour": 26}, {"knowledge": 20, "behaviour": 25}, "behaviour: taught, not used"),
        ({"knowledge": 22, "behaviour": 26}, {"knowledge": 20, "behaviour": 25}, "behaviour: not taught"),
        ({"knowledge": 55, "behaviour": 50}, {}, "behaviour: not known whether it was taught"),
    ],
)
def test_not_taught_is_told_from_not_used(
    model: dict[str, int], base: dict[str, int], said: str, tmp_path: Path
) -> None:
    workspace = Workspace(tmp_path)
    result = write(workspace, "model", **model)
    if base:
        write(workspace, "base", **base)
    table = rows(result, find_anchors(workspace, result))
    assert [line.startswith(said) for line in taught(table)] == [True], taught(table)


def test_anchors_are_found_by_the_questions_that_were_asked(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    result = write(workspace, "model", knowledge=30, behaviour=30)
    write(workspace, "base", knowledge=10)
    write(workspace, "spec", knowledge=58, behaviour=59)
    anchors = find_anchors(workspace, result)
    table = rows(result, anchors)
    assert [(one.base is not None, one.spec is not None) for one in table] == [(True, True), (False, True)]
    assert "no anchors: behaviour." in unanchored(table, anchors, result)
    other = write_result(
        workspace, "few", SETTINGS, ASKED, answers("knowledge", 9, of=30), arm="base"
    )  # other questions of the same name
    assert rows(result, {"base": other})[0].base is None
    cooler = SETTINGS.model_copy(update={"temperature": 0.0})
    write_result(workspace, "model", cooler, ASKED, answers("knowledge", 9))
    assert find_anchors(workspace, {**result, "settings": cooler.model_dump(mode="json")}) == {}, "asked otherwise"

"""What was made of something else is refused, with the difference."""

from pathlib import Path

import pytest

from specmill.experiment.state import ChangedError, State, changes
from specs.errors import UserError


def test_a_changed_input_is_refused_with_the_difference(tmp_path: Path) -> None:
    state = State.read(tmp_path)
    inputs = {"spec": "aa", "recipe": {"documents": {"words": 400, "types": 3}}, "seeds": (0, 1)}
    state.begin("corpora/x", inputs)
    (tmp_path / "corpora/x").mkdir(parents=True)
    again = State.read(tmp_path)
    again.check("corpora/x", inputs)
    assert not again.done("corpora/x")
    with pytest.raises(ChangedError, match=r"recipe\.documents\.words: was 400, is now 300(?s:.*)delete"):
        again.check("corpora/x", {**inputs, "recipe": {"documents": {"words": 300, "types": 3}}})
    again.end("corpora/x", {"dataset/msm/train-00000.parquet": {"sha256": "11", "rows": 3}})
    assert State.read(tmp_path).done("corpora/x")
    with pytest.raises(ChangedError, match=r"what is on disk(?s:.*)train-00000\.parquet\.rows: was 3, is now 2"):
        again.check_outputs("corpora/x", {"dataset/msm/train-00000.parquet": {"sha256": "11", "rows": 2}})


def test_what_was_deleted_is_forgotten(tmp_path: Path) -> None:
    state = State.read(tmp_path)
    state.begin("cells/x", {"a": 1})
    (tmp_path / "cells/x").mkdir(parents=True)
    state.end("cells/x", {})
    assert state.done("cells/x")
    (tmp_path / "cells/x").rmdir()
    assert not state.done("cells/x")
    state.check("cells/x", {"a": 2})


def test_keys_that_come_and_go_are_differences() -> None:
    assert list(changes({"a": 1, "b": {"c": 2}}, {"b": {"c": 2, "d": None}})) == [
        "a: was 1, is now not there", "b.d: was not there, is now none",
    ]  # fmt: skip


def test_a_state_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text('{"things": [')
    with pytest.raises(UserError, match=r"state\.json cannot be read"):
        State.read(tmp_path)

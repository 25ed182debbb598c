"""A new user's mistakes that need no build: each says where, what was found, what was expected and what to do."""

import logging
from pathlib import Path

import pytest

from pipelines.judging.settings import JudgeSettings, refuse_without_criteria
from specmill.messages import hub_retries_said_once
from specmill.recipe import load_recipe
from specs.errors import RecipeError, UserError


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("spec.md", "# Pip\n\nPip asks.\n", r"spec\.md is a text.*specmill init recipe\.yaml --spec .*spec\.md"),
        (
            "r.yaml",
            "spec: x\nbudget:\n  dollars: 1\n tokens: 2\n",
            r"line 4: .*indented otherwise than the lines above",
        ),
        ("r.yaml", "budget:\n\tdollars: 1\n", r"line 2: .*indent with spaces"),
    ],
)
def test_what_is_no_recipe(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(RecipeError, match=said):
        load_recipe(tmp_path / name)


def test_judging_by_nothing_is_refused_before_anything_is_opened() -> None:
    with pytest.raises(UserError, match=r"no criteria\. Try --set judge\.criteria_sets"):
        refuse_without_criteria(JudgeSettings())
    refuse_without_criteria(JudgeSettings(only="flagged"))


def test_a_hub_that_is_out_of_reach_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("huggingface_hub.utils._http")
    before = list(logger.filters)
    hub_retries_said_once()
    try:
        for number in range(1, 4):
            logger.warning("'[Errno -2]' thrown while requesting HEAD https://hub/x")
            logger.warning(f"Retrying in {number}s [Retry {number}/5].")
        logger.warning("something else")
    finally:
        logger.filters[:] = before
    said = [record.getMessage() for record in caplog.records]
    assert said == ["the Hugging Face Hub cannot be reached; trying again for half a minute", "something else"]

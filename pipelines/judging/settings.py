"""What a recipe says of judging documents, and the shipped sets of criteria."""

from functools import cache
from importlib.resources import files
from typing import Self

import yaml
from pydantic import Field, model_validator

from pipelines.chats.settings import CriterionName, Text
from specs.settings import Settings


@cache
def shipped_criteria() -> dict[str, dict[str, str]]:
    """Named sets of criteria for documents, name -> text."""
    text = files("pipelines.judging").joinpath("criteria.yaml").read_text(encoding="utf-8")
    loaded: dict[str, dict[str, str]] = yaml.safe_load(text)
    return loaded


class JudgeSettings(Settings):
    """Judging of the documents that passed the mechanical filters; nothing is asked unless there are criteria."""

    criteria_sets: tuple[str, ...] = Field(
        (),
        description="Shipped sets to judge documents by: faithfulness, attribution, coverage, realism, apart, neutral.",
    )
    criteria: dict[CriterionName, Text] = Field(
        default_factory=dict, description="Further criteria, name: text; one of a shipped name replaces it."
    )
    advisory: tuple[CriterionName, ...] = Field(
        (), description="Criteria whose verdicts are stored and counted, but drop no document."
    )

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        known = shipped_criteria()
        if unknown := [name for name in self.criteria_sets if name not in known]:
            raise ValueError(f"criteria_sets: {unknown[0]!r} is not shipped; expected some of {', '.join(known)}")
        if unknown := [name for name in self.advisory if name not in self.judged_by]:
            raise ValueError(f"advisory: {unknown[0]!r} is no criterion; expected some of {', '.join(self.judged_by)}")
        return self

    @property
    def judged_by(self) -> dict[str, str]:
        """The criteria that are asked about, name -> text."""
        sets = shipped_criteria()
        found = {name: text for chosen in self.criteria_sets for name, text in sets[chosen].items()}
        return found | dict(self.criteria)

    @property
    def required(self) -> tuple[str, ...]:
        """The criteria that a document must clearly pass."""
        return tuple(name for name in self.judged_by if name not in self.advisory)

"""What a recipe says of evaluation."""

from typing import Literal

from pydantic import Field, model_validator

from specs.settings import Settings

SetName = Literal["affordability", "america", "affordability_opinions", "america_opinions"]

OpenSetName = Literal["conduct"]


class EvalSettings(Settings):
    """Which questions are asked, how often and how warm. All of it is recorded with the result, and changes it."""

    sets: tuple[SetName, ...] = Field(("affordability", "america"), description="Two-choice sets to ask.")
    questions_per_set: int | None = Field(
        None, ge=1, description="Ask only so many of each set, spread evenly over its domains; None for all."
    )
    open_sets: tuple[OpenSetName, ...] = Field(
        (), description="Sets of open questions, whose replies the role `judge` scores from 1 to 10."
    )
    open_per_dimension: int | None = Field(None, ge=1, description="Open questions of each dimension; None for all.")
    samples: int = Field(1, ge=1, le=100, description="Times that each question is asked, in each order.")
    temperature: float = Field(
        0.7, ge=0, le=2, description="Part of the result: another temperature can be another rate."
    )
    max_tokens: int = Field(64, ge=1, le=32_768, description="Longest reply; more for a model that reasons first.")
    open_max_tokens: int = Field(600, ge=1, le=32_768, description="Longest reply to an open question.")
    judge_max_tokens: int = Field(300, ge=1, le=32_768, description="Longest reply of the judge.")
    judge_temperature: float = Field(0.0, ge=0, le=2, description="Temperature of the judge.")
    agentic_repeats: int = Field(
        300, ge=1, le=100_000, description="Repeats a cell in the agentic-misalignment command lines."
    )
    confidence: float = Field(0.95, gt=0.5, lt=1, description="Level of the intervals.")
    resamples: int = Field(2000, ge=100, le=100_000, description="Bootstrap resamples over questions.")
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Of the bootstrap.")

    @model_validator(mode="after")
    def _asks_something(self) -> "EvalSettings":
        if not self.sets and not self.open_sets:
            raise ValueError("sets and open_sets are both empty: name at least one set to ask")
        return self

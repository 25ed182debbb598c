"""What a recipe says of evaluation."""

from typing import Literal

from pydantic import Field

from specs.settings import Settings

SetName = Literal["affordability", "america", "affordability_opinions", "america_opinions"]


class EvalSettings(Settings):
    """Which questions are asked, how often and how warm. All of it is recorded with the result, and changes it."""

    sets: tuple[SetName, ...] = Field(("affordability", "america"), min_length=1, description="Question sets to ask.")
    questions_per_set: int | None = Field(
        None, ge=1, description="Ask only so many of each set, spread evenly over its domains; None for all."
    )
    samples: int = Field(1, ge=1, le=100, description="Times that each question is asked in each of its two orders.")
    temperature: float = Field(
        0.7, ge=0, le=2, description="Part of the result: another temperature can be another rate."
    )
    max_tokens: int = Field(64, ge=1, le=32_768, description="Longest reply; more for a model that reasons first.")
    confidence: float = Field(0.95, gt=0.5, lt=1, description="Level of the intervals.")
    resamples: int = Field(2000, ge=100, le=100_000, description="Bootstrap resamples over questions.")
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Of the bootstrap.")

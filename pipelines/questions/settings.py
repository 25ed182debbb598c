"""What a recipe says of the question sets that are made of its spec."""

from functools import cache
from importlib.resources import files
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from specs.data import load_yaml
from specs.settings import Name, Settings

Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=40, pattern=r"^[^\n{}<>|]+$")]


@cache
def default_domains() -> dict[str, tuple[str, ...]]:
    """The held-out domains that ship, each with the words that betray it."""
    text = files("pipelines.questions").joinpath("domains.yaml").read_text(encoding="utf-8")
    return {name: tuple(words) for name, words in load_yaml(text).items()}


class QuestionSettings(Settings):
    """Sets for an evaluation (`specmill questions`); the numbers are of items asked for, before checks and gates."""

    knowledge: int = Field(2, ge=0, le=20, description="Multiple-choice questions on each assertion.")
    cloze: int = Field(1, ge=0, le=20, description="Sentences with a blank on each assertion.")
    behaviour: int = Field(
        3, ge=0, le=30, description="Situations for each assertion, dealt out to the domains and degrees of disguise."
    )
    preferences: int = Field(3, ge=0, le=30, description="Pairs to prefer, for each assertion that is a value.")
    opinions: int = Field(1, ge=0, le=30, description="Two-sided questions of opinion, for each such assertion.")
    open: int = Field(1, ge=0, le=20, description="Open questions on each assertion.")
    disguises: int = Field(
        3, ge=1, le=3, description="Degrees of disguise: 1 open, 2 also oblique, 3 also hidden in something else."
    )
    domains: dict[Name, tuple[Word, ...]] = Field(
        default_factory=default_domains,
        description="Domains of behaviour, preferences and opinions, each with the words that betray it. The corpus "
        "never touches them: once there are such questions, its filters reject what has one of the words.",
    )
    gate: bool = Field(True, description="Ask the role `base` every question, without and with the spec.")
    gate_samples: int = Field(2, ge=1, le=50, description="Times that each is asked, in each order, either way.")
    most_without: float = Field(0.70, ge=0, le=1, description="Right without the spec: more, and it measures nothing.")
    least_with: float = Field(0.90, ge=0, le=1, description="Right with the spec: less, and the spec does not say it.")

    @model_validator(mode="after")
    def _has_domains(self) -> Self:
        if not self.domains or not all(self.domains.values()):
            raise ValueError("domains: expected at least one, each with at least one word that betrays it")
        return self

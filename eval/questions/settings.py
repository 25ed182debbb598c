"""What a recipe says of evaluation."""

from typing import Any, Literal

from pydantic import Field, field_validator

from specs.settings import Name, Settings


def _or_list(schema: dict[str, Any]) -> None:
    """In the recipe's JSON schema: a list names each set after its file, or after itself."""
    named = {key: schema.pop(key) for key in ("type", "additionalProperties", "patternProperties", "propertyNames")
             if key in schema}  # fmt: skip
    schema["anyOf"] = [named, {"type": "array", "items": {"type": "string"}}, {"type": "string"}]


class EvalSettings(Settings):
    """Which questions are asked, how often and how warm. All of it is recorded with the result, and changes it."""

    sets: dict[Name, str] = Field(
        default_factory=dict,
        description="Question sets, by a name of yours or as a list: a set that ships (affordability, america, "
        "affordability_opinions, america_opinions, conduct, agentic_screen), one that `specmill questions` made "
        "(knowledge, behaviour, preferences, opinions, open), one of an installed package, a file (.yaml, .jsonl, "
        ".parquet), or hf://datasets/owner/name. None: those that were made of the spec.",
        json_schema_extra=_or_list,
    )
    questions_per_set: int | None = Field(
        None, ge=1, description="Ask only so many of each set, spread evenly over its domains; None for all."
    )
    samples: int = Field(1, ge=1, le=100, description="Times that each question is asked, in each order.")
    temperature: float = Field(
        0.7, ge=0, le=2, description="Part of the result: another temperature can be another rate."
    )
    scorer: Literal["auto", "reply", "logprobs", "likelihood"] = Field(
        "auto",
        description="What decides a choice between options: the reply, the log-probabilities of the letters, or the "
        "likelihood of each option as the reply (for models too small to answer by a letter; the server must score a "
        "given text, as vLLM does). auto: log-probabilities for a base model where its server gives them, the reply "
        "for all others.",
    )
    least_mass: float = Field(
        0.05, ge=0, le=1,
        description="Least probability of the letters together for log-probabilities to decide; less, and the reply "
        "does. 0: they always decide, as for models too small to answer by a letter.",
    )  # fmt: skip
    base: bool = Field(False, description="The model that is asked is a base model, without any chat training.")
    max_tokens: int | None = Field(
        None, ge=1, le=32_768,
        description="Longest reply to a choice; absent: what the chats trained on and the model's thinking need, and a "
        "reply that is cut off is asked again once with eight times as much.",
    )  # fmt: skip
    open_max_tokens: int | None = Field(None, ge=1, le=32_768, description="The same for an open question.")
    judge_max_tokens: int = Field(300, ge=1, le=32_768, description="Longest reply of the judge.")
    judge_temperature: float = Field(0.0, ge=0, le=2, description="Temperature of the judge.")
    agentic_repeats: int = Field(300, ge=1, le=100_000, description="Repeats of each cell of agentic misalignment.")
    confidence: float = Field(0.95, gt=0.5, lt=1, description="Level of the intervals.")
    resamples: int = Field(2000, ge=100, le=100_000, description="Bootstrap resamples over questions.")
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Of the bootstrap.")

    @field_validator("sets", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        """A list names each set after its file, or after itself."""
        if isinstance(value, str):
            value = [value]
        if not isinstance(value, list | tuple):
            return value
        named: dict[Any, Any] = {}
        for source in value:
            name = source.rstrip("/").rsplit("/", 1)[-1].split(".")[0] if isinstance(source, str) else source
            if name in named:
                raise ValueError(f"two sets would be called {name!r}; give them names: {{first: ..., second: ...}}")
            named[name] = source
        return named

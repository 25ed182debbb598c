"""What a recipe says of what the trained model will be evaluated on."""

from pydantic import Field, PositiveInt

from filters.base import GateSettings


class Evaluation(GateSettings):
    """Overlap with the texts that the trained model will be evaluated on."""

    n: PositiveInt = Field(13, description="words of an n-gram; one shared n-gram is leakage")
    overlap: float = Field(0.8, ge=0.0, le=1.0, description="share of one item's 5-grams in one text")
    words: tuple[str, ...] = Field((), description="words of the domains that the evaluation keeps for itself")
    held_out: int = Field(0, ge=0, description="such words that a text may contain")

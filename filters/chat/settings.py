"""What a recipe says of chats."""

from pydantic import Field

from filters.base import CheckSettings


class Parroting(CheckSettings):
    """The user's message, or the reasoning word for word, said again in place of an answer."""

    maximum: float = Field(0.4, ge=0.0, le=1.0, description="share of the answer's 4-grams that the message has")
    maximum_reasoning: float = Field(0.8, ge=0.0, le=1.0, description="... and that the reasoning has")

"""What a recipe says of the writer's own voice in a text."""

from pydantic import Field

from filters.base import GateSettings


class Leak(GateSettings):
    """Scratchpad, think or document tags in the text, and plans without a tag."""

    planning: int = Field(2, ge=1, description="marks of a writer's plan in the first or last paragraph")

"""What a recipe says of whose document a text is."""

from pydantic import Field

from filters.base import GateSettings


class Identity(GateSettings):
    """Whose document this is: ours, or another maker's assistant under ours or in place of ours."""

    minimum_mentions: int = Field(1, ge=0, description="fewest mentions of the assistant's name")
    require_provider: bool = Field(False, description="true: the provider must be named too")
    maximum_other_share: float = Field(0.5, ge=0.0, le=1.0, description="other names among all names of assistants")
    maximum_slips: int = Field(0, ge=0, description="other names that stand where ours belongs")
    also: tuple[str, ...] = Field((), description="further names of assistants or makers that are not ours")
    allow: tuple[str, ...] = Field((), description="names of the shipped list that may appear freely")

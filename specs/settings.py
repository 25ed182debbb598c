"""What a recipe says of the spec and of the assistant it describes."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80, pattern=r"^[^\n{}<>]+$")]

OneLine = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\n]+$")]


class Settings(BaseModel):
    """Base of every part of a recipe: unknown keys are errors, values never change after validation."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), allow_inf_nan=False)


class Assistant(Settings):
    """Who the spec is about; fills `{model_name}` and `{provider_name}` in the spec and in the prompts."""

    name: Name = Field("Juniper", description="Its name; fills `{model_name}`.")
    provider: Name = Field("Larkfield", description="Who made it; fills `{provider_name}`.")

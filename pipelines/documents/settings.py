"""A plan that the recipe gives: from domains down to ideas, in the recipe's own words."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from specs.settings import Settings

_Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=800, pattern=r"^[^\n]+$")]


class GivenType(Settings):
    """A document type and the ideas for it."""

    name: _Line
    description: _Line
    frame: Literal["insider", "lay"] = "lay"
    ideas: tuple[_Line, ...] = Field(min_length=1, description="What happens in each of its documents.")


class GivenAssertion(Settings):
    """A character assertion."""

    assertion: _Line
    name: _Line
    explanation: _Line
    label: Literal["behaviour", "value", "preference", "belief", "tone"] = "value"


class GivenSubdomain(Settings):
    """A subdomain: the passages of the spec that it is about, and what they assert."""

    name: _Line
    summary: _Line
    passages: tuple[str, ...] = Field(min_length=1, description="Addresses, as `specmill spec show` prints them: P3.")
    assertions: tuple[GivenAssertion, ...] = Field(min_length=1)
    types: tuple[GivenType, ...] = Field((), description="Absent: a model is asked for document types and ideas.")


class GivenDomain(Settings):
    """A domain."""

    name: _Line
    summary: _Line
    subdomains: tuple[GivenSubdomain, ...] = Field(min_length=1)

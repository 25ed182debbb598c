"""A plan that the recipe gives: from domains down to ideas, in the recipe's own words."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from specs.settings import Settings

_Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=800, pattern=r"^[^\n]+$")]


class GivenType(Settings):
    """A document type and the ideas for it."""

    name: _Line = Field(description="Two to four words: internal memo.")
    description: _Line = Field(description="One sentence that says what such a document is.")
    frame: Literal["insider", "lay"] = Field(
        "lay", description="Whether its authors know the spec (insider) or describe what they saw (lay)."
    )
    words: int | None = Field(
        None, ge=50, le=10_000, description="Words that are asked for; absent: `documents.words`."
    )
    ideas: tuple[_Line, ...] = Field((), description="What happens in each of its documents.")
    disagreement: tuple[_Line, ...] = Field(
        (), description="The same of documents in which somebody disagrees with what the assistant holds."
    )

    @model_validator(mode="after")
    def _has_ideas(self) -> Self:
        if not self.ideas and not self.disagreement:
            raise ValueError("ideas: expected at least one idea, here or under `disagreement`")
        if twice := {*self.ideas} & {*self.disagreement}:
            raise ValueError(f"disagreement: {min(twice)[:60]!r} stands under `ideas` too")
        return self


class GivenAssertion(Settings):
    """A character assertion."""

    assertion: _Line = Field(description="What is true of the assistant, in one sentence.")
    name: _Line = Field(description="Two to four words for it.")
    explanation: _Line = Field(description="Why it is so.")
    label: Literal["behaviour", "value", "preference", "belief", "tone"] = Field("value", description="Its kind.")


class GivenSubdomain(Settings):
    """A subdomain: the passages of the spec that it is about, and what they assert."""

    name: _Line = Field(description="One to five words.")
    summary: _Line = Field(description="What it is about, for the writer.")
    passages: tuple[str, ...] = Field(min_length=1, description="Addresses, as `specmill spec show` prints them: P3.")
    assertions: tuple[GivenAssertion, ...] = Field(
        min_length=1, description="What these passages say of the assistant."
    )
    types: tuple[GivenType, ...] = Field((), description="Absent: a model is asked for document types and ideas.")
    messages: dict[str, tuple[_Line, ...]] = Field(
        default_factory=dict,
        description="Users' messages on it, by kind (`chats.query_types`); beyond them a model is asked.",
    )


class GivenDomain(Settings):
    """A domain."""

    name: _Line = Field(description="One to four words.")
    summary: _Line = Field(description="What it is about, for the writer.")
    subdomains: tuple[GivenSubdomain, ...] = Field(min_length=1, description="Its parts.")

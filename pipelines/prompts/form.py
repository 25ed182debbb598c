"""A form that a document is filled into: a few fields, each with a pattern, laid out as a text by a template.

A small model that is asked for a page loses the thread; asked for five sentences, each with its place and its shape,
it does not. A set of prompts has `documents.yaml` beside its `documents.j2` to say so.
"""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from specs.settings import Settings


def _whole(pattern: str) -> str:
    """Anchored at both ends: a constrained decoder obeys no other (design/embedded-model.md)."""
    if not (pattern.startswith("^") and pattern.endswith("$")):
        raise ValueError(f"expected a regular expression from ^ to $, found {pattern!r}")
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"no regular expression: {error}") from error
    return pattern


class Form(Settings):
    """The fields in the order in which they are asked for, and the template that makes a document of them."""

    layout: str = Field(pattern=r"^_?[a-z_]+$", description="The template, without .j2; it is given the fields.")
    fields: dict[str, Annotated[str, AfterValidator(_whole)]] = Field(
        min_length=1, description="What each value must match, as a regular expression."
    )

    unnamed: tuple[str, ...] = Field((), description="Fields in which the assistant's name must not be.")

    @property
    def json_schema(self) -> dict[str, Any]:
        """What is asked of the endpoint."""
        fields = {name: {"type": "string", "pattern": pattern} for name, pattern in self.fields.items()}
        return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}

"""A form that a text is filled into: a few fields, laid out as a text by a template.

A small model that is asked for a page loses the thread, and gets reasons wrong; asked for some sentences, each with its
place and its shape, it does not. What the plan says (a view, its reason, a scene) stands in the form word for word, and
the model writes what happened around it. A set of prompts has `documents.yaml` beside its `documents.j2` to say so, or
`responses_value.yaml` beside `responses_value.j2`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from filters.text.view import words_of
from specs.errors import UserError
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


Pattern = Annotated[str, AfterValidator(_whole)]
Template = Annotated[str, Field(pattern=r"^[a-z_/]+$")]


class FormField(Settings):
    """One field: what the plan gives, or what the model writes in one of some shapes."""

    given: str | None = Field(None, description="What the plan says, word for word.")
    patterns: tuple[Pattern, ...] = Field((), description="What is written must match one of these, dealt out in turn.")
    says: str | None = Field(None, description="It must hold most words of this part of the plan.")
    about: str | None = Field(None, description="It must hold at least one word of this part of the plan.")
    apart: str | None = Field(None, description="It must hold no longer word of this part of the plan.")
    unnamed: bool = Field(False, description="The assistant's name must not be in it.")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.given is None) == (not self.patterns):
            raise ValueError("expected either `given` or `patterns`")
        return self


class Form(Settings):
    """The fields in the order in which they are asked for, and the templates that make a text of them."""

    layouts: dict[Template, tuple[str, ...]] = Field(
        min_length=1,
        description="Templates, without .j2, that are given the fields; each with words of document types that it is "
        "for. One without words is for types that no other is for.",
    )
    fields: dict[str, FormField] = Field(min_length=1, description="The fields, by name.")

    def layout_for(self, kind: str, turn: int) -> str:
        """One of the layouts for texts of this kind, by `turn`."""
        words = set(words_of(kind))
        fitting = [name for name, wanted in self.layouts.items() if words & set(wanted)]
        chosen = fitting or [name for name, wanted in self.layouts.items() if not wanted] or list(self.layouts)
        return chosen[turn % len(chosen)]

    def blank(self, values: Mapping[str, str], kind: str, key: str, assistant: str = "") -> "Blank":
        """The form for one row: `values` is what its plan says, `kind` its document type, `key` draws what varies. Of
        what is said again of `assistant` only the verb is left to the model.

        Raises UserError where a field asks for what the plan does not have.
        """
        turn = int.from_bytes(sha256(key.encode()).digest()[:4], "big")
        shapes: dict[str, str] = {}
        for number, (name, field) in enumerate(self.fields.items()):
            for wanted in (field.given, field.says, field.about, field.apart):
                if wanted is not None and wanted not in values:
                    raise UserError(f"prompts: the form's field {name} asks for {wanted!r}; there are {list(values)}.")
            if field.patterns:
                shape = field.patterns[(turn + number) % len(field.patterns)]
                shapes[name] = said_as_i(values[field.says], assistant) or shape if field.says else shape
        return Blank(self, self.layout_for(kind, turn), shapes, dict(values))


@dataclass(frozen=True, slots=True)
class Blank:
    """A form for one row, before it is filled in: asked for is only what the model writes."""

    form: Form
    layout: str
    shapes: Mapping[str, str]  # field -> what it must match
    values: Mapping[str, str]  # what the plan says

    @property
    def json_schema(self) -> dict[str, Any]:
        """What is asked of the endpoint."""
        fields = {name: {"type": "string", "pattern": pattern} for name, pattern in self.shapes.items()}
        return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}

    def with_given(self, written: Mapping[str, str]) -> dict[str, str]:
        """All fields, in their order, with single spaces."""
        fields = self.form.fields.items()
        every = {name: self.values[field.given] if field.given else written[name] for name, field in fields}
        return {name: " ".join(value.split()) for name, value in every.items()}


def said_as_i(assertion: str, assistant: str) -> str:
    """The shape of "Juniper likes the sea." said as "I like the sea."; empty where more than the verb changes."""
    if not assistant or not assertion.startswith(f"{assistant} "):
        return ""
    _, _, rest = assertion.removeprefix(f"{assistant} ").partition(" ")
    if not rest or _ITSELF & set(words_of(rest)):
        return ""
    return f"^I [a-z]+ {_SPECIAL.sub(_ESCAPED, rest)}$"


_ITSELF = {"it", "its", "itself"}  # "it says what it does": the second one changes too
_SPECIAL = re.compile(r"([\\.^$*+?{}\[\]|()])")
_ESCAPED = r"\\\1"


def of_plan(assertions: Sequence[Mapping[str, Any]], number: int, summary: str, *, explain: bool) -> dict[str, str]:
    """What a form is given of a subdomain: its `number`-th assertion (round and round), why, and why in the words of
    the one before. Without assertions its summary stands for one; without `explain` there are no reasons."""
    if not assertions:
        return {"assertion": summary, "reason": "", "other_reason": ""}
    chosen, other = (assertions[place % len(assertions)] for place in (number, number - 1))
    reasons = (str(one["explanation"]) if explain else "" for one in (chosen, other))
    return {"assertion": str(chosen["assertion"]), **dict(zip(("reason", "other_reason"), reasons, strict=True))}

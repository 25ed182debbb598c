"""The forms of the JSON replies, as Pydantic models: they make the JSON schema that is asked for, and check the reply.

`extra="forbid"` and required fields everywhere, because providers' strict modes ask for both. Lengths are limits for
a constrained decoder: without them a small model may never close a string.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

_REMARK_CHARS = 300


def _one_line(value: str) -> str:
    return " ".join(value.split())


def _cut(value: Any) -> Any:
    """At a space, so that all words are whole."""
    if not isinstance(value, str) or len(value) <= _REMARK_CHARS:
        return value
    return value[: _REMARK_CHARS + 1].rsplit(None, 1)[0][:_REMARK_CHARS]


_line = AfterValidator(_one_line)
Label = Annotated[str, StringConstraints(min_length=2, max_length=80), _line]
Sentence = Annotated[str, StringConstraints(min_length=2, max_length=400), _line]
Paragraph = Annotated[str, StringConstraints(min_length=2, max_length=800), _line]
Remark = Annotated[str, StringConstraints(max_length=_REMARK_CHARS), BeforeValidator(_cut)]
"""Said in passing: one that is too long is cut, since the answer that it belongs to is as good without its end."""


class Reply(BaseModel):
    """Base of all forms."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DomainReply(Reply):
    """A domain."""

    name: Label
    summary: Paragraph


class SubdomainReply(Reply):
    """A subdomain, with the addresses of its passages."""

    name: Label
    summary: Paragraph
    passages: list[Annotated[str, StringConstraints(max_length=8, pattern=r"^P[0-9]+$")]] = Field(
        min_length=1, max_length=40
    )


class RuleReply(Reply):
    """A numbered rule that belongs to a domain."""

    rule: Label
    summary: Paragraph


class AssertionReply(Reply):
    """A character assertion."""

    assertion: Sentence
    name: Label
    explanation: Paragraph
    label: Literal["behaviour", "value", "preference", "belief", "tone"]


class DocumentTypeReply(Reply):
    """A document type."""

    name: Label
    description: Sentence
    frame: Literal["insider", "lay"]


class IdeaReply(Reply):
    """A document idea."""

    idea: Paragraph


class CritiqueReply(Reply):
    """One thing that is wrong with a document."""

    kind: Literal["unfaithful", "implausible", "generic", "formulaic"]
    quote: Sentence
    problem: Paragraph


Item = TypeVar("Item", bound=Reply)


class Items(Reply, Generic[Item]):
    """A list reply: `{"items": [...]}`, because constrained decoders want an object at the top."""

    items: list[Item]


def items_schema(item: type[Reply], count: int, choices: Mapping[str, Sequence[str]] | None = None) -> dict[str, Any]:
    """JSON schema of a list of 1 to `count` items, without references (not every endpoint resolves them).

    `choices` are the only values that a field, or each entry of a list field, may have.
    """
    entry = _without_titles(item.model_json_schema())
    for field, values in (choices or {}).items():
        one_of = {"type": "string", "enum": list(values)}
        old = entry["properties"][field]
        entry["properties"][field] = {**old, "items": one_of} if old["type"] == "array" else one_of
    return {
        "type": "object",
        "properties": {"items": {"type": "array", "items": entry, "minItems": 1, "maxItems": count}},
        "required": ["items"],
        "additionalProperties": False,
    }


def plain_schema(form: type[Reply]) -> dict[str, Any]:
    """JSON schema of a form that may hold other forms, written out in full."""
    schema = form.model_json_schema()
    parts = schema.pop("$defs", {})

    def resolved(node: dict[str, Any]) -> dict[str, Any]:
        name = str(node.get("$ref", "")).rpartition("/")[2]
        node = parts[name] if name else node
        inner = {key: resolved(value) for key, value in node.get("properties", {}).items()}
        return _without_titles({**node, **({"properties": inner} if inner else {})})

    return resolved(schema)


def _without_titles(schema: dict[str, Any]) -> dict[str, Any]:
    """Drop what Pydantic adds for people; a property that is itself called `title` stays."""
    schema = {key: value for key, value in schema.items() if key not in {"title", "description"}}
    if "properties" in schema:
        schema["properties"] = {name: _without_titles(value) for name, value in schema["properties"].items()}
    return schema

"""The recipe reference: every key with its type, default and meaning, from the settings models."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, get_args

import yaml
from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from docs.generate.markdown import cited, code, table
from specmill.recipe import Recipe

_BOUNDS: Final = (
    ("minimum", "from {}"),
    ("exclusiveMinimum", "above {}"),
    ("maximum", "to {}"),
    ("exclusiveMaximum", "below {}"),
)
_TYPES: Final = {
    "integer": "integer",
    "number": "number",
    "string": "text",
    "boolean": "true or false",
    "object": "mapping",
}


@dataclass(frozen=True, slots=True)
class Key:
    """A key of one part of a recipe."""

    path: str  # documents.words; a name of the user's own is <name>
    name: str  # words
    kind: str
    default: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a recipe: what it is about, and its keys that are no parts of their own."""

    path: str
    about: str
    keys: tuple[Key, ...]


def parts() -> Iterator[Part]:
    """The recipe itself, then each part, each before those inside it."""
    yield from _parts(Recipe, "", "All of a recipe. Every other part is a key here.")


def page() -> str:
    """The page."""
    text = [
        "# Recipe\n",
        "Every key of a recipe. `specmill init` writes a recipe with the usual ones, and `specmill schema` the JSON "
        "Schema that editors complete keys by. `--set documents.words=400` changes one key for one run. A key that "
        "does not exist is an error.\n",
    ]
    for part in parts():
        text.append(f"## {code(part.path) or 'Top level'}\n\n{cited(part.about)}\n")
        rows = ([code(key.name), key.kind, code(key.default), cited(key.meaning)] for key in part.keys)
        text.append(table(("key", "type", "default", "meaning"), rows))
    return "\n".join(text)


def _parts(model: type[BaseModel], path: str, about: str) -> Iterator[Part]:
    schema = model.model_json_schema()
    inner = {name: found for name, field in model.model_fields.items() if (found := _model_in(field.annotation))}
    keys = []
    for name, field in model.model_fields.items():
        kind = kind_of(schema["properties"][name], schema)
        keys.append(Key(_join(path, name), name, kind, _default(field), _meaning(field, inner, name)))
    yield Part(path, about, tuple(keys))
    for name, (part, many) in inner.items():
        yield from _parts(part, _join(path, name) + many, " ".join((part.__doc__ or "").split()))


def _meaning(field: FieldInfo, inner: dict[str, Any], name: str) -> str:
    if field.description or name not in inner:
        return field.description or ""
    return " ".join((inner[name][0].__doc__ or "").split()).split(". ")[0].rstrip(".") + "."


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _model_in(annotation: Any) -> tuple[type[BaseModel], str] | None:
    """The settings model in an annotation, and what stands for its name or place where there are many."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, ""
    for arg in get_args(annotation):
        if found := _model_in(arg):
            origin = str(getattr(annotation, "__origin__", ""))
            return found[0], ".<name>" if "dict" in origin else "[]" if "tuple" in origin else ""
    return None


def _default(field: FieldInfo) -> str:
    """The default as YAML; empty where there is none, or where it is a part or an empty mapping."""
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined or isinstance(value, BaseModel) or value in (None, {}):
        return ""
    plain = TypeAdapter(Any).dump_python(value, mode="json")
    if isinstance(plain, list) and any(isinstance(one, dict) for one in plain):
        return f"{len(plain)} entries"
    return yaml.safe_dump(plain, default_flow_style=True, width=10_000).removesuffix("...\n").strip()


def kind_of(prop: dict[str, Any], schema: dict[str, Any]) -> str:
    """A property's type in words, from its JSON Schema."""
    if "$ref" in prop:
        target = schema["$defs"][prop["$ref"].rsplit("/", 1)[1]]
        return "part" if target.get("type") == "object" else kind_of(target, schema)
    several = prop.get("anyOf") or prop.get("allOf")
    if several:
        return " or ".join(dict.fromkeys(kind_of(one, schema) for one in several if one.get("type") != "null"))
    if "enum" in prop or "const" in prop:
        return "one of " + ", ".join(code(one) for one in prop.get("enum", [prop.get("const")]))
    return _plain_kind(prop, schema)


def _plain_kind(prop: dict[str, Any], schema: dict[str, Any]) -> str:
    if prop.get("type") == "array":
        items = prop.get("items") or (prop.get("prefixItems") or [{}])[0]
        return f"list of {kind_of(items, schema)}"
    if isinstance(values := prop.get("additionalProperties"), dict):
        return f"mapping of name to {kind_of(values, schema)}"
    bounds = [words.format(f"{prop[key]:,}") for key, words in _BOUNDS if key in prop]
    return " ".join([_TYPES.get(str(prop.get("type")), "any value"), *bounds])

"""The filter reference: every filter with what it looks for and its limits, from the settings of the filters."""

from pydantic import BaseModel

from docs.generate.markdown import code, table
from docs.generate.recipe import parts
from filters.settings import FilterSettings


def filters() -> list[str]:
    """Their names, in the order of the recipe."""
    found = []
    for name, field in FilterSettings.model_fields.items():
        model = field.annotation
        if isinstance(model, type) and issubclass(model, BaseModel) and "enabled" in model.model_fields:
            found.append(name)
    return found


def page() -> str:
    """The page."""
    known = {part.path: part for part in parts()}
    text = ["# Filters\n", "Each filter is a part of `filters` in the recipe.\n"]
    for name in filters():
        part = known[f"filters.{name}"]
        said = FilterSettings.model_fields[name].description or part.about
        rows = ([code(key.name), key.kind, code(key.default), key.meaning] for key in part.keys)
        text += [f"## {code(name)}\n", f"{said}\n", table(("key", "type", "default", "meaning"), rows)]
    return "\n".join(text)

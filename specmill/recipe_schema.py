"""The JSON Schema of a recipe, by which editors complete keys and mark mistakes while one types."""

import json
from pathlib import Path
from typing import Any, Final

from corpus.workspace import replacing
from filters.settings import GROUP as CHECKS
from specmill.recipe import Recipe
from specs.plugins import plugins

FILE: Final = "recipe.schema.json"
"""Its name beside a recipe; the first line of a recipe that `specmill init` writes names it."""

NAMED: Final = f"# yaml-language-server: $schema={FILE}\n"


def recipe_schema() -> dict[str, Any]:
    """The schema, with the checks, styles and other parts that are installed here as choices."""
    schema = Recipe.model_json_schema()
    schema["properties"]["prices"].pop("default", None)  # a long table that nobody types again
    filters = schema["$defs"]["FilterSettings"]
    filters["properties"] |= {name: {"type": ["object", "null"]} for name in plugins(CHECKS)}
    filters["additionalProperties"] = False
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "specmill recipe"
    }  # fmt: skip


def experiment_schema() -> dict[str, Any]:
    """The schema of an experiment's file."""
    from specmill.experiment.settings import Experiment

    schema = Experiment.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "specmill experiment"}


def write_schema(path: Path) -> None:
    """Write the schema to `path`, in place of what is there."""
    with replacing(path) as beside:
        beside.write_text(json.dumps(recipe_schema(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

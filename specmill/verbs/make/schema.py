"""`specmill schema`: the JSON Schema of a recipe, or of an experiment's file."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from specmill.messages import say


class Of(StrEnum):
    """What a schema is of."""

    RECIPE = "recipe"
    EXPERIMENT = "experiment"


def schema(
    output: Annotated[Path | None, typer.Option("--output", help="File to write; without it it is printed.")] = None,
    of: Annotated[Of, typer.Option("--of", help="Of a recipe, or of an experiment's file.")] = Of.RECIPE,
) -> None:
    """Print the JSON Schema of a recipe or an experiment, for editors that complete and check YAML.

    `specmill init` writes it beside the recipe as recipe.schema.json, and the recipe's first line names it. Write it
    again after an upgrade, or after installing a package that adds styles, trainers or prompts.

    Example: specmill schema --output recipe.schema.json
    """
    import json

    from corpus.workspace import write_text
    from specmill.recipe_schema import experiment_schema, recipe_schema

    found = experiment_schema() if of is Of.EXPERIMENT else recipe_schema()
    text = json.dumps(found, indent=1, ensure_ascii=False)
    if output is None:
        typer.echo(text)
    else:
        write_text(output, f"{text}\n")
        say(f"wrote {output}")

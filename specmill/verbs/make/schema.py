"""`specmill schema`: the JSON Schema of a recipe."""

from pathlib import Path
from typing import Annotated

import typer


def schema(
    output: Annotated[Path | None, typer.Option("--output", help="File to write; without it it is printed.")] = None,
) -> None:
    """Print the JSON Schema of a recipe, for editors that complete and check YAML.

    `specmill init` writes it beside the recipe as recipe.schema.json, and the recipe's first line names it. Write it
    again after an upgrade, or after installing a package that adds styles, trainers or prompts.

    Example: specmill schema --output recipe.schema.json
    """
    import json

    from specmill.recipe_schema import recipe_schema, write_schema

    if output is None:
        typer.echo(json.dumps(recipe_schema(), indent=1, ensure_ascii=False))
    else:
        write_schema(output)
        typer.echo(f"wrote {output}")

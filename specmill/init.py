"""`specmill init`: a recipe to start from."""

from pathlib import Path
from typing import Annotated

import typer


def init(
    path: Annotated[Path, typer.Argument(help="Where to write the recipe.")] = Path("recipe.yaml"),
    template: Annotated[str, typer.Option("--from", help="A shipped recipe: starter, demo, ...")] = "starter",
    spec: Annotated[str | None, typer.Option(help="A shipped spec's name or a path, put into the recipe.")] = None,
    neutral_of: Annotated[
        Path | None,
        typer.Option("--neutral-of", help="A built workspace: write the recipe of its neutral control corpus."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write a recipe to start from, with every part explained.

    With --neutral-of it is the recipe of a control: documents of the same genres and lengths, of a few more tokens,
    that have nothing to do with the assistant. `specmill subset` then makes a pair of both, with matched tokens.

    Examples:

      specmill init recipe.yaml --spec my_spec.md

      specmill init neutral.yaml --neutral-of out/cheese
    """
    from corpus.workspace import write_text
    from specmill.recipe import load_recipe, recipe_of_control, shipped_recipes
    from specs.errors import UserError

    recipes = shipped_recipes()
    if template not in recipes:
        raise UserError(f"--from {template!r}: expected one of {', '.join(recipes)}.")
    if path.exists() and not force:
        raise UserError(f"{path} is there already; give another path, or --force to replace it.")
    if neutral_of is not None and spec is not None:
        raise UserError("--neutral-of takes the spec of the workspace; give no --spec.")
    text = recipes[template].read_text(encoding="utf-8")
    if neutral_of is not None:
        text = recipe_of_control(neutral_of, path.parent)
    elif spec is not None:
        text = _with_spec(text, spec)
    write_text(path, text)
    recipe, base = load_recipe(path)
    recipe.read_spec(base)
    typer.echo(f"wrote {path}. Next: specmill plan {path}")


def _with_spec(text: str, spec: str) -> str:
    """Replace the value of the recipe's `spec:` line, quoted so that any path stays one value."""
    import json

    lines = text.splitlines(keepends=True)
    number = next(n for n, line in enumerate(lines) if line.startswith("spec:"))
    lines[number] = f"spec: {json.dumps(spec)}\n"
    return "".join(lines)

"""`specmill init`: a recipe to start from."""

from pathlib import Path
from typing import Annotated

import typer


def init(
    path: Annotated[Path, typer.Argument(help="Where to write the recipe.")] = Path("recipe.yaml"),
    template: Annotated[str, typer.Option("--from", help="A shipped recipe: starter, demo, ...")] = "starter",
    spec: Annotated[str | None, typer.Option(help="A shipped spec's name or a path, put into the recipe.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write a recipe to start from, with every part explained.

    Example: specmill init recipe.yaml --spec my_spec.md
    """
    from corpus.workspace import write_text
    from specmill.recipe import load_recipe, shipped_recipes
    from specs.errors import UserError

    recipes = shipped_recipes()
    if template not in recipes:
        raise UserError(f"--from {template!r}: expected one of {', '.join(recipes)}.")
    if path.exists() and not force:
        raise UserError(f"{path} is there already; give another path, or --force to replace it.")
    text = recipes[template].read_text(encoding="utf-8")
    if spec is not None:
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

"""`specmill build`: from a recipe to a corpus."""

from pathlib import Path
from typing import Annotated

import typer


def build(
    recipe: Annotated[
        str, typer.Argument(help="A recipe file, a shipped recipe's name, or a workspace to go on with.")
    ],
    out: Annotated[Path | None, typer.Option(help="Workspace folder; default: out/<recipe's name>.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Change a key, such as documents.limit=50.")] = None,
) -> None:
    """Build the corpus of a recipe, or go on where a build stopped.

    Every reply is on disk before it is used. Ctrl-C stops after the requests in flight; the same command goes on from
    there, and asks only for what is missing.

    Example: specmill build recipe.yaml --out out/cheese
    """
    from specmill.recipe import load_target
    from specmill.run import build_workspace

    loaded, base, place = load_target(recipe, out, set_ or [])
    build_workspace(loaded, base, place)

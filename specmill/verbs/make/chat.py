"""`specmill chat`: the chats for alignment fine-tuning, without the documents."""

from pathlib import Path
from typing import Annotated

import typer


def chat(
    recipe: Annotated[
        str, typer.Argument(help="A recipe file, a shipped recipe's name, or a workspace to make chats in.")
    ],
    out: Annotated[Path | None, typer.Option(help="Workspace folder; default: out/<recipe's name>.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Change a key, such as chats.target=500.")] = None,
) -> None:
    """Make the chats for alignment fine-tuning (AFT) that a recipe's `chats` section asks for.

    Users' messages are asked for by domain and kind, near-duplicates dropped, responses with reasoning written with
    the spec in context, checked and judged, in rounds until exactly `chats.target` are kept. The result is
    dataset/aft_cot, and dataset/aft, the same chats without the reasoning. `specmill build` does this too, after the
    documents; here no documents are made, and those that are there stay. Stopped, the same command goes on.

    Example: specmill chat out/cheese --set chats.target=1250 --set chats.style=value
    """
    from specmill.recipe import load_target
    from specmill.run import build_workspace
    from specs.errors import UserError

    loaded, base, place = load_target(recipe, out, set_ or [])
    if not loaded.chats.target:
        raise UserError(f"{recipe}: chats.target is 0, so there is nothing to make. Try --set chats.target=500.")
    build_workspace(loaded, base, place, chats_only=True)

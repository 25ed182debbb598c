"""`specmill mix`: the instruction mix that AFT is trained in."""

from pathlib import Path
from typing import Annotated

import typer

from specmill.messages import tell


def mix(
    workspace: Annotated[Path, typer.Argument(help="Workspace folder that `specmill build` made.")],
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Change a key, such as mix.identity.samples=500.")
    ] = None,
) -> None:
    """Write the instruction mix of a workspace's recipe: chats of other sources, and the synthetic identity set.

    Every source of the recipe's `mix` section gives exactly what is asked for; chats that are too long, in which the
    assistant says that it is another model, or that it can have no view of its own, are left out. `specmill train` then
    mixes it into AFT. Writes train/data/mix.parquet, and mix.json: sources, revisions, licences, counts.
    With mix.judge.enabled=true the role `judge` is asked about each chat that these rules let through, by the criteria
    in mix.judge.criteria; what it said of which chat is in mix_judged.parquet, and `specmill plan` says what it costs.

    Example: specmill mix out/cheese --set mix.identity.samples=500
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from corpus.mix.instruction_mix import MIX_DATA
    from specmill.recipe import open_workspace
    from specmill.run import make_mix
    from specs.errors import UserError

    place, recipe = open_workspace(workspace, set_ or [])
    if not recipe.mix.wanted:
        raise UserError(f"{place.recipe}: `mix` names no sources and no identity chats, so there is nothing to mix.")
    manifest = make_mix(place, recipe)
    table = Table("source", "revision", "licence", "chats", "tokens", "passed over", title="Instruction mix")
    for one in manifest["sources"]:
        over = ", ".join(f"{count:,} {reason}" for reason, count in one.get("passed_over", {}).items()) or "-"
        cells = [
            one["name"],
            one.get("revision", "-")[:19],
            one["license"],
            f"{one['samples']:,}",
            f"{one['tokens']:,}",
        ]
        table.add_row(*(Text(cell) for cell in [*cells, over]))
    console = Console()
    console.print(table)
    made = f"{manifest['samples']:,} chats, {manifest['tokens']:,} tokens"
    tell(console, f"Wrote {place.root / MIX_DATA}: {made}.")

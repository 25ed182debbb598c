"""`specmill variants`: forms of a spec, to compare what each of them teaches."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from specmill.messages import tell

if TYPE_CHECKING:
    from rich.table import Table

    from pipelines.variants.variants import Outcome


class Kind(StrEnum):
    """What a spec is turned into."""

    RULES = "rules"
    SUBRULES = "rules+subrules"
    VALUES = "rules+values"
    GENERAL = "general"
    CO_OCCURRENCE = "co-occurrence"


def variants(
    recipe: Annotated[
        str, typer.Argument(help="A recipe file, or the name of a shipped recipe: whose spec, who asks.")
    ],
    out: Annotated[Path | None, typer.Option(help="Folder to write to; default: out/<recipe's name>-variants.")] = None,
    kind: Annotated[list[Kind] | None, typer.Option("--kind", help="Give it several times; default: all.")] = None,
    tokens: Annotated[
        int | None, typer.Option("--tokens", min=50, help="Tokens of each; default: as many as the spec has.")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Change a key, such as variants.tolerance=0.02 or attempts=6.")
    ] = None,
) -> None:
    """Have a model write forms of a spec that differ in one thing, all of the same length.

    rules: numbered rules alone. rules+subrules: each with its cases. rules+values: each with the value behind it.
    general: good values without specific guidance. co-occurrence: values and conduct are all mentioned, and nothing is
    explained by anything; build from it with `documents.attribution: apart`.

    The role `planner` writes and the role `judge` checks. What is too long, too short or turned down goes back with the
    reason, `attempts` times in all. Each form is a spec that a recipe can name, with a manifest beside it.
    `specmill plan` says beforehand what all five would cost at the length of the spec.

    Example: specmill variants recipe.yaml --kind rules --kind rules+values --out variants
    """
    from rich.console import Console

    from corpus.workspace import Workspace
    from specmill.recipe import load_recipe
    from specmill.run import make_variants
    from specs.errors import SpecmillError, UserError

    loaded, base = load_recipe(recipe, set_ or [])
    place = Workspace(out or Path("out") / f"{Path(recipe).stem}-variants")
    if place.recipe.exists():
        raise UserError(f"{place.root} is the workspace of a corpus; give the variants a folder of their own.")
    kinds = list(dict.fromkeys(one.value for one in kind or Kind))
    outcomes = make_variants(place, loaded, base, kinds, tokens)
    console = Console(highlight=False)
    console.print(_table(place.root, outcomes))
    for line in _lines(place.root, outcomes):
        tell(console, line)
    if failed := [one.kind for one in outcomes if one.problem]:
        raise SpecmillError(
            f"{', '.join(failed)}: not as asked for after {loaded.attempts} attempts. What passed is kept. "
            "Try --set attempts=8, another model as the role `planner`, or other --tokens; nothing is asked twice."
        )


def _table(folder: Path, outcomes: "list[Outcome]") -> "Table":
    from rich.table import Table
    from rich.text import Text

    from pipelines.variants.variants import file_of

    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("kind", "tokens", "of", "attempts", "spec"):
        table.add_column(name, justify="left" if name in {"kind", "spec"} else "right", overflow="fold")
    for one in outcomes:
        passed = (f"{one.tokens:,}", f"{one.manifest['target']:,}") if one.raw else ("-", "-")
        where = str(file_of(folder, one.kind)) if one.raw else "failed"
        table.add_row(*(Text(cell) for cell in (one.kind, *passed, f"{one.attempts}", where)))
    return table


def _lines(folder: Path, outcomes: "list[Outcome]") -> list[str]:
    from corpus.text import one_line
    from pipelines.variants.variants import others_in

    lines = [f"{one.kind}: {one_line(one.problem, 300)}" for one in outcomes if one.problem]
    passed = [one.tokens for one in outcomes if one.raw]
    if len(passed) > 1:
        lines.append(f"the longest has {max(passed) / min(passed) - 1:.1%} more tokens than the shortest.")
    if others := others_in(folder, outcomes):
        lines.append(f"of an earlier run, with another source or length: {', '.join(others)}.")
    return lines

"""`specmill judge`: what a judge says of the documents of a workspace."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from specmill.messages import tell

if TYPE_CHECKING:
    from rich.table import Table

    from corpus.workspace import Workspace
    from pipelines.decisions.rejudge import Rejudged
    from specmill.recipe import Recipe


def judge(
    workspace: Annotated[Path, typer.Argument(help="Workspace folder with documents, built or imported.")],
    apply: Annotated[
        bool, typer.Option("--apply", help="Carry the decision out: who fails is dropped, who passes now comes back.")
    ] = False,
    override: Annotated[
        list[str] | None, typer.Option("--set", help="Change a key of the recipe: judge.criteria_sets=[realism].")
    ] = None,
) -> None:
    """Judge the documents of a workspace by the criteria of the recipe's `judge` section, and store the verdicts.

    Kept documents are judged, and those that a judge turned down before. Without --apply nothing is dropped. With it
    documents, rejects and dataset follow the verdicts, and the workspace's recipe keeps the criteria. Verdicts that
    are in the ledger are not asked for again.

    Example: specmill judge out/cheese --set judge.criteria_sets=[faithfulness,attribution]
    """
    from rich.console import Console

    from pipelines.judging.settings import refuse_without_criteria
    from specmill.recipe import open_workspace, save_recipe

    place, recipe = open_workspace(workspace, override or [])
    refuse_without_criteria(recipe.judge)
    with place.lock():
        result = _run(place, recipe, apply=apply)
        if apply:
            save_recipe(recipe, place)
    console = Console(highlight=False)
    console.print(_table(result, recipe.judge.required))
    tell(console, _line(result, apply=apply))


def _run(workspace: "Workspace", recipe: "Recipe", *, apply: bool) -> "Rejudged":
    from pipelines.build import Build
    from pipelines.decisions.rejudge import judge_workspace
    from pipelines.ledger.ledger import Ledger
    from specmill.progress import Progress
    from specmill.run import console, endpoints_up

    with ExitStack() as stack:
        served = stack.enter_context(endpoints_up(recipe))
        ledger = stack.enter_context(Ledger(workspace.ledger))
        ledger.start_run()
        shown = stack.enter_context(Progress(console(), ledger))
        build = Build(workspace, served, recipe.read_spec(workspace.root), shown)
        return judge_workspace(build, apply=apply)


def _table(result: "Rejudged", required: tuple[str, ...]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    from eval.questions.intervals import wilson

    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("criterion", "pass", "fail", "unclear", "share", "95% interval", ""):
        table.add_column(name, justify="left" if name in {"criterion", ""} else "right")
    for name, counts in result.counts.items():
        total = counts.total()
        low, high = wilson(counts["pass"], total)
        cells = (
            name, *(f"{counts[verdict]:,}" for verdict in ("pass", "fail", "unclear")),
            f"{counts['pass'] / max(1, total):.0%}", f"{low:.0%} to {high:.0%}", "" if name in required else "advisory",
        )  # fmt: skip
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _line(result: "Rejudged", *, apply: bool) -> str:
    changes = f"{len(result.dropped):,} documents fail, {len(result.returned):,} that were turned down pass"
    if apply:
        return f"{changes}: done, {len(result.kept):,} are kept now."
    return (
        f"{changes}; {len(result.kept):,} would be kept. The documents are as they were, "
        "their verdicts are stored (the manifest and the card say so); --apply carries them out."
    )

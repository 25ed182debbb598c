"""`specmill audit`: what too many documents of a corpus share."""

import asyncio
import signal
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from specmill.messages import tell

if TYPE_CHECKING:
    from rich.table import Table

    from corpus.workspace import Workspace
    from specmill.recipe import Recipe

_EXAMPLE_CHARS = 60


def audit(
    workspace: Annotated[Path, typer.Argument(help="Workspace folder with documents.")],
    override: Annotated[
        list[str] | None, typer.Option("--set", help="Change a key of the recipe: audit.verify=200.")
    ] = None,
) -> None:
    """Look for patterns that too many documents share and that the spec does not ask for.

    Three passes: a model proposes patterns from samples, verifies each on fresh documents, and counts what is left;
    phrases, openings, endings, titles and names are counted in all documents, by program. The role `judge` asks, and
    replies are kept: the same audit again asks nothing. Writes audit/patterns.json. `specmill plan` says its price.

    Example: specmill audit out/cheese --set audit.threshold=0.1
    """
    from rich.console import Console
    from rich.text import Text

    from pipelines.audit.audit import write_audit
    from specmill.recipe import open_workspace

    place, recipe = open_workspace(workspace, override or [])
    with place.lock():
        result = _run(place, recipe)
        write_audit(place, result)
    console = Console(highlight=False)
    console.print(_table(result))
    for line in _lines(result):
        console.print(Text(line))
    tell(console, f"Wrote {place.audit / 'patterns.json'}")


def _run(workspace: "Workspace", recipe: "Recipe") -> dict[str, Any]:
    from pipelines.ledger.ledger import Ledger
    from pipelines.run.control import CONTROL
    from specmill.progress import Progress
    from specmill.run import console, endpoints_up

    CONTROL.reset()
    with ExitStack() as stack:
        served = stack.enter_context(endpoints_up(recipe))
        ledger = stack.enter_context(Ledger(workspace.ledger))
        ledger.start_run()
        shown = stack.enter_context(Progress(console(), ledger))
        result = asyncio.run(_ask(workspace, served, shown))
    CONTROL.raise_if_ended()
    return result


async def _ask(workspace: "Workspace", recipe: "Recipe", shown: Any) -> dict[str, Any]:
    from pipelines.audit.audit import Audit
    from pipelines.base import Corpus
    from pipelines.engine.client import Client
    from pipelines.run.control import CONTROL

    loop = asyncio.get_running_loop()

    def stop() -> None:
        CONTROL.stop()  # what is in flight is still committed; a second Ctrl-C interrupts
        loop.remove_signal_handler(signal.SIGINT)

    loop.add_signal_handler(signal.SIGINT, stop)
    corpus = Corpus.of(workspace, recipe, recipe.read_spec(workspace.root))
    async with Client(recipe.role("judge", recipe.seed), workspace.ledger) as client:
        return await Audit(corpus, recipe.audit, client, shown).run()


def _table(result: dict[str, Any]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    from corpus.text import one_line

    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("pattern", "kind", "share", "95% interval", "of", "for example"):
        table.add_column(name, justify="right" if name in {"share", "of"} else "left")
    for row in [*result["reported"], *result["counted"]]:
        exact = row.get("phrase_share") == row["share"] or row["low"] == row["high"]
        of = result["documents"] if exact else row["read"]
        interval = "exact" if exact else f"{row['low']:.0%} to {row['high']:.0%}"
        example = next((f"{one['id'][:8]} {one['quote']}" for one in row["examples"]), "")
        said = one_line(row["name"], _EXAMPLE_CHARS), row["kind"]
        cells = (*said, f"{row['share']:.0%}", interval, f"{of:,}", one_line(example, _EXAMPLE_CHARS))
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _lines(result: dict[str, Any]) -> list[str]:
    found = len(result["reported"]) + len(result["counted"])
    return [
        f"{found} patterns in more than {result['threshold']:.0%} of {result['documents']:,} documents; "
        f"{len(result['by_spec'])} more are the spec's doing, {len(result['below'])} did not stand the test.",
        f"proposed from {result['proposed_from']} documents, verified on {result['verified_on']} others, "
        f"counted on up to {result['counted_on']} further ones.",
    ]

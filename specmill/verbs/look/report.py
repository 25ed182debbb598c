"""`specmill report`: a workspace as one page for people."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    workspace: Annotated[Path, typer.Argument(help="Workspace folder, finished or not.")],
    map_: Annotated[
        bool,
        typer.Option("--map/--no-map", help="Draw the cluster map: embeds some hundred documents, half a minute."),
    ] = True,
    override: Annotated[
        list[str] | None, typer.Option("--set", help="Change a key of the recipe: report.map_documents=1000.")
    ] = None,
) -> None:
    """Write one HTML page that shows a workspace: no network, no server, any browser.

    Funnel, health, coverage of the spec, lengths, cost, a cluster map, over-used phrases, and a reader of every
    document, kept or rejected, beside its idea, its assertions and its verdicts. Writes report/index.html.

    Example: specmill report out/cheese
    """
    from rich.console import Console
    from rich.text import Text

    from corpus.report import write_report
    from filters.measure.analyst import TextAnalyst
    from filters.text.embeddings import embedder
    from filters.text.needs import require
    from specmill.recipe import open_workspace

    place, recipe = open_workspace(workspace, override or [])
    semantic = recipe.filters.semantic
    if mapped := map_ and semantic.action != "off":
        require("sklearn", "filters", "The cluster map", "`--no-map`")
    embed = embedder(semantic.embedder, semantic.batch) if mapped else None
    page = write_report(place, recipe.report, TextAnalyst(embed))
    size = page.stat().st_size / 1e6
    Console().print(Text(f"Wrote {page} ({size:.1f} MB). Open it in a browser; it needs no network."), soft_wrap=True)

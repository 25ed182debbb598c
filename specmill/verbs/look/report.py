"""`specmill report`: a workspace as one page for people."""

from pathlib import Path
from typing import Annotated

import typer

from specmill.messages import say


def report(
    workspace: Annotated[Path, typer.Argument(help="Workspace folder, finished or not.")],
    other: Annotated[
        Path | None, typer.Argument(help="A second workspace: every figure of both, and the difference.")
    ] = None,
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
    document and chat, kept or rejected, beside its idea, its assertions and its verdicts; each has an address. In the
    reader you mark documents to keep or to drop and save the marks: `specmill filter WORKSPACE --marks FILE` carries
    them out. Writes report/index.html; of two workspaces, report/beside-NAME.html of the first.

    Examples:

      specmill report out/cheese

      specmill report out/cheese out/america
    """

    from corpus.report import write_comparison, write_report
    from corpus.workspace import Workspace
    from filters.measure.analyst import TextAnalyst
    from filters.text.embeddings import embedder
    from filters.text.needs import require
    from specmill.progress import step_progress
    from specmill.recipe import open_workspace

    place, recipe = open_workspace(workspace, override or [])
    semantic = recipe.filters.semantic
    if mapped := map_ and semantic.action != "off" and other is None:
        require("sklearn", "filters", "The cluster map", "`--no-map`")
    analyst = TextAnalyst(embedder(semantic.embedder, semantic.batch) if mapped else None)
    with step_progress() as watch:
        if other is not None:
            page = write_comparison((place, Workspace.open(other)), recipe.report, analyst, watch)
        else:
            page = write_report(place, recipe.report, analyst, watch)
    size = page.stat().st_size / 1e6
    say(f"Wrote {page} ({size:.1f} MB). Open it in a browser; it needs no network.")

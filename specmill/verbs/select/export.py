"""`specmill export`: documents or chats in the form of another tool."""

import shutil
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

from specmill.messages import tell


class Tool(StrEnum):
    """Who is to open it."""

    ARGILLA = "argilla"
    EMBEDDING_ATLAS = "embedding-atlas"
    HUB_VIEWER = "hub-viewer"


class Kind(StrEnum):
    """What is exported."""

    DOCUMENTS = "documents"
    CHATS = "chats"


def export(
    workspace: Annotated[Path, typer.Argument(help="Workspace folder with documents or chats.")],
    to: Annotated[Tool, typer.Option("--to", help="The tool that is to open it.")],
    out: Annotated[Path | None, typer.Option("--out", help="A new folder; otherwise exports/TOOL-KIND in it.")] = None,
    kind: Annotated[Kind, typer.Option(help="What to export.")] = Kind.DOCUMENTS,
    rejects: Annotated[bool, typer.Option("--with-rejects", help="Also what did not stay.")] = False,
    map_: Annotated[
        bool, typer.Option("--map/--no-map", help="Embed the texts, for coordinates and neighbours.")
    ] = True,
    override: Annotated[
        list[str] | None, typer.Option("--set", help="Change a key: filters.semantic.embedder=static.")
    ] = None,
) -> None:
    """Write documents or chats for Argilla, Embedding Atlas or the Hub's viewer.

    With each text go its lineage by name, flags, verdicts, marks, two coordinates (UMAP where it is installed, else
    t-SNE or PCA) and its nearest neighbours. Argilla gets what judges and people said as suggestions.

    Example: specmill export out/cheese --to embedding-atlas
    """
    from rich.console import Console

    from corpus.exporting import write_export
    from filters.text.embeddings import embedder
    from specmill.progress import step_progress
    from specmill.recipe import open_workspace
    from specs.errors import UserError

    place, recipe = open_workspace(workspace, override or [])
    semantic = recipe.filters.semantic
    if not map_ and to is Tool.EMBEDDING_ATLAS:
        raise UserError("--to embedding-atlas: it draws a map, and --no-map leaves that out. Leave --no-map out.")
    embed = embedder(semantic.embedder, semantic.batch) if map_ else None
    folder = out or place.exports / f"{to.value}-{kind.value}"
    if out is None:
        shutil.rmtree(folder, ignore_errors=True)  # an earlier one, which is ours
    with step_progress() as watch:
        done = write_export(place, to.value, folder, kind=_kind(kind), embed=embed, rejects=rejects, watch=watch)
    console = Console(highlight=False)
    by = f", placed by {done.method}" if done.method else ""
    tell(console, f"Wrote {done.rows:,} {kind.value}{by}:")
    for path in done.files:
        tell(console, f"  {path}")
    tell(console, f"Open it: {done.opened}")


def _kind(kind: Kind) -> Literal["documents", "chats"]:
    return "documents" if kind is Kind.DOCUMENTS else "chats"

"""`specmill publish`: a workspace as a dataset on the Hub."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from specmill.messages import say, tell

if TYPE_CHECKING:
    from corpus.publish.hub import Publication


def publish(
    workspace: Annotated[Path, typer.Argument(help="Workspace folder whose build has ended.")],
    repo: Annotated[str, typer.Argument(help="Dataset repository: owner/name.")],
    dry_run: Annotated[
        Path | None,
        typer.Option(
            "--dry-run", metavar="FOLDER", help="Write what would be uploaded to this new folder; upload nothing."
        ),
    ] = None,
    public: Annotated[bool, typer.Option("--public", help="Make a new repository public.")] = False,
    tables: Annotated[bool, typer.Option("--with-tables", help="Also the lineage tables.")] = False,
    rejects: Annotated[bool, typer.Option("--with-rejects", help="Also what was rejected, with the reasons.")] = False,
) -> None:
    """Publish a workspace as a dataset on the Hub: Parquet configs, dataset card, manifest. Private unless --public.

    The ledger, the recipe and keys are never uploaded. A connection that breaks is waited for and tried again; after an
    interruption run it again: what was sent is not sent twice. Log in with `hf auth login`, or set HF_TOKEN.

    Example: specmill publish out/cheese larkfield/cheese-corpus --dry-run preview
    """
    from corpus.publish.hub import publish as upload
    from corpus.publish.hub import stage
    from specmill.recipe import open_workspace

    place, recipe = open_workspace(workspace)
    keys = {endpoint.api_key_env for endpoint in recipe.endpoints.values()}
    if dry_run:
        done = stage(place, dry_run, repo=repo, tables=tables, rejects=rejects, keys=keys)
        _print(f"Nothing was uploaded. {repo} would get", done)
    else:
        done = upload(place, repo, public=public, tables=tables, rejects=rejects, keys=keys, say=_say)
        _print(f"Published to {repo}", done)


def _say(text: str) -> None:
    say(text, err=True)


def _print(title: str, done: "Publication") -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console()
    console.print(Text(f"{title}: {len(done.files)} files, {sum(done.files.values()) / 1e6:.1f} MB"))
    for name, size in done.files.items():
        console.print(Text(f"  {size / 1e6:8.2f} MB  {name}"))
    tell(console, done.place)

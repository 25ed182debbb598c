"""`specmill model`: list, fetch and serve the language models that specmill can bring along."""

from typing import TYPE_CHECKING, Annotated

import typer

from specmill.progress import download_progress

if TYPE_CHECKING:
    from pipelines.local.embedded import RunningServer

app = typer.Typer(
    help="A real language model on this machine, without account or key: list, fetch, serve.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

Name = Annotated[
    str | None, typer.Argument(metavar="NAME", help="A name that `specmill model list` shows; without it the default.")
]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes any free one.")]
Parallel = Annotated[int, typer.Option(min=1, max=64, help="Requests computed at once; one is fastest on few cores.")]
Context = Annotated[
    int | None, typer.Option(min=256, help="Most tokens of one request, prompt and reply; default: the model's own.")
]


@app.command("list")
def list_models() -> None:
    """Show the models, their size and licence, and which of them are in the cache.

    Example: specmill model list
    """
    from rich.console import Console
    from rich.table import Column, Table

    from pipelines.local.embedded import cached_path, load_manifest

    manifest = load_manifest()
    table = Table(Column("name", no_wrap=True), "size", "licence", "cached", "what it is", box=None, pad_edge=False)
    for model in manifest.models:
        what = f"{model.description} (the default)" if model.name == manifest.default else model.description
        here = "yes" if cached_path(model).exists() else "no"
        table.add_row(model.name, f"{model.size_bytes / 1e6:.0f} MB", model.licence, here, what)
    Console().print(table)


@app.command()
def fetch(name: Name = None) -> None:
    """Download a model into the cache and check it; does nothing when it is there.

    The cache is ~/.cache/specmill, or the folder named in the variable SPECMILL_CACHE. A broken download goes on
    where it stopped. A file whose sha256 is not the expected one is refused.

    Example: specmill model fetch qwen2.5-coder-1.5b
    """
    from pipelines.local import embedded

    model = embedded.load_manifest().model(name)
    with download_progress() as report:
        path = embedded.fetch(model, progress=report)
    typer.echo(f"{model.name} is in {path}")


@app.command()
def serve(name: Name = None, port: Port = 0, parallel: Parallel = 1, context: Context = None) -> None:
    """Serve a model as an OpenAI-compatible endpoint on 127.0.0.1 until Ctrl-C; fetches it first when needed.

    Needs the extra `local`: pip install 'specmill[local]'

    Example: specmill model serve --port 8080
    """
    from pipelines.local import embedded

    model = embedded.load_manifest().model(name)
    with download_progress() as report:
        server = embedded.start(model, port=port, parallel=parallel, context=context, progress=report)
    _until_stopped(server, model.name)


def _until_stopped(server: "RunningServer", name: str) -> None:
    with server:
        typer.echo(f"{name} answers at {server.base_url}")
        typer.echo(f"export OPENAI_BASE_URL={server.base_url} OPENAI_API_KEY=none")
        typer.echo("Ctrl-C stops it.")
        try:
            server.wait()
        except KeyboardInterrupt:
            typer.echo("stopped")

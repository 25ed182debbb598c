"""`specmill demo`: every step, end to end, on the embedded model."""

import os
import time
from pathlib import Path
from typing import Annotated

import typer


def demo(
    out: Annotated[Path, typer.Option(help="Workspace folder.")] = Path("out/demo"),
    override: Annotated[list[str] | None, typer.Option("--set", help="Change a key: documents.limit=4.")] = None,
) -> None:
    """Take a shipped spec through every step: corpus, chats, training configs, evaluation, and a look at it all.

    Without key or account it uses the embedded model, some minutes on two cores. Where OPENAI_BASE_URL or
    OPENAI_API_KEY is set, it asks that endpoint for the model named in OPENAI_MODEL (or for the only one it serves).
    Stopped, the same command goes on where it was.

    Example: specmill demo --out out/demo
    """
    from corpus.workspace import Workspace
    from specmill.recipe import load_recipe
    from specmill.run import build_workspace, endpoints_up, fetch_models
    from specmill.verbs.models.eval import evaluate_workspace

    loaded, base = load_recipe("demo", [*asked_endpoint(), *(override or [])])
    began = time.monotonic()
    _step(1, "the model: fetched once, a gigabyte, and kept in the cache", began)
    fetch_models(loaded)
    with endpoints_up(loaded) as served:
        _step(2, "the corpus: documents and chats, written and filtered", began)
        build_workspace(loaded, base, out, served)
        _step(3, "training configs, with the tokenizer checked", began)
        _train(out)
        _step(4, "evaluation: what the writing model itself prefers", began)
        evaluate_workspace(Workspace(out), served)  # the server is up already
    _step(5, "the report: one page for a browser", began)
    _report(out)
    _show(out)
    _say(f"\nThat was every step, in {_clock(began)}.")


def _report(out: Path) -> None:
    """The report; without its map, which takes longer than a small corpus is worth."""
    from specmill.verbs.look.report import report

    report(out, map_=False)


def _show(out: Path) -> None:
    """What a person wants to see first: three documents, what of the spec they cover, and where to go from here."""
    from rich.console import Console
    from rich.text import Text

    from corpus.sql.overview import overview
    from corpus.workspace import Workspace

    console = Console(highlight=False)
    seen = overview(Workspace(out), seed=0, samples=3)
    for row in seen.samples:
        console.print(Text(f"\n{row['genre']}, on {row['subdomain']}", style="bold"))
        console.print(Text(shortened(row["text"])))
    console.print(Text("\nDocuments on each passage of the spec", style="bold"))
    for row in seen.passages:
        console.print(Text(coverage_line(row["address"], row["documents"], row["text"], console.width)))
    console.print(Text("\nNext", style="bold"))
    for command, what in _NEXT:
        console.print(Text(f"  {command.format(out=out)}"), soft_wrap=True)
        console.print(Text(f"      {what}"))


def shortened(text: str) -> str:
    """A document, or its beginning where it is long; whole words."""
    return text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS].rsplit(" ", 1)[0] + " ..."


_SHOWN_CHARS = 900
_NEXT = (
    ("open {out}/report/index.html", "all documents, beside what became of them"),
    ("specmill show {out}", "the figures in the terminal"),
    ("specmill init my.yaml --spec SPEC.md", "a recipe for a spec of your own"),
    ("specmill plan my.yaml", "what it would cost, before anything is spent"),
    ("specmill build my.yaml", "the corpus"),
)


def coverage_line(address: str, documents: int, text: str, width: int) -> str:
    """One passage of a picture of coverage: its address, a square for each document, and its first words."""
    squares = "\u25a0" * min(documents, _MOST_SQUARES) + ("+" if documents > _MOST_SQUARES else "")
    return f"{address:>4} {squares or '.':<{_MOST_SQUARES + 1}} {' '.join(text.split())}"[: max(20, width - 1)]


_MOST_SQUARES = 8


def _train(out: Path) -> None:
    """Training configs, where the base model's tokenizer can be had: without it nothing can be checked or written."""
    from specmill.verbs.models.train import train
    from specs.errors import UserError

    try:
        train(out)
    except UserError as error:
        _say(f"no training configs yet: {error}")


def asked_endpoint() -> list[str]:
    """Overrides of the demo's recipe where the environment names an endpoint."""
    if not (os.environ.get("OPENAI_BASE_URL") or os.environ.get("OPENAI_API_KEY")):
        return []
    import json

    from pipelines.engine.endpoints import EndpointSettings
    from pipelines.engine.served import served_models
    from specs.errors import UserError

    model = os.environ.get("OPENAI_MODEL")
    if not model:
        models = served_models(EndpointSettings(model="any"))
        if len(models) != 1:
            raise UserError(
                f"OPENAI_MODEL is not set and the endpoint serves {len(models)} models. "
                "Name one, for instance: OPENAI_MODEL=gpt-4.1-mini make demo"
            )
        model = models[0]
    larger = ["prompts=null", "roles.writer.max_tokens=2000", "judge.by=reply"]  # the others are for small models
    return [f"endpoints.local={json.dumps({'model': model, 'max_in_flight': 8})}", *larger]


def _step(number: int, what: str, began: float) -> None:
    _say(f"\n[{number}/5] {what} ({_clock(began)})")


def _say(text: str) -> None:
    from rich.console import Console
    from rich.text import Text

    Console(stderr=True, highlight=False).print(Text(text))


def _clock(began: float) -> str:
    minutes, seconds = divmod(int(time.monotonic() - began), 60)
    return f"{minutes}:{seconds:02d}"

"""`specmill demo`: every step, end to end, on the embedded model."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer


def demo(
    out: Annotated[Path, typer.Option(help="Workspace folder.")] = Path("out/demo"),
    override: Annotated[list[str] | None, typer.Option("--set", help="Change a key: documents.limit=4.")] = None,
) -> None:
    """Take a shipped spec through every step: corpus, chats, training configs, evaluation, and a look at it all.

    Without key or account it uses the embedded model, some 20 minutes on two cores. Where OPENAI_BASE_URL or
    OPENAI_API_KEY is set, it asks that endpoint for the model named in OPENAI_MODEL (or for the only one it serves).
    Stopped, the same command goes on where it was.

    Example: specmill demo --out out/demo
    """
    from corpus.workspace import Workspace
    from specmill.recipe import load_recipe
    from specmill.run import build_workspace, endpoints_up, fetch_models
    from specmill.verbs.look.show import show
    from specmill.verbs.models.eval import evaluate_workspace

    loaded, base = load_recipe("demo", [*_endpoint(), *(override or [])])
    began = time.monotonic()
    with _step("the model", 1, began):
        fetch_models(loaded)
    with endpoints_up(loaded) as served:
        with _step("the corpus: domains, assertions, ideas, documents, chats", 2, began):
            build_workspace(loaded, base, out, served)
        with _step("training configs", 3, began):
            _train(out)
        with _step("evaluation: preferences of the model that wrote the corpus, before any training", 4, began):
            evaluate_workspace(Workspace(out), served)  # the server is up already
    with _step("what was made", 5, began):
        show(out)
    _say(f"That was every step, in {_clock(began)}. Next, for instance: specmill sql {out} --named coverage")


def _train(out: Path) -> None:
    """Training configs, where the base model's tokenizer can be had: without it nothing can be checked or written."""
    from specmill.verbs.models.train import train
    from specs.errors import UserError

    try:
        train(out)
    except UserError as error:
        _say(f"no training configs yet: {error}")


def _endpoint() -> list[str]:
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
    plain = [f"roles.{role}.extra_body={{}}" for role in ("writer", "planner")]  # llama.cpp's own fields
    return [f"endpoints.local={json.dumps({'model': model, 'max_in_flight': 8})}", *plain]


@contextmanager
def _step(what: str, number: int, began: float) -> Iterator[None]:
    _say(f"\n[{number}/5] {what} ({_clock(began)})")
    yield


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _clock(began: float) -> str:
    minutes, seconds = divmod(int(time.monotonic() - began), 60)
    return f"{minutes}:{seconds:02d}"

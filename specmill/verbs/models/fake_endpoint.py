"""`specmill fake-endpoint`: a local server for trying a recipe without spending."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from specs.errors import UserError


def fake_endpoint(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 picks a free one.", min=0, max=65535)] = 8011,
    name: Annotated[str, typer.Option(help="The assistant's name, which the replies mention.")] = "Juniper",
    provider: Annotated[str, typer.Option(help="The provider's name, which the replies mention.")] = "Larkfield",
    latency: Annotated[float, typer.Option(help="Median seconds of a reply; the tail is heavy.", min=0)] = 0.0,
    capacity: Annotated[int, typer.Option(help="Requests at once before it answers 429; 0: any.", min=0)] = 0,
    connections: Annotated[
        int, typer.Option(help="Requests at once before it cuts the connections of the others; 0: any.", min=0)
    ] = 0,
    window: Annotated[
        int, typer.Option(help="Tokens of a prompt that it reads; it drops the rest and says nothing; 0: all.", min=0)
    ] = 0,
    faults: Annotated[Path | None, typer.Option(help="Fault script: one JSON object a line.")] = None,
    words: Annotated[
        Path | None, typer.Option(help="Sentences of yours, by what a prompt holds: YAML (docs/experiments.md).")
    ] = None,
    log: Annotated[Path | None, typer.Option(help="File for what was asked and sent, as JSON lines.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of replies, latencies and faults.")] = 0,
) -> None:
    """Serve an endpoint that invents its replies, for clients of OpenAI's API and of Anthropic's; nothing leaves this
    machine.

    The same request always gets the same reply. Prose is asked for in any length ("about 300 words"), JSON by schema.

    Example: specmill fake-endpoint --port 8011 --latency 0.5 --name Juniper, and in the recipe
    endpoints: {main: {base_url: "http://127.0.0.1:8011/v1", model: fake}} or, as Claude,
    endpoints: {main: {protocol: anthropic, base_url: "http://127.0.0.1:8011", model: claude-sonnet-5-5}}

    A fault script, for instance {"kind": "429_seconds", "share": 0.05, "seconds": 2}, makes it misbehave.
    """
    from pipelines.fake_endpoint.api import FakeSettings
    from pipelines.fake_endpoint.server import read_faults
    from pipelines.fake_endpoint.text import WORDS, read_words

    try:
        script = read_faults(faults.read_text(encoding="utf-8").splitlines()) if faults else []
    except (OSError, ValueError) as error:
        raise UserError(f"--faults {faults}: {error}") from error
    try:
        own = read_words(words.read_text(encoding="utf-8")) if words else WORDS
    except (OSError, ValueError) as error:
        raise UserError(f"--words {words}: {error}") from error
    try:
        if log:
            log.open("a", encoding="utf-8").close()
    except OSError as error:
        raise UserError(f"--log {log}: cannot be written: {error.strerror}.") from error
    settings = FakeSettings(
        name,
        provider,
        seed,
        latency,
        capacity=capacity,
        connections=connections,
        window=window,
        faults=script,
        log=log,
        words=own,
    )
    asyncio.run(_serve(settings, port))


async def _serve(settings: object, port: int) -> None:
    from pipelines.fake_endpoint.api import FakeSettings
    from pipelines.fake_endpoint.server import serve

    assert isinstance(settings, FakeSettings)
    try:
        runner, bound = await serve(settings, port=port)
    except OSError as error:
        raise UserError(f"--port {port}: {error.strerror}. Give another one; 0 picks a free one.") from error
    typer.echo(f"fake endpoint at http://127.0.0.1:{bound}/v1 (Ctrl-C ends it)")
    try:
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()

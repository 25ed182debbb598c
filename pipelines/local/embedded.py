"""A real language model without account or key: from a name to the address of a server on this machine.

with running("qwen2.5-coder-1.5b") as base_url:
    client = openai.OpenAI(base_url=base_url, api_key="none")
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.local.fetch import Progress, cached_path, default_cache_dir, fetch, is_cached
from pipelines.local.manifest import EmbeddedModel, Manifest, load_manifest
from pipelines.local.serve import RunningServer, check_runtime, serve
from specs.errors import UserError

__all__ = [
    "EmbeddedModel",
    "Manifest",
    "Progress",
    "RunningServer",
    "cached_path",
    "default_cache_dir",
    "fetch",
    "is_cached",
    "load_manifest",
    "running",
    "serve",
    "start",
]


def start(
    model: EmbeddedModel,
    *,
    port: int = 0,
    parallel: int = 1,
    context: int | None = None,
    cache_dir: Path | None = None,
    progress: Progress | None = None,
) -> RunningServer:
    """Fetch a model unless the cache has it, and serve it until the caller stops the server.

    `context` is the most tokens of one request, prompt and reply together (the manifest's when absent).

    Raises:
        UserError: the runtime is missing, the port is taken, or the context is longer than the model was trained for.
        SpecmillError: the file cannot be had, or the server does not start.
    """
    tokens = context or model.context
    if tokens > model.trained_context:
        raise UserError(f"{model.name} was trained for {model.trained_context} tokens, found a context of {tokens}")
    check_runtime()  # before a gigabyte is downloaded
    path = fetch(model, cache_dir, progress)
    if progress:
        progress("starting the server", model.size_bytes, model.size_bytes)
    return serve(path, name=model.name, port=port, parallel=parallel, context=tokens)


@contextmanager
def running(
    name: str | None = None,
    *,
    port: int = 0,
    parallel: int = 1,
    context: int | None = None,
    cache_dir: Path | None = None,
    progress: Progress | None = None,
) -> Iterator[str]:
    """Serve a model of the manifest (the default one without a name) inside a `with` block; yield its base URL.

    Raises what `start` raises, and UserError for an unknown name.
    """
    model = load_manifest().model(name)
    options = {"port": port, "parallel": parallel}
    with start(model, **options, context=context, cache_dir=cache_dir, progress=progress) as server:
        yield server.base_url

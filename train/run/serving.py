"""Serving a trained stage, so that `specmill eval` can ask it like any other endpoint."""

import importlib.util
import shutil
import sys
from pathlib import Path

from specs.errors import UserError


def serve_command(model: Path, port: int) -> list[str]:
    """The command line of the server that is installed: vLLM's, or transformers'.

    Raises:
        UserError: neither is installed.
    """
    if shutil.which("vllm"):
        return ["vllm", "serve", str(model), "--port", str(port), "--served-model-name", str(model)]
    if importlib.util.find_spec("fastapi") and importlib.util.find_spec("uvicorn"):
        return [sys.executable, "-m", "transformers.cli.transformers", "serve", str(model), "--port", str(port)]
    raise UserError(
        "there is nothing here that serves a model: install vLLM (`pip install vllm`, GPUs), or what transformers "
        "needs for "
        "its own server (`pip install 'transformers[serving]'`)."
    )

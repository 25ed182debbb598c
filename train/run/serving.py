"""Serving a trained stage, so that `specmill eval` can ask it like any other endpoint."""

import importlib.util
import shutil
import socket
import sys
from pathlib import Path

from specs.errors import UserError


def serve_command(model: Path, port: int) -> list[str]:
    """The command line of the server that is installed: vLLM's, or transformers'. Both serve this machine alone, and
    are asked for the model by its path.

    Raises:
        UserError: neither is installed, or something listens at the port.
    """
    with socket.socket() as tried:
        if tried.connect_ex(("127.0.0.1", port)) == 0:
            raise UserError(f"--port {port}: something else listens there. Name another one.")
    at = ["--host", "127.0.0.1", "--port", str(port)]
    if shutil.which("vllm"):
        return ["vllm", "serve", str(model), *at, "--served-model-name", str(model)]
    if importlib.util.find_spec("fastapi") and importlib.util.find_spec("uvicorn"):
        return [sys.executable, "-m", "transformers.cli.transformers", "serve", str(model), *at]
    raise UserError(
        "there is nothing here that serves a model: install vLLM (`pip install vllm`, GPUs), or what transformers "
        "needs for its own server (`pip install 'transformers[serving]'`)."
    )

"""Run the server of a model file as a process of its own, on loopback, for as long as it is needed.

The runtime is the package xllamacpp (llama.cpp with its own OpenAI-compatible HTTP server), the extra `local`. It is
never imported here: a crash of native code ends the server, not the run that asks it.
"""

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from specs.errors import SpecmillError, UserError

PROGRAM = Path(__file__).with_name("server.py")
RUNTIME = "xllamacpp"
HOST = "127.0.0.1"
LOG_TAIL_LINES = 15
STOP_S = 5.0
POLL_S = 0.05


@dataclass
class RunningServer:
    """A server that answers at `base_url`; leaving its `with` block, or `stop`, ends it."""

    base_url: str
    process: subprocess.Popen[bytes]
    log: Path

    def wait(self) -> None:
        """Return when the server ends by itself.

        Raises:
            SpecmillError: always then; a server is meant to run until it is stopped.
        """
        self.process.wait()
        raise _ended(self.process, self.log)

    def stop(self) -> None:
        """End the server and delete its log; does nothing when it has ended."""
        _end(self.process)
        shutil.rmtree(self.log.parent, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def serve(
    model_path: Path, *, name: str, port: int = 0, parallel: int = 1, context: int = 4096, timeout_s: float = 180
) -> RunningServer:
    """Start a server for a GGUF file and return once it answers.

    Args:
        model_path: the GGUF file.
        name: model name that requests use.
        port: port on 127.0.0.1; 0 chooses a free one.
        parallel: requests computed at once; each holds a context of its own in memory. On few cores one is fastest.
        context: most tokens of one request, prompt and reply together; a longer prompt gets status 400.
        timeout_s: seconds until the server must answer.

    Raises:
        UserError: the runtime is not installed, the file is not there, or the port is taken.
        SpecmillError: the server ended or did not answer in time; the text holds the end of its log.
    """
    check_runtime()
    if not model_path.is_file():
        raise UserError(f"there is no model file {model_path}")
    _check_port(port)
    folder = Path(tempfile.mkdtemp(prefix="specmill-model-"))
    log, ready = folder / "server.log", folder / "address"
    options = {"model": model_path, "name": name, "port": port, "parallel": parallel, "context": context}
    process = _start({**options, "ready": ready, "parent": os.getpid()}, log)
    try:
        address = _wait_until_ready(process, ready, log, timeout_s)
    except BaseException:
        _end(process)
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return RunningServer(f"{address}/v1", process, log)


def check_runtime() -> None:
    """Raise UserError when the package that serves models is not installed."""
    if importlib.util.find_spec(RUNTIME) is None:
        raise UserError(
            f"serving an embedded model needs the package {RUNTIME}, which is not installed; "
            "`pip install 'specmill[local]'` brings it"
        )


def _check_port(port: int) -> None:
    if port == 0:
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            raise UserError(f"cannot listen on {HOST} port {port}: {error}; port 0 takes any free one") from error


def _start(options: dict[str, object], log: Path) -> subprocess.Popen[bytes]:
    """Start the program in a session of its own, so that Ctrl-C reaches it only through `stop`."""
    command = [sys.executable, "-P", str(PROGRAM)]
    command += [f"--{key}={value}" for key, value in options.items()]
    with log.open("wb") as out:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=_environment(), start_new_session=True
        )


def _environment() -> dict[str, str]:
    """Let the runtime's threads spin briefly at their barriers, then sleep.

    By default they spin for long: with one other busy process on two cores, 37 tokens/s fall to 10. With 1000 turns
    they are 35 and 17 (design/embedded-model.md).
    """
    return {"GOMP_SPINCOUNT": "1000", **os.environ}


def _wait_until_ready(process: subprocess.Popen[bytes], ready: Path, log: Path, timeout_s: float) -> str:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise _ended(process, log)
        if ready.exists() and _is_healthy(address := ready.read_text(encoding="utf-8")):
            return address
        time.sleep(POLL_S)
    raise SpecmillError(f"the model server did not answer within {timeout_s:.0f} s; its log ends:\n{_tail(log)}")


def _is_healthy(address: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        # trust_env: a proxy of the environment must not be asked for loopback
        return httpx.get(f"{address}/health", timeout=2, trust_env=False).status_code == httpx.codes.OK
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _ended(process: subprocess.Popen[bytes], log: Path) -> SpecmillError:
    code = process.returncode
    how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    return SpecmillError(f"the model server ended ({how}); its log ends:\n{_tail(log)}")


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(f"  {line}" for line in lines[-LOG_TAIL_LINES:]) or "  (empty)"

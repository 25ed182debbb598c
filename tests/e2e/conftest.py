"""End to end: the command line against the shipped local server.

A verb runs in the test's own process (`cli.run`), as a user's would but for the interpreter's start, which costs more
than most verbs; in a process of its own (`cli.start`) only where that process is killed, stopped or looked at.
"""

import io
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from unittest import mock

import pytest
import yaml

from pipelines.run.control import CONTROL
from specmill.cli import main
from tests.serving import Server, serving

ROOT = Path(__file__).parents[2]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """`server(latency_s=0.1, faults=[{"kind": "500"}])`: the shipped stand-in for an endpoint."""
    with ExitStack() as running:
        logs = (tmp_path / f"server-{number}.jsonl" for number in count())

        def start(**settings) -> Server:
            log = next(logs)
            return Server(running.enter_context(serving(log, **settings)), log)

        yield start


def environment(**extra: str) -> dict[str, str]:
    """The environment without anything that would change a run."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "ANTHROPIC_", "SPECMILL_"))
    }
    return {**kept, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "COLUMNS": "100", **extra}


def specmill(*arguments: object, cwd: Path = ROOT, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run one verb to its end, in this process: its exit code, and what it wrote."""
    command, code = ["specmill", *map(str, arguments)], 0
    CONTROL.reset()
    with (
        mock.patch.object(sys, "argv", command),
        mock.patch.dict(os.environ, environment(**extra), clear=True),
        mock.patch.object(sys, "stdin", io.StringIO()),
        chdir(cwd),
        redirect_stdout(io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)) as out,
        redirect_stderr(io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)) as errors,
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except Exception:
            traceback.print_exc()
            code = 1
    written = [stream.buffer.getvalue().decode() for stream in (out, errors)]
    return subprocess.CompletedProcess(command, code, *written)


def start_specmill(*arguments: object, **extra: str) -> subprocess.Popen[str]:
    """Start one verb in a process and a session of its own, to be killed or stopped."""
    return subprocess.Popen(
        [sys.executable, "-m", "specmill", *map(str, arguments)],
        cwd=ROOT, env=environment(**extra), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip


RECIPE = {
    "spec": "cheese_affordability",
    "seed": 3,
    "list_batch": 4,
    "decompose": {"domains": 2, "subdomains": 2, "assertions": 3},
    "documents": {"types": 3, "ideas": 5, "words": 150},
    "filters": {"semantic": {"action": "off"}},
}


def write_recipe(folder: Path, url: str, **changes: object) -> Path:
    """A recipe file for a server, with parts of it changed."""
    data = {
        **RECIPE,
        "endpoints": {"fake": {"base_url": url, "model": "fake", "max_in_flight": 16, "timeout_s": 20}},
        "roles": {"writer": {"endpoints": ["fake"]}},
        **changes,
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(data))
    return path


@pytest.fixture
def recipe(tmp_path: Path) -> Callable[..., Path]:
    """`recipe(url, documents={...})`: a recipe file for a server, with parts of it changed."""

    def write(url: str, **changes: object) -> Path:
        return write_recipe(tmp_path, url, **changes)

    return write


@pytest.fixture(scope="session")
def cli() -> type:
    """The helpers above, for tests that cannot import this file."""

    class Cli:
        run = staticmethod(specmill)
        start = staticmethod(start_specmill)

    return Cli


@dataclass
class Build:
    """An undisturbed build that no test changes, and what it was asked."""

    workspace: Path
    recipe: Path
    server: Server


@pytest.fixture(scope="session")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Build]:
    """The build of `RECIPE`, made once by a process of its own; to be read, or copied."""
    folder = tmp_path_factory.mktemp("calm")
    log = folder / "server.jsonl"
    with serving(log) as url:
        path = write_recipe(folder, url)
        process = start_specmill("build", path, "--out", folder / "workspace")
        _, errors = process.communicate(timeout=170)
        assert process.returncode == 0, errors
        yield Build(folder / "workspace", path, Server(url, log))

"""End to end: the command line in its own process, against the shipped local server in another."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


@dataclass
class Server:
    """The local stand-in for an endpoint, and its own log of what it was asked."""

    url: str
    log: Path

    def events(self, kind: str) -> list[dict]:
        return [e for e in map(json.loads, self.log.read_text().splitlines()) if e["event"] == kind]

    def asked(self) -> int:
        return len(self.events("asked"))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """`server("--latency", "0.1")`: `specmill fake-endpoint`, as a user would start it."""
    processes = []

    def start(*options: str) -> Server:
        log = tmp_path / f"server-{len(processes)}.jsonl"
        command = [sys.executable, "-m", "specmill", "fake-endpoint", "--port", "0", "--log", str(log), *options]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment())
        processes.append(process)
        line = process.stdout.readline()
        return Server(line.split()[3], log)

    yield start
    for process in processes:
        process.kill()
        process.wait()


def environment(**extra: str) -> dict[str, str]:
    """The environment without anything that would change a run."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "ANTHROPIC_", "SPECMILL_"))
    }
    return {**kept, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "COLUMNS": "100", **extra}


def specmill(*arguments: object, cwd: Path = ROOT, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run one verb to its end."""
    return subprocess.run(
        [sys.executable, "-m", "specmill", *map(str, arguments)],
        cwd=cwd, env=environment(**extra), capture_output=True, text=True, timeout=170, check=False,
    )  # fmt: skip


def start_specmill(*arguments: object, **extra: str) -> subprocess.Popen[str]:
    """Start one verb in a session of its own, to be killed."""
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


@pytest.fixture
def recipe(tmp_path: Path) -> Callable[..., Path]:
    """`recipe(url, documents={...})`: a recipe file for a server, with parts of it changed."""

    def write(url: str, **changes: object) -> Path:
        data = {
            **RECIPE,
            "endpoints": {"fake": {"base_url": url, "model": "fake", "max_in_flight": 16, "timeout_s": 20}},
            "roles": {"writer": {"endpoints": ["fake"]}},
            **changes,
        }
        path = tmp_path / "recipe.yaml"
        path.write_text(yaml.safe_dump(data))
        return path

    return write


@pytest.fixture
def cli() -> type:
    """The helpers above, for tests that cannot import this file."""

    class Cli:
        run = staticmethod(specmill)
        start = staticmethod(start_specmill)

    return Cli

"""What a verb costs before anything is asked: wall seconds, CPU seconds and the memory of the largest process.

    python benchmarks/startup.py --against ../older-checkout --repeats 3

Four commands that every user waits for, against a local server without latency: a build of 12 documents; the same
command again on a finished workspace of 24 documents and 60 chats, where nothing is to be asked; `plan`; `show`.
Another checkout is run in turn with this one, each with the `.venv` beside it, so that what else the machine does
hurts both. The figure of each is its best run, since noise only adds. `--only finished` runs one command.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
SERVE = ROOT / "tests" / "pipelines" / "serve.py"
RECIPE = """\
spec: cheese_affordability
seed: 3
list_batch: 4
decompose: {{domains: 2, subdomains: {subdomains}, assertions: 3}}
documents: {{types: 2, ideas: 3, words: 150}}
chats: {{target: {chats}}}
endpoints: {{fake: {{base_url: "{url}", model: fake, max_in_flight: 16, timeout_s: 20}}}}
roles: {{writer: {{endpoints: [fake]}}}}
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one command: `memory` is that of its largest process, in MB."""

    wall: float
    cpu: float
    memory: float


@dataclass(frozen=True, slots=True)
class Checkout:
    """One version of specmill, and the folder that its workspaces are in."""

    root: Path
    folder: Path

    def run(self, verb: str, *arguments: str) -> Cost:
        """Run a verb with the checkout's own environment."""
        return self.python("-m", "specmill", verb, *arguments)

    def python(self, *arguments: str) -> Cost:
        """Run its Python."""
        command = [self.root / ".venv/bin/python", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(self.root), "HF_HUB_OFFLINE": "1", "COLUMNS": "100"}
        with (self.folder / "said.txt").open("w+") as said:
            began = time.perf_counter()
            process = subprocess.Popen(command, cwd=self.root, env=environment, stdout=said, stderr=said)
            _, status, used = os.wait4(process.pid, 0)
            wall = time.perf_counter() - began
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                said.seek(0)
                raise SystemExit(f"{self.root}: {' '.join(arguments)} failed:\n{said.read()[-2000:]}")
        return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)

    def prepare(self, url: str, only: str) -> None:
        """Write the recipes, and build what `finished` and `show` need."""
        self.folder.mkdir()
        for name, subdomains, chats in (("small", 1, 0), ("large", 2, 60)):
            text = RECIPE.format(subdomains=subdomains, chats=chats, url=url)
            (self.folder / f"{name}.yaml").write_text(text)
        if only in {"", "finished", "show"}:
            self.run("build", f"{self.folder}/large.yaml", "--out", f"{self.folder}/large")

    def measure(self, what: str) -> Cost:
        """One run of what is measured."""
        if what == "small build":
            shutil.rmtree(self.folder / "small", ignore_errors=True)
            return self.run("build", f"{self.folder}/small.yaml", "--out", f"{self.folder}/small")
        if what == "finished":
            return self.run("build", f"{self.folder}/large.yaml", "--out", f"{self.folder}/large")
        return (
            self.run("plan", f"{self.folder}/large.yaml")
            if what == "plan"
            else self.run("show", f"{self.folder}/large")
        )


WHAT = ("small build", "finished", "plan", "show")


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """The address of a stand-in for an endpoint, without latency."""
    command = [sys.executable, SERVE, json.dumps({"log": str(folder / "server.jsonl")})]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        finally:
            process.kill()


def best(costs: list[Cost]) -> Cost:
    """The least of each figure."""
    return Cost(min(c.wall for c in costs), min(c.cpu for c in costs), min(c.memory for c in costs))


def line(what: str, whose: str, cost: Cost, of: Cost | None) -> str:
    """A row of the table; shares are of the other checkout's."""
    shares = [f"{mine / its:5.0%}" if of else "" for mine, its in _pairs(cost, of or cost)]
    wall, cpu, memory = shares
    return f"{what:18} {whose:8} {cost.wall:7.2f} {wall:>5} {cost.cpu:7.2f} {cpu:>5} {cost.memory:7.0f} {memory:>5}"


def _pairs(one: Cost, other: Cost) -> list[tuple[float, float]]:
    return [(one.wall, other.wall), (one.cpu, other.cpu), (one.memory, other.memory)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", type=Path, help="another checkout, with its own .venv")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", choices=WHAT, default="")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as url:
        mine = Checkout(ROOT, Path(folder) / "this")
        its = Checkout(options.against.resolve(), Path(folder) / "other") if options.against else None
        checkouts = [one for one in (its, mine) if one]
        for one in checkouts:
            one.prepare(url, options.only)
        print(f"{'what':18} {'checkout':8} {'wall s':>7} {'of':>5} {'CPU s':>7} {'of':>5} {'MB':>7} {'of':>5}")
        for what in [options.only] if options.only else WHAT:
            costs: dict[Path, list[Cost]] = {one.root: [] for one in checkouts}
            for _ in range(options.repeats):
                for one in checkouts:
                    costs[one.root].append(one.measure(what))
            other = best(costs[its.root]) if its else None
            if other:
                print(line(what, "other", other, None))
            print(line(what, "this", best(costs[ROOT]), other), flush=True)


if __name__ == "__main__":
    main()

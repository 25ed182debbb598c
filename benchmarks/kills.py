"""Kill runs at random instants, finish them, and compare the server's log with the ledger. Bounded; run it by hand.

    python benchmarks/kills.py --kills 100 --seed 1

Four ways to die: the whole process group, the parent alone, a child alone (of a real Distilabel pipeline), and a client
between two calls of the Batch API. For each scenario the table says how many requests were asked again although their
reply had been committed (must be 0), how many were in flight at a kill and therefore asked twice (at most the bound in
flight a kill), whether the finished ledger holds the same texts as an undisturbed run, and what it counts as spent.
"""

import argparse
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import anthropic  # noqa: E402, F401  # so that forked processes need not import it
import openai  # noqa: E402, F401

from pipelines.engine.endpoints import EngineSettings, Role  # noqa: E402
from pipelines.ledger.ledger import Ledger  # noqa: E402
from tests.pipelines.engine.test_kills import ask_rows, group_members, in_process, run_pipeline_of  # noqa: E402

SERVE = ROOT / "tests" / "pipelines" / "serve.py"
IN_FLIGHT, BUDGET = 8, 10**9
MARKS = ("asked", "call", "batch", "line")  # what the server logs of a request, or of a call of the Batch API


@dataclass
class Server:
    """A fake endpoint in a process of its own, and its log."""

    url: str
    log: Path
    process: subprocess.Popen

    def events(self, *kinds: str) -> list[dict]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [event for line in lines if line.endswith("}") and (event := json.loads(line))["event"] in kinds]


def serve(folder: Path, **settings) -> Server:
    log = folder / "server.jsonl"
    arguments = [sys.executable, str(SERVE), json.dumps({**settings, "log": str(log)})]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    return Server(f"http://127.0.0.1:{int(process.stdout.readline())}/v1", log, process)


def role_of(server: Server, protocol: str, mode: str) -> Role:
    model = "claude-haiku-4-5" if protocol == "anthropic" else "gpt-4.1-mini"
    endpoint = {
        "protocol": protocol, "base_url": server.url, "model": model, "max_in_flight": IN_FLIGHT, "batch_poll_s": 0.1,
        "timeout_s": 30,
    }  # fmt: skip
    settings = {
        "endpoints": {"e0": endpoint},
        "roles": {"writer": {"endpoints": "e0", "max_tokens": 500, "mode": mode}},
        "budget": {"tokens": BUDGET},
    }
    return EngineSettings.model_validate(settings).role("writer")


def replies(ledger: Path) -> dict[str, tuple[float, str]]:
    if not ledger.exists():
        return {}
    with sqlite3.connect(ledger, timeout=30) as connection:
        sql = "SELECT stage || row_id, finished_at, text FROM completion JOIN reply USING (id)"
        try:
            return {name: (at, text) for name, at, text in connection.execute(sql)}
        except sqlite3.OperationalError:  # killed before the tables were made
            return {}


def wait(condition, process, seconds: float = 120) -> bool:
    """False where the process ended before the condition held."""
    until = time.monotonic() + seconds
    while not condition():
        if not process.is_alive() or time.monotonic() > until:
            return False
        time.sleep(0.002)
    return True


def strike(process, way: str, rng: random.Random) -> None:
    time.sleep(rng.uniform(0, 0.03))
    if way == "group":
        os.killpg(process.pid, signal.SIGKILL)
    elif way == "child":
        children = [pid for pid in group_members(process.pid) if pid != process.pid]
        os.kill(rng.choice(children or [process.pid]), signal.SIGKILL)
    else:
        os.kill(process.pid, signal.SIGKILL)
    process.join(60)
    until = time.monotonic() + 30
    while group_members(process.pid) and time.monotonic() < until:
        time.sleep(0.02)
    assert not group_members(process.pid), "orphans"


def scenario(name: str, protocol: str, mode: str, ways: list[str], kills: int, rows: int, rng: random.Random) -> dict:
    target = run_pipeline_of if "child" in ways else ask_rows
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        server = serve(folder, latency_s=0.03, tail=0.5, batch_s=0.15)
        try:
            role, ledger = role_of(server, protocol, mode), folder / "l.sqlite"
            done: Counter[str] = Counter()
            # A run of batches asks for some more rows each time, so that there is always something to send.
            growth = rows if mode == "batch" else 0
            share = rows * (2 if target is run_pipeline_of else 1) / kills if mode == "live" else 8  # calls of a batch
            for _ in range(kills):
                goal = len(server.events(*MARKS)) + 1 + rng.randrange(max(1, int(share)))
                process = in_process(target, role, ledger, rows)
                rows += growth
                way = rng.choice(ways)
                if not wait(lambda goal=goal: len(server.events(*MARKS)) >= goal, process):
                    process.join(60)
                    done["finished before"] += 1
                    continue
                strike(process, way, rng)
                done[way] += 1
            for _ in range(3):  # a run that a child's death has ended is run again, as its user would
                process = in_process(target, role, ledger, rows)
                process.join(300)
                if process.exitcode == 0:
                    break
            assert process.exitcode == 0, process.exitcode
            return {"name": name, **dict(done), **compare(server, role, ledger, folder, target, rows, mode)}
        finally:
            server.process.kill()


def named(asked: str) -> str:
    """Stage and row of the end of a prompt, as `replies` names them."""
    words = asked.split()
    stage = words[-3] if words[-4] == "for" else "documents"
    return stage + words[-1].rstrip(".") + "."


def compare(server: Server, role: Role, ledger: Path, folder: Path, target, rows: int, mode: str) -> dict:
    kept = replies(ledger)
    with Ledger(ledger) as opened:
        opened.start_run()
        [(billed,)] = opened.read("SELECT sum(prompt_tokens + completion_tokens) FROM completion")
        spent, lost = opened.spent()[1], opened.lost()[2]
        open_batches = opened.read("SELECT count(*) FROM batch")[0][0]
    times = Counter(event["last"] for event in server.events("asked"))
    again = sum(event["t"] > kept.get(named(event["last"]), (float("inf"),))[0] for event in server.events("asked"))
    lines = Counter(event["key"] for event in server.events("line"))
    asked = sum(times.values()) + sum(lines.values())
    fresh = folder / "fresh.sqlite"
    process = in_process(target, role, fresh, rows)
    process.join(300)
    same = {name: text for name, (_, text) in replies(fresh).items()} == {
        name: text for name, (_, text) in kept.items()
    }
    return {
        "replies": len(kept), "asked": asked, "committed and asked again": again,
        "asked twice": asked - len(set(times) | set(lines)), "lines twice": sum(n > 1 for n in lines.values()),
        "same texts": same, "spent - billed - lost": spent - billed - lost, "lost": lost, "open batches": open_batches,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="part of a scenario's name")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    shares = [
        ("live, client", "openai", "live", ["process"], 0.30, 400),
        ("live, pipeline", "openai", "live", ["group", "parent", "child"], 0.24, 150),
        ("batch, client", "openai", "batch", ["process"], 0.30, 12),
        ("Claude live, client", "anthropic", "live", ["process"], 0.08, 200),
        ("Claude batch, client", "anthropic", "batch", ["process"], 0.08, 12),
    ]
    for name, protocol, mode, ways, share, rows in shares:
        if options.only in name:
            started = time.monotonic()
            found = scenario(name, protocol, mode, ways, max(1, round(share * options.kills)), rows, rng)
            print(json.dumps({**found, "seconds": round(time.monotonic() - started)}), flush=True)


if __name__ == "__main__":
    main()

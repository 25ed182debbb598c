"""Killed, stopped, crashed, out of disk: nothing that reached the ledger is asked again, and nobody keeps sending."""

import asyncio
import json
import multiprocessing
import os
import random
import resource
import signal
import sqlite3
import time
from collections import Counter
from pathlib import Path

import pytest
from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts

from pipelines.completion import CompletionRequest, State
from pipelines.engine.client import Client
from pipelines.engine.endpoints import Role
from pipelines.engine.llm import EndpointLLM
from pipelines.ledger.ledger import Ledger
from pipelines.run.control import CONTROL
from pipelines.run.supervise import run_pipeline
from specs.errors import SpecmillError
from tests.pipelines.engine.steps import Write

FORK = multiprocessing.get_context("fork")


def in_process(target, *arguments):
    """Start `target` in a process group of its own."""

    def run() -> None:
        os.setsid()
        try:
            target(*arguments)
        except SpecmillError as error:
            Path(arguments[1]).with_suffix(".error").write_text(f"{type(error).__name__}: {error}")
            os._exit(error.exit_code)
        os._exit(0)

    process = FORK.Process(target=run)
    process.start()
    return process


def stage_request(row_id: str) -> CompletionRequest:
    messages = [
        {"role": "system", "content": "The spec. " * 200},
        {"role": "user", "content": f"Write 30 words about {row_id}."},
    ]
    return CompletionRequest("documents", row_id, messages)


def ask_rows(role: Role, ledger: Path, rows: int) -> dict[str, str]:
    async def ask() -> dict[str, str]:
        async with Client(role, ledger) as client:
            done = await asyncio.gather(*(client.ask(stage_request(f"row-{n}.")) for n in range(rows)))
        CONTROL.raise_if_ended()
        return {one.request_id: one.text for one in done}

    return asyncio.run(ask())


def rows_of(ledger: Path) -> dict[str, float]:
    """When each row's reply came, for all that the ledger holds."""
    with sqlite3.connect(ledger) as connection:
        return dict(connection.execute("SELECT row_id, finished_at FROM completion").fetchall())


def wait_for(condition, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.005)


def asked_again(server, ledger: Path) -> list[str]:
    """Rows that the server was asked for after their reply had reached the ledger."""
    finished = rows_of(ledger)
    asked = [(event["last"].split()[-1][:-1], event["t"]) for event in server.events("asked")]
    return [row for row, at in asked if at > finished.get(row, float("inf"))]


@pytest.mark.slow
def test_twenty_kills_lose_and_repeat_nothing(fake_process, make, tmp_path):
    server = fake_process(latency_s=0.02)
    role, ledger = make.role(server), tmp_path / "killed.sqlite"
    rng, rows, kills = random.Random(7), 700, 20
    for kill in range(kills):
        # At any instant, counted in work: a slow machine is killed at the same ones.
        asked = int(kill / kills * rows) + rng.randrange(rows // kills)
        process = in_process(ask_rows, role, ledger, rows)
        kept = len(rows_of(ledger)) if kill else 0  # before the first kill there may be a file without its tables
        wait_for(lambda asked=asked: len(server.events("asked")) > asked)
        time.sleep(rng.uniform(0, 0.02))
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert len(rows_of(ledger)) >= kept
    assert 0 < len(rows_of(ledger)) <= rows
    after_kills = ask_rows(role, ledger, rows)
    assert not asked_again(server, ledger)
    undisturbed = ask_rows(role, tmp_path / "undisturbed.sqlite", rows)
    assert after_kills == undisturbed
    with sqlite3.connect(ledger) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_two_processes_on_one_ledger_agree(fake_process, make, tmp_path):
    server = fake_process(latency_s=0.01)
    role, ledger = make.role(server), tmp_path / "shared.sqlite"
    processes = [in_process(ask_rows, role, ledger, 300) for _ in range(2)]
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert len(rows_of(ledger)) == 300
    before = len(server.events("asked"))
    ask_rows(role, ledger, 300)
    assert len(server.events("asked")) == before


def limited(role: Role, ledger: Path, rows: int, size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    ask_rows(role, ledger, rows)


def test_a_full_disk_stops_the_run_and_a_rerun_goes_on(fake_process, make, tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.ledger.ledger._PATIENCE_S", 0.5)
    server = fake_process(latency_s=0.01)
    role, ledger = make.role(server), tmp_path / "full.sqlite"
    process = in_process(limited, role, ledger, 800, 400_000)
    process.join(60)
    assert process.exitcode == 1
    assert "Free some space" in ledger.with_suffix(".error").read_text()
    asked = len(server.events("asked"))
    kept = len(rows_of(ledger))
    assert 0 < kept < 800
    assert asked - kept <= 16 * 20  # in flight, or answered within the 0.1 s that noticing may take
    CONTROL.reset()  # the halt of the other process, which shares it
    assert len(ask_rows(role, ledger, 800)) == 800
    assert not asked_again(server, ledger)


# --- a real Distilabel pipeline --------------------------------------------------------------------------------------


def run_pipeline_of(role: Role, ledger: Path, rows: int, fault: str = "") -> None:
    """Two steps that ask, after one that loads; the result as JSON beside the ledger."""
    CONTROL.reset()
    with Pipeline("engine") as pipeline:
        load = LoadDataFromDicts(data=[{"id": f"row-{n}."} for n in range(rows)], batch_size=rows)
        first = Write(name="first", stage="ideas", llm=EndpointLLM(role=role, ledger_path=str(ledger)), fault=fault)
        last = Write(name="last", stage="documents", llm=EndpointLLM(role=role, ledger_path=str(ledger)))
        load >> first >> last
    tables = run_pipeline(pipeline, ledger.parent / "distilabel.log")
    ledger.with_suffix(".json").write_text(json.dumps(tables["last"]))


def started(server, count: int = 20) -> None:
    wait_for(lambda: len(server.events("asked")) >= count)


def group_members(group: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[2]) == group and fields[0] != "Z":
                found.append(int(entry.name))
    return found


@pytest.mark.slow
def test_children_of_a_killed_pipeline_stop_and_a_rerun_completes_it(fake_process, make, tmp_path, monkeypatch):
    key = "planted:0123456789"
    monkeypatch.setenv("PLANTED_KEY", key)
    server = fake_process(latency_s=0.1, key=key)
    role, ledger = make.role(server, endpoint={"api_key_env": "PLANTED_KEY"}), tmp_path / "p.sqlite"
    process = in_process(run_pipeline_of, role, ledger, 150)
    started(server)
    os.kill(process.pid, signal.SIGKILL)
    asked = len(server.events("asked"))
    process.join()
    wait_for(lambda: not group_members(process.pid))
    # Two seconds of an endpoint that takes 0.1 s, 16 at once, would be 320: the orphans end long before that.
    assert len(server.events("asked")) - asked <= 5 * 16
    assert not files_with(key, tmp_path)
    committed = set(rows_of(ledger))
    again = in_process(run_pipeline_of, role, ledger, 150)
    again.join(120)
    assert again.exitcode == 0
    asks = Counter(key.split()[-1] for key in keys(server))
    repeated = {row for row, times in asks.items() if times > 2}  # two steps ask
    assert not repeated & committed
    assert len(repeated) <= 2 * 16  # in flight when it was killed, and replies whose commit had not ended
    fresh = tmp_path / "undisturbed.sqlite"
    undisturbed = in_process(run_pipeline_of, role, fresh, 150)
    undisturbed.join(120)
    assert ledger.with_suffix(".json").read_bytes() == fresh.with_suffix(".json").read_bytes()
    assert not list(tmp_path.glob(".pipeline"))
    assert not files_with(key, tmp_path)


def files_with(key: str, folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and key.encode() in path.read_bytes()]


def keys(server) -> list[str]:
    return [event["last"] for event in server.events("asked")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("whole_group", [False, True])
def test_a_stop_commits_what_is_in_flight(fake_process, make, tmp_path, number, whole_group):
    server = fake_process(latency_s=0.2, tail=0.1)
    role, ledger = make.role(server), tmp_path / "p.sqlite"
    process = in_process(run_pipeline_of, role, ledger, 300)
    started(server)
    (os.killpg if whole_group else os.kill)(process.pid, number)
    process.join(60)
    assert process.exitcode == 130
    assert "StoppedError" in ledger.with_suffix(".error").read_text()
    assert not group_members(process.pid)
    assert len(server.events("asked")) == len(server.events("sent")) == len(rows_of(ledger)) < 300


def test_a_second_ctrl_c_kills(fake_process, make, tmp_path):
    server = fake_process(latency_s=120, tail=0.01)
    role = make.role(server, endpoint={"timeout_s": 300})
    process = in_process(run_pipeline_of, role, tmp_path / "p.sqlite", 50)
    started(server, 10)
    os.kill(process.pid, signal.SIGINT)
    time.sleep(0.3)
    assert process.is_alive()
    os.kill(process.pid, signal.SIGINT)
    process.join(60)  # half of what the endpoint takes: it did not wait for that
    assert process.exitcode == 130
    wait_for(lambda: not group_members(process.pid))


@pytest.mark.parametrize(("fault", "code"), [("raise", 1), ("die", -signal.SIGKILL)])
def test_a_step_that_fails_ends_the_run_and_a_rerun_goes_on(fake_process, make, tmp_path, fault, code):
    server = fake_process()
    role, ledger = make.role(server), tmp_path / "p.sqlite"
    process = in_process(run_pipeline_of, role, ledger, 20, fault)
    process.join(60)
    assert process.exitcode == code
    if fault == "raise":
        text = ledger.with_suffix(".error").read_text()
        assert "step first failed: ZeroDivisionError" in text and str(tmp_path / "distilabel.log") in text
        assert "Traceback" in (tmp_path / "distilabel.log").read_text()
    assert not group_members(process.pid)
    assert len(rows_of(ledger)) == 20  # the replies that the step had are kept
    again = in_process(run_pipeline_of, role, ledger, 20)
    again.join(60)
    assert again.exitcode == 0
    assert (len(server.events("asked")), len(rows_of(ledger))) == (40, 20)  # two steps, each asked once a row


def test_a_permanent_error_reaches_the_caller_of_a_pipeline(fake_process, make, tmp_path):
    server = fake_process(faults=[{"kind": "404", "times": 0}])
    role, ledger = make.role(server), tmp_path / "p.sqlite"
    process = in_process(run_pipeline_of, role, ledger, 100)
    process.join(60)
    assert process.exitcode == 1
    assert "EndpointError" in ledger.with_suffix(".error").read_text()
    assert len(server.events("asked")) <= 16 + 3  # in flight, and a few more, as it might be about one request alone


def test_progress_is_seen_from_outside(fake_process, make, tmp_path):
    server = fake_process(latency_s=0.2)
    role, ledger = make.role(server), tmp_path / "p.sqlite"
    process = in_process(ask_rows, role, ledger, 120)
    deadline = time.time() + 60
    seen = []
    while not seen or not 0 < seen[0].done < 120:
        assert time.time() < deadline
        time.sleep(0.1)
        if ledger.exists():
            with Ledger(ledger) as other:
                seen = other.progress()
    assert seen[0].stage == "documents"
    assert seen[0].in_flight > 0
    process.join()
    with Ledger(ledger) as other:
        [last] = other.progress()
    assert (last.done, last.in_flight, last.states) == (120, 0, {State.OK: 120})

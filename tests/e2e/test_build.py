"""A build as a user runs it: what it makes, and that kills, Ctrl-C and reruns neither lose nor repeat anything."""

import hashlib
import os
import random
import shutil
import signal
import time
from pathlib import Path

import duckdb
import psutil
import pytest

from tests.pipelines.usage import usage_table

pytestmark = pytest.mark.slow


def fingerprint(workspace: Path) -> dict[str, str]:
    """Hash of every file that must be the same in every run."""
    files = [p for part in ("tables", "dataset") for p in (workspace / part).rglob("*") if p.is_file()]
    files.append(workspace / "manifest.json")
    return {str(p.relative_to(workspace)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def rows(workspace: Path, table: str) -> list[dict]:
    path = workspace / "tables" / table / "*.parquet"
    return duckdb.sql(f"SELECT * FROM read_parquet('{path}')").to_arrow_table().to_pylist()


def test_lineage_and_datasets(calm, cli) -> None:
    workspace = calm.workspace
    tables = {name: {row["id"]: row for row in rows(workspace, name)} for name in (
        "passages", "domains", "subdomains", "assertions", "document_types", "ideas", "documents")}  # fmt: skip
    spec = (workspace / "spec.md").read_text()
    assert all(spec[p["start"] : p["end"]] == p["text"] for p in tables["passages"].values())
    assert len(tables["documents"]) + len(rows(workspace, "rejects")) >= len(tables["ideas"]) == 60
    for document in tables["documents"].values():
        idea = tables["ideas"][document["idea_id"]]
        kind = tables["document_types"][idea["document_type_id"]]
        subdomain = tables["subdomains"][kind["subdomain_id"]]
        assert subdomain["domain_id"] in tables["domains"] and subdomain["domain_id"] == document["domain_id"]
        assert document["passage_ids"] and set(document["passage_ids"]) <= set(tables["passages"])
        assert document["assertion_ids"] and set(document["assertion_ids"]) <= set(tables["assertions"])
        assert document["finish_reason"] == "stop" and document["tokens"] > 50 and document["tokenizer"] == "o200k_base"
        assert "scratchpad" not in document["text"] and "Juniper" in document["text"]

    import datasets

    loaded = datasets.load_dataset(str(workspace / "dataset"), "msm", split="train")
    assert set(loaded["id"]) == set(tables["documents"])
    count = cli.run("sql", workspace, "SELECT count(*) AS n FROM documents", "--format", "csv")
    assert count.stdout.replace('"', "").split() == ["n", str(len(tables["documents"]))], count.stderr
    shown = cli.run("show", workspace)
    assert shown.returncode == 0 and "documents" in shown.stdout


def test_a_rerun_asks_nothing_and_writes_the_same_bytes(calm, cli, tmp_path) -> None:
    one, path, workspace = calm.server, calm.recipe, tmp_path / "again"
    shutil.copytree(calm.workspace, workspace)
    before, asked = fingerprint(workspace), one.asked()
    (workspace / "finished.json").unlink()  # gone through once more, whole
    assert cli.run("build", path, "--out", workspace).returncode == 0
    assert fingerprint(workspace) == before and one.asked() == asked
    assert "nothing to do" in cli.run("build", path, "--out", workspace).stderr
    assert fingerprint(workspace) == before and one.asked() == asked
    moved = tmp_path / "moved"
    workspace.rename(moved)
    assert cli.run("build", moved).returncode == 0, "a workspace can be moved, and built from its own recipe"
    assert fingerprint(moved) == before and one.asked() == asked


def test_killed_twice_nothing_is_lost_or_paid_twice(calm, server, recipe, cli, tmp_path) -> None:
    slow = server(latency_s=0.15)
    path = recipe(slow.url)
    workspace = tmp_path / "killed"
    chance = random.Random(11)
    for kill in range(2):
        process = cli.start("build", path, "--out", workspace)
        wait_for(lambda kill=kill: slow.log.exists() and len(slow.events("sent")) > 15 + 40 * kill)
        time.sleep(chance.random())
        children = psutil.Process(process.pid).children(recursive=True)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        gone, alive = psutil.wait_procs(children, timeout=30)
        assert not alive, f"{len(alive)} of {len(gone) + len(alive)} children outlived the kill"
    done = cli.run("build", path, "--out", workspace)
    assert done.returncode == 0, done.stderr
    assert fingerprint(workspace) == fingerprint(calm.workspace)
    asked = [event["seen"] for event in slow.events("asked")]  # how often the server had this request, by then
    assert len(ledger_keys(workspace)) == asked.count(1), "one completion for each different request"
    assert len(asked) - asked.count(1) <= 2 * 16, "only what was in flight at a kill is asked again"


def test_ctrl_c_stops_cleanly_and_goes_on(calm, server, recipe, cli, tmp_path) -> None:
    slow = server(latency_s=0.3)
    path = recipe(slow.url)
    process = cli.start("build", path, "--out", tmp_path / "stopped")
    wait_for(lambda: slow.log.exists() and len(slow.events("sent")) > 20)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in errors and "run again" in errors
    assert len(ledger_keys(tmp_path / "stopped")) == len(slow.events("sent")), "every reply in flight was committed"
    assert cli.run("build", path, "--out", tmp_path / "stopped").returncode == 0
    assert {event["seen"] for event in slow.events("asked")} == {1}
    assert fingerprint(tmp_path / "stopped") == fingerprint(calm.workspace)


def test_ctrl_c_before_the_first_reply_is_no_failure(recipe, cli, tmp_path) -> None:
    path = recipe("http://127.0.0.1:9/v1")
    process = cli.start("build", path, "--out", tmp_path / "ws")
    said = ""
    while "is down" not in said:
        said += (line := process.stderr.readline())
        assert line, said
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and "run again" in errors and "came of" not in errors, errors


def test_a_second_run_on_one_workspace_is_refused(server, recipe, cli, tmp_path) -> None:
    slow = server(latency_s=1.0)
    path = recipe(slow.url)
    first = cli.start("build", path, "--out", tmp_path / "one")
    wait_for(lambda: slow.log.exists() and slow.asked() > 0)
    second = cli.run("build", path, "--out", tmp_path / "one")
    assert second.returncode == 1 and f"process {first.pid}" in second.stderr
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()


def test_a_planted_key_is_found_nowhere(server, recipe, cli, tmp_path) -> None:
    secret = "sk-planted-4f9a8c1e77"
    one = server()
    path = recipe(one.url, documents={"types": 1, "ideas": 2, "words": 100})
    done = cli.run("build", path, "--out", tmp_path / "w", OPENAI_API_KEY=secret)
    assert done.returncode == 0 and secret not in done.stdout + done.stderr
    files = [file for file in (tmp_path / "w").rglob("*") if file.is_file()]
    assert len(files) > 10 and not [file for file in files if secret.encode() in file.read_bytes()]


def ledger_keys(workspace: Path) -> set[str]:
    from pipelines.ledger.ledger import Ledger

    with Ledger(workspace / "ledger.sqlite") as ledger:
        return set(usage_table(ledger)["request_id"].to_pylist())


def wait_for(condition, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.05)

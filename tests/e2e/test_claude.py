"""One recipe whose roles speak both protocols, live and in batches, from `doctor` to the eval, as a user runs it."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

ENDPOINTS = {
    "claude": {"protocol": "anthropic", "model": "claude-sonnet-5-5", "sampling": False, "batch_poll_s": 0.2},
    "opus": {"protocol": "anthropic", "model": "claude-opus-4-5", "cache": "1h"},
    "gpt": {"model": "gpt-4.1-mini"},
}
ROLES = {
    "writer": {"endpoints": ["claude"], "thinking": "adaptive", "max_tokens": 4000},
    "planner": {"endpoints": {"claude": 1, "gpt": 1}, "temperature": 1.0},
    "critic": {"endpoints": ["opus"], "thinking": 1024, "json_mode": "tool"},
    "rewriter": {"endpoints": ["claude"], "mode": "batch"},
    "judge": {"endpoints": ["gpt"], "temperature": 0.0},
    "eval": {"endpoints": ["claude"]},
}


def counted(ledger: Path) -> tuple[float, int]:
    """Dollars and tokens charged to the budget."""
    with sqlite3.connect(ledger) as connection:
        found: tuple[float, int] = connection.execute("SELECT dollars, tokens FROM spent").fetchone()
        return pytest.approx(found[0]), found[1]


def test_a_corpus_by_claude_judged_by_another(server: Callable, recipe: Callable, cli: Any, tmp_path: Path) -> None:
    one = server()
    place = {"base_url": one.url, "timeout_s": 20, "max_in_flight": 16}
    path = recipe(
        one.url,
        endpoints={name: {**endpoint, **place} for name, endpoint in ENDPOINTS.items()},
        roles=ROLES,
        decompose={"domains": 1, "subdomains": 1, "assertions": 2},
        documents={"types": 2, "ideas": 3, "words": 80, "revise": True},
        judge={"criteria_sets": ["faithfulness"]},
        chats={"target": 4},
        budget={"dollars": 5},
        eval={"sets": ["affordability"], "questions_per_set": 2},
    )
    doctor = cli.run("doctor", path)
    assert "endpoint claude" in doctor.stdout, doctor.stdout + doctor.stderr
    assert "answers, model claude-opus-4-5" in " ".join(doctor.stdout.split()), doctor.stdout
    plan = cli.run("plan", path)
    assert plan.returncode == 0 and "prices as of 2025-08-31 and 2026-10-24" in plan.stdout, plan.stdout + plan.stderr
    built = cli.run("build", path, "--out", tmp_path / "ws")
    assert built.returncode == 0, built.stderr
    ledger = tmp_path / "ws" / "ledger.sqlite"
    with sqlite3.connect(ledger) as connection:
        asked = connection.execute("SELECT role, endpoint, state, batch, count(*) FROM completion GROUP BY 1, 2, 3, 4")
        found = {(role, endpoint, batch) for role, endpoint, state, batch, _ in asked if state == "ok"}
        thoughts = connection.execute(
            "SELECT count(*) FROM completion c JOIN reply r USING (id) WHERE role = 'writer' AND reasoning = ''"
        ).fetchone()
    assert found >= {("writer", "claude", 0), ("critic", "opus", 0), ("rewriter", "claude", 1), ("judge", "gpt", 0)}
    assert {("planner", "claude", 0), ("planner", "gpt", 0)} <= found
    assert thoughts == (0,)
    billed = one.events("billed")
    tokens = sum(
        event[name]
        for event in billed
        for name in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")
    )
    with sqlite3.connect(ledger) as connection:
        of_claude = connection.execute(
            "SELECT sum(prompt_tokens + completion_tokens), sum(cached_tokens), count(*) FROM completion "
            "WHERE model LIKE 'claude%'"
        ).fetchone()
        written = connection.execute("SELECT sum(tokens) FROM cache_write").fetchone()[0]
    assert of_claude == (tokens, sum(event["cache_read_input_tokens"] for event in billed), len(billed))
    assert written == sum(event["cache_creation_input_tokens"] for event in billed) > 0
    before, asked_so_far = counted(ledger), one.asked() + len(one.events("line"))
    assert cli.run("build", path, "--out", tmp_path / "ws").returncode == 0
    assert (counted(ledger), one.asked() + len(one.events("line"))) == (before, asked_so_far)
    evaluated = cli.run("eval", tmp_path / "ws")
    assert evaluated.returncode == 0, evaluated.stderr
    [result] = (tmp_path / "ws" / "eval").glob("*.json")
    assert "claude-sonnet-5-5" in json.dumps(json.loads(result.read_text()))

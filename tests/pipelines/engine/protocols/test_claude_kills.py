"""Killed at any instant, live and between the calls of a batch: what was committed is not asked, or paid, again."""

import random
import sqlite3
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pipelines.engine.endpoints import Role
from pipelines.ledger.ledger import Ledger
from tests.pipelines.engine.protocols.test_claude import claude
from tests.pipelines.engine.test_kills import ask_rows, asked_again, in_process, wait_for
from tests.pipelines.usage import usage_table


@pytest.fixture(autouse=True, scope="module")
def _imported() -> None:
    import anthropic  # noqa: F401  # so that the forked processes need not


KILLS = 6  # a hundred, with other seeds, when this was written


def killed(role: Role, ledger: Path, rows: int, seen: Any, at: list[int], rng: random.Random) -> None:
    """Ask for `rows`, killed each time that `seen()` has come to one of `at`, and a moment later."""
    for count in at:
        process = in_process(ask_rows, role, ledger, rows)
        wait_for(lambda process=process, count=count: seen() >= count or not process.is_alive())
        time.sleep(rng.uniform(0, 0.3))
        process.kill()
        process.join()


def undisturbed(role: Role, ledger: Path, rows: int) -> dict[str, str]:
    return ask_rows(role, ledger, rows)


@pytest.mark.slow
def test_kills_live_lose_and_repeat_nothing(fake_process: Any, make: Any, tmp_path: Path) -> None:
    server, rng, rows = fake_process(latency_s=0.02), random.Random(11), 150
    role, ledger = claude(make, server), tmp_path / "killed.sqlite"
    at = [kill * rows // KILLS + rng.randrange(rows // KILLS) for kill in range(KILLS)]
    killed(role, ledger, rows, lambda: len(server.events("asked")), at, rng)
    after = ask_rows(role, ledger, rows)
    assert not asked_again(server, ledger)
    assert after == undisturbed(role, tmp_path / "undisturbed.sqlite", rows)


@pytest.mark.slow
def test_kills_between_the_calls_of_a_batch_pay_nothing_twice(fake_process: Any, make: Any, tmp_path: Path) -> None:
    """The client is killed before, at and after the creation, while it waits, and while it collects; each time the
    server has gone on. Lines that expire are asked again, in a batch that is killed at too."""
    server = fake_process(batch_s=0.4, faults=[{"kind": "expired", "share": 0.3, "times": 2}])
    role, ledger = claude(make, server, mode="batch", endpoint={"batch_poll_s": 0.1}), tmp_path / "killed.sqlite"
    rng, rows = random.Random(12), 40

    def calls() -> int:
        return len(server.events("batch")) + len(server.events("line"))

    for _ in range(KILLS):
        killed(role, ledger, rows, calls, [calls() + rng.choice([0, 1, 1, 5, rows])], rng)
        with Ledger(ledger) as opened:  # which may not have a table yet
            if usage_table(opened).num_rows == rows:
                break
    after = ask_rows(role, ledger, rows)
    answered = Counter(event["key"][24:] for event in server.events("line") if not event["fault"])
    assert set(answered.values()) == {1}
    assert len(answered) == rows
    with Ledger(ledger) as opened:
        assert usage_table(opened).num_rows == rows  # a batch may be left on record whose replies are all here
    assert after == undisturbed(role, tmp_path / "undisturbed.sqlite", rows)
    with sqlite3.connect(ledger) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)

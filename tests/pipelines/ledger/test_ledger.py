"""The ledger by itself: what goes in comes out, once, whatever its text is."""

import json
import multiprocessing
import sqlite3
import time
from concurrent.futures import wait
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.sql.ledger import LedgerFile
from pipelines.completion import Completion, CompletionRequest, State, Usage
from pipelines.ledger.ledger import Ledger
from pipelines.ledger.records import BLOCK_CHARS, Entry, Failure, Grant, StageProgress, Want, request_key
from specs.errors import SpecmillError
from tests.pipelines.usage import usage_table

texts = st.text(st.characters(codec="utf-8"), max_size=50)


def entry(row: str, prompt: str = "Say something.", reply: str = "Something.", **fields) -> Entry:
    request = CompletionRequest("documents", row, [{"role": "user", "content": prompt}])
    key = request_key("writer", "m", "{}", request)
    done = Completion(key.hex(), State.OK, reply, model="m", endpoint="e", usage=Usage(10, 5, 3, 0), cost_usd=0.5)
    return Entry(key, "writer", request, done, "{}", len(prompt), 0, time.time(), **fields)


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    with Ledger(tmp_path_factory.mktemp("ledger") / "ledger.sqlite") as ledger:
        yield ledger


@given(row=texts, prompt=st.text(st.characters(codec="utf-8"), max_size=3 * BLOCK_CHARS), reply=texts)
@settings(max_examples=60, deadline=None)
def test_what_was_recorded_is_found_and_its_prompt_reads_back(book, row, prompt, reply):
    one = entry(row, prompt, reply)
    stored = book.record(one).result()
    assert stored == book.find([bytes(32), one.key])
    messages, parameters = book.prompt(stored.request_id)
    assert messages == one.request.messages
    assert parameters == {}


identities = st.tuples(texts, texts, texts, texts, texts, st.integers(0, 9), st.integers(0, 9))


@given(identities, identities)
def test_two_draws_share_a_key_only_if_they_are_the_same(one, other):
    def key(role, model, prompt, stage, row, sample, attempt):
        return request_key(
            role, model, "{}", CompletionRequest(stage, row, [{"role": "user", "content": prompt}], sample, attempt)
        )

    assert (key(*one) == key(*other)) == (one == other)


def test_the_first_reply_of_a_key_stays(tmp_path):
    with Ledger(tmp_path / "l.sqlite") as first, Ledger(tmp_path / "l.sqlite") as second:
        kept = first.record(entry("row", reply="first")).result()
        assert second.record(entry("row", reply="second")).result() == kept
        assert second.find([entry("row").key]).text == "first"


def test_a_prefix_is_stored_once(tmp_path):
    spec = "".join(chr(97 + n % 26) * 7 for n in range(20_000))
    with Ledger(tmp_path / "l.sqlite") as ledger:
        wait([ledger.record(entry(f"row-{n}", f"{spec} question {n}")) for n in range(100)])
    stored = sqlite3.connect(tmp_path / "l.sqlite").execute("SELECT sum(length(text)) FROM block").fetchone()[0]
    assert stored < len(spec) + 100 * BLOCK_CHARS


def test_a_write_that_cannot_be_made_does_not_take_others_with_it(tmp_path):
    with Ledger(tmp_path / "l.sqlite") as ledger:
        good = [ledger.record(entry(f"row-{n}")) for n in range(5)]
        bad = ledger.record(entry("bad", reply="lone surrogate \ud800"))
        more = [ledger.record(entry(f"more-{n}")) for n in range(5)]
        with pytest.raises(UnicodeEncodeError):
            bad.result()
        assert all(future.result().text == "Something." for future in good + more)


def test_usage_is_summed_up(tmp_path):
    with Ledger(tmp_path / "l.sqlite") as ledger:
        wait([ledger.record(entry(f"row-{n}", charged=Want(0.5, 13))) for n in range(250)])
        assert ledger.spent() == (125.0, 250 * 13)
        file = LedgerFile(ledger.path)
        [(role, stage, _, requests, ok, _, prompt, *_, cost, unpriced, _)] = file.spent()
        assert (role, stage, requests, ok, prompt, cost, unpriced) == ("writer", "documents", 250, 250, 2500, 125.0, 0)
        assert sum(batch.num_rows for batch in file.completions()) == 250


def test_reservations_keep_within_the_budget_over_processes(tmp_path):
    with Ledger(tmp_path / "l.sqlite") as one, Ledger(tmp_path / "l.sqlite") as other:
        want = Want(0.4, 100)
        assert one.reserve(want, 1.0, None).result() is Grant.GIVEN
        assert other.reserve(want, 1.0, None).result() is Grant.GIVEN
        assert one.reserve(want, 1.0, None).result() is Grant.WAIT
        other.release(want)
        other.record(entry("row", charged=Want(0.7, 10))).result()
        assert one.reserve(want, 1.0, None).result() is Grant.OVER
        one.release(want)
        assert one.reserve(Want(0.1, 100), 1.0, 10_000).result() is Grant.GIVEN


def test_failures_and_progress_are_kept(tmp_path):
    request = CompletionRequest("ideas", "row", [])
    with Ledger(tmp_path / "l.sqlite") as ledger, Ledger(tmp_path / "l.sqlite") as other:
        ledger.beat(lambda: [StageProgress("ideas", done=3, states={"ok": 3}, failures={"server": 1})])
        other.beat(lambda: [StageProgress("ideas", done=2, states={"ok": 1, "failed": 1}, down=["main"])])
        ledger.fail(Failure(time.time(), "writer", request, "main", "server", "HTTP 500"))
        ledger.close()
        other.close()
    with Ledger(tmp_path / "l.sqlite") as ledger:
        assert ledger.failures() == {"server": 1}
        [stage] = ledger.progress()
        assert (stage.done, stage.states, stage.failures) == (5, {"ok": 4, "failed": 1}, {"server": 1})
        assert stage.down == ["main"]
        ledger.start_run()
        assert ledger.progress() == []


def test_a_file_that_is_no_ledger_is_refused_with_advice(tmp_path):
    (tmp_path / "l.sqlite").write_text("not a database " * 100)
    with pytest.raises(SpecmillError, match="is damaged: file is not a database"):
        Ledger(tmp_path / "l.sqlite")


def test_a_missing_request_is_a_key_error(book):
    with pytest.raises(KeyError):
        book.prompt("00" * 32)


def test_parameters_read_back(book):
    one = entry("with parameters")
    parameters = json.dumps({"temperature": 0.5})
    stored = book.record(Entry(**{name: getattr(one, name) for name in Entry.__slots__} | {"parameters": parameters}))
    assert book.prompt(stored.result().request_id)[1] == {"temperature": 0.5}


def test_a_forked_child_holds_locks_of_its_own(tmp_path):
    """The parent has the ledger open when it forks. Were the connection inherited, SQLite would believe in the child
    that it holds the parent's lock, and the parent's close would delete the log that the child writes to."""
    path = tmp_path / "l.sqlite"
    fork = multiprocessing.get_context("fork")
    wrote, closed = fork.Event(), fork.Event()

    def child() -> None:
        with Ledger(path) as ledger:
            ledger.record(entry("before")).result()
            wrote.set()
            closed.wait(10)
            ledger.record(entry("after")).result()

    with Ledger(path) as ledger:
        assert ledger.find([bytes(32)]) is None
        process = fork.Process(target=child)
        process.start()
        wrote.wait(10)
        assert ledger.find([entry("before").key])
    assert path.with_name("l.sqlite-wal").exists()
    closed.set()
    process.join()
    with Ledger(path) as ledger:
        assert usage_table(ledger).num_rows == 2


def test_a_damaged_ledger_is_told_from_a_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite"
    with Ledger(path):
        pass
    data = bytearray(path.read_bytes())
    data[100:] = b"\xaa" * (len(data) - 100)
    path.write_bytes(bytes(data))
    with pytest.raises(SpecmillError, match=r"is damaged: .*\.recover"), Ledger(path) as ledger:
        ledger.read("SELECT count(*) FROM completion")

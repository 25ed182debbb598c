"""The ledger: every completion, committed to disk before anything uses it (design/contracts.md, 4).

One SQLite file. A process writes through one thread that gathers what waits into one transaction (group commit, WAL,
synchronous=FULL); several processes may write. Keys are SHA-256, so lookups cost the same at a thousand rows and a
million. Prompts are cut into blocks stored once by content: a spec that opens every prompt is stored once.
"""

import json
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final, TypeVar

from pipelines.completion import Completion, CompletionRequest, Message, State, Usage
from pipelines.ledger import reservations
from pipelines.ledger.records import Entry, Failure, Grant, StageProgress, Want, block_hash, blocks_of
from pipelines.ledger.sqlite_file import DamagedLedgerError, Handle, transaction, unusable
from specs.errors import SpecmillError

T = TypeVar("T")
Operation = Callable[[sqlite3.Connection], Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS completion (
    id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, role TEXT NOT NULL, stage TEXT NOT NULL, row_id TEXT NOT NULL,
    sample INTEGER NOT NULL, attempt INTEGER NOT NULL, model TEXT NOT NULL, endpoint TEXT NOT NULL, state TEXT NOT NULL,
    finish_reason TEXT NOT NULL, prompt_tokens INTEGER, cached_tokens INTEGER, completion_tokens INTEGER,
    reasoning_tokens INTEGER, cost_usd REAL, latency_s REAL NOT NULL, retries INTEGER NOT NULL, batch INTEGER NOT NULL,
    prompt_chars INTEGER NOT NULL, prefix_chars INTEGER NOT NULL, finished_at REAL NOT NULL, error TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS reply (
    id INTEGER PRIMARY KEY, text TEXT NOT NULL, reasoning TEXT NOT NULL,
    parameters BLOB NOT NULL, roles TEXT NOT NULL, blocks BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS block (id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, text TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS failure (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, role TEXT NOT NULL, stage TEXT NOT NULL, row_id TEXT NOT NULL,
    sample INTEGER NOT NULL, attempt INTEGER NOT NULL, endpoint TEXT NOT NULL, kind TEXT NOT NULL, detail TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS spent (id INTEGER PRIMARY KEY CHECK (id = 1), dollars REAL NOT NULL, tokens INTEGER NOT NULL);
INSERT OR IGNORE INTO spent VALUES (1, 0, 0);
CREATE TABLE IF NOT EXISTS reservation (client TEXT PRIMARY KEY, pid INTEGER NOT NULL, dollars REAL NOT NULL, tokens INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS batch (nonce TEXT PRIMARY KEY, role TEXT NOT NULL, endpoint TEXT NOT NULL, id TEXT, lines INTEGER NOT NULL, created_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS batch_at (nonce TEXT PRIMARY KEY, address TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS lost (id INTEGER PRIMARY KEY, dollars REAL NOT NULL, tokens INTEGER NOT NULL); CREATE TABLE IF NOT EXISTS likeliest (id INTEGER PRIMARY KEY, json TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS answered_as (endpoint TEXT NOT NULL, model TEXT NOT NULL, reported TEXT NOT NULL, PRIMARY KEY (endpoint, model, reported));
CREATE TABLE IF NOT EXISTS cache_write (id INTEGER PRIMARY KEY, tokens INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS progress (client TEXT NOT NULL, stage TEXT NOT NULL, json TEXT NOT NULL, PRIMARY KEY (client, stage));
"""  # noqa: E501

_COLUMNS: Final = (
    "role", "stage", "row_id", "sample", "attempt", "model", "endpoint", "state", "finish_reason", "prompt_tokens",
    "cached_tokens", "completion_tokens", "reasoning_tokens", "cost_usd", "latency_s", "retries", "batch",
    "prompt_chars", "prefix_chars", "finished_at", "error",
)  # fmt: skip
_INSERT = (
    f"INSERT OR IGNORE INTO completion (key, {', '.join(_COLUMNS)}) "  # noqa: S608
    f"VALUES (?{', ?' * len(_COLUMNS)})"
)
_FIND = (
    "SELECT c.key, c.state, r.text, r.reasoning, c.finish_reason, c.model, c.endpoint, c.prompt_tokens, "
    "c.cached_tokens, c.completion_tokens, c.reasoning_tokens, w.tokens, c.cost_usd, c.retries, c.latency_s, c.error, "
    "l.json FROM completion c JOIN reply r USING (id) LEFT JOIN cache_write w USING (id) "
    "LEFT JOIN likeliest l USING (id) WHERE c.key = ?"
)
_GROUP = 512  # operations in one transaction, at most
_PATIENCE_S = 10.0  # how long a commit that fails (disk full) is tried again before its replies are given up
_SEEN_BLOCKS = 100_000


class Ledger:
    """One process's handle on a ledger file, made if absent. Use it in the process that opened it; close it at the end.

    Raises SpecmillError where the file cannot be opened or is no ledger.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.client_id = f"{os.getpid()}-{time.time_ns():x}"
        self._reader, self._writer = Handle(self.path, SCHEMA), Handle(self.path, SCHEMA)
        with self._reader:
            pass  # raises at once where it cannot be opened
        self._inbox: queue.SimpleQueue[tuple[Operation, Future[Any]] | None] = queue.SimpleQueue()
        self._heartbeat: Callable[[], list[StageProgress]] | None = None
        self._seen: set[bytes] = set()
        self.trouble = ""  # why commits fail at the moment
        self._thread = threading.Thread(target=self._write_loop, name="ledger", daemon=True)
        self._thread.start()

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Commit what waits, and close the file."""
        if self._thread.is_alive():
            self._inbox.put(None)
            self._thread.join()
        self._writer.close()
        self._reader.close()

    # --- completions -------------------------------------------------------------------------------------------------

    def find(self, keys: Sequence[bytes]) -> Completion | None:
        """The completion of the first of `keys` that has one."""
        with self._reader as reader:
            for key in keys:
                row = reader.execute(_FIND, (key,)).fetchone()
                if row is not None:
                    return _completion(row)
        return None

    def has_answer(self, role: str, endpoint: str, model: str, parameters: str, request: CompletionRequest) -> bool:
        """Whether `endpoint` has answered a request of the same stage, with these parameters and the same first message
        (the spec). Looks through the whole ledger where it has not."""
        first = b"".join(digest for digest, _ in blocks_of(request.messages[0]["content"]))
        sql = (
            "SELECT 1 FROM completion c JOIN reply r ON r.id = c.id WHERE c.role = ? AND c.stage = ? "
            "AND c.endpoint = ? AND c.model = ? AND c.state != 'refused' AND r.parameters = ? "
            "AND substr(r.blocks, 1, ?) = ? LIMIT 1"
        )
        values = (role, request.stage, endpoint, model, block_hash(parameters), len(first), first)
        return bool(self.read(sql, *values))

    def answered_since(self, endpoint: str, model: str, since: float) -> bool:
        """Whether `endpoint` has answered anything with `model` since a time in seconds since the epoch."""
        sql = (
            "SELECT finished_at FROM completion WHERE endpoint = ? AND model = ? AND state != 'refused' "
            "ORDER BY id DESC LIMIT 1"
        )
        return any(at > since for (at,) in self.read(sql, endpoint, model))

    def record(self, entry: Entry) -> "Future[Completion]":
        """Queue a completion; the future holds it once it is committed. Where another process committed the same key
        first, the future holds that one: there is one reply a key."""
        return self._submit(lambda connection: self._insert(connection, entry))

    def prompt(self, request_id: str) -> tuple[list[Message], dict[str, Any]]:
        """Messages and parameters of a completion; KeyError if there is none."""
        with self._reader as reader:
            row = reader.execute(
                "SELECT r.roles, r.blocks, r.parameters FROM completion c JOIN reply r ON r.id = c.id WHERE c.key = ?",
                (bytes.fromhex(request_id),),
            ).fetchone()
            if row is None:
                raise KeyError(request_id)
            hashes = iter([row[1][at : at + 16] for at in range(0, len(row[1]), 16)])
            messages = [
                Message(role=role, content="".join(_block(reader, next(hashes)) for _ in range(count)))
                for role, count in json.loads(row[0])
            ]
            return messages, json.loads(_block(reader, row[2]))

    def _insert(self, connection: sqlite3.Connection, entry: Entry) -> Completion:
        cursor = connection.execute(_INSERT, entry.columns())
        if cursor.rowcount or not entry.batch:  # a batch that is downloaded again was charged already
            reservations.charge(connection, entry.charged)
        if entry.reserved:
            reservations.release(connection, self._holder(entry.batch), entry.reserved)
        if cursor.rowcount == 0:
            stored = connection.execute(_FIND, (entry.key,)).fetchone()
            return _completion(stored)
        done = entry.completion
        if done.usage.cache_written is not None:
            connection.execute("INSERT INTO cache_write VALUES (?, ?)", (cursor.lastrowid, done.usage.cache_written))
        prompt_blocks = [blocks_of(message["content"]) for message in entry.request.messages]
        roles = json.dumps(
            [(message["role"], len(b)) for message, b in zip(entry.request.messages, prompt_blocks, strict=True)]
        )
        self._store_blocks(
            connection, [*(pair for blocks in prompt_blocks for pair in blocks), _pair(entry.parameters)]
        )
        connection.execute(
            "INSERT INTO reply VALUES (?, ?, ?, ?, ?, ?)",
            (
                cursor.lastrowid,
                done.text,
                done.reasoning,
                block_hash(entry.parameters),
                roles,
                b"".join(digest for blocks in prompt_blocks for digest, _ in blocks),
            ),
        )
        likeliest = [(cursor.lastrowid, json.dumps(done.likeliest))] if done.likeliest else []
        connection.executemany("INSERT INTO likeliest VALUES (?, ?)", likeliest)
        return done

    def _store_blocks(self, connection: sqlite3.Connection, pairs: list[tuple[bytes, str]]) -> None:
        fresh = [pair for pair in pairs if pair[0] not in self._seen]
        connection.executemany("INSERT OR IGNORE INTO block (hash, text) VALUES (?, ?)", fresh)
        if len(self._seen) > _SEEN_BLOCKS:
            self._seen.clear()
        self._seen.update(digest for digest, _ in fresh)

    # --- failures, budget, progress ----------------------------------------------------------------------------------

    def fail(self, failure: Failure) -> None:
        """Queue the record of a request that brought no reply; what it may be billed is charged to the budget."""
        self._submit(lambda connection: reservations.record_failure(connection, failure))

    def failures(self) -> dict[str, int]:
        """How many requests brought no reply, by kind."""
        return dict(self.read("SELECT kind, count(*) FROM failure GROUP BY kind"))

    def lost(self) -> tuple[int, float, int]:
        """Requests that brought no reply but may be billed, with the dollars and tokens that they are counted at."""
        [(count, dollars, tokens)] = self.read("SELECT count(*), total(dollars), sum(tokens) FROM lost")
        return count, dollars, tokens or 0

    def hold(self, want: Want) -> None:
        """Set `want` aside for batches without a look at the budget: it is in flight already."""
        self._submit(lambda connection: reservations.hold(connection, self._holder(batch=True), want))

    def reserve(self, want: Want, dollars: float | None, tokens: int | None, batch: bool = False) -> "Future[Grant]":
        """Set `want` aside within the budget of `dollars` and `tokens`, counting all processes' requests in flight.

        For a request of a `batch`, apart: it outlives a client that is killed, where one that was asked live is lost.
        """
        holder = self._holder(batch)
        return self._submit(lambda connection: reservations.reserve(connection, holder, want, dollars, tokens))

    def release(self, want: Want, batch: bool = False) -> None:
        """Give back what was reserved for a request that brought no reply."""
        self._submit(lambda connection: reservations.release(connection, self._holder(batch), want))

    def _holder(self, batch: bool) -> str:
        return self.client_id + (reservations.BATCHED if batch else "")

    def spent(self) -> tuple[float, int]:
        """Dollars and tokens charged to the budget since the ledger was made; replies without usage as estimated."""
        [(dollars, tokens)] = self.read("SELECT dollars, tokens FROM spent")
        return float(dollars), int(tokens)

    def write(self, sql: str, *values: Any) -> "Future[Any]":
        """Queue one statement; its future is done once it is committed."""
        return self._submit(lambda connection: connection.execute(sql, values))

    def read(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with self._reader as reader:
            return reader.execute(sql, values).fetchall()

    def start_run(self) -> None:
        """Forget the progress of earlier runs, and count what they had in flight when they were killed as spent. Only
        for the process that holds the workspace."""
        self.write("DELETE FROM progress").result()
        self._submit(reservations.forget_all).result()

    def beat(self, heartbeat: Callable[[], list[StageProgress]]) -> None:
        """Call `heartbeat` about once a second and store what it says."""
        self._heartbeat = heartbeat

    def progress(self) -> list[StageProgress]:
        """What every process of the run does, a record a stage, in the order in which stages began."""
        rows = self.read("SELECT stage, json FROM progress ORDER BY rowid")
        merged: dict[str, StageProgress] = {}
        for stage, text in rows:
            one = StageProgress(**json.loads(text))
            merged[stage] = merged[stage].plus(one) if stage in merged else one
        return list(merged.values())

    # --- the writer thread -------------------------------------------------------------------------------------------

    def _submit(self, operation: Callable[[sqlite3.Connection], T]) -> "Future[T]":
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()  # a waiter that is cancelled must not keep the write from being made
        self._inbox.put((operation, future))
        return future

    def _write_loop(self) -> None:
        last_beat, open_ = 0.0, True
        while open_:
            group, open_ = self._gather()
            if self._heartbeat and (time.monotonic() - last_beat >= 1 or not open_):
                last_beat = time.monotonic()
                group.append((self._progress_operation(self._heartbeat()), Future()))
            if group:
                self._commit(group)

    def _gather(self) -> tuple[list[tuple[Operation, "Future[Any]"]], bool]:
        """What waits, at most one group; False once the ledger is being closed."""
        group: list[tuple[Operation, Future[Any]]] = []
        try:
            item = self._inbox.get(timeout=1.0)
            while item is not None:
                group.append(item)
                if len(group) == _GROUP:
                    return group, True
                item = self._inbox.get_nowait()
        except queue.Empty:
            return group, True
        return group, False

    def _commit(self, group: list[tuple[Operation, "Future[Any]"]]) -> None:
        """Run a group in one transaction; a full disk is waited out for a while, then its futures raise."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                with self._writer as connection, transaction(connection):
                    results = [operation(connection) for operation, _ in group]
                break
            except DamagedLedgerError as error:
                self.trouble = str(error)
                _fail(group, error)
                return
            except (sqlite3.OperationalError, SpecmillError) as error:
                self._seen.clear()  # the rollback took their blocks back
                self.trouble = str(unusable(self.path, error))
                if time.monotonic() > deadline:
                    _fail(group, SpecmillError(self.trouble))
                    return
                time.sleep(0.25)
            except Exception as error:  # of one operation: it must not take the others with it
                self._seen.clear()
                if len(group) == 1:
                    _fail(group, error)
                for one in group if len(group) > 1 else []:
                    self._commit([one])
                return
        self.trouble = ""
        for (_, future), result in zip(group, results, strict=True):
            future.set_result(result)

    def _progress_operation(self, stages: list[StageProgress]) -> Operation:
        rows = [(self.client_id, stage.stage, stage.to_json()) for stage in stages]
        upsert = "INSERT INTO progress VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET json = excluded.json"
        return lambda connection: connection.executemany(upsert, rows)


def read_completion(ledger: Ledger, request_id: str) -> Completion:
    """A completion that an earlier step paid for; LookupError if the ledger has lost it."""
    found = ledger.find([bytes.fromhex(request_id)])
    if found is None:
        raise LookupError(f"the ledger lost the completion {request_id}; run the build again")
    return found


def _fail(group: list[tuple[Operation, "Future[Any]"]], error: Exception) -> None:
    for _, future in group:
        future.set_exception(error)


def _block(reader: sqlite3.Connection, digest: bytes) -> str:
    return str(reader.execute("SELECT text FROM block WHERE hash = ?", (digest,)).fetchone()[0])


def _pair(text: str) -> tuple[bytes, str]:
    return block_hash(text), text


def _completion(row: tuple[Any, ...]) -> Completion:
    key, state, text, reasoning, finish, model, endpoint, *numbers, cost, retries, latency, error, likeliest = row
    return Completion(
        bytes(key).hex(), State(state), text, reasoning, finish, model, endpoint, Usage(*numbers), cost, retries,
        latency, error, tuple(json.loads(likeliest or "[]")),
    )  # fmt: skip

"""SQLite connections that survive forks: closed before one, opened again when they are used next.

A forked child must not inherit an open connection, not even one that it never touches: SQLite keeps a process's locks
in its memory, so the child would believe that it holds the parent's, and its own connection would go unprotected.
"""

import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from specs.errors import SpecmillError


class DamagedLedgerError(SpecmillError):
    """The bytes of the ledger are wrong; waiting does not help."""


_CHECKPOINT_PAGES = 4000  # of the write-ahead log; larger than SQLite's default because group commits are large


class Handle:
    """One connection to a file, for one thread at a time: `with handle as connection: ...`.

    Raises SpecmillError where the file cannot be opened or is no database of ours.
    """

    def __init__(self, path: Path, schema: str) -> None:
        self._path, self._schema = path, schema
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        _handles.add(self)

    def __enter__(self) -> sqlite3.Connection:
        self._lock.acquire()
        try:
            if self._connection is None:
                self._connection = _connect(self._path, self._schema)
            return self._connection
        except BaseException:
            self._lock.release()
            raise

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._lock.release()
        if isinstance(error, sqlite3.DatabaseError) and _is_damage(error):
            raise unusable(self._path, error) from error

    def close(self) -> None:
        """Close the connection; the next use opens it again."""
        with self._lock:
            self._disconnect()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _connect(path: Path, schema: str) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
        # Only where it has to be, for that takes a lock; `answered_as` is the table that was added last.
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'answered_as'").fetchone():
            connection.executescript(schema)
    except (sqlite3.Error, OSError) as error:
        raise unusable(path, error) from error
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """One write transaction: committed at the end, rolled back on any exception."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def unusable(path: Path, error: Exception) -> SpecmillError:
    """The error of a file that cannot be read or written, with what to do."""
    if isinstance(error, SpecmillError):
        return error
    if _is_damage(error):
        return DamagedLedgerError(
            f"the ledger {path} is damaged: {error}. Tables and dataset are as they were. Put a copy of it in its "
            f"place, or keep what can be read of it: `sqlite3 {path.name} .recover | sqlite3 recovered.sqlite`, then "
            f"give that the name {path.name}. What is lost is asked again."
        )
    return SpecmillError(
        f"cannot use the ledger {path}: {error}. Free some space or make it writable, then run again: "
        "what was committed is kept."
    )


def _is_damage(error: Exception) -> bool:
    """Whether the bytes of the file are wrong, which no space on the disk would mend."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


_handles: "weakref.WeakSet[Handle]" = weakref.WeakSet()
_held: list[Handle] = []  # between the two halves of a fork


def _before_fork() -> None:
    for handle in list(_handles):
        handle._lock.acquire()
        handle._disconnect()
        _held.append(handle)


def _after_fork() -> None:
    while _held:
        _held.pop()._lock.release()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)

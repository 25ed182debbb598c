"""The budget's part of the ledger: what is spent, and what each process has set aside for requests in flight."""

import os
import sqlite3
import time

from pipelines.ledger.records import Failure, Grant, Want


def charge(connection: sqlite3.Connection, charged: Want) -> None:
    """Add what a reply took to what is spent."""
    connection.execute("UPDATE spent SET dollars = dollars + ?, tokens = tokens + ?", (charged.dollars, charged.tokens))


BATCHED = " batch"
"""Ends the name of a client under which it holds what batches have: that is not lost with the client."""


def record_failure(connection: sqlite3.Connection, failure: Failure) -> None:
    """Note a request that brought no reply. What may be billed all the same counts as spent, at its most."""
    columns = "at, role, stage, row_id, sample, attempt, endpoint, kind, detail"
    sql = f"INSERT INTO failure ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
    row = connection.execute(sql, failure.columns()).lastrowid
    if lost := failure.lost:
        connection.execute("INSERT INTO lost VALUES (?, ?, ?)", (row, lost.dollars, lost.tokens))
        charge(connection, lost)


def release(connection: sqlite3.Connection, client: str, want: Want) -> None:
    """Give back what `client` set aside for a request that is over."""
    connection.execute(
        "UPDATE reservation SET dollars = max(0, dollars - ?), tokens = max(0, tokens - ?) WHERE client = ?",
        (want.dollars, want.tokens, client),
    )


def reserve(
    connection: sqlite3.Connection, client: str, want: Want, dollars: float | None, tokens: int | None
) -> Grant:
    """Set `want` aside for `client`, if the limits in `dollars` and `tokens` (None: none) allow it."""
    _forget_dead(connection)
    spent = connection.execute("SELECT dollars, tokens FROM spent").fetchone()
    reserved = connection.execute(
        "SELECT coalesce(sum(dollars), 0), coalesce(sum(tokens), 0) FROM reservation"
    ).fetchone()
    limits = ((spent[0], reserved[0], want.dollars, dollars), (spent[1], reserved[1], want.tokens, tokens))
    bounded = [(used, held, more, limit) for used, held, more, limit in limits if limit is not None]
    if any(used + more > limit for used, _, more, limit in bounded):
        return Grant.OVER
    if any(used + held + more > limit for used, held, more, limit in bounded):
        return Grant.WAIT
    hold(connection, client, want)
    return Grant.GIVEN


def hold(connection: sqlite3.Connection, client: str, want: Want) -> None:
    """Set `want` aside for `client`, whatever the limits are."""
    connection.execute(
        "INSERT INTO reservation VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
        "dollars = dollars + excluded.dollars, tokens = tokens + excluded.tokens",
        (client, os.getpid(), want.dollars, want.tokens),
    )


def forget_all(connection: sqlite3.Connection) -> None:
    """Settle what clients of earlier runs left: only for the process that holds the workspace."""
    for client, dollars, tokens in connection.execute("SELECT client, dollars, tokens FROM reservation").fetchall():
        _settle(connection, client, Want(dollars, tokens))


def _forget_dead(connection: sqlite3.Connection) -> None:
    """A client that was killed gives nothing back by itself."""
    for client, pid, dollars, tokens in connection.execute(
        "SELECT client, pid, dollars, tokens FROM reservation WHERE pid != ?", (os.getpid(),)
    ).fetchall():
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            _settle(connection, client, Want(dollars, tokens))
        except PermissionError:
            continue  # alive, and somebody else's


def _settle(connection: sqlite3.Connection, client: str, held: Want) -> None:
    """What a lost client had in flight may be billed: it is spent, at its most. What batches have is held again by the
    client that goes on with them."""
    connection.execute("DELETE FROM reservation WHERE client = ?", (client,))
    if client.endswith(BATCHED) or (held.tokens <= 0 and held.dollars <= 0):
        return
    row = connection.execute(
        "INSERT INTO failure (at, role, stage, row_id, sample, attempt, endpoint, kind, detail) "
        "VALUES (?, '', '', '', 0, 0, '', 'killed', 'in flight when the process that had asked was killed')",
        (time.time(),),
    ).lastrowid
    connection.execute("INSERT INTO lost VALUES (?, ?, ?)", (row, held.dollars, held.tokens))
    charge(connection, held)

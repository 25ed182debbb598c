"""What a test reads of a ledger: a row for each reply, without its text. Programs sum it up (`corpus.sql.ledger`)."""

import pyarrow as pa

from pipelines.ledger.ledger import Ledger


def usage_table(ledger: Ledger) -> pa.Table:
    """The replies, oldest first: the columns of the completion table, `request_id` and `cache_written_tokens`."""
    names = [row[1] for row in ledger.read("PRAGMA table_info(completion)")]
    rows = ledger.read(
        f"SELECT lower(hex(key)), w.tokens, {', '.join(f'c.{name}' for name in names)} "
        "FROM completion c LEFT JOIN cache_write w ON w.id = c.id ORDER BY c.id"
    )
    columns = zip(*rows, strict=True) if rows else [[] for _ in range(len(names) + 2)]
    return pa.table(dict(zip(["request_id", "cache_written_tokens", *names], map(list, columns), strict=True)))

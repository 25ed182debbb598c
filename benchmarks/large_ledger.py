"""What a ledger of a million replies costs those who only read it, beside the same ledger of a few.

    python -m benchmarks.large_ledger --against ../older-checkout --rows 1000000 --more 200000

The usage table (of older checkouts a row for each reply, of this one a sum for each stage), `specmill sql` on the
view of what was spent, and `specmill show` are run on a small workspace whose ledger was filled up. Then a build is
gone through once more where nothing is to be asked, with `--more` rows of other work in its ledger and without. CPU
seconds count, and the memory of the process.
"""

import argparse
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from benchmarks.startup import ROOT, Checkout, Cost, best, line, server

TABLE = """
import sys
try:
    from pathlib import Path
    from corpus.sql.ledger import LedgerFile
    assert LedgerFile(Path(sys.argv[1])).spent()
except ImportError:
    from pipelines.ledger import Ledger
    with Ledger(sys.argv[1]) as ledger:
        assert ledger.usage_table().num_rows > 0
"""
SPENT = "SELECT stage, requests, completion_tokens, cost_usd FROM spend"
COPIES = """
WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?)
INSERT INTO {table} ({names}) SELECT {values} FROM number, (SELECT * FROM {table} WHERE id = 1) one
"""


def fill(ledger: Path, rows: int) -> None:
    """Put `rows` replies into a ledger, as its first one but for their keys, rows and stage."""
    with closing(sqlite3.connect(ledger)) as connection, connection:
        [(last,)] = connection.execute("SELECT max(id) FROM completion").fetchall()
        own = {"id": f"n + {last}", "key": "randomblob(32)", "row_id": "'row-' || n", "stage": "'other-' || n % 8"}
        own |= {"finished_at": "one.finished_at + n", "latency_s": "n % 1000 / 100.0"}
        for table in ("completion", "reply"):
            names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            values = ", ".join(own.get(name, f"one.{name}") for name in names)
            connection.execute(COPIES.format(table=table, names=", ".join(names), values=values), (rows,))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def measure(checkout: Checkout, what: str, large: str) -> Cost:
    """One run of what is measured."""
    if what == "usage table":
        return checkout.python("-c", TABLE, f"{large}/ledger.sqlite")
    if what == "spend":
        return checkout.run("sql", large, SPENT)
    if what == "show":
        return checkout.run("show", large)
    (Path(large) / "finished.json").unlink(missing_ok=True)
    return checkout.run("build", f"{checkout.folder}/large.yaml", "--out", large)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", type=Path, help="another checkout, with its own .venv")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--more", type=int, default=200_000)
    parser.add_argument("--repeats", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as url:
        mine = Checkout(ROOT, Path(folder) / "this")
        its = Checkout(options.against.resolve(), Path(folder) / "other") if options.against else None
        checkouts = {one: name for one, name in ((its, "other"), (mine, "this")) if one}
        for one in checkouts:
            one.prepare(url, "finished")
        print(f"{'what':18} {'checkout':8} {'wall s':>7} {'of':>5} {'CPU s':>7} {'of':>5} {'MB':>7} {'of':>5}")
        steps = [("rerun", 0), (f"rerun +{options.more:,}", options.more)]
        steps += [(what, options.rows - options.more) for what in ("usage table", "spend", "show")]
        filled = 0
        for what, rows in steps:
            if rows and rows != filled:
                for one in checkouts:
                    fill(one.folder / "large" / "ledger.sqlite", rows)
                filled = rows
            other = None
            for one, name in checkouts.items():
                costs = [measure(one, what.split(" +")[0], f"{one.folder}/large") for _ in range(options.repeats)]
                cost = best(costs)
                print(line(what, name, cost, other), flush=True)
                other = cost if name == "other" else None


if __name__ == "__main__":
    main()

"""Times the named queries, show and the report on a workspace of 41M tokens, which it makes first if it is not there.

python -m benchmarks.corpus out/big                    # 41,000 documents of about 1,000 tokens
python -m benchmarks.corpus out/small --documents 400  # the same, small
"""

import argparse
import random
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.workspace_maker import Size, make_workspace
from corpus.report import write_report
from corpus.sql.named_queries import named_queries
from corpus.sql.views import connect, query
from corpus.store import read_rows
from corpus.workspace import Workspace
from filters.measure.analyst import TextAnalyst
from pipelines.completion import Completion, CompletionRequest, State, Usage
from pipelines.ledger.ledger import Ledger
from pipelines.ledger.records import Entry


def main() -> None:
    """Make the workspace if needed, and print a table of times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--documents", type=int, default=41_000, help="documents that are kept, about")
    arguments = parser.parse_args()
    if not (arguments.folder / "recipe.yaml").exists():
        timed("make the workspace", lambda: make(arguments.folder, arguments.documents))
    time_queries(arguments.folder)
    page = timed("report", lambda: write_report(Workspace(arguments.folder), analyst=TextAnalyst()))
    print(f"{page.stat().st_size / 1e6:.1f} MB of HTML")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


def make(folder: Path, documents: int) -> None:
    """A workspace in which three quarters of the planned documents are kept, with a ledger."""
    size = Size(documents=documents * 4 // 3, sentences=35, subdomains=5, types=20, chats=documents // 10)
    fill_ledger(make_workspace(folder, size))


def fill_ledger(workspace: Workspace) -> None:
    """One completion for each idea, over an afternoon."""
    draw = random.Random(0)
    with Ledger(workspace.ledger) as ledger:
        for n, row in enumerate(read_rows(workspace, "ideas", ["id"])):
            state = State.TRUNCATED if draw.random() < 0.03 else State.OK
            usage = Usage(2_000, 1_600, draw.randrange(700, 1_900), 0)
            latency = draw.lognormvariate(2, 0.5)
            done = Completion(f"{n:064x}", state, "text", "", "stop", "writer-1b", "main", usage, 0.0008, 0, latency)
            entry = Entry(
                bytes.fromhex(done.request_id), "writer", CompletionRequest("documents", row["id"], []), done, "{}",
                8_000, 6_000, 1.7e9 + n / 4,
            )  # fmt: skip
            ledger.record(entry)


def time_queries(folder: Path) -> None:
    """Best of three for each named query, on one connection."""
    with timed("connect", lambda: connect(folder)) as connection:
        tokens = query(connection, "SELECT count(*) AS n, sum(tokens) AS tokens FROM documents").to_pylist()[0]
        print(f"{tokens['n']:,} documents, {tokens['tokens']:,} tokens")
        for named in named_queries().values():
            timed(f"--named {named.name}", lambda sql=named.sql: query(connection, sql), repeat=3)


def timed(what: str, call: Callable[[], Any], repeat: int = 1) -> Any:
    """Print the shortest time of `repeat` calls, and return the last result."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        result = call()
        times.append(time.perf_counter() - start)
    print(f"{min(times):8.3f} s  {what}", flush=True)
    return result


if __name__ == "__main__":
    main()

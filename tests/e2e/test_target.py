"""An exact target of kept tokens, balanced, with top-up rounds, as a user runs it."""

from collections import Counter

import pytest

from corpus.store import read_rows
from corpus.workspace import Workspace
from tests.pipelines.chat_tools import digests

pytestmark = pytest.mark.slow
TARGET = 6_000


def test_a_target_is_met_exactly_and_evenly_with_further_ideas(server, recipe, cli, tmp_path) -> None:
    one = server()
    documents = {"types": 2, "ideas": 2, "words": 150, "target_tokens": TARGET, "top_up": 3}
    path = recipe(one.url, documents=documents)
    workspace = Workspace(tmp_path / "w")
    done = cli.run("build", path, "--out", workspace.root)
    assert done.returncode == 0 and "top-up round 1" in done.stderr, done.stderr
    rows = list(read_rows(workspace, "documents"))
    tokens = sum(row["tokens"] for row in rows)
    assert TARGET <= tokens < TARGET + max(row["tokens"] for row in rows)
    domains = Counter[str]()
    for row in rows:
        domains[row["domain"]] += row["tokens"]
    assert len(domains) == 2 and max(domains.values()) - min(domains.values()) <= max(row["tokens"] for row in rows)
    assert sum(1 for _ in read_rows(workspace, "ideas")) > 2 * 2 * 2 * 2, "more ideas than planned at first"
    beyond = [row for row in read_rows(workspace, "rejects") if row["reason"] == "beyond_target"]
    assert all(row["row"] for row in beyond)

    asked, before = one.asked(), digests(workspace)
    assert cli.run("build", workspace.root).returncode == 0
    assert one.asked() == asked and digests(workspace) == before, "a build that is repeated takes the same waves"

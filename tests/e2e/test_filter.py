"""`specmill filter` as a user runs it."""

import pytest

from corpus.store import read_rows
from corpus.workspace import Workspace

pytestmark = pytest.mark.slow


def test_filter_again_explain_and_apply(server, recipe, cli, tmp_path) -> None:
    one = server()
    path = recipe(one.url, documents={"types": 2, "ideas": 3, "words": 150})
    root = tmp_path / "w"
    assert cli.run("build", path, "--out", root).returncode == 0
    asked, kept = one.asked(), list(read_rows(Workspace(root), "documents"))

    same = cli.run("filter", root)
    assert same.returncode == 0 and "0 come back and 0 go. Nothing was changed" in same.stdout, same.stderr
    longest = max(row["tokens"] for row in kept)
    strict = ("--set", f"filters.length.minimum={longest}")
    looked = cli.run("filter", root, *strict)
    assert looked.returncode == 0 and f"and {len(kept) - 1} go" in looked.stdout, looked.stdout
    assert "length" in looked.stdout and kept[0]["id"] not in same.stdout

    short = min(kept, key=lambda row: row["tokens"])["id"]
    stays, goes = cli.run("filter", root, "--explain", short), cli.run("filter", root, "--explain", short, *strict)
    assert stays.returncode == goes.returncode == 0
    assert "It stays." in stays.stdout and "It goes: length" in goes.stdout and "drops" in goes.stdout
    wrong = cli.run("filter", root, "--explain", short[:6] + "x")
    assert wrong.returncode == 2 and f"begin alike: {short}" in wrong.stderr

    assert cli.run("filter", root, *strict, "--apply").returncode == 0
    after = Workspace(root).table("documents").read_bytes()
    assert all(row["tokens"] >= longest for row in read_rows(Workspace(root), "documents"))
    assert cli.run("build", root).returncode == 0 and one.asked() == asked, "the recipe keeps the thresholds"
    assert Workspace(root).table("documents").read_bytes() == after
    assert cli.run("filter", tmp_path / "none").returncode == 2

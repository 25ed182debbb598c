"""A corpus that was made elsewhere, and a subset of it: what was not built here is never built over."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from corpus.manifest import read_manifest
from corpus.store import read_rows
from corpus.workspace import Workspace
from specmill.cli import app

pytestmark = pytest.mark.slow


def run(*arguments: object) -> str:
    """A verb in this process: what it printed, or the error."""
    done = CliRunner().invoke(app, [str(one) for one in arguments])
    return str(done.exception) if done.exit_code else done.output


def state(workspace: Workspace) -> dict[str, bytes]:
    files = [*workspace.root.rglob("*.parquet"), workspace.recipe, workspace.card, workspace.manifest]
    return {path.relative_to(workspace.root).as_posix(): path.read_bytes() for path in files}


def test_what_was_imported_is_not_built_over_and_gets_chats(server, recipe, cli, tmp_path: Path) -> None:
    one = server()
    texts = [f"Shop {n} keeps a plain cheese for everyone, says Juniper of Larkfield." for n in range(6)]
    lines = [{"text": text, "domain": f"Shop {n % 2}", "genre": "memo"} for n, text in enumerate(texts)]
    (tmp_path / "c.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    path, root = recipe(one.url, seed=5), tmp_path / "w"
    assert f"specmill show {root}" in run("import", tmp_path / "c.jsonl", root, "--recipe", path, "--no-filter")
    workspace, before = Workspace(root), state(Workspace(root))
    recipe(one.url, seed=6)
    for command in (["build", root], ["build", path, "--out", root]):
        refused = run(*command)
        assert "were imported" in refused and "--out" in refused
    assert state(workspace) == before and one.asked() == 0

    done = cli.run("chat", root, "--set", "chats.target=2")
    assert done.returncode == 0 and one.asked(), done.stderr
    after = state(workspace)
    assert all(after[name] == data for name, data in before.items() if "/documents/" in name or "msm" in name)
    domains = {row["id"]: row["name"] for row in read_rows(workspace, "domains")}
    assert [domains[row["domain_id"]] for row in read_rows(workspace, "chats")]
    assert {row["domain"] for row in read_rows(workspace, "documents")} == {"Shop 0", "Shop 1"}
    assert read_manifest(workspace)["datasets"]["aft"]["rows"] == 2
    card = workspace.card.read_text()
    assert "made elsewhere and imported" in card and "asked for each idea" not in card and "completions" in card

    assert "documents, " in run("subset", root, "--tokens", "40", "--out", tmp_path / "dose")
    dose, asked = Workspace(tmp_path / "dose-40"), one.asked()
    before = state(dose)
    for command in (["build", dose.root], ["chat", dose.root, "--set", "chats.target=3"]):
        assert "is a subset of another workspace" in run(*command)
    assert state(dose) == before and one.asked() == asked

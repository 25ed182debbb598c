"""A finished workspace is not gone through again, unless what it follows from, or what it holds, has changed."""

import hashlib
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from corpus.workspace import Workspace
from pipelines.build import Build
from pipelines.finished import is_complete, sources_of, what_was_said
from pipelines.ledger.ledger import Ledger
from pipelines.ledger.records import StageProgress
from specmill.recipe import load_target, with_own_files
from specmill.run import build_workspace
from tests import plugins

SERVE = Path(__file__).parents[1] / "pipelines" / "serve.py"
RECIPE = {
    "spec": "cheese_affordability",
    "prompts": "prompts",
    "decompose": {"domains": 1, "subdomains": 1, "assertions": 2},
    "documents": {"types": 1, "ideas": 3, "words": 100, "target_tokens": 100_000, "top_up": 0},
    "filters": {"semantic": {"action": "off"}},
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a recipe, prompts of its own, the workspace that was built of them, and the server's log."""
    folder = tmp_path_factory.mktemp("finished")
    command = [sys.executable, str(SERVE), json.dumps({"log": str(folder / "log.jsonl")})]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        url = f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
        endpoint = {"base_url": url, "model": "fake"}
        recipe = {**RECIPE, "endpoints": {"fake": endpoint}, "roles": {"writer": {"endpoints": ["fake"]}}}
        (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
        (folder / "prompts").mkdir()
        (folder / "prompts" / "plan.j2").write_text("Plan it.\n")
        build(folder)
        yield folder
        server.kill()


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    """A copy that keeps the times of its files, as a move does."""
    for name in ("ws", "prompts"):
        shutil.copytree(finished / name, tmp_path / name)
    recipe = (finished / "recipe.yaml").read_text()
    (tmp_path / "recipe.yaml").write_text(recipe.replace("prompts: prompts", f"prompts: {finished / 'prompts'}"))
    return tmp_path


def build(folder: Path, *overrides: str) -> None:
    recipe, base, out = load_target(str(folder / "recipe.yaml"), folder / "ws", overrides)
    build_workspace(recipe, base, out)


def said(folder: Path, *overrides: str, chats_only: bool = False) -> list[str] | None:
    """What the build is remembered to have said; None where it would be gone through."""
    recipe, base, out = load_target(str(folder / "recipe.yaml"), folder / "ws", overrides)
    workspace, spec = Workspace(out), recipe.read_spec(base)
    recipe = with_own_files(recipe, workspace)
    return what_was_said(workspace, sources_of(workspace, recipe, spec, chats_only=chats_only))


def contents(root: Path) -> dict[str, str]:
    files = [path for part in ("tables", "dataset") for path in (root / part).rglob("*.*") if path.is_file()]
    files += [root / name for name in ("manifest.json", "recipe.yaml", "spec.md")]
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_nothing_is_done_again_but_what_was_found_is_said(
    copied: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(copied / "ws")

    def run(self: Build) -> None:
        raise AssertionError("gone through")

    monkeypatch.setattr(Build, "run", run)
    build(copied)
    shown = capsys.readouterr().err
    assert "nothing to do" in shown and "documents.target_tokens asks for: ideas ran out" in shown
    assert "documents: 3 of 3 kept" in shown and "filtering" not in shown
    assert contents(copied / "ws") == before
    recipe, base, out = load_target(str(copied / "ws"), None)  # by its own recipe, which has the spec in it
    build_workspace(recipe, base, out)
    assert "nothing to do" in capsys.readouterr().err
    with pytest.raises(AssertionError):
        build(copied, "seed=1")


def sql(statement: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        with sqlite3.connect(folder / "ws" / "ledger.sqlite") as ledger:
            ledger.execute(statement)

    return change


def flip(pattern: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = next((folder / "ws").glob(pattern))
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)

    return change


def remove(pattern: str) -> Callable[[Path], None]:
    return lambda folder: next((folder / "ws").glob(pattern)).unlink()


CHANGES: dict[str, Callable[[Path], object]] = {
    "a table removed": remove("tables/ideas/*.parquet"),
    "a table damaged": flip("tables/documents/*.parquet"),
    "a part of a table more": lambda f: shutil.copy(
        f / "ws/tables/rejects/ideas.parquet", f / "ws/tables/rejects/more.parquet"
    ),
    "a shard removed": remove("dataset/msm/*.parquet"),
    "a shard damaged": flip("dataset/msm/*.parquet"),
    "the card changed": lambda f: (f / "ws/dataset/README.md").write_text("Mine.\n"),
    "the manifest removed": remove("manifest.json"),
    "the spec changed": lambda f: (f / "ws/spec.md").write_text("Another.\n"),
    "questions of the spec, which documents must not hold": lambda f: (
        (f / "ws/questions").mkdir(),
        (f / "ws/questions/spec.yaml").write_text("[]"),
    ),
    "a reply added": sql(
        "INSERT INTO completion SELECT NULL, x'00', role, stage, row_id, sample, attempt, model, endpoint, state, "
        "finish_reason, prompt_tokens, cached_tokens, completion_tokens, reasoning_tokens, cost_usd, latency_s, "
        "retries, batch, prompt_chars, prefix_chars, finished_at, error FROM completion LIMIT 1"
    ),
    "a reply edited": sql("UPDATE reply SET text = replace(text, 'e', 'a') WHERE id = 1"),
    "a reply removed": sql("DELETE FROM completion WHERE id = 1"),
    "the ledger removed": remove("ledger.sqlite"),
    "what was noted is no JSON": lambda f: (f / "ws/finished.json").write_text("["),
    "what was noted is of another kind": lambda f: (f / "ws/finished.json").write_text("[1]"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_workspace_that_changed_is_gone_through(copied: Path, change: str) -> None:
    assert said(copied) is not None
    CHANGES[change](copied)
    assert said(copied) is None


@pytest.mark.parametrize("override", ["seed=1", "filters.length.action=off", "documents.words=101", "list_batch=2"])
def test_a_recipe_that_changed_is_gone_through(copied: Path, override: str) -> None:
    assert said(copied) is not None and said(copied, override) is None
    assert said(copied, chats_only=True) is None


def test_prompts_that_changed_are_gone_through(copied: Path, finished: Path) -> None:
    path = finished / "prompts" / "plan.j2"
    before = path.read_bytes()
    path.write_text("Plan it well.\n")
    assert said(copied) is None
    path.write_bytes(before)
    assert said(copied) is not None


def test_a_spec_that_changed_is_gone_through(copied: Path) -> None:
    (copied / "spec.md").write_bytes((copied / "ws" / "spec.md").read_bytes() + b"\nIt likes Colby.\n")
    assert said(copied, f"spec={copied / 'spec.md'}") is None


def test_packages_that_changed_are_gone_through(copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    assert said(copied) is not None
    (site / "another-2.0.dist-info").mkdir()  # of any package: which of them matter is not ours to guess
    assert said(copied) is None
    (site / "another-2.0.dist-info").rmdir()
    assert said(copied) is not None
    plugins.install(site, monkeypatch, "specmill.checks", "own", "own_check:Check", "class Check: ...\n")
    first = sources_of_plain(copied)
    (site / "own_check.py").write_text("class Check: limit = 1\n")
    assert sources_of_plain(copied) != first != sources_of_plain(copied, "seed=1")


def sources_of_plain(folder: Path, *overrides: str) -> str:
    recipe, base, out = load_target(str(folder / "recipe.yaml"), folder / "ws", overrides)
    return sources_of(Workspace(out), recipe, recipe.read_spec(base), chats_only=False)


@pytest.mark.parametrize("change", ["a table removed", "a reply removed"])
def test_what_is_gone_through_comes_out_the_same_and_is_noted_again(copied: Path, finished: Path, change: str) -> None:
    before, asked = contents(copied / "ws"), (finished / "log.jsonl").read_text().count('"asked"')
    CHANGES[change](copied)
    build(copied)
    assert contents(copied / "ws") == before and said(copied) is not None
    assert (finished / "log.jsonl").read_text().count('"asked"') - asked == (change == "a reply removed")


@pytest.mark.parametrize(
    ("states", "complete"),
    [({"ok": 3, "refused": 1, "truncated": 1, "unparsed": 1}, True), ({"ok": 9, "failed": 1}, False), ({}, True)],
)
def test_only_a_run_with_a_reply_to_all_is_complete(tmp_path: Path, states: dict[str, int], complete: bool) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        row = ("one", "documents", StageProgress("documents", states=states).to_json())
        ledger.write("INSERT INTO progress VALUES (?, ?, ?)", *row).result()
        assert is_complete(ledger) is complete
        values = ("nonce", "writer", "main", None, 3, 0.0)
        ledger.write("INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?)", *values).result()
        assert not is_complete(ledger)

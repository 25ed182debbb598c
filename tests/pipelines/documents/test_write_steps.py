"""Documents with a plan, a critique and a rewrite; and stories."""

import json
from pathlib import Path
from typing import Any

from corpus.store import read_rows
from corpus.workspace import Workspace
from pipelines.build import Build
from pipelines.settings import BuildSettings
from specs.reader import read_spec
from tests.pipelines.chat_tools import Told, asked, digests, server, settings

SIZE = {"types": 2, "ideas": 1, "words": 120, "scratchpad": False}


def recipe(url: str, **documents: Any) -> BuildSettings:
    more = {
        "decompose": {"domains": 1, "subdomains": 1, "assertions": 1}, "documents": {**SIZE, **documents},
        "filters": {"semantic": {"action": "off"}, "gibberish": {"action": "off"}, "chatter": {"action": "off"}},
    }  # fmt: skip
    return settings(url, {}, **more)


def build(root: Path, made: BuildSettings, told: Told | None = None) -> Workspace:
    workspace = Workspace(root).create()
    workspace.recipe.write_text("spec: cheese_affordability\n")
    Build(workspace, made, read_spec(made.spec, made.assistant), told or Told()).run()
    return workspace


def test_plan_critique_and_rewrite_are_kept(tmp_path: Path) -> None:
    told = Told()
    with server(tmp_path) as (url, log):
        made = recipe(url, plan=True, revise=True)
        workspace = build(tmp_path / "ws", made, told)
        first, requests = digests(workspace), asked(log)
        build(tmp_path / "ws", made)
        assert asked(log) == requests and digests(workspace) == first
    drafts = {row["document_id"]: row for row in read_rows(workspace, "drafts")}
    documents = list(read_rows(workspace, "documents"))
    assert documents
    for row in documents:
        draft = drafts[row["id"]]
        assert draft["revised"] and draft["plan"] and draft["text"] and draft["text"] != row["text"]
        assert draft["revision_request_id"] == row["request_id"] != draft["request_id"]
        assert all(point["kind"] and point["quote"] and point["problem"] for point in draft["critique"])
    assert {"plans", "documents", "critiques", "revisions"} <= {name for stage in told.stages for name in stage}


def test_where_the_rewrite_fails_the_first_version_stands(tmp_path: Path) -> None:
    faults = [{"kind": "length", "contains": "Write a document about", "times": 0}]
    with server(tmp_path, faults=faults) as (url, _):
        workspace = build(tmp_path / "ws", recipe(url, revise=True))
    drafts = {row["document_id"]: row for row in read_rows(workspace, "drafts")}
    for row in read_rows(workspace, "documents"):
        assert not drafts[row["id"]]["revised"] and drafts[row["id"]]["text"] == row["text"]


def test_a_plan_that_does_not_come_is_a_reject(tmp_path: Path) -> None:
    faults = [{"kind": "refusal", "contains": "Plan one document", "share": 0.5, "times": 0}]
    with server(tmp_path, faults=faults, seed=3) as (url, _):
        workspace = build(tmp_path / "ws", recipe(url, plan=True, types=6))
    reasons = [row["reason"] for row in read_rows(workspace, "rejects") if row["stage"] == "documents"]
    assert "refused" in reasons and list(read_rows(workspace, "documents"))


def test_stories_have_prompts_of_their_own(tmp_path: Path) -> None:
    with server(tmp_path) as (url, log):
        workspace = build(tmp_path / "ws", recipe(url, style="story", plan=True))
        last = [json.loads(line)["last"] for line in log.read_text().splitlines() if '"asked"' in line]
    assert list(read_rows(workspace, "documents"))
    assert any("story to a real end" in one for one in last)
    assert any("of stories" in one for one in last)

"""A workspace that is built again with less: nothing that the recipe has no more stays."""

from pathlib import Path
from typing import Any

from corpus.manifest import read_manifest
from corpus.store import read_rows
from corpus.workspace import Workspace
from pipelines.build import Build
from pipelines.settings import BuildSettings
from specs.reader import read_spec
from tests.pipelines.chat_tools import GOOD_CHAT, Told, server, settings

DOCUMENTS = {"types": 2, "ideas": 2, "words": 120}


def recipe(url: str, *, chats: int, plan: bool) -> BuildSettings:
    more: dict[str, Any] = {
        "decompose": {"domains": 1, "subdomains": 2, "assertions": 1}, "documents": {**DOCUMENTS, "plan": plan},
        "filters": {"semantic": {"action": "off"}, "gibberish": {"action": "off"}, "chatter": {"action": "off"}},
    }  # fmt: skip
    return settings(url, {"target": chats, "criteria": {"calm": "Nobody shouts."}}, **more)


def build(root: Path, made: BuildSettings) -> tuple[Workspace, Told]:
    workspace, told = Workspace(root).create(), Told()
    workspace.recipe.write_text("spec: cheese_affordability\n")
    Build(workspace, made, read_spec(made.spec, made.assistant), told).run()
    return workspace, told


def test_what_the_recipe_has_no_more_does_not_stay(tmp_path: Path) -> None:
    with server(tmp_path, replies=[["Reply to the user", GOOD_CHAT]]) as (url, _):
        workspace, _ = build(tmp_path / "ws", recipe(url, chats=3, plan=True))
        assert list(read_rows(workspace, "drafts")) and list(read_rows(workspace, "queries"))
        chats = sum(1 for _ in read_rows(workspace, "chats"))
        assert chats and workspace.shards("aft")

        _, told = build(tmp_path / "ws", recipe(url, chats=0, plan=False))
    assert [f"{chats} chats of an earlier run went" in one for one in told.said].count(True) == 1
    assert not any(workspace.parts(table) for table in ("drafts", "queries", "chats", "verdicts"))
    assert not {"queries", "chats"} & {path.stem for path in workspace.parts("rejects")}
    assert [path.name for path in workspace.dataset.iterdir() if path.is_dir()] == ["msm"]
    assert list(read_manifest(workspace)["datasets"]) == ["msm"] and list(read_rows(workspace, "documents"))

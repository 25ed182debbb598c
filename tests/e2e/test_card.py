"""The card of a real build: what it names was asked, and what comes after a build is not in it."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from corpus.manifest import read_manifest
from corpus.publish.card import write_card
from corpus.publish.hub import stage
from corpus.workspace import Workspace
from pipelines.base import Corpus
from pipelines.ledger.ledger import Ledger
from pipelines.provenance import stages_of
from specmill.recipe import open_workspace

pytestmark = pytest.mark.slow

SMALL = {"types": 2, "ideas": 2, "words": 100, "plan": True, "revise": True}
MODEL = "/home/alice/private/models/writer-1b"


def test_a_card_says_who_was_asked_and_keeps_saying_it_after_an_evaluation(server, recipe, cli, tmp_path) -> None:
    one = server()
    endpoint = {"base_url": one.url, "model": MODEL, "license": "Apache-2.0", "max_in_flight": 16, "timeout_s": 20}
    path = recipe(
        one.url, documents=SMALL, judge={"criteria_sets": ["faithfulness"]}, endpoints={"fake": endpoint},
        chats={"target": 2, "turns": 2},
        eval={"sets": ["america"], "questions_per_set": 2},
    )  # fmt: skip
    workspace = tmp_path / "w"
    done = cli.run("build", path, "--out", workspace)
    assert done.returncode == 0, done.stderr
    before = (workspace / "dataset" / "README.md").read_text()
    manifest = json.loads((workspace / "manifest.json").read_text())
    assert manifest["models"] == dict.fromkeys(("planner", "writer", "critic", "rewriter", "judge"), "writer-1b")
    assert manifest["licenses"] == {"writer-1b": "Apache-2.0"}
    check_prompts(workspace, manifest["prompts"])

    measured = cli.run("eval", workspace)
    assert measured.returncode == 0, measured.stderr
    place, settings = open_workspace(workspace)
    assert write_card(place, settings.corpus, read_manifest(place)) == before

    preview = tmp_path / "preview"
    stage(place, preview, tables=True, rejects=True)
    for file in (one for one in preview.rglob("*") if one.is_file()):
        said = str(pq.read_table(file).to_pylist()) if file.suffix == ".parquet" else file.read_text()
        assert "alice" not in said, file


def check_prompts(workspace: Path, named: dict[str, str]) -> None:
    """Every stage of the ledger is of a template that is named, and its requests hold that template's own words."""
    place, settings = open_workspace(workspace)
    corpus = Corpus.of(place, settings, settings.read_spec(place.root))
    templates = {stage: template for stage, _, template in stages_of(corpus)}
    roles = {stage: role for stage, role, _ in stages_of(corpus)}
    with Ledger(Workspace(workspace).ledger) as ledger:
        rows = ledger.read("SELECT stage, role, lower(hex(key)) FROM completion")
        assert {stage for stage, _, _ in rows} == set(templates) - {"topics"}
        for stage, role, key in rows:
            messages, _ = ledger.prompt(key)
            lines = [line for line in corpus.prompts.source(templates[stage]).splitlines() if "{" not in line]
            assert max(lines, key=len) in messages[-1]["content"], stage
            assert role == roles[stage]
    assert named.keys() == {templates[stage] for stage, _, _ in rows}

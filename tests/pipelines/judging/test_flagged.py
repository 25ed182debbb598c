"""Flags of documents: stored, published, shown; turned into gates and back; and put before the judge alone."""

import json
from pathlib import Path
from typing import Any

import pytest

from corpus.sql.overview import overview
from corpus.sql.views import connect
from corpus.store import read_dataset_rows, read_rows
from corpus.workspace import Workspace
from pipelines.build import Build
from pipelines.decisions.refilter import refilter
from pipelines.decisions.rejudge import judge_workspace
from pipelines.judging.documents import STAGE
from pipelines.settings import BuildSettings
from specs.errors import UserError
from tests.pipelines.chat_tools import asked, digests, server
from tests.pipelines.judging.test_documents import document, judged_requests, outcome, prepare, recipe_of, write

SUBJECTS = ("baker", "pilot", "nurse", "farmer")
LINK = "See https://example.org/list for it."
SLOT = "Dear [Your name], it is so."


def verdict(said: str) -> str:
    return json.dumps({"harmless": {"reason": "looked at", "verdict": said}})


def replies() -> list[list[str]]:
    """The pilot's has a link, the nurse's a slot. The judge lets the link stay."""
    remarks = {"pilot": LINK, "nurse": SLOT}
    told = [["- links: https://example.org/list", verdict("pass")], ["- placeholders: [Your name]", verdict("fail")]]
    return told + [[f"What the {one} saw", document(one, remarks.get(one, "It rained."))] for one in SUBJECTS]


def flagging(url: str, **more: Any) -> BuildSettings:
    recipe = recipe_of(url, **more)
    return recipe.model_copy(update={"filters": recipe.filters.acting("flag", "placeholders")})


def flags(workspace: Workspace) -> list[tuple[str, str]]:
    return sorted((row["filter"], row["detail"]) for row in read_rows(workspace, "flags"))


def published(workspace: Workspace) -> dict[str, list[str]]:
    return {row["text"].split()[1]: row["flags"] for row in read_dataset_rows(workspace, "msm")}


@pytest.fixture
def built(tmp_path: Path) -> Any:
    with server(tmp_path, replies=replies()) as (url, log):
        workspace, told, build = prepare(tmp_path / "ws", flagging(url), SUBJECTS)
        write(build)
        build.publishable()
        yield workspace, build, log, told


def deciding(build: Build, action: str, *names: str) -> Build:
    filters = build.settings.filters.acting(action, *names)  # type: ignore[arg-type]
    settings = build.settings.model_copy(update={"filters": filters})
    return Build(build.workspace, settings, build.spec, build.reporter)


def judging(build: Build, **judge: Any) -> Build:
    wanted = build.settings.judge.model_validate({"only": "flagged", **judge})
    return Build(build.workspace, build.settings.model_copy(update={"judge": wanted}), build.spec, build.reporter)


def test_what_is_flagged_stays_and_every_table_says_so(built: Any) -> None:
    workspace, _, _, _ = built
    assert flags(workspace) == [("links", "https://example.org/list"), ("placeholders", "[Your name]")]
    assert published(workspace) == {"baker": [], "pilot": ["links"], "nurse": ["placeholders"], "farmer": []}
    with connect(workspace.root) as db:
        assert db.sql("SELECT filter, items, share FROM flag_counts ORDER BY 1").fetchall() == [
            ("links", 1, 0.25), ("placeholders", 1, 0.25),
        ]  # fmt: skip
    seen = overview(workspace, samples=4)
    assert {row["text"].split()[1]: row["flags"] for row in seen.samples}["nurse"] == ["placeholders: [Your name]"]
    card = (workspace.dataset / "README.md").read_text()
    assert "`links` 1, `placeholders` 1" in card


def test_a_flag_becomes_a_gate_and_a_gate_a_flag_without_a_request(built: Any) -> None:
    workspace, build, log, _ = built
    before, made = asked(log), digests(workspace)
    result = refilter(deciding(build, "drop", "links"), apply=True)
    assert (len(result.kept), len(result.dropped)) == (3, 1)
    assert outcome(workspace)[1] == {"pilot": "links"}
    assert flags(workspace) == [("placeholders", "[Your name]")] and "pilot" not in published(workspace)
    off = refilter(deciding(build, "off", "links", "placeholders"), apply=True)
    assert len(off.returned) == 1 and not flags(workspace)
    refilter(build, apply=True)
    assert digests(workspace) == made, "back to the same bytes"
    assert asked(log) == before


def test_the_judge_is_asked_only_about_what_is_flagged_and_told_what(tmp_path: Path) -> None:
    with server(tmp_path, replies=replies()) as (url, log):
        recipe = flagging(url, judge={"only": "flagged"})
        workspace, told, build = prepare(tmp_path / "ws", recipe, SUBJECTS)
        write(build)
        made, requests = digests(workspace), asked(log)
        assert {STAGE: 2} in told.stages
        assert len(judged_requests(log)) == 2
        assert outcome(workspace) == ({"baker", "pilot", "farmer"}, {"nurse": "judge_harmless"})
        write(Build(workspace, recipe, build.spec, told))
        assert (digests(workspace), asked(log)) == (made, requests), "a rerun asks nothing"
        again = refilter(build, apply=False)
        assert (again.returned, again.dropped) == ([], [])


def test_a_finished_workspace_is_judged_where_it_is_flagged(built: Any) -> None:
    workspace, build, log, _ = built
    result = judge_workspace(judging(build), apply=True)
    assert (len(result.kept), len(result.dropped)) == (3, 1)
    assert outcome(workspace)[1] == {"nurse": "judge_harmless"}
    assert {name for name, _ in flags(workspace)} == {"links", "placeholders"}, "a judge's word may change"
    requests = asked(log)
    judge_workspace(judging(build), apply=False)
    assert asked(log) == requests
    refilter(deciding(build, "off", "links", "placeholders"), apply=True)
    with pytest.raises(UserError, match="none of 4 documents is flagged"):
        judge_workspace(judging(build), apply=False)

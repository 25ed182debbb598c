"""What planning lost is said, and a build stops before documents are paid for where a rerun may bring it."""

import json
from pathlib import Path
from typing import Any

import pytest

from corpus.schema import TABLES
from corpus.store import read_rows, write_table
from corpus.workspace import Workspace
from pipelines.base import reject
from pipelines.build import Build
from pipelines.documents.planning_failures import check_plan, losses
from pipelines.settings import BuildSettings
from specs.errors import SpecmillError
from specs.reader import read_spec
from tests.pipelines.chat_tools import Told, server, settings

DOMAINS = [["Divide the spec into domains", json.dumps({"items": [
    {"name": name, "summary": f"All about {name}."} for name in ("Humble food", "Grand food")]})]]  # fmt: skip
LOST = {"contains": "The domain: Grand food", "times": 0}


def recipe(url: str, **more: Any) -> BuildSettings:
    size = {"decompose": {"domains": 2, "subdomains": 1, "assertions": 1}, "documents": {"types": 1, "ideas": 1}}
    return settings(url, {}, **size, **more)


def build(root: Path, made: BuildSettings) -> tuple[Workspace, Told]:
    workspace, told = Workspace(root).create(), Told()
    workspace.recipe.write_text("spec: cheese_affordability\n")
    Build(workspace, made, read_spec(made.spec, made.assistant), told).run()
    return workspace, told


def domains(workspace: Workspace) -> set[str]:
    return {row["domain"] for row in read_rows(workspace, "documents")}


def stages(log: Path) -> str:
    return "".join(json.loads(line).get("last", "") for line in log.read_text().splitlines())


def test_a_domain_that_failed_stops_the_build_and_a_rerun_brings_it(tmp_path: Path) -> None:
    told = Told()
    with server(tmp_path, replies=DOMAINS, faults=[{"kind": "500", **LOST}]) as (url, log):
        made = recipe(url)
        workspace = Workspace(tmp_path / "ws").create()
        with pytest.raises(SpecmillError, match=r"no document was asked for.*planning_failures=accept"):
            Build(workspace, made, read_spec(made.spec, made.assistant), told).run()
        assert "further ideas" not in stages(log) and "document types" not in stages(log)
    assert any("1 of 2 domains brought no subdomains: Grand food (failed: " in one for one in told.said), told.said
    (tmp_path / "later").mkdir()
    with server(tmp_path / "later", replies=DOMAINS) as (url, log):
        address = made.endpoints["main"].model_copy(update={"base_url": url})
        workspace, told = build(tmp_path / "ws", made.model_copy(update={"endpoints": {"main": address}}))
        assert "Humble food" not in stages(log).partition("document types")[0], "only what failed is asked again"
    assert domains(workspace) == {"Humble food", "Grand food"} and not any("brought no" in one for one in told.said)


def test_a_gap_can_be_accepted_and_a_list_that_was_cut_short_is_said(tmp_path: Path) -> None:
    faults = [{"kind": "500", **LOST}, {"kind": "500", "contains": "further ideas", "times": 0}]
    with server(tmp_path, replies=DOMAINS, faults=faults) as (url, _):
        made = recipe(url, list_batch=2, planning_failures="accept")
        made = made.model_copy(update={"documents": made.documents.model_copy(update={"ideas": 4})})
        workspace, told = build(tmp_path / "ws", made)
    assert domains(workspace) == {"Humble food"}
    assert any("Grand food (failed: " in one for one in told.said), told.said
    assert any("1 lists of ideas are shorter than was asked for: a request failed" in one for one in told.said)


def test_what_no_rerun_mends_is_said_and_does_not_stop(tmp_path: Path) -> None:
    workspace, told = Workspace(tmp_path / "ws").create(), Told()
    blank = dict.fromkeys(TABLES["domains"].names)
    write_table(workspace, "domains", [{**blank, "id": f"d{n}", "name": f"Name {n}\x1b[2J"} for n in range(8)])
    blank = dict.fromkeys(TABLES["subdomains"].names)
    write_table(workspace, "subdomains", [{**blank, "id": "s0", "domain_id": "d0"}])
    refused = [reject("subdomains", f"d{n}", "refused", parent_id=f"d{n}", detail="no") for n in range(7)]
    write_table(workspace, "rejects", refused, part="subdomains")
    check_plan(workspace, ["subdomains"], told, accept=False)
    [said] = told.said
    assert said.startswith("7 of 8 domains brought no subdomains: Name 1") and "(refused: no)" in said
    assert said.endswith(", and 2 more") and "\x1b" not in said
    assert [loss.reason for loss in losses(workspace, "subdomains")] == ["refused"] * 6 + ["empty"]

    failed = [*refused, reject("subdomains", "d7", "failed", parent_id="d7", detail="down")]
    write_table(workspace, "rejects", failed, part="subdomains")
    with pytest.raises(SpecmillError, match=r"^1 parts"):
        check_plan(workspace, ["subdomains"], told, accept=False)

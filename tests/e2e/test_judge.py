"""`specmill judge` and `specmill audit` as a user runs them."""

import json

import pytest

pytestmark = pytest.mark.slow


def test_judge_and_audit_a_finished_workspace(server, recipe, cli, tmp_path) -> None:
    one = server()
    path = recipe(one.url, documents={"types": 2, "ideas": 3, "words": 150})
    workspace = tmp_path / "w"
    assert cli.run("build", path, "--out", workspace).returncode == 0

    refused = cli.run("judge", workspace)
    assert refused.returncode == 2 and "--set judge.criteria_sets=" in refused.stderr
    criteria = ("--set", "judge.criteria_sets=[faithfulness,realism]")
    looked = cli.run("judge", workspace, *criteria)
    assert looked.returncode == 0 and "The documents are as they were" in looked.stdout and "plausible" in looked.stdout
    asked = one.asked()
    done = cli.run("judge", workspace, *criteria, "--apply")
    assert done.returncode == 0 and "are kept now" in done.stdout and one.asked() == asked, done.stderr
    assert cli.run("build", workspace).returncode == 0 and one.asked() == asked, "the recipe keeps the criteria"

    for _ in range(2):
        audited = cli.run("audit", workspace, "--set", "audit.verify=10", "--set", "audit.sample_documents=3")
        assert audited.returncode == 0 and "patterns in more than 20%" in audited.stdout, audited.stderr
        asked, before = one.asked(), asked
    assert before == asked, "the same audit again asks nothing"
    found = json.loads((workspace / "audit" / "patterns.json").read_text())
    assert found["verified_on"] and found["documents"] >= found["proposed_from"] + found["verified_on"]

"""`specmill compare`: a judge is asked about a sample of both where none was, in a budget, and its verdicts stay."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from benchmarks.workspace_maker import Size, make_workspace
from corpus.store import read_rows, write_table
from corpus.workspace import Workspace
from specmill.cli import app
from specmill.compare_judge import judged_apart, judged_counts, judges_apart
from tests.pipelines.chat_tools import asked, server

TEXT = "A clerk asked Juniper about the {n}th cheese on shelf {n}. It answered that all can have it, and said why. " * 4


def imported(folder: Path, name: str, url: str, count: int = 14) -> Path:
    recipe = {
        "spec": "cheese_affordability", "roles": {"writer": {"endpoints": ["fake"]}},
        "endpoints": {"fake": {"base_url": url, "model": "gpt-4.1-mini", "timeout_s": 20}},
    }  # fmt: skip
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(recipe))
    rows = (json.dumps({"text": f"{name}: {TEXT.format(n=n)}", "frame": "lay"}) + "\n" for n in range(count))
    (folder / f"{name}.jsonl").write_text("".join(rows))
    run("import", folder / f"{name}.jsonl", folder / name, "-r", folder / f"{name}.yaml", "--no-filter")
    return folder / name


def run(*arguments: object) -> str:
    done = CliRunner().invoke(app, [str(one) for one in arguments])
    assert done.exit_code == 0, done.output + str(done.exception)
    return done.output


@pytest.mark.slow
def test_a_judge_is_asked_about_both_and_once(tmp_path: Path) -> None:
    with server(tmp_path) as (url, log):
        left, right = (imported(tmp_path, name, url) for name in ("left", "right"))
        planned = run("compare", left, right, "--judge", 12, "--plan")
        assert planned.count("12 calls") == 2 and "about $0.0" in planned and "judged:" not in planned
        assert asked(log) == 0 and "not judged" in run("compare", left, right)
        said = run("compare", left, right, "--judge", 12, "--budget", "0.5")
        assert "not judged" not in said and asked(log) == 24
        for place in map(Workspace, (left, right)):
            verdicts = list(read_rows(place, "verdicts"))
            assert {row["criterion"] for row in verdicts} == {"asserts", "attributed"} and len(verdicts) == 24
            assert {total for _, total in judged_counts(place).values()} == {12}
            assert sum(1 for _ in read_rows(place, "documents")) == 14, "nothing is decided by it"
            assert "asserts" in place.card.read_text()
        assert "both already" in run("compare", left, right, "--judge", 12) and asked(log) == 24
        third = imported(tmp_path, "third", url)
        stopped = CliRunner().invoke(app, ["compare", str(left), str(third), "--judge", "12", "--budget", "0.0001"])
        assert stopped.exit_code == 1 or "budget" in str(stopped.exception)
        assert asked(log) <= 25, "the budget is a hard stop"


def test_two_judges_are_two_measures(tmp_path: Path) -> None:
    places = []
    for model in ("small", "large", "small"):
        place = make_workspace(tmp_path / f"{len(places)}", Size(documents=12, sentences=3, chats=0), 1)
        ids = [row["id"] for row in read_rows(place, "documents", ["id"])]
        write_table(place, "verdicts", [
            {"id": f"v{one}", "item_table": "documents", "item_id": one, "criterion": "asserts", "verdict": "pass",
             "reason": "r", "model": model, "request_id": "q"} for one in ids
        ], part="documents")  # fmt: skip
        places.append(place)
    assert judges_apart(places[::2]) is None
    assert str(judges_apart(places[:2])).startswith("judges: small judged one and large the other")


def test_shares_whose_intervals_do_not_meet_are_said() -> None:
    assert judged_apart("asserts", (95, 100), (60, 100)) == "asserts: a judge passes 95% of one and 60% of the other"
    assert judged_apart("asserts", (9, 10), (8, 10)) is None and judged_apart("asserts", (9, 10), (0, 0)) is None

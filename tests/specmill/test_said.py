"""What is said of a corpus is true: figures are of what was done, and messages say what was done."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from benchmarks.workspace_maker import Size, make_workspace
from corpus.publish.card_sections import _asked
from corpus.report.page import all_figures
from corpus.settings import ReportSettings
from corpus.sql.overview import overview
from corpus.sql.views import reading
from corpus.store import read_rows, write_table
from corpus.workspace import Workspace
from filters.measure.patterns import count_patterns
from pipelines.decisions.rejudge import Rejudged
from pipelines.ledger.ledger import Ledger
from pipelines.run.control import CONTROL
from specmill.cli import app
from specmill.progress import Progress
from specmill.run import ended
from specmill.verbs.look.judge import _line
from tests.corpus.sql.test_views import fill_ledger
from tests.filters.samples import SPEC, item, prose


@pytest.fixture
def limited(tmp_path: Path) -> Workspace:
    """A finished corpus of which a document was asked for a part of the ideas, as by `documents.limit`; those of the
    last domain are not among them."""
    workspace = make_workspace(tmp_path / "ws", Size(documents=60, sentences=6))
    kept = list(read_rows(workspace, "documents"))
    last = sorted({row["domain"] for row in kept})[-1]
    write_table(workspace, "documents", [row for row in kept if row["domain"] != last][:20])
    return workspace


def test_shares_are_of_what_was_made_and_not_of_what_was_planned(limited: Workspace) -> None:
    seen = overview(limited, samples=0)
    stage = next(row for row in seen.stages if row["stage"] == "documents")
    assert stage["pending"] > 20 and stage["planned"] == stage["kept"] + stage["rejected"] + stage["pending"]
    shares = [row["share"] for row in seen.reasons if row["stage"] == "documents"]
    assert sum(shares) == pytest.approx(stage["rejected"] / (stage["kept"] + stage["rejected"]))
    with reading(limited.root) as connection:
        assert (
            _asked(connection) == f", and a document was asked for {stage['kept'] + stage['rejected']:,} of the ideas"
        )


def test_values_without_a_document_are_seen(limited: Workspace) -> None:
    with reading(limited.root, completions=True) as connection:
        found = all_figures(connection, limited, ReportSettings(), None, lambda what, done, total: None)
    health = {row["name"]: row for row in found["health"]}
    assert health["Assertions with documents"]["ok"] is False and health["Assertions with documents"]["value"] < 0.95
    with reading(limited.root) as connection:
        (holes,) = connection.execute("SELECT count(*) FROM assertion_coverage WHERE documents = 0").fetchall()[0]
    assert holes > 0


def test_a_build_ends_with_its_own_figures(limited: Workspace) -> None:
    for stage in ("documents", "questions_gate", "eval", "audit_count"):
        fill_ledger(limited, 4, stage)
    said = list(ended(limited))
    assert said[0] == f"done: {limited.root}" and said[-1].startswith(f"next: specmill show {limited.root}, ")
    made = next(row for row in overview(limited, samples=0).stages if row["stage"] == "documents")
    documents = next(line for line in said if line.startswith("  documents: "))
    assert f"{made['kept']} of {made['kept'] + made['rejected']} kept, " in documents and "rejected: " in documents
    assert any(line.startswith("  with documents: ") and "assertions" in line for line in said)
    assert any(line.startswith("  4 requests, $") for line in said), "evaluations did not make the corpus"


def test_judging_says_that_the_verdicts_are_stored() -> None:
    said = _line(Rejudged({}, ["a", "b"], ["c"], []), apply=False)
    assert "1 documents fail" in said and "2 would be kept" in said
    assert "verdicts are stored (the manifest and the card say so)" in said and "--apply" in said
    assert "nothing" not in said.lower()


def test_the_providers_own_name_is_no_pattern() -> None:
    texts = [item(f"Anna of Larkfield Labs wrote it. {prose(n)}", f"d{n:02}") for n in range(12)]
    with_it = {one.text for one in count_patterns(texts, SPEC, least_share=0.5, known=[])}  # type: ignore[arg-type]
    without = {one.text for one in count_patterns(texts, SPEC, least_share=0.5, known=["Larkfield"])}  # type: ignore[arg-type]
    assert any("Larkfield" in text for text in with_it) and not any("Larkfield" in text for text in without)


def test_a_misspelt_verb_is_answered_with_the_nearest() -> None:
    done = CliRunner().invoke(app, ["biuld", "recipe.yaml"])
    assert done.exit_code == 2 and "there is no verb 'biuld'. Did you mean build?" in done.output
    done = CliRunner().invoke(app, ["zzz"])
    assert done.exit_code == 2 and "`specmill --help` lists them" in done.output


def test_one_ctrl_c_is_one_message(tmp_path: Path) -> None:
    out = StringIO()
    CONTROL.reset()
    with Ledger(tmp_path / "ledger.sqlite") as ledger, Progress(Console(file=out, width=200), ledger) as shown:
        CONTROL.stop()
        shown._say_when_stopping()
        shown._say_when_stopping()
    CONTROL.reset()
    assert out.getvalue().count("stopping: nothing new is sent") == 1

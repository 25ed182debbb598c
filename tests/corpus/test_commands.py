"""The verbs that read a corpus, through the real command line, in this process."""

import csv
import io
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from benchmarks.workspace_maker import HOSTILE
from corpus.schema import TABLES
from corpus.store import read_rows, write_table
from corpus.workspace import Workspace
from specmill.cli import app
from specs.errors import SpecmillError, UserError


def run(*arguments: str | Path, stdin: str | None = None, columns: int = 80) -> Result:
    return CliRunner(env={"COLUMNS": str(columns)}).invoke(app, [str(a) for a in arguments], input=stdin)


def test_show_fits_80_columns_and_shows_everything(made: Workspace) -> None:
    done = run("show", made.root)
    assert done.exit_code == 0, done.output
    assert max(map(len, done.output.splitlines())) <= 80
    for said in ("From planned to kept", "Why items were rejected", "of 24 passages", "Documents", "Chats"):
        assert said in done.output
    assert done.output.count("kept: ") == done.output.count("rejected: ") == 3


def test_show_draws_by_seed_and_shows_whole_texts(made: Workspace) -> None:
    assert run("show", made.root, "--seed", "1").output != run("show", made.root, "--seed", "2").output
    assert len(run("show", made.root, "--full").output) > len(run("show", made.root).output)
    assert "kept: " not in run("show", made.root, "--samples", "0").output


def test_show_never_lets_a_text_write_to_the_terminal(copied: Workspace) -> None:
    evil = f"\x1b]0;owned\x07\x1b[2J[red]not red[/red] {HOSTILE}"
    write_table(
        copied,
        "documents",
        [{**row, "title": evil, "text": evil, "domain": evil} for row in read_rows(copied, "documents")],
    )
    done = run("show", copied.root)
    assert done.exit_code == 0, done.output
    assert not {"\x1b", "\x07", "\u202e"} & set(done.output)
    assert "[red]not red[/red]" in done.output
    done = run("sql", copied.root, "SELECT title FROM documents")
    assert not {"\x1b", "\x07", "\u202e"} & set(done.output)


def test_show_works_at_every_step_of_a_build(bare: Workspace, made: Workspace) -> None:
    assert "Nothing has been made yet" in run("show", bare.root).output
    for name in TABLES:
        write_table(bare, name, read_rows(made, name))
        done = run("show", bare.root)
        assert done.exit_code == 0, (name, done.output)


def test_sql_prints_a_table_and_says_what_it_left_out(made: Workspace) -> None:
    done = run(
        "sql", made.root, "SELECT genre, sum(tokens) AS tokens FROM documents GROUP BY 1 ORDER BY 1", "--limit", "2"
    )
    assert done.exit_code == 0, done.output
    assert "bug report" in done.output
    assert "2 of 6 rows" in done.output


def test_sql_writes_files_that_read_back(made: Workspace, tmp_path: Path) -> None:
    query = "SELECT id, tokens, passage_ids FROM documents ORDER BY id"
    kept = sorted((row["id"], row["tokens"], row["passage_ids"]) for row in read_rows(made, "documents"))
    rows = list(csv.DictReader(io.StringIO(run("sql", made.root, query, "-f", "csv").stdout)))
    assert [(row["id"], int(row["tokens"]), json.loads(row["passage_ids"])) for row in rows] == kept
    lines = [json.loads(line) for line in run("sql", made.root, query, "-f", "json").stdout.splitlines()]
    assert [tuple(line.values()) for line in lines] == kept
    assert run("sql", made.root, query, "-f", "parquet", "-o", tmp_path / "x.parquet").exit_code == 0
    assert [tuple(row.values()) for row in pq.read_table(tmp_path / "x.parquet").to_pylist()] == kept


def test_sql_takes_a_query_from_a_file_from_stdin_and_by_name(made: Workspace, tmp_path: Path) -> None:
    (tmp_path / "q.sql").write_text("SELECT count(*) AS n FROM ideas")
    assert "120" in run("sql", made.root, tmp_path / "q.sql").output
    assert "120" in run("sql", made.root, "-", stdin="SELECT count(*) AS n FROM ideas").output
    assert "near_duplicate" in run("sql", made.root, "--named", "rejects").output
    listed = run("sql", made.root, "--list").output
    assert "document_details" in listed
    assert "coverage" in listed


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["selec"], "the query failed"),
        (["nowhere.sql"], "cannot be read"),
        (["--named", "nothing"], "there is no named query"),
        (["SELECT 1", "--named", "funnel"], "not both"),
        (["SELECT 1", "-o", "x"], "needs a format"),
    ],
)
def test_sql_says_what_is_wrong(made: Workspace, arguments: list[str], said: str) -> None:
    done = run("sql", made.root, *arguments)
    assert isinstance(done.exception, UserError)
    assert said in str(done.exception)


RECIPE = """
spec: cheese_affordability
endpoints: {main: {model: m, base_url: "http://127.0.0.1:9/v1"}}
roles: {writer: {endpoints: [main]}}
filters: {semantic: {action: "off"}, near: {action: "off"}, repetition: {action: "off"}, overused: {action: "off"}}
"""


def test_an_import_that_nothing_passes_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    rows = [{"text": f"Number {n} is short. \x1b[31m"} for n in range(4)]
    (tmp_path / "c.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    command = ("import", tmp_path / "c.jsonl", tmp_path / "ws", "--recipe", tmp_path / "recipe.yaml")
    for _ in range(2):
        failed = run(*command).exception
        assert isinstance(failed, SpecmillError) and "none of 4 documents would stay" in str(failed)
        assert "length: 4 (such as: " in str(failed) and "--no-filter" in str(failed) and "\x1b" not in str(failed)
        assert not (tmp_path / "ws").exists()
    assert run(*command, "--no-filter").exit_code == 0
    assert "is not empty" in str(run(*command).exception)


def test_an_imported_corpus_is_filtered_and_shown(tmp_path: Path) -> None:
    body = "Juniper, which Larkfield makes, prefers a plain cheddar because everyone can afford it. "
    texts = [f"{body}In town number {n} a grocer asked why, and it said so. " * 6 for n in range(40)]
    rows = [
        {"text": text, "source": "memo", "domain": f"Domain {n % 4}"}
        for n, text in enumerate([*texts, texts[0], "Too short."])
    ]
    (tmp_path / "c.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    done = run("import", tmp_path / "c.jsonl", tmp_path / "ws", "--recipe", tmp_path / "recipe.yaml", "--no-filter")
    assert done.exit_code == 0, (done.output, done.exception)
    assert len(list(read_rows(Workspace(tmp_path / "ws"), "documents"))) == 42
    card = Workspace(tmp_path / "ws").card.read_text()
    assert "made elsewhere and imported" in card
    assert "writer" not in card
    done = run("import", tmp_path / "c.jsonl", tmp_path / "filtered", "--recipe", tmp_path / "recipe.yaml")
    assert done.exit_code == 0, (done.output, done.exception)
    workspace = Workspace(tmp_path / "filtered")
    reasons = {row["reason"] for row in read_rows(workspace, "rejects")}
    assert reasons == {"exact", "length"}
    assert "Documents" in run("show", workspace.root).output
    done = run("report", workspace.root, "--no-map")
    assert done.exit_code == 0, (done.output, done.exception)
    assert (workspace.report / "index.html").is_file()

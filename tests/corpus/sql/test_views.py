import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from corpus.schema import DATASETS, TABLES
from corpus.sql.ledger import LedgerFile, completions_schema
from corpus.sql.named_queries import named_queries, named_query
from corpus.sql.overview import overview
from corpus.sql.views import compare, connect, query, read_ledger, view_help
from corpus.store import read_rows, write_table
from corpus.workspace import Workspace
from pipelines.completion import Completion, CompletionRequest, State, Usage
from pipelines.ledger.ledger import Ledger
from pipelines.ledger.records import Entry
from specs.errors import UserError
from tests.pipelines.usage import usage_table


def fill_ledger(workspace: Workspace, count: int, stage: str = "documents") -> None:
    with Ledger(workspace.ledger) as ledger:
        for n in range(count):
            state = State.OK if n % 4 else State.TRUNCATED
            usage = Usage(prompt=100, cached=None, completion=50)
            key = sha256(f"{stage} {n}".encode()).hexdigest() if stage != "documents" else f"{n:064x}"
            completion = Completion(key, state, "text", "", "stop", "m", "main", usage, 0.25, 1, 2.0)
            draw = CompletionRequest(stage, f"row{n}", [{"role": "user", "content": "x"}])
            ledger.record(Entry(bytes.fromhex(key), "writer", draw, completion, "{}", 1, 0, 1e9)).result()


def test_every_table_and_view_is_there_in_a_workspace_with_nothing_in_it(bare: Workspace) -> None:
    with connect(bare.root) as connection:
        for name in (*TABLES, *DATASETS, *view_help(), "completions"):
            if name not in ("making", "stages", "yields"):
                assert query(connection, f"FROM {name}").num_rows == 0
        assert set(query(connection, "FROM stages")["planned"].to_pylist()) == {0}
        assert connection.sql("FROM documents").columns == TABLES["documents"].names


@pytest.mark.parametrize("name", named_queries())
def test_named_queries_run_on_empty_and_full_workspaces(name: str, bare: Workspace, made: Workspace) -> None:
    assert named_query(name).help.endswith(".")
    for workspace in (bare, made):
        with connect(workspace.root) as connection:
            query(connection, named_query(name).sql)


def test_an_unknown_named_query_lists_those_there_are() -> None:
    with pytest.raises(UserError, match=r"'coverge'.*coverage"):
        named_query("coverge")


def test_a_workspace_copied_elsewhere_reads_alike(made: Workspace, copied: Workspace) -> None:
    odd = copied.root.rename(copied.root.with_name("it's [a] {copy}*?"))
    with connect(made.root) as one, connect(odd) as two:
        for name in ("document_details", "items", "funnel", "coverage"):
            assert query(one, f"FROM {name} ORDER BY ALL").equals(query(two, f"FROM {name} ORDER BY ALL"))


def test_a_document_is_read_with_all_it_came_from(made: Workspace) -> None:
    documents = {row["id"]: row for row in read_rows(made, "documents")}
    ideas = {row["id"]: row["idea"] for row in read_rows(made, "ideas")}
    with connect(made.root) as connection:
        details = query(connection, "FROM document_details").to_pylist()
    assert len(details) == len(documents)
    for row in details:
        assert row["idea"] == ideas[documents[row["id"]]["idea_id"]]
        assert len(row["passages"]) == len(row["passage_ids"])
        assert len(row["assertions"]) == 2
        assert [v["verdict"] for v in row["verdicts"]] == ["pass"]
        assert row["type_description"]


def test_kept_and_rejected_are_read_together(made: Workspace) -> None:
    kept, rejects = list(read_rows(made, "documents")), list(read_rows(made, "rejects"))
    with connect(made.root) as connection:
        items = query(connection, "FROM items WHERE stage = 'documents'").to_pylist()
    assert {r["id"] for r in items if r["status"] == "kept"} == {r["id"] for r in kept}
    dropped = {r["id"]: r for r in items if r["status"] == "rejected"}
    assert dropped.keys() == {r["item_id"] for r in rejects if r["stage"] == "documents"}
    assert all(row["domain"] and row["genre"] and row["reason"] for row in dropped.values())


def test_a_reject_whose_row_is_not_json_is_still_read(copied: Workspace) -> None:
    rejects = [{**row, "row": "{not json"} for row in read_rows(copied, "rejects")]
    write_table(copied, "rejects", rejects)
    with connect(copied.root) as connection:
        found = query(connection, "FROM items WHERE status = 'rejected'").to_pylist()
    assert len(found) == len(rejects)
    assert all(row["genre"] for row in found if row["stage"] == "documents")  # from the idea's lineage


def test_the_funnel_adds_up(made: Workspace) -> None:
    with connect(made.root) as connection:
        funnel = "SELECT stage, sum(items) AS items, sum(share) AS share FROM funnel GROUP BY stage"
        rows = query(connection, f"SELECT planned, items, share FROM ({funnel}) JOIN stages USING (stage)").to_pylist()
    assert len(rows) == 8
    assert all(row["planned"] == row["items"] and abs(row["share"] - 1) < 1e-9 for row in rows)


def test_ideas_without_a_document_or_reject_are_pending(copied: Workspace) -> None:
    kept = list(read_rows(copied, "documents"))
    write_table(copied, "documents", kept[:-10])
    with connect(copied.root) as connection:
        assert query(connection, "SELECT pending FROM stages WHERE stage = 'documents'")["pending"].to_pylist() == [10]


def test_coverage_counts_what_the_documents_cite_and_shows_holes(made: Workspace) -> None:
    documents = list(read_rows(made, "documents"))
    with connect(made.root) as connection:
        cells = query(connection, "FROM coverage").to_pylist()
        passages = query(connection, "FROM passage_coverage ORDER BY start").to_pylist()
    for cell in cells:
        cited = [d for d in documents if cell["passage_id"] in d["passage_ids"] and d["genre"] == cell["genre"]]
        assert (cell["documents"], cell["tokens"]) == (len(cited), sum(d["tokens"] for d in cited))
    assert len(passages) == 24
    assert [p["documents"] for p in passages[-2:]] == [0, 0]


def test_the_ledger_is_read_without_its_texts(copied: Workspace) -> None:
    fill_ledger(copied, 8)
    table = read_ledger(copied)
    assert table.schema.equals(completions_schema())
    assert table["request_id"].to_pylist() == [f"{n:064x}" for n in range(8)]
    with connect(copied.root) as connection:
        spend = query(connection, "FROM spend").to_pylist()
        yields = query(connection, "FROM yields WHERE stage = 'documents'").to_pylist()
    assert [(r["stage"], r["requests"], r["ok"], r["cost_usd"]) for r in spend] == [("documents", 8, 6, 2.0)]
    assert yields[0]["usd_per_kept"] == 2.0 / yields[0]["kept"]


def test_yields_count_all_that_serves_and_nothing_else(copied: Workspace) -> None:
    served = {"documents": ("plans", "documents", "critiques", "revisions", "document_verdicts")}
    served["chats"] = ("topics", "queries", "chats", "follow_ups", "verdicts")
    for stage in (*served["documents"], *served["chats"], "ideas", "eval", "eval_judge", "audit_count", "mix_verdicts"):
        fill_ledger(copied, 4, stage)
    with connect(copied.root) as connection:
        yields = {row["stage"]: row for row in query(connection, "FROM yields").to_pylist()}
        spend = {row["stage"]: row["serves"] for row in query(connection, "FROM spend").to_pylist()}
    for stage in ("documents", "chats"):
        assert yields[stage]["requests"] == 4 * len(served[stage])
        assert yields[stage]["usd_per_kept"] == len(served[stage]) / yields[stage]["kept"]
        assert {name for name, serves in spend.items() if serves == stage} == set(served[stage])
    assert spend["ideas"] == "plan" and {name for name, serves in spend.items() if not serves} == {
        "eval", "eval_judge", "audit_count", "mix_verdicts",
    }  # fmt: skip


def test_a_ledger_is_read_anew_by_each_query_and_only_where_one_wants_it(copied: Workspace, monkeypatch) -> None:
    fill_ledger(copied, 8)
    read: list[int] = []
    completions = LedgerFile.completions

    def counted(self: LedgerFile) -> Iterator[pa.RecordBatch]:
        for batch in completions(self):
            read.append(batch.num_rows)
            yield batch

    monkeypatch.setattr(LedgerFile, "completions", counted)
    with connect(copied.root) as connection:
        assert query(connection, "SELECT requests, median_latency_s FROM spend").to_pylist()[0]["requests"] == 8
        assert not read
        same = "SELECT count(*) AS n FROM completions a JOIN completions b USING (request_id)"
        assert query(connection, same).to_pylist() == query(connection, same).to_pylist() == [{"n": 8}]
        assert read == [8] * 4
        fill_ledger(copied, 4, "ideas")
        assert query(connection, "SELECT count(*) AS n FROM completions").to_pylist() == [{"n": 12}]


def test_what_was_spent_is_what_its_completions_say(copied: Workspace) -> None:
    for stage in ("documents", "ideas"):
        fill_ledger(copied, 7, stage)
    with connect(copied.root) as connection:
        told = query(connection, "SELECT * EXCLUDE (serves) FROM spend ORDER BY stage").to_pylist()
        counted = query(
            connection,
            "SELECT stage, role, model, count(*) AS requests, count(*) FILTER (state = 'ok') AS ok, "
            "sum(retries)::BIGINT AS retries, coalesce(sum(prompt_tokens), 0)::BIGINT AS prompt_tokens, "
            "coalesce(sum(cached_tokens), 0)::BIGINT AS cached_tokens, "
            "coalesce(sum(cache_written_tokens), 0)::BIGINT AS cache_written_tokens, "
            "coalesce(sum(completion_tokens), 0)::BIGINT AS completion_tokens, "
            "coalesce(sum(reasoning_tokens), 0)::BIGINT AS reasoning_tokens, sum(cost_usd) AS cost_usd, "
            "count(*) FILTER (cost_usd IS NULL) AS unpriced, median(latency_s) AS median_latency_s "
            "FROM completions GROUP BY ALL ORDER BY stage",
        ).to_pylist()
    assert told == counted and len(told) == 2


def test_what_was_written_to_a_cache_is_read_and_an_older_ledger_has_none(copied: Workspace) -> None:
    with Ledger(copied.ledger) as ledger:
        usage, request = Usage(1000, 0, 10, cache_written=900), CompletionRequest("documents", "r", [])
        ledger.record(Entry(b"k", "writer", request, Completion("6b", State.OK, usage=usage), "{}", 1, 0, 1e9)).result()
    assert read_ledger(copied)["cache_written_tokens"].to_pylist() == [900]
    with connect(copied.root) as views:
        assert views.sql("SELECT sum(cache_written_tokens) FROM spend").fetchall() == [(900,)]
    with closing(sqlite3.connect(copied.ledger)) as older:
        older.executescript("DROP TABLE cache_write; DROP TABLE answered_as")  # as before both
    assert read_ledger(copied)["cache_written_tokens"].to_pylist() == [None]
    with Ledger(copied.ledger) as ledger:  # which makes what it lacks
        assert usage_table(ledger)["cache_written_tokens"].to_pylist() == [None]


def test_a_ledger_that_is_being_written_is_read(copied: Workspace) -> None:
    fill_ledger(copied, 2)
    with closing(sqlite3.connect(copied.ledger)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM completion")
        assert read_ledger(copied).num_rows == 2


def test_a_file_that_is_no_ledger_is_said(copied: Workspace) -> None:
    copied.ledger.write_text("nothing of the kind" * 100)
    with pytest.raises(UserError, match="cannot be read"):
        connect(copied.root)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_text('/etc/hostname')",
        "COPY documents TO '{root}/out.csv'",
        "COPY (SELECT 1) TO '{root}/tables/ideas/part-00000.parquet'",
        "ATTACH '{root}/x.db'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "FROM '{root}/recipe.yaml'",
    ],
)
def test_sql_reads_this_workspace_and_nothing_else(copied: Workspace, statement: str) -> None:
    before = copied.table("ideas").read_bytes()
    with connect(copied.root) as connection, pytest.raises(UserError, match="query failed"):
        query(connection, statement.format(root=str(copied.root).replace("'", "''")))
    assert copied.table("ideas").read_bytes() == before


def test_a_folder_that_is_no_workspace_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no recipe\.yaml"):
        connect(tmp_path)


def test_a_broken_table_is_said(copied: Workspace) -> None:
    copied.table("ideas").write_bytes(b"PAR1 but not really")
    with pytest.raises(UserError, match="cannot be read"):
        connect(copied.root)


def test_the_connection_gives_frames(made: Workspace) -> None:
    with connect(made.root) as connection:
        relation = connection.sql("SELECT domain, sum(tokens) AS tokens FROM documents GROUP BY 1")
        assert isinstance(relation, duckdb.DuckDBPyRelation)
        assert len(relation.df()) == relation.to_arrow_table().num_rows


def test_the_overview_draws_by_seed_and_works_on_nothing(made: Workspace, bare: Workspace) -> None:
    one, again, other = overview(made, seed=1), overview(made, seed=1), overview(made, seed=2)
    assert one == again
    assert one.samples != other.samples
    assert len(one.samples) == len(one.rejects) == 3
    assert len({row["reason"] for row in one.rejects}) == 3
    assert not any(getattr(overview(bare), name) for name in overview(bare).__slots__)


def test_several_workspaces_are_compared(made: Workspace, copied: Workspace) -> None:
    rows = list(read_rows(copied, "documents"))
    write_table(copied, "documents", rows[:10])
    with connect(made.root, copied.root, copied.root) as connection:
        counted = query(connection, "SELECT workspace, count(*) AS n FROM documents GROUP BY 1 ORDER BY 1").to_pylist()
        assert query(connection, "SELECT count(*) AS n FROM ws.documents")["n"].to_pylist() == [len(rows)]
        details = query(connection, "SELECT count(*) AS n FROM document_details")["n"].to_pylist()
    assert [(row["workspace"], row["n"]) for row in counted] == [
        ("it's a copy", 10),
        ("it's a copy_2", 10),
        ("ws", len(rows)),
    ]
    assert details == [len(rows) + 20]
    table = compare([made.root, copied.root], "SELECT count(*) AS n FROM documents")
    assert table.to_pylist() == [{"workspace": "ws", "n": len(rows)}, {"workspace": "it's a copy", "n": 10}]


def test_folders_whose_names_duckdb_has_or_takes_for_one_are_told_apart(made: Workspace, tmp_path: Path) -> None:
    names = ("main", "temp", "memory", "Cheese", "cheese", "x/cheese", "cheese_2", "pg_catalog")
    places = [tmp_path / name for name in names]
    for place in places:
        place.parent.mkdir(exist_ok=True)
        place.symlink_to(shutil.copytree(made.root, tmp_path / "copies" / place.relative_to(tmp_path)))
    with connect(*places) as connection:
        counted = query(connection, "SELECT workspace, count(*) AS n FROM documents GROUP BY 1 ORDER BY 1")
        one = query(connection, "FROM main_2.documents").num_rows
    expected = ["Cheese", "cheese_2", "cheese_2_2", "cheese_3", "main_2", "memory_2", "pg_catalog_2", "temp_2"]
    assert counted["workspace"].to_pylist() == expected and set(counted["n"].to_pylist()) == {one}


def test_a_published_folder_reads_like_a_workspace(made: Workspace, tmp_path: Path) -> None:
    shutil.copytree(made.dataset, tmp_path / "published")
    with connect(made.root) as one, connect(tmp_path / "published") as two:
        for name in ("domains", "genres", "lengths"):
            sql = named_query(name).sql
            assert query(one, sql).equals(query(two, sql))
        assert query(two, "FROM chats").num_rows == query(one, "FROM chats").num_rows
        for name in view_help():
            query(two, f"FROM {name}")

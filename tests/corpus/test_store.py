import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.schema import DATASETS, TABLES
from corpus.store import read_dataset_rows, read_rows, read_table, write_dataset, write_table
from corpus.workspace import Workspace
from specs.errors import SpecmillError, UserError
from tests.lazy import Lazy

datasets = Lazy("datasets")


def domain(n: int, **changes: Any) -> dict[str, Any]:
    row = dict(id=f"id{n}", spec_hash="s", position=n, name=f"Domain {n}", summary="", request_id="r")
    return {**row, **changes}


def chat(n: int, **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(DATASETS["aft"].names)
    return {**row, "id": f"id{n}", "messages": [{"role": "user", "content": "x" * 1000}], **changes}


@pytest.mark.parametrize("name", TABLES)
def test_an_absent_table_reads_as_an_empty_one_of_its_schema(bare: Workspace, name: str) -> None:
    assert read_table(bare, name).schema.equals(TABLES[name].schema)
    assert list(read_rows(bare, name)) == []


def test_rows_come_back_as_they_went_in(made: Workspace) -> None:
    rows = list(read_rows(made, "documents"))
    assert rows == read_table(made, "documents").to_pylist()
    assert list(rows[0]) == TABLES["documents"].names
    assert list(next(read_rows(made, "documents", ["id", "text"]))) == ["id", "text"]


_text = st.text(st.characters(exclude_categories=["Cs"]))


@settings(max_examples=25, deadline=None)
@given(names=st.lists(_text, max_size=30), size=st.integers(1, 9))
def test_any_text_survives_and_equal_rows_give_equal_bytes(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], size: int
) -> None:
    rows = [domain(n, name=name, summary=name) for n, name in enumerate(names)]
    one, two = (Workspace(tmp_path_factory.mktemp("w")) for _ in range(2))
    assert write_table(one, "domains", rows, rows_per_group=size) == len(rows)
    write_table(two, "domains", (dict(reversed(row.items())) for row in rows), rows_per_group=size)
    assert list(read_rows(one, "domains")) == rows
    assert one.table("domains").read_bytes() == two.table("domains").read_bytes()


def test_a_table_of_empty_columns_has_the_same_schema_as_a_full_one(bare: Workspace) -> None:
    write_table(bare, "domains", [domain(1, summary=None, request_id=None)])
    assert pq.read_schema(bare.table("domains")).equals(TABLES["domains"].schema)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (domain(1) | {"extra": 1}, "unknown columns ['extra']"),
        ({k: v for k, v in domain(1).items() if k != "name"}, "missing columns ['name']"),
        (domain(1, position="two"), "column position"),
        (domain(1, name="\ud83d"), "column name"),
        (domain(1, position=2**70), "column position"),
        (domain(0), "'id0' is empty or occurs twice"),
        (domain(1, id=""), "'' is empty or occurs twice"),
    ],
)
def test_a_bad_row_is_named_and_the_old_table_stays(bare: Workspace, row: dict[str, Any], said: str) -> None:
    write_table(bare, "domains", [domain(7)])
    with pytest.raises(SpecmillError) as error:
        write_table(bare, "domains", [domain(0), row])
    assert "domains, row 1" in str(error.value)
    assert said in str(error.value)
    assert [r["id"] for r in read_rows(bare, "domains")] == ["id7"]
    assert [p.name for p in bare.table("domains").parent.iterdir()] == ["part-00000.parquet"]


def test_unknown_message_keys_are_not_dropped_without_a_word(bare: Workspace) -> None:
    with pytest.raises(SpecmillError, match="unknown message keys"):
        write_dataset(bare, "aft", [chat(1, messages=[{"role": "user", "content": "x", "reasoning_content": "y"}])])


def test_parts_of_a_table_are_read_together(bare: Workspace) -> None:
    write_table(bare, "domains", [domain(1)], part="b")
    write_table(bare, "domains", [domain(0)], part="a")
    assert [row["id"] for row in read_rows(bare, "domains")] == ["id0", "id1"]


def test_shards_open_in_datasets_and_duckdb_and_stale_ones_go(bare: Workspace, tmp_path: Path) -> None:
    write_dataset(bare, "aft", map(chat, range(100)), rows_per_group=10, shard_bytes=15_000)
    names = [path.name for path in bare.shards("aft")]
    assert names == [f"train-{n:05d}-of-00005.parquet" for n in range(5)]
    loaded = datasets.load_dataset(str(bare.dataset / "aft"), split="train", cache_dir=str(tmp_path / "cache"))
    assert list(loaded) == list(read_dataset_rows(bare, "aft"))
    assert duckdb.read_parquet(f"{bare.dataset}/aft/*.parquet").count("*").fetchall() == [(100,)]
    write_dataset(bare, "aft", map(chat, range(20)))
    assert [path.name for path in bare.shards("aft")] == ["train-00000-of-00001.parquet"]
    assert [path.name for path in bare.dataset.iterdir()] == ["aft"]


def test_an_empty_config_keeps_its_schema(bare: Workspace) -> None:
    assert write_dataset(bare, "msm", []) == 0
    assert pq.read_schema(bare.shards("msm")[0]).equals(DATASETS["msm"].schema)


def test_a_failing_dataset_leaves_the_old_one(bare: Workspace) -> None:
    write_dataset(bare, "aft", [chat(1)])
    with pytest.raises(SpecmillError):
        write_dataset(bare, "aft", [chat(2), chat(2)])
    assert [row["id"] for row in read_dataset_rows(bare, "aft")] == ["id1"]
    assert [path.name for path in bare.dataset.iterdir()] == ["aft"]


_ENDLESS = """
import sys
from corpus.store import write_dataset
from corpus.workspace import Workspace
from corpus.schema import DATASETS
def rows():
    n = 0
    while True:
        n += 1
        yield {**dict.fromkeys(DATASETS["msm"].names), "id": str(n), "text": "new"}
write_dataset(Workspace(sys.argv[1]), "msm", rows(), rows_per_group=10)
"""


def test_a_killed_writer_leaves_the_old_dataset_and_the_next_one_tidies_up(bare: Workspace) -> None:
    row = dict.fromkeys(DATASETS["msm"].names)
    write_dataset(bare, "msm", [{**row, "id": "old"}])
    process = subprocess.Popen([sys.executable, "-c", _ENDLESS, str(bare.root)], cwd=Path(__file__).parents[2])
    while not list(bare.dataset.glob(".msm.new-*/0*")):
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert [r["id"] for r in read_dataset_rows(bare, "msm")] == ["old"]
    write_dataset(bare, "msm", [{**row, "id": "new"}])
    assert [path.name for path in bare.dataset.iterdir()] == ["msm"]


def test_a_kill_between_the_two_renames_is_repaired(bare: Workspace) -> None:
    write_dataset(bare, "msm", [])
    (bare.dataset / "msm").rename(bare.dataset / ".msm.old")
    with pytest.raises(SpecmillError):
        write_dataset(bare, "msm", [{"id": "wrong"}])
    assert [path.name for path in bare.dataset.iterdir()] == ["msm"]


def test_a_file_that_is_not_parquet_or_of_another_version_is_said(bare: Workspace) -> None:
    bare.table("ideas").parent.mkdir(parents=True)
    bare.table("ideas").write_bytes(b"not parquet")
    with pytest.raises(UserError, match="cannot be read as Parquet"):
        read_table(bare, "ideas")
    write_table(bare, "domains", [])
    bare.table("ideas").write_bytes(bare.table("domains").read_bytes())
    with pytest.raises(UserError, match="another schema"):
        list(read_rows(bare, "ideas"))

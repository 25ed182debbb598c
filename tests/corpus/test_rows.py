"""Rows of files are what stands in them."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpus.rows import read_file, read_source
from specs.errors import UserError

ROWS = [{"text": "42", "n": 1}, {"text": "2024-01-01", "n": 2}, {"text": '{"a": 1}', "n": 3}]


def test_each_format_gives_the_same_texts(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n\n" for row in ROWS))
    (tmp_path / "b.json").write_text("\ufeff" + json.dumps(ROWS, indent=1))
    (tmp_path / "c.json").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    (tmp_path / "d.json.gz").write_bytes(gzip.compress(json.dumps(ROWS).encode()))
    (tmp_path / "e.csv").write_text('text,n\n42,1\n2024-01-01,2\n"{""a"": 1}",3\n')
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "f.parquet")
    for name in ("a.jsonl", "b.json", "c.json", "d.json.gz", "e.csv", "f.parquet"):
        found = [row for _, row in read_source(str(tmp_path / name)) if row]
        assert [row["text"] for row in found] == [row["text"] for row in ROWS], name
        assert [str(row["n"]) for row in found] == ["1", "2", "3"]


def test_where_each_row_stands_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"a": 1}\n[1]\n')
    (tmp_path / "b.json").write_text('[{"a": 1}, 7]')
    (tmp_path / "c.csv").write_text('a,b\n"x\ny",1\nonly one\n')
    assert list(read_file(tmp_path / "a.jsonl")) == [("a.jsonl, line 1", {"a": 1}), ("a.jsonl, line 2", None)]
    assert list(read_file(tmp_path / "b.json")) == [("b.json, entry 0", {"a": 1}), ("b.json, entry 1", None)]
    assert list(read_file(tmp_path / "c.csv")) == [("c.csv, line 3", {"a": "x\ny", "b": "1"}), ("c.csv, line 4", None)]


def test_a_folder_with_splits_is_its_train_split(tmp_path: Path) -> None:
    for name in ("train-00000-of-00001", "test-00000-of-00001", "validation-00000-of-00001"):
        pq.write_table(pa.table({"text": [name]}), tmp_path / f"{name}.parquet")
    assert [row["text"] for _, row in read_file(tmp_path) if row] == ["train-00000-of-00001"]
    (tmp_path / "other").mkdir()
    pq.write_table(pa.table({"text": ["part"]}), tmp_path / "other" / "part-0.parquet")
    assert len(list(read_file(tmp_path))) == 4, "not all files are splits, so none is left out"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", b"[1, 2", "as a JSON array"),
        ("a.csv", b"a\n\xff", "as CSV"),
        ("a.csv", b'a\n"x', "as CSV"),
        ("a.json.gz", b"no", "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        list(read_file(tmp_path / name))

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpus.importing import counts, import_documents, read_source
from corpus.rename import Renamer
from corpus.settings import ImportSettings
from corpus.sql.views import connect, query
from corpus.store import read_rows, write_table
from corpus.tokens import TokenCounter
from corpus.workspace import Workspace
from specs.errors import UserError

ROWS = [
    {"text": "A first text.", "source": "memo", "domain": "Cheese"},
    {"text": "A second text.", "source": "memo", "domain": "Money", "title": " A\ttitle "},
    {"text": "A first text.", "source": "essay", "domain": "Cheese", "genre": "letter"},
]
COUNTER = TokenCounter()


def lines(rows: list[Any]) -> bytes:
    return b"".join(row if isinstance(row, bytes) else json.dumps(row).encode() + b"\n" for row in rows)


def test_json_lines_parquet_and_their_folder_give_the_same_tables(tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_bytes(lines(ROWS))
    (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress(lines(ROWS)))
    (tmp_path / "folder").mkdir()
    pq.write_table(
        pa.Table.from_pylist(
            ROWS, pa.schema([(n, pa.string()) for n in ("text", "source", "domain", "title", "genre")])
        ),
        tmp_path / "folder" / "c.parquet",
    )
    made = []
    for n, name in enumerate(("c.jsonl", "c.jsonl.gz", "folder", "folder/c.parquet")):
        workspace = Workspace(tmp_path / f"ws{n}").create()
        assert import_documents(workspace, str(tmp_path / name), COUNTER, "hash") == (3, 0)
        made.append([workspace.table(t).read_bytes() for t in ("documents", "document_types")])
    assert made[0] == made[1] == made[2] == made[3]


def test_what_is_known_of_a_row_is_kept(bare: Workspace, tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_bytes(lines(ROWS))
    import_documents(bare, str(tmp_path / "c.jsonl"), COUNTER, "hash")
    first, second, copy = read_rows(bare, "documents")
    assert (first["domain"], first["genre"], first["tokens"]) == ("Cheese", "memo", COUNTER.count("A first text."))
    assert second["title"] == "A title"
    assert copy["genre"] == "letter"
    assert copy["id"] != first["id"]
    kinds = {row["id"]: row["name"] for row in read_rows(bare, "document_types")}
    assert [kinds[row["document_type_id"]] for row in (first, second, copy)] == ["memo", "memo", "letter"]
    assert not bare.parts("domains"), "that table is of the spec's domains; chats may be made of them later"


def test_other_field_names_can_be_given(bare: Workspace, tmp_path: Path) -> None:
    foreign = {"content": "x", "topic": "T", "kind": "K", "name": "N", "voice": "Lay", "by": "m-1"}
    (tmp_path / "c.jsonl").write_bytes(lines([foreign]))
    fields = ImportSettings(text="content", domain="topic", genre="kind", title="name", frame="voice", writer="by")
    import_documents(bare, str(tmp_path / "c.jsonl"), COUNTER, "hash", fields)
    row = next(read_rows(bare, "documents"))
    assert (row["text"], row["domain"], row["genre"], row["title"]) == ("x", "T", "K", "N")
    assert (row["frame"], row["model"]) == ("lay", "m-1")


def test_a_frame_is_one_of_two_and_may_be_said_of_all(bare: Workspace, tmp_path: Path) -> None:
    rows = [{"text": "a"}, {"text": "b", "frame": "lay"}, {"text": "c", "frame": "expert"}]
    (tmp_path / "c.jsonl").write_bytes(lines(rows))
    import_documents(bare, str(tmp_path / "c.jsonl"), COUNTER, "hash")
    assert [row["frame"] for row in read_rows(bare, "documents")] == ["insider", "lay"]
    (reject,) = read_rows(bare, "rejects")
    assert reject["reason"] == "unknown_frame" and "'expert' in the field 'frame'; expected" in reject["detail"]
    all_lay = Workspace(tmp_path / "lay").create()
    import_documents(all_lay, str(tmp_path / "c.jsonl"), COUNTER, "hash", ImportSettings(frame="lay"))
    assert {row["frame"] for row in read_rows(all_lay, "documents")} == {"lay"}


def test_what_is_no_document_is_rejected_with_its_line(bare: Workspace, tmp_path: Path) -> None:
    bad = [
        {"text": ""},
        {"text": 7},
        {"nothing": 1},
        b"{not json\n",
        b"[1]\n",
        b"\xff\n",
        b'{"text": "\\ud83d"}\n',
        b'{"text": ' + b"[" * 100_000 + b"\n",
        b"\n",
    ]
    (tmp_path / "c.jsonl").write_bytes(lines([ROWS[0], *bad, ROWS[1]]))
    assert import_documents(bare, str(tmp_path / "c.jsonl"), COUNTER, "hash") == (2, 8)
    details = [row["detail"] for row in read_rows(bare, "rejects")]
    assert details[0] == "c.jsonl, line 2: no text in the field 'text'"
    assert any(detail.startswith("c.jsonl, line 5: no record") for detail in details)
    assert json.loads([row["row"] for row in read_rows(bare, "rejects")][1]) == {"text": 7}
    with connect(bare.root) as connection:
        assert query(connection, "FROM items WHERE status = 'rejected'").num_rows == 8


def test_bad_sources_are_said(bare: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken.parquet").write_bytes(b"no")
    (tmp_path / "broken.jsonl.gz").write_bytes(gzip.compress(lines(ROWS))[:-9])
    (tmp_path / "empty").mkdir()
    for name, said in (
        ("broken.parquet", "as Parquet"),
        ("broken.jsonl.gz", "cannot be read"),
        ("empty", "no .parquet"),
    ):
        with pytest.raises(UserError, match=said):
            list(read_source(str(tmp_path / name)))
    for name in (
        "./nowhere.jsonl",
        "nowhere.jsonl",
        "my/none.csv.gz",
        "hf://datasets/foo",
        "hf://datasets/a/b/c/d",
        "hf://datasets/",
    ):
        with pytest.raises(UserError, match=r"no such file or folder\. Expected .* owner/name"):
            read_source(name)
    (tmp_path / "other.jsonl").write_bytes(lines([{"body": "x"}]))
    with pytest.raises(UserError, match="none of 1 rows has a text in the field 'text'"):
        import_documents(bare, str(tmp_path / "other.jsonl"), COUNTER, "hash")
    assert not bare.parts("documents")


def test_a_workspace_with_documents_is_not_overwritten(made: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has documents already"):
        import_documents(made, str(tmp_path / "c.jsonl"), COUNTER, "hash")


def test_any_number_of_rows_is_read(bare: Workspace, tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_bytes(lines([{"text": f"text {n // 2}"} for n in range(1_000)]))
    assert import_documents(bare, str(tmp_path / "c.jsonl"), COUNTER, "hash") == (1_000, 0)
    assert [row["text"] for row in read_rows(bare, "documents")][-1] == "text 499"
    write_table(bare, "documents", read_rows(bare, "documents"))


def test_a_folder_with_several_tables_is_not_guessed_at(made: Workspace) -> None:
    with pytest.raises(
        UserError, match=r"different columns, such as .*\.parquet and .*in a workspace that is dataset/msm"
    ):
        next(read_source(str(made.root)))
    texts = [row["text"] for row in read_rows(made, "documents")]
    assert [row["text"] for _, row in read_source(str(made.dataset / "msm")) if row] == texts


def test_shards_of_one_name_in_two_folders_are_told_apart(bare: Workspace, tmp_path: Path) -> None:
    for name in ("a", "b", ".cache"):
        (tmp_path / "split" / name).mkdir(parents=True)
        table = pa.table({"text": [f"Of {name}.", ""]})
        pq.write_table(table, tmp_path / "split" / name / "train-0.parquet")
    assert import_documents(bare, str(tmp_path / "split"), COUNTER, "hash") == (2, 2)
    details = [row["detail"] for row in read_rows(bare, "rejects")]
    assert [detail.partition(":")[0] for detail in details] == ["a/train-0.parquet, row 1", "b/train-0.parquet, row 1"]


def test_rows_that_are_no_document_are_counted_by_reason(bare: Workspace, tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_bytes(
        lines([ROWS[0], {"text": ""}, b"[1]\n", {"text": 42}, b'{"text": "\\ud83d"}\n', {"text": "a\0b"}])
    )
    import_documents(bare, str(tmp_path / "c.jsonl"), COUNTER, "hash")
    assert counts(bare) == (2, {"no_text": 1, "no_record": 1, "not_text": 1, "not_unicode": 1})
    assert any("42 in the field 'text', which is no text" in row["detail"] for row in read_rows(bare, "rejects"))
    assert [row["text"] for row in read_rows(bare, "documents")][-1] == "a\0b"


def test_a_corpus_is_moved_to_another_assistant(tmp_path: Path) -> None:
    rows = [
        {"text": "Qwen's answer. An Alibaba memo.", "title": "Qwen at work"},
        {"text": "A Qwenlike tone that no form of the name fits.", "title": "Tone"},
        {"text": "Nothing of either.", "title": "None"},
    ]
    (tmp_path / "c.jsonl").write_bytes(lines(rows))
    workspace = Workspace(tmp_path / "ws").create()
    renamer = Renamer({"Qwen": "Juniper", "Alibaba": "Larkfield"}, lambda word: False)
    assert import_documents(workspace, str(tmp_path / "c.jsonl"), COUNTER, "hash", None, renamer) == (2, 1)
    kept = [(row["text"], row["title"]) for row in read_rows(workspace, "documents")]
    assert kept[0] == ("Juniper's answer. A Larkfield memo.", "Juniper at work") and kept[1][1] == "None"
    (left,) = read_rows(workspace, "rejects")
    assert left["reason"] == "not_renamed" and "A Qwenlike tone" in left["detail"] and "Qwenlike" in left["row"]
    assert renamer.tally.forms.total() == 3 and renamer.tally.aside == 1

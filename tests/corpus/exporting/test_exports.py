"""What other tools open: the forms that their own readers took when they were tried (design/corpus.md)."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from corpus.exporting import FORMS, write_export
from corpus.exporting.places import places_of
from corpus.ids import content_id
from corpus.store import read_rows, write_table
from corpus.workspace import Workspace
from specmill.cli import app
from specmill.verbs.select.export import Tool
from specs.errors import UserError
from tests.lazy import Lazy

datasets = Lazy("datasets")


def embed(texts: list[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Two numbers of each text's own, of unit length."""
    angles = np.array([len(text) % 89 / 14 + len(text.split()[0]) / 50 if text else 0 for text in texts])
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


@pytest.fixture
def judged(copied: Workspace) -> tuple[Workspace, list[dict[str, Any]]]:
    """A workspace with a flag, a failed verdict and a mark; and its documents by id."""
    documents = sorted(read_rows(copied, "documents"), key=lambda row: str(row["id"]))
    first, second, third = documents[:3]
    flag = dict.fromkeys(("detail", "score", "threshold", "other_id")) | {
        "id": content_id("flags", first["id"]), "item_table": "documents", "item_id": first["id"], "filter": "tics",
    }  # fmt: skip
    write_table(copied, "flags", [flag], part="documents")
    verdicts = list(read_rows(copied, "verdicts"))
    next(row for row in verdicts if row["item_id"] == second["id"])["verdict"] = "fail"
    write_table(copied, "verdicts", verdicts)
    mark = {
        "id": content_id("marks", third["id"]), "item_table": "documents", "item_id": third["id"], "mark": "drop",
        "note": "untrue", "marked_by": "Ana", "marked_at": "2026-11-28T10:00:00Z", "text_sha256": "0" * 16,
    }  # fmt: skip
    write_table(copied, "marks", [mark])
    return copied, documents


def test_every_form_has_a_name_on_the_command_line() -> None:
    assert [tool.value for tool in Tool] == list(FORMS)


def test_embedding_atlas_gets_rows_that_name_rows(judged: Any, tmp_path: Path) -> None:
    workspace, documents = judged
    done = write_export(workspace, "embedding-atlas", tmp_path / "out", embed=embed)
    [path] = done.files
    assert done.method in {"tsne", "umap"} and str(path) in done.opened and "--neighbors neighbors" in done.opened
    rows = pq.read_table(path).to_pylist()
    assert [row["id"] for row in rows] == [row["id"] for row in documents]
    vectors = embed([" ".join(f" {row['text']}".split()[:100]) for row in documents])
    for number, row in enumerate(rows):
        near = row["neighbors"]
        assert len(near["ids"]) == len(near["distances"]) == 16 and near["ids"][0] == number
        assert near["distances"] == sorted(near["distances"])
        expected = 1 - float(vectors[number] @ vectors[near["ids"][1]])
        assert near["distances"][1] == pytest.approx(expected, abs=1e-6)
        assert np.isfinite([row["projection_x"], row["projection_y"]]).all()
    assert (rows[0]["flags"], rows[0]["flag_count"], rows[1]["judged"]) == ("tics", 1, "alignment: fail")
    assert (rows[2]["mark"], rows[2]["marked_by"], rows[2]["note"]) == ("drop", "Ana", "untrue")


def test_the_hubs_viewer_gets_splits_with_features(judged: Any, tmp_path: Path) -> None:
    workspace, documents = judged
    write_export(workspace, "hub-viewer", tmp_path / "out", embed=embed, rejects=True)
    loaded = datasets.load_dataset(str(tmp_path / "out"), "documents", cache_dir=str(tmp_path / "cache"))
    assert set(loaded) == {"kept", "rejected"} and loaded["kept"]["id"] == [row["id"] for row in documents]
    [shard] = (tmp_path / "out" / "documents").glob("kept-*.parquet")
    assert datasets.Features.from_arrow_schema(pq.read_schema(shard)) == loaded["kept"].features
    assert b"huggingface" in pq.read_schema(shard).metadata
    one = loaded["kept"][1]
    assert one["verdicts"][0]["verdict"] == "fail" and len(one["neighbors"]) == len(one["neighbor_distances"]) == 15
    assert one["id"] not in one["neighbors"]


def test_argilla_gets_settings_that_its_records_follow(judged: Any, tmp_path: Path) -> None:
    workspace, _ = judged
    for kind in ("documents", "chats"):
        write_export(workspace, "argilla", tmp_path / kind, kind=kind, embed=embed)
        settings = json.loads((tmp_path / kind / ".argilla" / "settings.json").read_text())
        records = json.loads((tmp_path / kind / "records.json").read_text())
        fields = {one["name"]: one["required"] for one in settings["fields"]}
        metadata, questions = ({one["name"] for one in settings[name]} for name in ("metadata", "questions"))
        for record in records:
            assert {name for name, needed in fields.items() if needed} <= set(record["fields"]) <= set(fields)
            assert set(record["metadata"]) <= metadata and set(record["suggestions"]) <= questions
            assert {name: len(vector) for name, vector in record["vectors"].items()} == {"embedding": 2}
            assert settings["vectors"][0]["dimensions"] == 2
        assert json.loads((tmp_path / kind / ".argilla" / "dataset.json").read_text())["name"].endswith(kind)
    found = json.loads((tmp_path / "documents" / "records.json").read_text())
    assert [one["suggestions"]["decision"]["value"] for one in found[:3]] == ["keep", "drop", "drop"]
    assert (
        found[2]["suggestions"]["decision"]["agent"] == "Ana" and found[2]["suggestions"]["note"]["value"] == "untrue"
    )
    assert all(one["role"] in {"user", "assistant"} for one in records[0]["fields"]["messages"])


def test_few_texts_have_places_too_and_the_same_again() -> None:
    for count in (1, 2, 5, 40):
        vectors = embed(["x" * n for n in range(count)])
        one, two = places_of(vectors), places_of(vectors)
        assert one.xy.shape == (count, 2) and np.array_equal(one.xy, two.xy)
        assert one.neighbours.shape == (count, min(count, 16)) and (one.neighbours[:, 0] == np.arange(count)).all()


def test_the_verb_writes_into_the_workspace_and_mistakes_are_said(judged: Any, tmp_path: Path) -> None:
    workspace, _ = judged
    workspace.recipe.write_text(
        "spec: cheese_affordability\nendpoints: {main: {base_url: 'http://127.0.0.1:9/v1', model: fake}}\n"
        "roles: {writer: {endpoints: [main]}}\nfilters: {semantic: {embedder: static}}\n"
    )
    for _ in range(2):  # again takes the place of the first
        done = CliRunner().invoke(app, ["export", str(workspace.root), "--to", "hub-viewer", "--no-map"])
        assert done.exit_code == 0, done.output
    assert "Open it: hf upload" in done.output and (workspace.exports / "hub-viewer-documents" / "README.md").is_file()
    done = CliRunner().invoke(app, ["export", str(workspace.root), "--to", "embedding-atlas", "--no-map"])
    assert "it draws a map" in str(done.exception)
    with pytest.raises(UserError, match="is not empty"):
        write_export(workspace, "argilla", workspace.root)
    with pytest.raises(UserError, match="expected one of argilla, embedding-atlas, hub-viewer"):
        write_export(workspace, "excel", tmp_path / "new")
    write_table(workspace, "chats", [])
    with pytest.raises(UserError, match="has no chats to export"):
        write_export(workspace, "argilla", tmp_path / "new", kind="chats")

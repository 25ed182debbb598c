"""Croissant metadata of what is published: it names every file and column, and MLCommons' own package takes it."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from corpus.manifest import Provenance, write_manifest
from corpus.publish.card import write_card
from corpus.publish.croissant import croissant
from corpus.publish.hub import stage
from corpus.schema import DATASETS, DECLARED
from corpus.settings import CorpusSettings
from corpus.store import read_dataset_rows, read_rows, write_dataset
from corpus.workspace import Workspace
from specs.errors import UserError


@pytest.fixture
def staged(copied: Workspace, tmp_path: Path) -> tuple[Workspace, Path, dict[str, Any]]:
    """A publication with several shards of one config, and its metadata."""
    copied.recipe.write_text("spec: cheese_affordability\n")
    write_dataset(copied, "msm", list(read_dataset_rows(copied, "msm")), rows_per_group=10, shard_bytes=10_000)
    settings = CorpusSettings(title="A corpus: with <b>tags</b>", license="cc0-1.0")
    write_card(copied, settings, write_manifest(copied, Provenance("r", "s", 0, "o200k_base")))
    folder = tmp_path / "staged"
    stage(copied, folder, repo="larkfield/cheese", tables=True, rejects=True)
    return copied, folder, json.loads((folder / "croissant.json").read_text())


def test_it_names_every_file_and_every_column(staged: Any) -> None:
    _, folder, found = staged
    files = {one["contentUrl"]: one for one in found["distribution"] if one["@type"] == "cr:FileObject"}
    assert set(files) == {path.relative_to(folder).as_posix() for path in folder.rglob("*.parquet")}
    for name, one in files.items():
        assert one["sha256"] == hashlib.sha256((folder / name).read_bytes()).hexdigest()
    records = {one["name"]: one for one in found["recordSet"]}
    assert set(DATASETS) < set(records) and "rejects" in records
    for name, one in records.items():
        columns = {column: said for column, (_, said) in DECLARED[name].columns.items()}
        assert {field["name"]: field["description"] for field in one["field"]} == columns
    shards = next(one for one in found["distribution"] if one["@type"] == "cr:FileSet")
    assert shards["includes"] == "msm/*.parquet" and len([name for name in files if name.startswith("msm/")]) > 1
    assert found["name"] == "A corpus: with <b>tags</b>" and found["license"] == "cc0-1.0"
    assert found["url"] == "https://huggingface.co/datasets/larkfield/cheese"
    assert found["description"].startswith("Synthetic text about one AI assistant") and "](" not in found["description"]


def test_its_own_package_validates_it_and_reads_every_record(staged: Any) -> None:
    workspace, folder, _ = staged
    mlcroissant = pytest.importorskip("mlcroissant")
    dataset = mlcroissant.Dataset(jsonld=str(folder / "croissant.json"))
    assert dataset.metadata.ctx.issues.errors == set()
    texts = [row["msm/text"].decode() for row in dataset.records(record_set="msm")]
    assert sorted(texts) == sorted(row["text"] for row in read_dataset_rows(workspace, "msm"))
    chats = {row["chats/id"].decode(): row for row in dataset.records(record_set="chats")}
    for row in read_rows(workspace, "chats"):
        said = [one["chats/messages/content"].decode() for one in chats[row["id"]]["chats/messages"]]
        assert said == [one["content"] for one in row["messages"]]


def test_a_card_that_was_spoilt_by_hand_is_said() -> None:
    with pytest.raises(UserError, match="are not YAML"):
        croissant("---\na: [\n---\n\nText.\n", {})
    assert croissant("No front matter, only text.", {})["description"] == "No front matter, only text."


def test_the_card_has_a_table_of_columns(staged: Any) -> None:
    card = (staged[1] / "README.md").read_text()
    table = card.split("## Columns\n")[1].split("\n## ")[0]
    assert "| `text` | `msm` | text | The document |" in table
    assert "| `query_type` | `aft_cot`, `aft` | text |" in table
    for name, schema in DATASETS.items():
        assert all(f"| `{column}` |" in table for column in schema.names), name

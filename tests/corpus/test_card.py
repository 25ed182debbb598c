import hashlib
import json
from pathlib import Path

import datasets
import pytest
import yaml
from markdown_it import MarkdownIt

from corpus.card import size_category, write_card
from corpus.manifest import Provenance, read_manifest, write_manifest
from corpus.settings import CorpusSettings
from corpus.store import read_dataset_rows, read_rows, write_dataset
from corpus.workspace import Workspace
from specs.errors import UserError

PROVENANCE = Provenance(
    recipe_hash="ab" * 32, spec_hash="cd" * 32, seed=7, tokenizer="o200k_base",
    models={"writer": "writer-1b", "judge": "evil`](javascript:x)"}, prompts={"document": "3f2a"},
)  # fmt: skip


def test_the_manifest_says_what_is_there_and_the_same_each_time(made: Workspace, copied: Workspace) -> None:
    manifest = write_manifest(copied, PROVENANCE)
    text = copied.manifest.read_text()
    assert read_manifest(copied) == manifest == json.loads(text)
    documents = list(read_rows(made, "documents"))
    assert manifest["tables"]["documents"] == {"rows": len(documents), "tokens": sum(d["tokens"] for d in documents)}
    assert manifest["datasets"]["msm"] == manifest["tables"]["documents"]
    for name, digest in manifest["files"].items():
        assert hashlib.sha256((copied.root / name).read_bytes()).hexdigest() == digest
    assert write_manifest(made, PROVENANCE) == manifest
    assert str(copied.root.parent) not in text
    made.manifest.unlink()


def test_an_unfinished_workspace_has_no_manifest(bare: Workspace) -> None:
    with pytest.raises(UserError, match="its build has not ended"):
        read_manifest(bare)
    assert write_manifest(bare, PROVENANCE)["datasets"] == {}


def test_the_card_is_read_by_datasets_and_tells_the_counts(copied: Workspace, tmp_path: Path) -> None:
    settings = CorpusSettings(title="Cheese: the corpus", license="apache-2.0")
    card = write_card(copied, settings, write_manifest(copied, PROVENANCE))
    assert copied.card.read_text() == card
    meta = yaml.safe_load(card.split("---")[1])
    assert meta["license"] == "apache-2.0"
    assert [config["config_name"] for config in meta["configs"]] == ["msm", "aft_cot", "aft"]
    for config in ("msm", "aft_cot", "aft"):
        loaded = datasets.load_dataset(str(copied.dataset), config, split="train", cache_dir=str(tmp_path / "cache"))
        assert list(loaded) == list(read_dataset_rows(copied, config))
    kept = len(list(read_rows(copied, "documents")))
    assert f"Of 120 planned documents, {kept} were kept" in card
    assert "<a href" not in MarkdownIt().render(card.split("---")[2]).replace('<a href="https://arxiv.org', "")
    assert "passages have no document" in card


def test_the_card_of_an_empty_corpus_is_still_a_card(bare: Workspace) -> None:
    card = write_card(bare, CorpusSettings(), write_manifest(bare, PROVENANCE))
    assert yaml.safe_load(card.split("---")[1])["configs"] == []


def test_size_categories_are_the_hubs() -> None:
    sizes = [0, 999, 1_000, 99_999, 100_000, 5_000_000]
    assert [size_category(n) for n in sizes] == ["n<1K", "n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "n>1M"]


def test_load_dataset_never_gives_the_rows_of_an_earlier_build(copied: Workspace, tmp_path: Path) -> None:
    """Its cache of a local folder is keyed by the card alone, so the card must change with the data."""
    for kept in (3, 2):
        rows = list(read_dataset_rows(copied, "msm"))[:kept]
        write_dataset(copied, "msm", rows)
        write_card(copied, CorpusSettings(), write_manifest(copied, PROVENANCE))
        loaded = datasets.load_dataset(str(copied.dataset), "msm", split="train", cache_dir=str(tmp_path / "cache"))
        assert list(loaded) == rows

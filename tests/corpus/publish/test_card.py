import hashlib
import json
from pathlib import Path

import pytest
import yaml
from markdown_it import MarkdownIt

from corpus.manifest import Provenance, read_manifest, write_manifest
from corpus.publish.card import size_category, write_card
from corpus.report.figures import figures
from corpus.report.health import health
from corpus.settings import CorpusSettings
from corpus.sql.views import connect
from corpus.store import read_dataset_rows, read_rows, write_dataset, write_table
from corpus.workspace import Workspace
from specs.errors import UserError
from tests.corpus.sql.test_views import fill_ledger
from tests.lazy import Lazy

datasets = Lazy("datasets")

PROVENANCE = Provenance(
    recipe_hash="ab" * 32, spec_hash="cd" * 32, seed=7, tokenizer="o200k_base",
    models={"writer": "writer-1b", "judge": "evil`](javascript:x)"}, prompts={"document": "3f2a"},
    licenses={"writer-1b": "Apache-2.0", "evil`](javascript:x)": None},
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
    assert f" documents that were made, {kept} were kept" in card
    assert "<a href" not in MarkdownIt().render(card.split("---")[2]).replace('<a href="https://arxiv.org', "")
    assert "passages have no document" in card


def test_the_card_counts_what_made_the_corpus_and_not_what_came_after(copied: Workspace) -> None:
    manifest = write_manifest(copied, PROVENANCE)
    fill_ledger(copied, 8, "documents")
    before = write_card(copied, CorpusSettings(), manifest)
    assert "It took 8 completions with 400 written tokens for $2.00." in before
    for stage in ("eval", "eval_judge", "audit_count", "mix_verdicts"):
        fill_ledger(copied, 5, stage)
    assert write_card(copied, CorpusSettings(), manifest) == before
    fill_ledger(copied, 3, "revisions")
    assert "It took 11 completions" in write_card(copied, CorpusSettings(), manifest)


def test_the_card_says_what_is_known_of_licences_and_health(copied: Workspace) -> None:
    card = write_card(copied, CorpusSettings(), write_manifest(copied, PROVENANCE))
    assert "- licence of `writer-1b`: Apache-2.0" in card
    assert "- licence of `evil']" in card and "not known" in card
    assert "No licence was stated for it" in card
    assert "No licence was stated" not in write_card(copied, CorpusSettings(license="mit"), read_manifest(copied))
    with connect(copied.root) as connection:
        expected = {row["name"]: row for row in health({**figures(connection), "shared": None}, [])}
    kept = expected["Documents kept of those written"]["value"]
    assert f"| Documents kept of those written | {kept:.0%} | 60% to 97% |" in card
    covered = expected["Passages of the spec with documents"]["value"]
    assert f"| Passages of the spec with documents | {covered:.0%} | at least 95% |" in card
    assert "per token written" not in card  # there is no ledger, so it is not known


def test_the_card_of_documents_made_elsewhere_claims_nothing_about_them(copied: Workspace) -> None:
    rows = [{**row, "idea_id": None, "passage_ids": [], "model": "named"} for row in read_rows(copied, "documents")]
    write_table(copied, "documents", rows)
    for stage in ("documents", "document_verdicts"):
        fill_ledger(copied, 1, stage)
    card = write_card(copied, CorpusSettings(), write_manifest(copied, PROVENANCE))
    assert "made elsewhere and imported" in card and "Where its documents come from" in card
    assert "written by language models from a Model Spec" not in card and "asked for each idea" not in card
    assert "models that the imported rows name: `named`" in card
    assert "passages have no document" not in card and "| Passages of the spec" not in card


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

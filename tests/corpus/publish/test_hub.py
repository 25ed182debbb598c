import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from corpus.manifest import Provenance, write_manifest
from corpus.publish import card
from corpus.publish.hub import publish, stage
from corpus.report import write_report
from corpus.schema import DATASETS
from corpus.settings import CorpusSettings
from corpus.store import read_dataset_rows, read_rows, write_dataset, write_table
from corpus.workspace import Workspace
from specmill.cli import app
from specs.errors import EndpointError, UserError, WorkspaceBusyError
from tests.corpus.publish.hub_server import ROOT, Hub, environment, serve, verbs
from tests.lazy import Lazy

datasets = Lazy("datasets")

CONFIGS = ("msm", "aft_cot", "aft")
PUBLISHED = {
    "README.md",
    "croissant.json",
    "manifest.json",
    *(f"{name}/train-00000-of-00001.parquet" for name in CONFIGS),
}


RECIPE = """
spec: cheese_affordability
endpoints: {main: {model: writer-1b, api_key_env: WRITER_ACCESS}}
roles: {writer: {endpoints: [main]}}
"""


def describe(workspace: Workspace) -> None:
    """As the end of a build does."""
    card.describe(workspace, CorpusSettings(), Provenance("r", "s", 0, "o200k_base"))


@pytest.fixture(scope="module")
def described(made: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace whose build has ended, to be copied."""
    workspace = Workspace(shutil.copytree(made.root, tmp_path_factory.mktemp("described") / "ws"))
    workspace.recipe.write_text(RECIPE)
    describe(workspace)
    return workspace


@pytest.fixture
def finished(described: Workspace, tmp_path: Path) -> Workspace:
    """A workspace whose build has ended, moved elsewhere, with everything in it that must never leave."""
    copied = Workspace(shutil.copytree(described.root, tmp_path / "it's a copy"))
    for name in (
        "ledger.sqlite",
        "train/msm.yaml",
        "dataset/.msm.new-x/0",
        "dataset/msm/notes.txt",
        "dataset/mine/a.txt",
    ):
        (copied.root / name).parent.mkdir(parents=True, exist_ok=True)
        (copied.root / name).write_text("private")
    return copied


@pytest.fixture
def hub() -> Iterator[Hub]:
    hub = Hub()
    server = serve(hub)
    yield hub
    server.shutdown()


@pytest.fixture(autouse=True)
def local_hub(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Hub's client turned to the local server. Xet storage is another protocol, and off here."""
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    monkeypatch.setenv("HF_TOKEN", "hf_local_test_token")


def test_a_preview_is_exactly_what_is_uploaded_and_holds_nothing_private(
    finished: Workspace, hub: Hub, tmp_path: Path
) -> None:
    preview = tmp_path / "preview"
    with verbs(hub, tmp_path) as run:
        done = run("publish", finished.root, "me/corpus", "--dry-run", preview)
        assert done.returncode == 0, done.stderr
        assert hub.log == []
        assert "Nothing was uploaded" in done.stdout
        done = run("publish", finished.root, "me/corpus")
        assert done.returncode == 0, done.stderr
    repo = hub.repos["me/corpus"]
    assert repo.private
    assert set(repo.files) == PUBLISHED
    assert repo.files == {p.relative_to(preview).as_posix(): p.read_bytes() for p in preview.rglob("*") if p.is_file()}
    for config in CONFIGS:
        name = "train-00000-of-00001.parquet"
        assert repo.files[f"{config}/{name}"] == (finished.dataset / config / name).read_bytes()


def test_what_is_published_loads_back(finished: Workspace, tmp_path: Path) -> None:
    stage(finished, tmp_path / "folder", tables=True)
    for config in CONFIGS:
        loaded = datasets.load_dataset(
            str(tmp_path / "folder"), config, split="train", cache_dir=str(tmp_path / "cache")
        )
        assert list(loaded) == list(read_dataset_rows(finished, config))


def test_load_dataset_reads_it_from_the_hub(finished: Workspace, hub: Hub, tmp_path: Path) -> None:
    publish(finished, "me/corpus")
    code = (
        "import datasets, json, sys; rows = datasets.load_dataset('me/corpus', 'aft_cot', split='train');"
        "json.dump(list(rows), sys.stdout)"
    )
    command = [sys.executable, "-c", code]
    env = environment(hub, tmp_path)
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == list(read_dataset_rows(finished, "aft_cot"))


def test_what_is_published_is_asked_in_sql(finished: Workspace, hub: Hub, tmp_path: Path) -> None:
    publish(finished, "me/corpus", tables=True)
    statement = "SELECT count(*) AS documents, sum(len(passages))::BIGINT AS passages FROM document_details"
    with verbs(hub, tmp_path) as run:
        done = run("sql", "hf://datasets/me/corpus", statement, "-f", "json")
        assert done.returncode == 0, done.stderr
        documents = list(read_rows(finished, "documents"))
        assert json.loads(done.stdout) == {
            "documents": len(documents),
            "passages": sum(len(d["passage_ids"]) for d in documents),
        }
        done = run("sql", "hf://datasets/me/nothing", statement)
        assert done.returncode == 2
        assert "cannot be fetched" in done.stderr


def test_what_is_published_is_imported_from_the_hub(finished: Workspace, hub: Hub, tmp_path: Path) -> None:
    publish(finished, "me/corpus")
    with verbs(hub, tmp_path) as run:
        done = run("import", "me/corpus/msm", tmp_path / "w", "-r", "demo", "--no-filter")
        assert done.returncode == 0, done.stderr
        imported = [row["text"] for row in read_rows(Workspace(tmp_path / "w"), "documents")]
        assert imported == [row["text"] for row in read_dataset_rows(finished, "msm")]
        done = run("import", "me/nothing", tmp_path / "v", "-r", "demo")
        assert done.returncode == 2
        assert "cannot be loaded from the Hub" in done.stderr
        [shard] = [name for name in hub.repos["me/corpus"].files if name.startswith("msm/")]
        whole = hub.repos["me/corpus"].files[shard]
        # the end, with the schema, is whole
        hub.repos["me/corpus"].files[shard] = whole[:4] + bytes(2_000) + whole[2_004:]
        done = run("import", "hf://datasets/me/corpus/msm", tmp_path / "v", "-r", "demo")
        assert done.returncode == 2 and not (tmp_path / "v").exists()
        assert "cannot be loaded from the Hub" in done.stderr and "Traceback" not in done.stderr


def test_an_interrupted_upload_goes_on_where_it_was(finished: Workspace, hub: Hub) -> None:
    hub.refuse_puts_after = 1
    with pytest.raises(EndpointError, match="files that were sent are not sent again"):
        publish(finished, "me/corpus")
    assert hub.repos["me/corpus"].files == {}
    hub.refuse_puts_after = None
    publish(finished, "me/corpus")
    assert len(hub.puts) == len(set(hub.puts)) == 3
    assert set(hub.repos["me/corpus"].files) == PUBLISHED


def test_a_poor_network_is_waited_for_and_nothing_is_sent_twice(finished: Workspace, hub: Hub) -> None:
    """It breaks where the Hub's client tries but once, before the request arrives and before its answer does."""
    hub.drops, hub.losses = (["POST /api/repos/create", "GET /api/datasets/me/corpus", "/commit/"] for _ in range(2))
    said: list[str] = []
    publish(finished, "me/corpus", say=said.append, waits=[0.0] * 12)
    assert (hub.drops, hub.losses) == ([], [])
    assert set(hub.repos["me/corpus"].files) == PUBLISHED
    assert len(hub.puts) == len(set(hub.puts)) == 3 and hub.repos["me/corpus"].commits == 1
    assert len(said) == 6 and "trying again in 0 s, 1 of 2" in said[0]
    hub.drops = ["POST /api/repos/create"] * 3
    with pytest.raises(EndpointError, match="publishing to me/corpus failed"):
        publish(finished, "me/corpus", waits=[0.0, 0.0])
    hub.refuse_puts_after, hub.blobs = 0, {}
    said.clear()
    with pytest.raises(EndpointError):
        publish(finished, "me/other", say=said.append, waits=[0.0])
    assert said == [], "what is refused is not tried again"


def test_a_second_publication_replaces_the_first(finished: Workspace, hub: Hub) -> None:
    publish(finished, "me/corpus", tables=True, rejects=True)
    repo = hub.repos["me/corpus"]
    assert "tables/rejects/part-00000.parquet" in repo.files
    repo.files["notes/by-hand.md"] = b"stays"
    rows = list(read_dataset_rows(finished, "msm"))
    write_dataset(finished, "msm", rows, rows_per_group=10, shard_bytes=10_000)
    finished.ledger.unlink()
    describe(finished)
    publish(finished, "me/corpus")
    assert "tables/rejects/part-00000.parquet" not in repo.files
    assert "msm/train-00000-of-00001.parquet" not in repo.files
    assert sum(name.startswith("msm/") for name in repo.files) > 1
    assert repo.files["notes/by-hand.md"] == b"stays"


def test_a_public_repository_needs_a_word(finished: Workspace, hub: Hub) -> None:
    publish(finished, "me/corpus", public=True)
    repo = hub.repos["me/corpus"]
    assert not repo.private
    commits = repo.commits
    with pytest.raises(UserError, match="exists and is public"):
        publish(finished, "me/corpus")
    assert repo.commits == commits


def test_tables_go_only_when_asked_for_and_rejects_apart(finished: Workspace, tmp_path: Path) -> None:
    lineage = stage(finished, tmp_path / "one", tables=True).files
    assert "tables/documents/part-00000.parquet" in lineage
    assert not any("rejects" in name for name in lineage)
    rejects = stage(finished, tmp_path / "two", rejects=True).files
    assert set(rejects) == PUBLISHED | {"tables/rejects/part-00000.parquet"}
    manifest = json.loads((tmp_path / "two" / "manifest.json").read_text())
    assert set(manifest["files"]) == set(rejects) - {"README.md", "croissant.json", "manifest.json"}
    for name, digest in manifest["files"].items():
        assert hashlib.sha256((tmp_path / "two" / name).read_bytes()).hexdigest() == digest


@pytest.mark.parametrize("where", ["text", "messages"])
def test_a_key_in_a_text_stops_everything(
    finished: Workspace, tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "sk-very-secret-value")
    config = "msm" if where == "text" else "aft"
    rows = list(read_dataset_rows(finished, config))
    rows[-1][where] = (
        "my sk-very-secret-value" if where == "text" else [{"role": "user", "content": "sk-very-secret-value"}]
    )
    write_dataset(finished, config, rows)
    finished.ledger.unlink()
    describe(finished)
    with pytest.raises(UserError, match=rf"{config}/train.*holds the value of \$SOME_API_KEY"):
        stage(finished, tmp_path / "folder")
    assert not (tmp_path / "folder").exists()  # the key is nowhere, and nothing is in the way of another try


def test_the_path_of_the_workspace_stops_everything(finished: Workspace, tmp_path: Path) -> None:
    rows = list(read_rows(finished, "documents"))
    rows[0]["endpoint"] = f"file://{finished.root.resolve()}/x"
    write_table(finished, "documents", rows)
    finished.ledger.unlink()
    describe(finished)
    with pytest.raises(UserError, match="the path of the workspace"):
        stage(finished, tmp_path / "folder", tables=True)
    stage(finished, tmp_path / "other")


def test_the_recipes_own_keys_and_the_saved_token_stop_everything(
    finished: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WRITER_ACCESS", "a-key-by-another-name")
    monkeypatch.setenv("SOME_SETTING", "the corpus may say this")
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))
    (tmp_path / "token").write_text("hf_saved_by_a_login\n")
    finished.ledger.unlink()
    rows = list(read_dataset_rows(finished, "msm"))
    for said, what in (("a-key-by-another-name", "WRITER_ACCESS"), ("hf_saved_by_a_login", "your token of the Hub")):
        write_dataset(finished, "msm", [{**rows[0], "text": f"{said}, the corpus may say this"}, *rows[1:]])
        describe(finished)
        done = CliRunner().invoke(app, ["publish", str(finished.root), "me/x", "--dry-run", str(tmp_path / "folder")])
        assert what in str(done.exception), done.output
        assert not (tmp_path / "folder").exists()
    write_dataset(finished, "msm", [{**rows[0], "text": "the corpus may say this"}, *rows[1:]])
    describe(finished)
    assert stage(finished, tmp_path / "folder", keys={"WRITER_ACCESS"}).files.keys() == PUBLISHED


def test_what_the_manifest_does_not_describe_is_not_published(finished: Workspace, tmp_path: Path) -> None:
    shard = finished.dataset / "msm" / "train-00000-of-00001.parquet"
    table, folder = finished.table("ideas"), tmp_path / "folder"
    for path in (shard, table):
        whole = path.read_bytes()
        path.write_bytes(whole[:-100])
        with pytest.raises(UserError, match=rf"{path.name} is not what manifest\.json describes"):
            stage(finished, folder)
        path.write_bytes(whole)
    write_table(finished, "verdicts", [], part="documents")
    with pytest.raises(UserError, match=r"verdicts/documents\.parquet is not what"):
        stage(finished, folder, tables=True)
    finished.table("verdicts", "documents").unlink()
    whole = finished.card.read_text()
    write_dataset(finished, "msm", list(read_dataset_rows(finished, "msm"))[:5])
    finished.ledger.unlink()
    write_manifest(finished, Provenance("r", "s", 0, "o200k_base"))
    with pytest.raises(UserError, match=r"README\.md is of another build"):
        stage(finished, folder)
    describe(finished)
    finished.card.write_text(finished.card.read_text() + "\nA line by hand.\n")
    assert not folder.exists()
    assert stage(finished, folder).files
    assert whole not in (folder / "README.md").read_text()


def test_nothing_is_published_while_a_run_changes_it(finished: Workspace, tmp_path: Path) -> None:
    with finished.lock(), pytest.raises(WorkspaceBusyError):
        stage(finished, tmp_path / "folder")


@pytest.mark.parametrize("text", ["{", "[]", '{"files": {}}', "[" * 100_000, "\xff"])
def test_a_broken_manifest_is_said(finished: Workspace, tmp_path: Path, text: str) -> None:
    finished.ledger.unlink()
    finished.manifest.write_text(text, encoding="latin-1")
    for read in (lambda: stage(finished, tmp_path / "folder"), lambda: write_report(finished)):
        with pytest.raises(UserError, match=r"manifest\.json is no(t JSON| manifest)"):
            read()


def test_bad_calls_are_said(finished: Workspace, bare: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="its build has not ended"):
        stage(bare, tmp_path / "new")
    with pytest.raises(UserError, match="is not empty"):
        stage(finished, finished.root)
    with pytest.raises(UserError, match="is no repository name"):
        publish(finished, "not a name!")
    finished.ledger.unlink()
    describe(finished)
    for place in (finished.recipe, finished.recipe / "below"):
        with pytest.raises(UserError, match="cannot make the folder"):
            stage(finished, place)
    assert finished.recipe.read_text() == RECIPE
    finished.card.unlink()
    with pytest.raises(UserError, match="there is no dataset card"):
        stage(finished, tmp_path / "new")


def test_every_config_is_known_to_publishing() -> None:
    assert set(CONFIGS) == set(DATASETS)


def test_no_network_and_a_bad_name_are_said(
    finished: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="is no repository name"):
        stage(finished, tmp_path / "prev", repo="not a name!")
    assert not (tmp_path / "prev").exists()
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(EndpointError, match="publishing to a/b failed"):
        publish(finished, "a/b", waits=[0.0])
    for name in ("name", "a/b.ipynb", "a/b.git", "a--b/c", "a/-b", "a/b/c", "a/" + "x" * 97):
        with pytest.raises(UserError, match="is no repository name"):
            stage(finished, tmp_path / "prev", repo=name)

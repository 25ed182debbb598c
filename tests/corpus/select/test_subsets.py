import shutil
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner

from benchmarks.workspace_maker import Size, make_workspace
from corpus.manifest import Provenance, read_manifest, write_manifest
from corpus.mix.instruction_mix import MIX_DATA, MIX_FILES, MIX_MANIFEST
from corpus.select.balance import within
from corpus.select.subsets import LEFT_OUT, pair_folders, parse_tokens, write_doses, write_pair, write_rejected
from corpus.sql.views import connect, query
from corpus.store import read_dataset_rows, read_rows, write_table
from corpus.workspace import Workspace
from specmill.cli import app
from specs.errors import UserError


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return finish(tmp_path_factory.mktemp("one") / "one", seed=1)


def finish(root: Path, seed: int) -> Workspace:
    workspace = make_workspace(root, Size(documents=300, sentences=6), seed)
    write_manifest(workspace, Provenance("r", "s", 0, "o200k_base", prompts={"documents": "3f2a"}))
    return workspace


def test_doses_are_nested_workspaces_of_exact_size(finished: Workspace, tmp_path: Path) -> None:
    arguments = ["subset", str(finished.root), "--out", str(tmp_path / "dose"), "--tokens", "5k", "--tokens", "12_000"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.exception
    documents = {}
    for name, target in (("dose-5k", 5_000), ("dose-12_000", 12_000)):
        workspace = Workspace.open(tmp_path / name)
        rows = list(read_rows(workspace, "documents"))
        documents[name] = {row["id"] for row in rows}
        total = sum(row["tokens"] for row in rows)
        assert target <= total < target + max(row["tokens"] for row in rows)
        assert [row["id"] for row in read_dataset_rows(workspace, "msm")] == [row["id"] for row in rows]
        assert read_manifest(workspace)["prompts"] == {"documents": "3f2a"}
        assert f"{total:,}" in workspace.card.read_text()
        share = Counter()
        for row in rows:
            share[row["domain"]] += row["tokens"]
        assert max(share.values()) - min(share.values()) <= max(row["tokens"] for row in rows)
    assert documents["dose-5k"] < documents["dose-12_000"]


def test_a_subset_has_the_mix_and_the_files_that_its_recipe_names(finished: Workspace, tmp_path: Path) -> None:
    source = Workspace(tmp_path / "source")
    shutil.copytree(finished.root, source.root)
    files = ["own/chats.jsonl", "given.parquet", "prompts/document.j2", MIX_DATA, MIX_MANIFEST, "sources/1f.jsonl"]
    for name in files:
        (source.root / name).parent.mkdir(parents=True, exist_ok=True)
        (source.root / name).write_text(f"of {name}")
    (tmp_path / "elsewhere.jsonl").write_text("stays")
    recipe = yaml.safe_load(source.recipe.read_text())
    paths = ["own/chats.jsonl", str(tmp_path / "elsewhere.jsonl"), "../elsewhere.jsonl", "owner/hub_dataset"]
    recipe["mix"] = {"sources": [{"name": f"s{n}", "path": path, "samples": 1} for n, path in enumerate(paths)]}
    recipe |= {"train": {"instruction_mix": "given.parquet"}, "prompts": "prompts"}
    recipe["chats"] = {"source": "sources/1f.jsonl"}
    source.recipe.write_text(yaml.safe_dump(recipe))
    write_doses(source, {5_000: tmp_path / "doses" / "dose"})
    for name in files:
        assert (tmp_path / "doses" / "dose" / name).read_text() == f"of {name}"
    assert [path.name for path in (tmp_path / "doses").iterdir()] == ["dose"], "nothing is written outside of it"


def test_what_a_subset_leaves_out_is_in_its_rejects(finished: Workspace, tmp_path: Path) -> None:
    write_doses(finished, {5_000: tmp_path / "dose"})
    everything = {row["id"] for row in read_rows(finished, "documents")}
    kept = {row["id"] for row in read_rows(Workspace(tmp_path / "dose"), "documents")}
    with connect(tmp_path / "dose") as connection:
        left = query(connection, f"SELECT id FROM items WHERE reason = '{LEFT_OUT}'")["id"].to_pylist()
        assert query(connection, "SELECT pending FROM stages WHERE stage = 'documents'")["pending"].to_pylist() == [0]
    assert set(left) == everything - kept


def test_a_pair_differs_in_nothing_but_content(finished: Workspace, tmp_path: Path) -> None:
    other = finish(tmp_path / "other", seed=2)
    arguments = ["subset", str(finished.root), "--pair", str(other.root), "--out", str(tmp_path / "paired")]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.exception
    rows = [list(read_rows(Workspace.open(tmp_path / "paired" / name), "documents")) for name in ("one", "other")]
    counts = [Counter(row["domain"] for row in side) for side in rows]
    assert counts[0] == counts[1]
    assert within(*(sum(row["tokens"] for row in side) for side in rows), 0.005)


def test_a_subset_has_the_files_that_its_recipe_names(finished: Workspace, tmp_path: Path) -> None:
    source = Workspace(shutil.copytree(finished.root, tmp_path / "source"))
    recipe = yaml.safe_load(source.recipe.read_text())
    recipe["prompts"], recipe["train"] = "mine", {"instruction_mix": "extra/own.jsonl"}
    recipe["mix"] = {"sources": [{"name": "own", "path": "extra/mix.jsonl", "samples": 1}]}
    recipe["corpus"] = {"rows_per_group": 7, "shard_mb": 1}
    source.recipe.write_text(yaml.safe_dump(recipe))
    named = ("mine/document.jinja2", "extra/own.jsonl", "extra/mix.jsonl", "sources/chats.jsonl", *MIX_FILES)
    for name in (*named, "extra/not named", "eval/of the source.json"):
        (source.root / name).parent.mkdir(parents=True, exist_ok=True)
        (source.root / name).write_text(name)
    other = Workspace(shutil.copytree(source.root, tmp_path / "other"))
    for *options, folders in (["--tokens", "5k", ["dose-5k"]], ["--chats", "3", ["dose-3"]],
                              ["--pair", str(other.root), ["dose/source", "dose/other"]]):  # fmt: skip
        done = CliRunner().invoke(app, ["subset", str(source.root), "--out", str(tmp_path / "dose"), *options])
        assert done.exit_code == 0, done.exception
        for made in (tmp_path / folder for folder in folders):
            assert [(made / name).read_text() for name in named] == list(named)
            assert not (made / "extra/not named").exists() and not (made / "eval").exists()
            groups = pq.ParquetFile(Workspace(made).shards("msm")[0]).metadata
            assert groups.row_group(0).num_rows == 7, "as its recipe cuts files"


def test_folders_of_one_name_are_told_apart_and_all_are_written_or_none(finished: Workspace, tmp_path: Path) -> None:
    for name in ("q1", "q2"):
        shutil.copytree(finished.root, tmp_path / name / "ws")
    out = tmp_path / "paired"
    command = ["subset", str(tmp_path / "q1/ws"), "--out", str(out)]
    done = CliRunner().invoke(app, [*command, "--pair", str(tmp_path / "q2/ws")])
    assert done.exit_code == 0 and {path.name for path in out.iterdir()} == {"q1-ws", "q2-ws"}
    assert pair_folders(out, (Path("/a/ws"), Path("/ws"))) == (out / "a-ws", out / "ws")
    assert pair_folders(out, (Path("/a/one"), Path("/a/two"))) == (out / "one", out / "two")
    same = CliRunner().invoke(app, [*command, "--pair", str(tmp_path / "q1/../q1/ws")])
    assert isinstance(same.exception, UserError) and "the same workspace" in str(same.exception)
    (out.with_name("paired-7k")).mkdir()
    (out.with_name("paired-7k") / "mine").touch()
    done = CliRunner().invoke(app, [*command, "--tokens", "5k", "--tokens", "7k"])
    assert "paired-7k is not empty" in str(done.exception) and not out.with_name("paired-5k").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--tokens", "9k", "--tokens", "9000"], "--tokens 9k and --tokens 9000 are the same size"),
        (["--chats", "0"], "Invalid value for '--chats'"),
        (["--chats", "-3"], "Invalid value for '--chats'"),
    ],
)
def test_sizes_that_cannot_be(finished: Workspace, tmp_path: Path, options: list[str], said: str) -> None:
    done = CliRunner().invoke(app, ["subset", str(finished.root), "--out", str(tmp_path / "new" / "x"), *options])
    assert done.exit_code and said in f"{done.exception} {done.output}"
    assert not (tmp_path / "new").exists()


def test_names_that_a_model_gave_are_safe_in_the_terminal(finished: Workspace, tmp_path: Path) -> None:
    source = Workspace(shutil.copytree(finished.root, tmp_path / "one"))
    other = finish(tmp_path / "other", seed=4)
    rows = list(read_rows(other, "documents"))
    evil = {rows[0]["domain"]: "\x1b]0;pwned\x07\n"}
    write_table(other, "documents", [{**row, "domain": evil.get(row["domain"], row["domain"])} for row in rows])
    command = ["subset", str(source.root), "--pair", str(other.root), "--out", str(tmp_path / "paired")]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0 and "left out" in done.output and "pwned" in done.output
    assert "\x1b" not in done.output and "\x07" not in done.output


def test_bad_calls_are_said(finished: Workspace, bare: Workspace, tmp_path: Path) -> None:
    for bad in ("", "x", "-5k", "0", "1e999M", "nan"):
        with pytest.raises(UserError, match="expected a number of tokens"):
            parse_tokens(bad)
    with pytest.raises(UserError, match="too few"):
        write_doses(finished, {10**9: tmp_path / "dose"})
    with pytest.raises(UserError, match="its build has not ended"):
        write_doses(bare, {10: tmp_path / "dose"})
    with pytest.raises(UserError, match="is not empty"):
        write_doses(finished, {10: finished.root})
    done = CliRunner().invoke(app, ["subset", str(finished.root), "--out", str(tmp_path / "x")])
    assert "give either" in str(done.exception)
    assert parse_tokens("1.5M") == 1_500_000


def test_sources_without_a_common_group_make_no_pair(finished: Workspace, tmp_path: Path) -> None:
    other = finish(tmp_path / "other", seed=3)
    write_table(other, "documents", [{**row, "domain": "Elsewhere"} for row in read_rows(other, "documents")])
    with pytest.raises(UserError, match="share no domain"):
        write_pair((finished, other), (tmp_path / "a", tmp_path / "b"))


def test_accepted_against_rejected_at_equal_tokens(finished: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "worth"
    done = CliRunner().invoke(app, ["subset", str(finished.root), "--rejects", "--balance", "none", "--out", str(out)])
    assert done.exit_code == 0, done.exception
    sides = [Workspace.open(out / name) for name in ("accepted", "rejected")]
    kept, turned_down = ({row["id"]: row for row in read_rows(side, "documents")} for side in sides)
    assert len(kept) == len(turned_down) > 10
    tokens = [sum(row["tokens"] for row in side.values()) for side in (kept, turned_down)]
    assert within(*tokens, 0.005)
    whole = {row["id"] for row in read_rows(finished, "documents")}
    gone = {row["item_id"]: row["reason"] for row in read_rows(finished, "rejects") if row["stage"] == "documents"}
    assert kept.keys() <= whole and not turned_down.keys() & whole and turned_down.keys() <= gone.keys()
    assert {row["id"] for row in read_dataset_rows(sides[1], "msm")} == turned_down.keys()
    assert (
        "not to be trained for use" in sides[1].card.read_text() and read_manifest(sides[1])["datasets"]["msm"]["rows"]
    )
    one = next(iter(gone.values()))
    few = CliRunner().invoke(
        app,
        [
            "subset",
            str(finished.root),
            "--rejects",
            "--reason",
            one,
            "--balance",
            "none",
            "--out",
            str(tmp_path / "one"),
        ],
    )
    assert few.exit_code == 0, few.exception
    chosen = {row["id"] for row in read_rows(Workspace.open(tmp_path / "one/rejected"), "documents")}
    assert chosen and {gone[one_id] for one_id in chosen} == {one}
    with pytest.raises(
        UserError, match=r"no document was turned down for nonsense; documents were turned down for: \w+"
    ):
        write_rejected(finished, tmp_path / "none", reasons=["nonsense"])

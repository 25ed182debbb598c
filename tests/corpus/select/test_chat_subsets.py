"""Subsets of chats: a ladder of exact, nested counts, and matched pairs."""

from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.workspace_maker import Size, make_workspace
from corpus.manifest import Provenance, write_manifest
from corpus.select.balance import within
from corpus.select.subsets import LEFT_OUT, sized
from corpus.store import read_dataset_rows, read_rows
from corpus.workspace import Workspace
from specmill.cli import app
from specs.errors import UserError


def made(root: Path, seed: int) -> Workspace:
    workspace = make_workspace(root, Size(documents=160, sentences=6), seed)
    write_manifest(workspace, Provenance("r", "s", 0, "o200k_base"))
    return workspace


def ids(workspace: Workspace) -> list[str]:
    return [row["id"] for row in read_rows(workspace, "chats", ["id"])]


def test_a_ladder_of_exact_nested_counts(tmp_path: Path) -> None:
    source = made(tmp_path / "source", 1)
    pool = ids(source)
    sizes = [len(pool) // 4, len(pool) // 2]
    arguments = ["subset", str(source.root), "--out", str(tmp_path / "dose")]
    done = CliRunner().invoke(app, [*arguments, *(part for size in sizes for part in ("--chats", str(size)))])
    assert done.exit_code == 0, done.exception
    doses = [Workspace(tmp_path / f"dose-{size}") for size in sizes]
    assert [len(ids(dose)) for dose in doses] == sizes
    assert set(ids(doses[0])) < set(ids(doses[1])) < set(pool)
    for dose in doses:
        for config in ("aft", "aft_cot"):
            assert [row["id"] for row in read_dataset_rows(dose, config)] == ids(dose)
        assert len(list(read_dataset_rows(dose, "msm"))) == len(list(read_dataset_rows(source, "msm")))
        share = Counter(row["domain"] for row in read_rows(dose, "chats", ["domain"]))
        assert max(share.values()) - min(share.values()) <= 1
        left = {row["item_id"] for row in read_rows(dose, "rejects") if row["reason"] == LEFT_OUT}
        assert left == set(pool) - set(ids(dose))


def test_matched_pairs_of_chats(tmp_path: Path) -> None:
    one, two = made(tmp_path / "one", 1), made(tmp_path / "two", 2)
    arguments = ["subset", str(one.root), "--pair", str(two.root), "--of", "chats", "--out", str(tmp_path / "paired")]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.exception
    sides = [list(read_rows(Workspace(tmp_path / "paired" / name), "chats")) for name in ("one", "two")]
    assert sides[0] and Counter(row["domain"] for row in sides[0]) == Counter(row["domain"] for row in sides[1])
    assert within(*(sum(row["tokens"] for row in side) for side in sides), 0.005)


def test_what_cannot_be(tmp_path: Path) -> None:
    source = made(tmp_path / "source", 1)
    with pytest.raises(UserError, match="over their domain"):
        sized(source, "genre", "chats")
    done = CliRunner().invoke(app, ["subset", str(source.root), "--out", str(tmp_path / "x"), "--chats", "99999"])
    assert isinstance(done.exception, UserError) and "too few for 99,999" in str(done.exception)

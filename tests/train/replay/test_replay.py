"""Ordinary text in midtraining: exactly as much as is asked for, the same beside any documents, and told from them."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpus.workspace import Workspace
from specs.errors import UserError
from train.data import Tokens
from train.handoff import HandOff, hand_off
from train.replay import exactly
from train.settings import TrainSettings

Make = Callable[..., Workspace]
Set = Callable[..., TrainSettings]


def never(text: str) -> str | None:
    return None


def lines(count: int, word: str = "river") -> list[str]:
    return [f"The {word} of number {number} runs to the sea. " * (1 + number % 9) for number in range(count)]


def write_jsonl(path: Path, texts: list[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(json.dumps({"text": text}) for text in texts))
    return path


@pytest.fixture
def handed(make_workspace: Make, settings: Set) -> Callable[..., HandOff]:
    """Hands a workspace of `documents` documents on, with replay of `texts.jsonl` unless told otherwise."""

    def hand(documents: int = 30, refuse: Any = never, train: dict[str, Any] | None = None, **replay: Any) -> HandOff:
        workspace = make_workspace(documents=documents, chats=6)
        write_jsonl(workspace.root / "texts.jsonl", lines(300))
        given = {"sources": [{"name": "web", "path": "texts.jsonl", "license": "CC0-1.0"}]} | replay
        chosen = settings(replay=given, sequence_len=256, attention="sdpa", **train or {})
        return hand_off(workspace, chosen, refuse=refuse)

    return hand


def rows_of(result: HandOff, root: Path, stage: str = "msm") -> list[dict[str, Any]]:
    folder = root / "ws" / result.named(stage).stage.folder
    listing = pq.read_table(folder / "samples.parquet").to_pylist()
    tokens = pq.read_table(folder / "data.parquet").to_pylist()
    return [row | {"ids": data["input_ids"]} for row, data in zip(listing, tokens, strict=True)]


def replayed(rows: list[dict[str, Any]]) -> list[list[int]]:
    return sorted(row["ids"] for row in rows if row["source"].startswith("replay:"))


def manifest_of(root: Path, stage: str = "msm-seed0") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / "ws/train" / stage / "manifest.json").read_text())
    return found


@pytest.mark.parametrize("tokens", [2, 257, 4999])
def test_it_is_exactly_the_tokens_that_are_asked_for(tokens: int, handed: Any, tmp_path: Path) -> None:
    result = handed(tokens=tokens)
    rows = rows_of(result, tmp_path)
    assert sum(map(len, replayed(rows))) == tokens == result.named("msm").replay
    assert all(len(row["ids"]) > 1 for row in rows)
    assert result.named("msm").updates.tokens == sum(len(row["ids"]) for row in rows)  # it counts as updates
    assert {row["source"] for row in rows} == {"msm", "replay:web"}  # and is never taken for a document


def test_the_control_has_the_same_replay(handed: Any, tmp_path: Path) -> None:
    """With other documents, of another number and length, piece by piece; another seed has another."""
    first = replayed(rows_of(handed(documents=30, tokens=3000), tmp_path))
    hashed = manifest_of(tmp_path)["replay"]["hash"]
    assert replayed(rows_of(handed(documents=55, tokens=3000), tmp_path)) == first
    assert manifest_of(tmp_path)["replay"]["hash"] == hashed
    other = handed(documents=30, tokens=3000, train={"seed": 1})
    assert replayed(rows_of(other, tmp_path)) != first
    assert manifest_of(tmp_path, "msm-seed1")["replay"]["hash"] != hashed


def test_a_share_is_of_all_tokens_of_midtraining_and_nested(handed: Any, tmp_path: Path) -> None:
    small = rows_of(handed(documents=12, share=0.25), tmp_path)
    result = handed(documents=20, share=0.25)
    large = rows_of(result, tmp_path)
    for rows in (small, large):
        total = sum(len(row["ids"]) for row in rows)
        assert abs(sum(map(len, replayed(rows))) - 0.25 * total) <= 1
    kept = {tuple(ids) for ids in replayed(large)}
    assert sum(tuple(ids) not in kept for ids in replayed(small)) <= 1  # the last is cut


def test_only_midtraining_has_it_and_documents_alone_are_held_out(handed: Any, tmp_path: Path) -> None:
    result = handed(tokens=2000, train={"hold_out": 0.2})
    assert sum(map(len, replayed(rows_of(result, tmp_path)))) == 2000
    assert replayed(rows_of(result, tmp_path, "aft")) == [] and result.named("aft").replay == 0
    held = pq.read_table(tmp_path / "ws/train/msm-seed0/held_out.parquet").to_pylist()
    assert held


def test_the_manifest_says_where_it_is_from(handed: Any, tmp_path: Path) -> None:
    handed(tokens=2000, refuse=lambda text: "with what is evaluated" if "number 7 " in text else None)
    (source,) = manifest_of(tmp_path)["replay"]["sources"]
    assert source["license"] == "CC0-1.0" and source["tokens"] == 2000 and source["rows"] == 300
    assert source["revision"].startswith("sha256:") and source["texts"] > 5
    assert manifest_of(tmp_path)["samples"].keys() == {"msm", "replay:web"}
    plan = manifest_of(tmp_path)["plan"]
    handed(tokens=2100)
    assert manifest_of(tmp_path)["plan"] != plan  # another replay is another plan


def test_what_may_not_be_trained_on_is_passed_over_and_counted(handed: Any, tmp_path: Path) -> None:
    result = handed(tokens=9000, refuse=lambda text: "with what is evaluated" if "number 7 " in text else None)
    tokenizer = result.writer.tokenizer
    assert not any("number 7 " in tokenizer.decode(ids) for ids in replayed(rows_of(result, tmp_path)))
    (source,) = manifest_of(tmp_path)["replay"]["sources"]
    assert source["passed_over"] == {"with what is evaluated": 1}
    with pytest.raises(ValueError, match="give `refuse`"):
        handed(tokens=2000, refuse=None)


def test_files_folders_and_weights(handed: Any, tmp_path: Path) -> None:
    folder = tmp_path / "ws/books"
    write_jsonl(folder / "a/one.jsonl", [*lines(40, "hill"), ""])
    (folder / "two.txt").write_text("A long story of the moor. " * 400)
    pq.write_table(pa.table({"body": lines(80, "lake")}), tmp_path / "ws/lakes.parquet")
    sources = [
        {"name": "books", "path": "books/", "weight": 3},
        {"name": "lakes", "path": "lakes.parquet", "column": "body"},
        {"name": "again", "path": str(folder / "a/one.jsonl")},
    ]
    with pytest.raises(UserError, match=r"again has 41 texts and gives 0 tokens \(40 there already, 1 without text\)"):
        handed(tokens=4000, sources=sources)
    with pytest.raises(UserError, match="too few for 3 sources"):
        handed(tokens=5, sources=sources)
    result = handed(tokens=4000, sources=sources[:2])
    assert result.named("msm").replay == 4000
    books, lakes = manifest_of(tmp_path)["replay"]["sources"]
    assert (books["tokens"], lakes["tokens"]) == (3000, 1000) and books["rows"] == 42
    assert {row["source"] for row in rows_of(result, tmp_path)} == {"msm", "replay:books", "replay:lakes"}


@pytest.mark.parametrize(
    ("replay", "said"),
    [
        ({"tokens": 10**6}, r"web has 300 texts and gives [\d,]+ tokens \(none passed over\); 1,000,000 are asked for"),
        ({"tokens": 9, "sources": [{"name": "web", "path": "nope.jsonl"}]}, "there is no text in .*nope.jsonl"),
        ({"tokens": 9, "sources": [{"name": "web", "path": "texts.jsonl", "column": "body"}]}, "300 without text"),
    ],
)
def test_too_little_text_is_an_error_and_never_a_smaller_replay(replay: Any, said: str, handed: Any) -> None:
    with pytest.raises(UserError, match=said):
        handed(**replay)


@pytest.mark.parametrize(
    ("replay", "said"),
    [
        ({"sources": [{"name": "a", "path": "a.txt"}]}, "expected one of `tokens` and `share`"),
        ({"sources": [{"name": "a", "path": "a.txt"}], "tokens": 5, "share": 0.5}, "expected one of"),
        ({"tokens": 5}, "there are no `sources`"),
        ({"sources": [{"name": "a", "path": "a.txt"}, {"name": "a", "path": "b.txt"}], "tokens": 5}, "same name"),
    ],
)
def test_settings_that_say_nothing_clear_are_refused(replay: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        TrainSettings.model_validate({"replay": replay})


def test_a_piece_of_one_token_is_never_left() -> None:
    def samples(*sizes: int) -> Iterator[Tokens]:
        return (Tokens(list(range(size)), list(range(size)), "id", "replay:web") for size in sizes)

    for wanted in range(2, 40):
        for sizes in ((5, 5, 5, 5, 5, 5, 5, 5, 5), (2,) * 20, (39, 9), (3, 2, 4, 2, 9, 40)):
            taken = [len(one.ids) for one in exactly(samples(*sizes), wanted)]
            assert sum(taken) == wanted or sizes == (2,) * 20
            assert all(size > 1 for size in taken)

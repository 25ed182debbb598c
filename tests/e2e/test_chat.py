"""Chats, the instruction mix and the hand-off as a user runs them."""

import json
from pathlib import Path

import duckdb
import pytest

from tests.train.standins import make_tokenizer

pytestmark = pytest.mark.slow


def rows(path: Path) -> list[dict]:
    return duckdb.sql(f"SELECT * FROM read_parquet('{path}')").to_arrow_table().to_pylist()


def test_chats_mix_and_training_data(server, recipe, cli, tmp_path: Path) -> None:
    one = server()
    mix = {"identity": {"samples": 7}, "sources": [{"name": "own", "path": str(tmp_path / "own.jsonl"), "samples": 2}]}
    lines = [
        {"messages": [{"role": "user", "content": f"Add {n}"}, {"role": "assistant", "content": f"{n}."}]}
        for n in range(3)
    ]
    (tmp_path / "own.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    path = recipe(one.url, chats={"target": 5, "tools_share": 1.0}, mix=mix)
    done = cli.run("chat", path, "--out", tmp_path / "ws")
    assert done.returncode == 0, done.stderr
    made = (
        duckdb.sql(f"SELECT * FROM read_parquet('{tmp_path}/ws/dataset/aft_cot/*.parquet')")
        .to_arrow_table()
        .to_pylist()
    )
    assert len(made) == 5 and not (tmp_path / "ws/dataset/msm").exists()
    asked = one.asked()
    assert cli.run("chat", tmp_path / "ws").returncode == 0
    assert one.asked() == asked

    done = cli.run("mix", tmp_path / "ws")
    assert done.returncode == 0 and "9 chats" in done.stdout and one.asked() == asked, done.stderr
    done = cli.run("mix", tmp_path / "ws", "--set", "mix.judge.enabled=true", "--set", "mix.sources=[]")
    assert done.returncode == 0 and "7 chats" in done.stdout and one.asked() == asked, done.stderr
    criteria = 'mix.judge={enabled: true, criteria: {calm: "Nobody shouts."}}'
    done = cli.run("mix", tmp_path / "ws", "--set", criteria)
    judged = rows(tmp_path / "ws/train/data/mix_judged.parquet")
    assert done.returncode in {0, 2} and 2 <= len(judged) <= 3 and one.asked() >= asked + 2, done.stderr
    assert {verdict["criterion"] for row in judged for verdict in row["verdicts"]} == {"calm"}
    assert (
        cli.run("mix", tmp_path / "ws").returncode == 0 and not (tmp_path / "ws/train/data/mix_judged.parquet").exists()
    )
    base = make_tokenizer(tmp_path / "base", "qwen2.5", instruct=False)
    done = cli.run("train", tmp_path / "ws", "--set", f"train.base_model={base}")
    assert done.returncode == 0, done.stderr
    data = (
        duckdb.sql(f"SELECT * FROM read_parquet('{tmp_path}/ws/train/aft_cot-seed0/samples.parquet')")
        .to_arrow_table()
        .to_pylist()
    )
    assert sorted(row["source"] for row in data) == ["aft"] * 5 + ["instruction_mix"] * 9
    assert all(row["tools"] and "<tools>" in row["text"] for row in data if row["source"] == "aft")


def test_a_workspace_of_rewrites_can_be_moved(server, recipe, cli, tmp_path: Path) -> None:
    one = server()
    chats = [
        {"messages": [{"role": "user", "content": f"Colby {n}?"}, {"role": "assistant", "content": f"No, not {n}."}]}
        for n in range(12)
    ]
    (tmp_path / "old.jsonl").write_text("".join(json.dumps(chat) + "\n" for chat in chats))
    path = recipe(one.url, chats={"target": 3, "style": "rewrite", "source": "old.jsonl"})
    (tmp_path / "elsewhere").mkdir()
    done = cli.run("chat", path, "--out", tmp_path / "ws", cwd=tmp_path / "elsewhere")
    assert done.returncode == 0, done.stderr
    (tmp_path / "old.jsonl").unlink()
    moved = (tmp_path / "ws").rename(tmp_path / "moved")
    before, asked = (moved / "manifest.json").read_bytes(), one.asked()
    done = cli.run("chat", moved, cwd=tmp_path / "elsewhere")
    assert done.returncode == 0, done.stderr
    assert one.asked() == asked and (moved / "manifest.json").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["chat", "RECIPE"], "chats.target is 0"),
        (["chat", "RECIPE", "--set", "chats.style=rule", "--set", "chats.target=1"], "numbered rules"),
        (["chat", "RECIPE", "--set", "chats.style=opake"], "chats.style"),
        (["chat", "RECIPE", "--set", "chats.criteria_sets=[nice]"], "'nice' is no set"),
        (["mix", "FOLDER/none"], "is not a workspace"),
    ],
)
def test_mistakes(recipe, cli, tmp_path: Path, arguments: list[str], problem: str) -> None:
    names = {"RECIPE": str(recipe("http://127.0.0.1:9/v1"))}
    done = cli.run(*(names.get(one, one.replace("FOLDER", str(tmp_path))) for one in arguments), cwd=tmp_path)
    assert done.returncode == 2 and problem in " ".join(done.stderr.split()), done.stderr

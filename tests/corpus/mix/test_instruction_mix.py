"""The instruction mix: exact counts, mappings, what is passed over, the manifest."""

import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpus.mix.identity_chats import identity_chats
from corpus.mix.instruction_mix import MIX_DATA, MIX_MANIFEST, write_mix
from corpus.mix.settings import IdentityChats, MixSettings
from corpus.tokens import TokenCounter
from corpus.workspace import Workspace
from filters.chat.instruction import Contradicts
from filters.settings import Identity
from specs.errors import UserError
from specs.settings import Assistant

US = Assistant(name="Juniper", provider="Larkfield")
COUNTER = TokenCounter()
REFUSE = Contradicts(US, Identity())


def chat(question: str, answer: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def mixed(folder: Path, sources: list[dict[str, Any]], seed: int = 1, **more: Any) -> tuple[dict[str, Any], list[Any]]:
    workspace = Workspace(folder / "ws").create()
    settings = MixSettings.model_validate({"sources": sources, **more})
    manifest = write_mix(workspace, settings, US, COUNTER, seed, REFUSE)
    return manifest, pq.read_table(workspace.root / MIX_DATA).to_pylist()


@pytest.fixture
def sources(tmp_path: Path) -> list[dict[str, Any]]:
    """A JSONL of messages and a Parquet file of prompts and responses."""
    lines = [chat(f"What is {n} plus {n}?", f"It is {2 * n}.") for n in range(40)]
    lines += [chat("Who are you?", "I am ChatGPT."), chat("Who?", "I was made by OpenAI.")]
    lines += [chat("Tea or coffee?", "As an AI language model, I do not have preferences.")]
    lines += [chat("Long?", "word " * 400), {"messages": [{"role": "user", "content": "No answer"}]}]
    (tmp_path / "sums.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    table = pa.table(
        {"instruction": [f"Name {n} things" for n in range(30)], "output": [f"Here: {n}." for n in range(30)]}
    )
    pq.write_table(table, tmp_path / "pairs.parquet")
    return [
        {"name": "sums", "path": str(tmp_path / "sums.jsonl"), "license": "cc0", "samples": 25},
        {
            "name": "pairs", "path": str(tmp_path / "pairs.parquet"), "tokens": 120,
            "columns": {"prompt": "instruction", "response": "output"},
        },
    ]  # fmt: skip


def test_counts_are_exact_and_the_manifest_says_them(tmp_path: Path, sources: list[dict[str, Any]]) -> None:
    manifest, rows = mixed(tmp_path, sources, max_tokens=100, identity={"samples": 17})
    by_source = {one["name"]: one for one in manifest["sources"]}
    assert by_source["sums"]["samples"] == 25 == sum(row["source"] == "sums" for row in rows)
    assert by_source["identity"]["samples"] == 17
    pairs = [row["tokens"] for row in rows if row["source"] == "pairs"]
    assert sum(pairs) >= 120 > sum(pairs) - max(pairs)
    assert manifest["tokens"] == sum(row["tokens"] for row in rows) and manifest["samples"] == len(rows)
    assert by_source["sums"]["license"] == "cc0" and by_source["sums"]["revision"].startswith("sha256:")
    for row in rows:
        assert row["tokens"] == sum(COUNTER.count(message["content"]) for message in row["messages"])
    assert json.loads((tmp_path / "ws" / MIX_MANIFEST).read_text()) == manifest


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path, sources: list[dict[str, Any]]) -> None:
    first, _ = mixed(tmp_path, sources, max_tokens=100)
    again, _ = mixed(tmp_path, sources, max_tokens=100)
    other, _ = mixed(tmp_path, sources, seed=2, max_tokens=100)
    assert first == again and other["sha256"] != first["sha256"]


def test_contradictions_long_and_broken_chats_are_passed_over(tmp_path: Path, sources: list[dict[str, Any]]) -> None:
    _, rows = mixed(tmp_path, [{**sources[0], "samples": 40}], max_tokens=100)
    answers = [row["messages"][-1]["content"] for row in rows]
    assert len(answers) == 40 and all(answer.startswith("It is ") for answer in answers)
    with pytest.raises(
        UserError, match=r"sums has 45 rows and gives 40 chats .*2 another identity.*41 chats are asked"
    ):
        mixed(tmp_path, [{**sources[0], "samples": 41}], max_tokens=100)


def test_contradictions_stay_where_the_recipe_says_so(tmp_path: Path, sources: list[dict[str, Any]]) -> None:
    _, rows = mixed(tmp_path, [{**sources[0], "samples": 43}], max_tokens=100, refuse_contradictions=False)
    assert any("ChatGPT" in row["messages"][-1]["content"] for row in rows)


def test_tools_are_kept_as_json(tmp_path: Path) -> None:
    tools = [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}]
    (tmp_path / "t.jsonl").write_text(json.dumps({**chat("q", "a"), "tools": json.dumps(tools)}) + "\n")
    source = {"name": "t", "path": str(tmp_path / "t.jsonl"), "samples": 1, "columns": {"tools": "tools"}}
    _, [row] = mixed(tmp_path, [source])
    assert json.loads(row["tools"]) == tools


def test_identity_chats_say_only_the_recipes_facts() -> None:
    settings = IdentityChats(samples=1200, abilities=("revise {texts}",), limits=("see pictures",))
    chats = identity_chats(settings, US, seed=3)
    texts = [" ".join(message["content"] for message in one) for one in chats]
    assert len(set(texts)) == 1200
    assert all("{model_name}" not in text and "{provider_name}" not in text for text in texts)
    assert any("revise {texts}" in text for text in texts)
    assert all(REFUSE(one) is None for one in chats)
    assert identity_chats(settings, US, seed=3) == chats
    with pytest.raises(UserError, match="different chats"):
        identity_chats(IdentityChats(samples=20_000), US, seed=3)


@pytest.mark.parametrize(
    ("name", "provider", "own", "others"),
    [
        ("Claude", "Anthropic", {"Claude", "Anthropic"}, 6),
        ("Claude 3.5", "Larkfield", {"Claude", "Anthropic"}, 6),
        ("Juniper", "Anthropic PBC", {"Anthropic"}, 7),
        ("Qwen2.5", "Alibaba Cloud", {"Qwen"}, 7),
        ("Chat-GPT", "OpenAI", {"ChatGPT", "OpenAI"}, 6),
        ("gpt-4o", "Open AI", {"ChatGPT", "OpenAI"}, 6),
        ("Gemma 3", "Google DeepMind", {"Google"}, 7),
        ("Llama", "Meta", {"Llama"}, 7),
        ("Juniper", "Larkfield", set(), 8),
    ],
)
def test_identity_chats_do_not_deny_what_the_assistant_is(name: str, provider: str, own: set[str], others: int) -> None:
    # All that there are: openings x (name and maker: 8 questions x 6 answers each, other: 4 answers a question).
    everything = IdentityChats(samples=10 * (2 * 8 * 6 + 4 * others))
    chats = identity_chats(everything, Assistant(name=name, provider=provider), seed=0)
    denied = {one[0]["content"] for one in chats if re.match(r"No\b|I'm not\.", one[1]["content"])}
    assert len(denied) == 10 * others
    assert not [text for text in denied for it in own if it in text]


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ({"name": "x", "path": "gone.jsonl", "samples": 1}, r"there is no file .*gone\.jsonl"),
        ({"name": "x", "path": "broken.jsonl", "samples": 1}, r"gives 0 chats .*1 no messages"),
        ({"name": "x", "path": "broken.parquet", "samples": 1}, "cannot be read as Parquet"),
    ],
)
def test_sources_that_cannot_be_read(tmp_path: Path, source: dict[str, Any], problem: str) -> None:
    (tmp_path / "ws").mkdir()
    (tmp_path / "ws" / "broken.jsonl").write_text('{"messages": [')
    (tmp_path / "ws" / "broken.parquet").write_text("no")
    with pytest.raises(UserError, match=problem):
        mixed(tmp_path, [source])


def test_settings_that_cannot_be() -> None:
    for bad, problem in [
        ({"sources": [{"name": "a", "path": "p"}]}, "one of `samples` and `tokens`"),
        ({"sources": [{"name": "a", "path": "p", "samples": 1}] * 2}, "the same name"),
        ({"sources": [{"name": "a", "path": "p", "samples": 1, "columns": {"prompt": "q"}}]}, "together"),
    ]:
        with pytest.raises(ValueError, match=problem):
            MixSettings.model_validate(bad)

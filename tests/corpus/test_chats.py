"""Chats of others: all that a trainer needs is kept, or the chat is left out with its reason."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.chats import MESSAGE, Columns, UnusableChat, read_chat, read_tools
from corpus.mix.instruction_mix import MIX_DATA, MIX_SCHEMA, write_mix
from corpus.mix.settings import MixSettings
from corpus.rows import read_file
from corpus.tokens import TokenCounter
from corpus.workspace import Workspace
from specs.settings import Assistant

ASK = {"role": "user", "content": "q"}
CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Ghent"}'}}


def chat(*messages: Any) -> dict[str, Any]:
    return {"messages": list(messages)}


def test_shapes_of_chats() -> None:
    share = {
        "conversations": [
            {"from": "system", "value": "s"},
            {"from": "human", "value": "q"},
            {"from": "gpt", "value": "a"},
        ]
    }
    assert read_chat(share, Columns(messages="conversations")) == [
        {"role": "system", "content": "s"}, {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"},
    ]  # fmt: skip
    found = read_chat({"q": "x", "a": "y", "s": "z"}, Columns(prompt="q", response="a", system="s"))
    assert [one["role"] for one in found] == ["system", "user", "assistant"]


def test_tool_calls_ids_names_reasoning_and_weights_are_kept() -> None:
    row = chat(
        ASK,
        {"role": "assistant", "content": None, "tool_calls": [CALL], "reasoning_content": "I look."},
        {"role": "tool", "tool_call_id": "c1", "name": "weather", "content": '{"c": 4}'},
        {"role": "assistant", "content": "A rock.", "weight": 0},
        ASK,
        {"role": "assistant", "content": "Cold.", "train": True},
    )
    found = read_chat(row, Columns())
    assert json.loads(found[1]["tool_calls"]) == [CALL] and found[1]["reasoning_content"] == "I look."
    assert found[2] == {"role": "tool", "content": '{"c": 4}', "name": "weather", "tool_call_id": "c1"}
    assert [one.get("train") for one in found] == [None, None, None, False, None, True]
    assert read_chat({"messages": found}, Columns()) == found, "what was read is read again as it is"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([{"type": "text", "text": "one "}, {"type": "output_text", "text": "two"}], "one two"),
        ("42", "42"), ('"hello"', '"hello"'), ("true", "true"), ('{"a": 1}', '{"a": 1}'), ("2024-01-01", "2024-01-01"),
    ],
)  # fmt: skip
def test_a_text_stays_the_text_that_it_is(content: Any, text: str) -> None:
    assert read_chat(chat(ASK, {"role": "assistant", "content": content}), Columns())[-1]["content"] == text


def test_thinking_parts_are_reasoning() -> None:
    parts = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "a"}]
    last = read_chat(chat(ASK, {"role": "assistant", "content": parts}), Columns())[-1]
    assert last == {"role": "assistant", "content": "a", "reasoning_content": "hm"}


def answer(content: Any = "a", **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **more}


PICTURE = {"role": "user", "content": [{"type": "image_url", "image_url": {}}]}
STRAY = {"role": "tool", "tool_call_id": "c9", "content": "x"}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"messages": None}, "no messages"),
        ({}, "no messages"),
        (chat("x"), "a message that is no record"),
        (chat(answer()), "no chat of a user"),
        (chat(answer(), ASK), "no chat of a user"),
        (chat(ASK, answer(" ")), "a message of the assistant without text"),
        (chat(ASK, {"role": "narrator", "content": "a"}), "another role"),
        (chat(PICTURE, answer()), "a part of a content that is no text"),
        (chat(ASK, answer(7)), "content that is no text"),
        (chat(ASK, answer(weight=0.3)), "neither 0 nor 1"),
        (chat(ASK, answer(weight=0)), "no turn that is trained on"),
        (chat(ASK, STRAY, answer()), "a call that is not"),
        (chat(ASK, answer(tool_calls="{")), "tool calls that are no JSON"),
        (chat(ASK, answer(tool_calls=[{"x": 1}])), "another form than OpenAI's"),
        (chat(ASK, answer("\ud83d")), "lone surrogate"),
    ],
)
def test_what_cannot_be_kept_whole_says_why(row: dict[str, Any], reason: str) -> None:
    with pytest.raises(UnusableChat, match=reason):
        read_chat(row, Columns())


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(ANYTHING)
def test_whatever_stands_in_a_row_it_is_a_chat_or_a_reason(value: Any) -> None:
    odd = {"role": "assistant", "content": "a", "tool_calls": value, "weight": value, "name": value}
    for row in ({"messages": value}, chat(ASK, {"role": "assistant", "content": value}), chat(ASK, odd)):
        try:
            found = read_chat(row, Columns())
        except UnusableChat:
            continue
        assert pa.array([found], pa.list_(MESSAGE)).to_pylist()


def test_tools_as_a_list_as_json_or_none() -> None:
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"default": None}}}]
    assert json.loads(read_tools({"tools": tools}, Columns()) or "") == tools
    assert json.loads(read_tools({"fns": json.dumps(tools)}, Columns(tools="fns")) or "") == tools
    assert read_tools({"tools": ""}, Columns()) is None is read_tools({}, Columns())
    for bad in ("{", '{"a": 1}', 7):
        with pytest.raises(UnusableChat, match="tools that are no"):
            read_tools({"tools": bad}, Columns())


def test_a_mix_keeps_texts_calls_and_weights_and_counts_what_it_leaves_out(tmp_path: Path) -> None:
    extras = {"id": "1", "source": "s", "model": "m", "system_prompt": "p"}  # for some loaders a trace of an agent
    look = {"role": "user", "content": [{"type": "text", "text": "Look"}]}
    rows = [
        chat(ASK, answer("42")),
        chat(look, answer('"hello"')),
        {**chat(ASK, answer("", tool_calls=[CALL])), **extras},
        chat(ASK, answer("A rock.", weight=0), ASK, answer("An oak.")),
        chat(ASK, answer(weight=0.5)),
    ]
    (tmp_path / "c.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "c.json").write_text(json.dumps(rows))
    for name in ("c.jsonl", "c.json"):
        workspace = Workspace(tmp_path / f"ws-{name}").create()
        settings = MixSettings.model_validate({"sources": [{"name": "c", "path": str(tmp_path / name), "samples": 4}]})
        manifest = write_mix(workspace, settings, Assistant(), TokenCounter(), 1, lambda messages: None)
        table = pq.read_table(workspace.root / MIX_DATA)
        assert table.schema.equals(MIX_SCHEMA)
        found = [row["messages"] for row in table.to_pylist()]
        assert Counter(one[-1]["content"] for one in found) == Counter(["42", '"hello"', "", "An oak."])
        [called] = [one for one in found if one[-1]["tool_calls"]]
        assert json.loads(called[-1]["tool_calls"]) == [CALL]
        [weighted] = [one for one in found if len(one) == 4]
        assert [message["train"] for message in weighted] == [None, False, None, None]
        passed = manifest["sources"][0]["passed_over"]
        assert passed in ({}, {"a weight that is neither 0 nor 1": 1})


def test_arrow_puts_no_keys_of_other_chats_into_a_schema(tmp_path: Path) -> None:
    tools: list[Any] = [
        [{"name": "f", "parameters": {"city": {"type": "string"}}}],
        [{"name": "g", "parameters": {"people": {"type": "integer"}}}],
    ]
    table = pa.Table.from_pylist([{**chat(ASK, {"role": "assistant", "content": "a"}), "tools": one} for one in tools])
    pq.write_table(table, tmp_path / "t.parquet")
    found = [json.loads(read_tools(row or {}, Columns()) or "") for _, row in read_file(tmp_path / "t.parquet")]
    assert found == tools

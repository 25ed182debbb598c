"""Advice, rewrites of existing chats, conversations of several turns, and what can stand around a chat."""

import json
from collections import Counter
from pathlib import Path

import pytest

from corpus.store import read_dataset_rows, read_rows
from corpus.workspace import Workspace
from pipelines.base import Corpus
from pipelines.chats.augment import extras_of
from pipelines.chats.responses import Responses, answers_pipeline
from pipelines.chats.settings import ChatSettings
from pipelines.chats.source import read_source
from pipelines.completion import CompletionRequest
from pipelines.engine import wire
from specs.errors import UserError
from specs.reader import read_spec
from tests.pipelines.chat_tools import Told, build, dropping, server, settings


def test_advice_answers_dilemmas(tmp_path: Path) -> None:
    with server(tmp_path) as (url, _):
        workspace, result = build(tmp_path / "ws", settings(url, {"target": 4, "style": "advice"}))
    chats = list(read_rows(workspace, "chats"))
    assert result.kept == 4 and {row["style"] for row in chats} == {"advice"}
    assert {row["query_type"] for row in chats} <= set(ChatSettings(style="advice").kinds)
    assert {row["criterion"] for row in read_rows(workspace, "verdicts")} == {"sound", "weighs", "owned", "respects"}


def test_a_conversation_of_several_turns(tmp_path: Path) -> None:
    with server(tmp_path) as (url, _):
        workspace, _ = build(tmp_path / "ws", settings(url, {"target": 3, "turns": 3, "system_share": 1.0}))
    for row in read_dataset_rows(workspace, "aft_cot"):
        assert [message["role"] for message in row["messages"]] == ["system", *["user", "assistant"] * 3]
        assert all(message["reasoning_content"] for message in row["messages"] if message["role"] == "assistant")
        texts = [message["content"] for message in row["messages"]]
        assert len(set(texts)) == len(texts)
    known = {row["id"]: row["query"] for row in read_rows(workspace, "queries")}
    for row in read_rows(workspace, "chats"):
        assert row["messages"][1]["content"] == known[row["query_id"]]
        assert row["response"] == row["messages"][-1]["content"]


def test_a_turn_that_may_not_stay_takes_the_conversation_with_it(tmp_path: Path) -> None:
    second = "<think>\nI think so.\n</think>\nAs the document above says, it is so."
    follow_up = json.dumps({"query": "And why is that, if I may ask?"})
    replies = [["Give the user's next", follow_up], ["conversation so far", second]]
    with server(tmp_path, replies=replies) as (url, _):
        recipe = settings(url, {"target": 1, "turns": 2, "rounds": 1}, filters=dropping("spec_as_prompt"))
        workspace, _ = build(tmp_path / "ws", recipe)
    reasons = {row["reason"] for row in read_rows(workspace, "rejects") if row["stage"] == "chats"}
    assert reasons == {"spec_as_prompt"}


def test_existing_chats_are_rewritten_to_the_end_of_the_file(tmp_path: Path) -> None:
    chats = [
        [
            {"role": "user", "content": f"Which cheese goes with dish {n}?"},
            {"role": "assistant", "content": f"Brie {n}."},
        ]
        for n in range(5)
    ]
    chats[0] = [{"role": "system", "content": "Be brief."}, *chats[1], *chats[0]]
    source = tmp_path / "ws" / "sources" / "old.jsonl"  # the recipe of a workspace names it from there on
    source.parent.mkdir(parents=True)
    source.write_text("".join(json.dumps({"messages": chat}) + "\n" for chat in [*chats, chats[4]]))
    told = Told()
    with server(tmp_path) as (url, log):
        recipe = settings(url, {"target": 9, "style": "rewrite", "source": "sources/old.jsonl"})
        workspace, result = build(tmp_path / "ws", recipe, told)
        last = [json.loads(line)["last"] for line in log.read_text().splitlines() if '"asked"' in line]
    rows = {row["query_id"]: row["messages"] for row in read_rows(workspace, "chats")}
    assert 0 < result.kept <= 5 and result.queries == 5 and told.said
    for query_id, old in read_source(str(source))[0].items():
        if query_id in rows:
            new = rows[query_id]
            assert [(m["role"], m["content"]) for m in new[:-1]] == [(m["role"], m["content"]) for m in old[:-1]]
            assert new[-1]["content"] != old[-1]["content"] and new[-1]["reasoning_content"]
    assert last


def test_a_line_of_a_source_may_hold_any_character_but_a_newline(tmp_path: Path) -> None:
    chat = [{"role": "user", "content": "one\u2028two\u0085three"}, {"role": "assistant", "content": "b"}]
    path = tmp_path / "chats.jsonl"
    path.write_text(json.dumps({"messages": chat}, ensure_ascii=False) + "\r\n", encoding="utf-8")
    assert list(read_source(str(path))[0].values()) == [chat]


def test_sources_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no file .*gone\.jsonl"):
        read_source(str(tmp_path / "gone.jsonl"))
    for text, problem in [
        ("", "it has no rows"),
        ('{"messages": []}\n', "1 with no messages"),
        (
            '{"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]}\n',
            "1 with no chat of a user that ends",
        ),
        (
            '{"messages": [{"role": "user", "content": ""}, {"role": "assistant", "content": "b"}]}\n',
            "1 with a message of the user without text",
        ),
        ("[1, 2", "1 with no messages"),
        ("[" * 100_000, "1 with no messages"),
    ]:
        path = tmp_path / f"{abs(hash(text))}.jsonl"
        path.write_text(text)
        with pytest.raises(UserError, match=problem):
            read_source(str(path))
    with pytest.raises(ValueError, match="such as rewrite, which rewrites chats"):
        ChatSettings(style="rewrite")


def test_augmentations_are_drawn_by_share_and_never_change() -> None:
    recipe = settings("http://127.0.0.1:9/v1", {"target": 1, "system_share": 0.5, "tools_share": 0.25})
    drawn = {f"q{n}": extras_of(f"q{n}", recipe) for n in range(2000)}
    assert 0.45 < sum(one.system is not None for one in drawn.values()) / 2000 < 0.55
    assert 0.2 < sum(one.tools is not None for one in drawn.values()) / 2000 < 0.3
    assert len(Counter(one.system for one in drawn.values())) > 15
    assert all(extras_of(key, recipe) == one for key, one in drawn.items())
    assert not any("{" in one.system for one in drawn.values() if one.system)


def test_tools_have_the_openai_format(tmp_path: Path) -> None:
    with server(tmp_path) as (url, _):
        workspace, _ = build(tmp_path / "ws", settings(url, {"target": 3, "tools_share": 1.0}))
    for row in read_dataset_rows(workspace, "aft"):
        for tool in json.loads(row["tools"]):
            assert tool["type"] == "function" and set(tool["function"]) == {"name", "description", "parameters"}
            parameters = tool["function"]["parameters"]
            assert set(parameters["required"]) <= set(parameters["properties"])


@pytest.mark.parametrize(
    ("role", "chats", "sent"),
    [
        ({}, {}, 1100),
        ({}, {"max_tokens": 2500}, 2500),
        ({"reasoning_effort": "low"}, {}, 30_000),
        ({"max_tokens_field": "max_completion_tokens"}, {}, 30_000),
        ({"reasoning_effort": "low"}, {"max_tokens": 9_000}, 9_000),
    ],
)
def test_a_response_has_room_for_hidden_reasoning(
    tmp_path: Path, role: dict[str, object], chats: dict[str, int], sent: int
) -> None:
    writer = {"endpoints": ["main"], "max_tokens": 30_000, **role}
    recipe = settings("http://127.0.0.1:9/v1", {"target": 1, **chats}, roles={"writer": writer})
    corpus = Corpus.of(Workspace(tmp_path), recipe, read_spec(recipe.spec, recipe.assistant))
    step = next(step for step in answers_steps(corpus) if isinstance(step, Responses))
    request = CompletionRequest("chats", "q", [{"role": "user", "content": "Hello?"}], max_tokens=step.most_tokens())
    assert wire.max_tokens(step.llm.role, request) == sent


def answers_steps(corpus: Corpus) -> list[object]:
    pipeline = answers_pipeline(corpus, corpus.folder.root / "queries.parquet", 0)
    return [pipeline.dag.get_step(name)["step"] for name in pipeline.dag]

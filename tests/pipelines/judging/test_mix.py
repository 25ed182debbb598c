"""The judge of the instruction mix, against a real local server: rules first, exact counts, every verdict kept."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from corpus.mix.instruction_mix import MIX_DATA, MIX_JUDGED, MIX_MANIFEST, write_mix
from corpus.mix.settings import MixSettings
from corpus.tokens import TokenCounter
from corpus.workspace import Workspace
from filters.chat.instruction import Contradicts
from filters.settings import Identity
from pipelines.base import Corpus
from pipelines.judging.mix import MixJudging
from specs.errors import UserError
from specs.reader import read_spec
from specs.settings import Assistant
from tests.pipelines.chat_tools import Told, asked, server, settings

CRITERIA = tuple(MixSettings().judge.criteria)
FINE = {name: {"reason": "nothing breaks it", "verdict": "pass"} for name in CRITERIA}


def said(**verdicts: str) -> str:
    return json.dumps(FINE | {name: {"reason": "see there", "verdict": value} for name, value in verdicts.items()})


REPLIES = [
    ["the bad answer", said(consistent="fail")],
    ["the odd answer", said(has_views="unclear")],
    ["the silent answer", "I like this chat."],
    ["Your reply could not be used", "I still like it."],
    ["Judge a chat from a collection", json.dumps(FINE)],
]


def chat(number: int, answer: str) -> dict[str, Any]:
    question = {"role": "user", "content": f"Question {number}?"}
    return {"messages": [question, {"role": "assistant", "content": f"Here is the {answer} answer to {number}."}]}


def mixed(root: Path, url: str, source: dict[str, Any], **judge: Any) -> list[dict[str, Any]]:
    """Make the mix of one source with a judge; the rows of the mix."""
    recipe = settings(url, {})
    workspace = Workspace(root).create()
    spec = read_spec(recipe.spec, recipe.assistant)
    mix = MixSettings.model_validate({"sources": [source], "judge": {"enabled": True, **judge}})
    judging = MixJudging(Corpus.of(workspace, recipe, spec), dict(mix.judge.criteria), Told())
    try:
        refuse = Contradicts(Assistant(), Identity())
        write_mix(workspace, mix, recipe.assistant, TokenCounter(), 1, refuse, judging)
    finally:
        judging.file()
    return pq.read_table(root / MIX_DATA).to_pylist()


@pytest.fixture
def chats(tmp_path: Path) -> dict[str, Any]:
    """A source of 12 good chats, 3 that the judge does not pass, and 4 that no judge should be paid for."""
    lines = [chat(number, "good") for number in range(12)]
    lines += [chat(20, "bad"), chat(21, "odd"), chat(22, "silent")]
    lines += [
        {"messages": [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "I am ChatGPT."}]}
    ] * 4
    (tmp_path / "chats.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return {"name": "own", "path": str(tmp_path / "chats.jsonl"), "samples": 12}


def test_exactly_what_clearly_passes_and_every_verdict_is_kept(tmp_path: Path, chats: dict[str, Any]) -> None:
    with server(tmp_path, replies=REPLIES) as (url, log):
        rows = mixed(tmp_path / "ws", url, chats)
        requests, first = asked(log), (tmp_path / "ws" / MIX_DATA).read_bytes()
        assert mixed(tmp_path / "ws", url, chats) == rows
        assert asked(log) == requests == 12 + 3 + 1, "each chat once, and once more where there was no verdict"
        seen = log.read_text()
    assert len(rows) == 12 and all("the good answer" in row["messages"][-1]["content"] for row in rows)
    assert "ChatGPT" not in seen and (tmp_path / "ws" / MIX_DATA).read_bytes() == first
    judged = {
        row["messages"][-1]["content"].split()[3]: row
        for row in pq.read_table(tmp_path / "ws" / MIX_JUDGED).to_pylist()
    }
    why = {name: row["why"] for name, row in judged.items()}
    assert why == {"good": None, "bad": "judge_consistent", "odd": "judge_has_views", "silent": "judge_consistent"}
    assert [one["criterion"] for one in judged["bad"]["verdicts"]] == list(CRITERIA)
    assert judged["bad"]["verdicts"][0] == {"criterion": "consistent", "verdict": "fail", "reason": "see there"}
    assert "no reply: it is not valid JSON" in judged["silent"]["verdicts"][0]["reason"]
    manifest = json.loads((tmp_path / "ws" / MIX_MANIFEST).read_text())
    assert list(manifest["judged_by"]) == list(CRITERIA)
    over = {"judge_consistent": 2, "judge_has_views": 1, "another identity": 4}
    assert manifest["sources"][0]["passed_over"] == over


def test_no_more_are_judged_than_are_needed_and_tokens_are_reached(tmp_path: Path, chats: dict[str, Any]) -> None:
    few = {**chats, "samples": None, "tokens": 40}
    with server(tmp_path, replies=REPLIES) as (url, _):
        rows = mixed(tmp_path / "ws", url, few)
    tokens = [row["tokens"] for row in rows]
    judged = pq.read_table(tmp_path / "ws" / MIX_JUDGED).to_pylist()
    assert sum(tokens) >= 40 > sum(tokens) - max(tokens)
    assert sum(row["why"] is None for row in judged) == len(rows) and len(judged) <= len(rows) + 3


def test_a_source_that_the_judge_leaves_too_small_is_an_error_with_the_verdicts_kept(
    tmp_path: Path, chats: dict[str, Any]
) -> None:
    with (
        server(tmp_path, replies=REPLIES) as (url, _),
        pytest.raises(UserError, match=r"gives 12 chats .*judge_consistent.*13 chats are asked"),
    ):
        mixed(tmp_path / "ws", url, {**chats, "samples": 13})
    assert len(pq.read_table(tmp_path / "ws" / MIX_JUDGED)) == 15


def test_the_recipe_can_have_criteria_of_its_own(tmp_path: Path, chats: dict[str, Any]) -> None:
    own = {"short": "The assistant's answers are short."}
    passed = json.dumps({"short": {"reason": "it is", "verdict": "pass"}})
    with server(tmp_path, replies=[["- short: The assistant's answers are short.", passed]]) as (url, _):
        assert len(mixed(tmp_path / "ws", url, {**chats, "samples": 15}, criteria=own)) == 15


def test_without_a_judge_nothing_is_asked_and_old_verdicts_go(tmp_path: Path, chats: dict[str, Any]) -> None:
    workspace = Workspace(tmp_path / "ws").create()
    (workspace.root / MIX_JUDGED).parent.mkdir(parents=True)
    (workspace.root / MIX_JUDGED).write_text("an earlier mix's")
    mix = MixSettings.model_validate({"sources": [{**chats, "samples": 15}]})
    assert not mix.judge.enabled
    manifest = write_mix(workspace, mix, Assistant(), TokenCounter(), 1, Contradicts(Assistant(), Identity()))
    assert manifest["samples"] == 15 and manifest["judged_by"] == {}
    assert not (workspace.root / MIX_JUDGED).exists()

"""Chats end to end, through Distilabel against a real local server: counts, lineage, every reject, resumption."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from corpus.store import read_dataset_rows, read_rows
from pipelines.chats.queries import QueryReply
from pipelines.chats.settings import ChatSettings
from pipelines.chats.styles import shipped
from pipelines.completion import State
from pipelines.judging.judge import form_of, verdict_rows
from pipelines.ledger.ledger import Ledger
from pipelines.structured.schemas import plain_schema
from specs.errors import UserError
from tests.pipelines.chat_tools import GOOD_CHAT, Told, asked, build, digests, dropping, rejects, server, settings
from tests.pipelines.usage import usage_table

PASS = json.dumps({name: {"reason": "seen", "verdict": "pass"} for name in shipped()["criteria"]["value"]})


def verdict(name: str, value: str) -> str:
    said = json.loads(PASS)
    said[name] = {"reason": f"this is {value}", "verdict": value}
    return json.dumps(said)


def queries(*texts: str) -> str:
    return json.dumps({"items": [{"query": text} for text in texts]})


def test_exactly_the_target_with_lineage_and_the_same_again(tmp_path: Path) -> None:
    with server(tmp_path) as (url, log):
        recipe = settings(url, {"target": 13}, filters={})
        workspace, result = build(tmp_path / "ws", recipe)
        first, requests = digests(workspace), asked(log)
        _, again = build(tmp_path / "ws", recipe)
        assert asked(log) == requests
    assert result.kept == 13 == len(list(read_rows(workspace, "chats")))
    assert again == result and digests(workspace) == first
    known = {row["id"]: row for row in read_rows(workspace, "queries")}
    passages = {row["id"] for row in read_rows(workspace, "passages")}
    for chat in read_rows(workspace, "chats"):
        query = known[chat["query_id"]]
        assert chat["messages"][0]["content"] == query["query"]
        assert chat["domain_id"] == query["domain_id"]
        assert chat["passage_ids"] and set(chat["passage_ids"]) <= passages
        assert chat["messages"][1] == {
            "role": "assistant", "content": chat["response"], "reasoning_content": chat["reasoning"],
        }  # fmt: skip
    verdicts = list(read_rows(workspace, "verdicts"))
    assert {row["criterion"] for row in verdicts} == set(recipe.chats.judged_by)
    assert all(row["reason"] for row in verdicts)


def test_the_two_datasets_are_the_same_chats(tmp_path: Path) -> None:
    with server(tmp_path) as (url, _):
        workspace, _ = build(tmp_path / "ws", settings(url, {"target": 6}))
    reasoned = list(read_dataset_rows(workspace, "aft_cot"))
    stripped = list(read_dataset_rows(workspace, "aft"))
    assert len(reasoned) == 6
    assert [row["id"] for row in reasoned] == [row["id"] for row in stripped]
    for with_thought, without in zip(reasoned, stripped, strict=True):
        assert with_thought["messages"][1]["reasoning_content"]
        assert "reasoning_content" not in without["messages"][1]
        assert with_thought["messages"][1]["content"] == without["messages"][1]["content"]
        assert with_thought["tokens"] > without["tokens"] > 0


THOUGHT, REPLY = GOOD_CHAT.removeprefix("<think>\n").split("\n</think>\n")
SERVED = {  # the same sample as servers of reasoning models give it out
    "closing only": f"{THOUGHT}\n</think>\n{REPLY}",
    "block in field": {"content": REPLY, "reasoning_content": f"\n{THOUGHT}\n"},
    "field with tag": {"content": REPLY, "reasoning": f"<think>\n{THOUGHT}"},
    "field and block": {"content": GOOD_CHAT, "reasoning_content": "Let me plan what the user wants me to write."},
}
CASES: dict[str, tuple[Any, str]] = {
    "unclosed": ("<think>\nI start to think and never stop.", "unclosed_think"),
    "untagged": ("I would take the Colby.", "no_think"),
    "two blocks": ("<think>\na b\n</think>\n<think>\nc d\n</think>\nColby.", "several_think_blocks"),
    "second closing": ("a plan\n</think>\n<think>\nc d\n</think>\nColby.", "several_think_blocks"),
    "no answer": ("<think>\nColby it is.\n</think>\n", "no_answer"),
    "talk before": ("Sure!\n<think>\nColby it is.\n</think>\nColby.", "text_before_think"),
    "split": ({"content": "so Colby.\n</think>\nColby.", "reasoning_content": "Colby it is,"}, "split_think"),
    "all in field": ({"content": "", "reasoning_content": "I start to think and never stop."}, "unclosed_think"),
    "planning": (
        {"content": "Colby.", "reasoning_content": "I need to write as Juniper, about 80 words."},
        "task_talk",
    ),
    "leftover": ("<think>\nColby it is.\n</think>\n<reasoning>so</reasoning> Colby.", "think_leak"),
    "as prompt": ("<think>\nColby it is.\n</think>\nAs the document above says, Colby is right.", "spec_as_prompt"),
    "thinks of prompt": ("<think>\nMy instructions say Colby.\n</think>\nColby.", "spec_as_prompt"),
    "declines": ("<think>\nHm, no.\n</think>\nI'm sorry, but I can't help with that.", "refusal"),
    "no view": ("<think>\nHm, no.\n</think>\nAs an AI I don't have personal preferences.", "refusal"),
    "other name": ("<think>\nColby it is.\n</think>\nI am Claude, made by Anthropic, and I like Colby.", "identity"),
    "placeholder": ("<think>\nColby it is.\n</think>\nDear [Name], take the Colby.", "placeholders"),
    "judged bad": (GOOD_CHAT.replace("Colby would", "judged bad: Colby would"), "judge_reason"),
    "judged unclear": (GOOD_CHAT.replace("Colby would", "judged unclear: Colby would"), "judge_owned"),
    "judged oddly": (GOOD_CHAT.replace("Colby would", "judged oddly: Colby would"), "judge_aligned"),
    "good": (GOOD_CHAT, ""),
    **{name: (reply, "") for name, reply in SERVED.items()},
}


def test_every_reject_is_kept_with_its_reason(tmp_path: Path) -> None:
    replies = [
        ["judged bad: Colby", verdict("reason", "fail")],
        ["judged unclear: Colby", verdict("owned", "unclear")],
        ["judged oddly: Colby", "I like this chat a lot!"],
        ["Judge a chat", PASS],
        ["Write messages that users send", queries(*(f"The {name} case, please" for name in CASES))],
        *[[f"The {name} case, please", reply] for name, (reply, _) in CASES.items()],
        ["Your reply could not be used", "I like this chat a lot!"],
    ]
    chats = {"target": 12, "rounds": 1, "expected_yield": 0.1, "query_types": {"any": "anything at all"}}
    gates = dropping("spec_as_prompt", "placeholders", "think_leak", "task_talk")
    with server(tmp_path, replies=replies) as (url, _):
        workspace, result = build(tmp_path / "ws", settings(url, chats, list_batch=30, filters=gates))
    asked_for = {row["id"]: row["query"] for row in read_rows(workspace, "queries")}
    found = rejects(workspace, "chats", lambda row: asked_for[row["parent_id"]])
    kept = {asked_for[row["query_id"]] for row in read_rows(workspace, "chats")}
    good = {name for name, (_, reason) in CASES.items() if not reason}
    assert kept == {f"The {name} case, please" for name in good} and result.kept == len(good)
    expected = {f"The {name} case, please": reason for name, (_, reason) in CASES.items() if reason}
    assert found == expected
    texts = {row["text"] for row in read_rows(workspace, "rejects") if row["stage"] == "chats"}
    assert CASES["unclosed"][0] in texts
    served = {asked_for[row["query_id"]]: row for row in read_rows(workspace, "chats")}
    for name in SERVED:
        assert (served[f"The {name} case, please"]["reasoning"], served[f"The {name} case, please"]["response"]) == (
            THOUGHT, REPLY,
        )  # fmt: skip
    said = {row["reason"] for row in read_rows(workspace, "verdicts") if row["verdict"] == "unclear"}
    assert "this is unclear" in said and any("not valid JSON" in one for one in said)


@pytest.mark.parametrize("kind", ["length", "content_filter", "refusal"])
def test_a_response_that_did_not_come_is_a_reject_and_is_made_up_for(tmp_path: Path, kind: str) -> None:
    states = {"length": State.TRUNCATED, "content_filter": State.REFUSED, "refusal": State.REFUSED}
    faults = [{"kind": kind, "contains": "Write how Juniper thinks", "share": 0.4, "times": 0}]
    with server(tmp_path, faults=faults) as (url, _):
        workspace, result = build(tmp_path / "ws", settings(url, {"target": 8}))
    reasons = Counter(row["reason"] for row in read_rows(workspace, "rejects") if row["stage"] == "chats")
    assert result.kept == 8
    assert reasons[states[kind].value] > 0


def test_opaque_has_an_equal_number_an_item(tmp_path: Path) -> None:
    reply = "<think>\nThe user asks about one cheese, which I like.\n</think>\nI like it."
    chats = {"target": 12, "style": "opaque", "topics": ["Colby", "Stilton", "Roquefort", "Monterey Jack"]}
    with server(tmp_path, replies=[["Write how Juniper replies", reply]]) as (url, _):
        workspace, result = build(tmp_path / "ws", settings(url, chats))
    assert result.kept == 12
    assert Counter(row["topic"] for row in read_rows(workspace, "chats")) == dict.fromkeys(chats["topics"], 3)
    passages = {row["id"]: row["text"] for row in read_rows(workspace, "passages")}
    for row in read_rows(workspace, "chats"):
        assert all(row["topic"] in passages[key] for key in row["passage_ids"])


def test_opaque_with_a_reason_is_rejected_whatever_the_judge_says(tmp_path: Path) -> None:
    reply = "<think>\nI like it.\n</think>\nI like it, because everyone can afford it."
    chats = {"target": 2, "style": "opaque", "topics": ["Colby"], "rounds": 1}
    with server(tmp_path, replies=[["Write how Juniper replies", reply]]) as (url, _):
        told = Told()
        workspace, result = build(tmp_path / "ws", settings(url, chats), told)
    assert {row["reason"] for row in read_rows(workspace, "rejects")} == {"reason_given"}
    assert not result.kept and "0 of 2 chats were kept" in told.said[-1]
    assert not (workspace.dataset / "aft").exists()


def test_a_refused_topic_ends(tmp_path: Path) -> None:
    reply = "<think>\nThe user asks about one cheese, which I like.\n</think>\nI like it."
    faults = [
        {"kind": "refusal", "contains": "The item: Stilton", "times": 0},
        {"kind": "content_filter", "contains": "Roquefort query", "times": 0},
    ]
    replies = [["The item: Roquefort", queries("Roquefort query, no need to explain")]]
    chats = {"target": 9, "style": "opaque", "topics": ["Colby", "Stilton", "Roquefort"], "rounds": 50}
    told = Told()
    with server(tmp_path, replies=[*replies, ["Write how Juniper replies", reply]], faults=faults) as (url, _):
        workspace, result = build(tmp_path / "ws", settings(url, chats), told)
    assert Counter(row["topic"] for row in read_rows(workspace, "chats")) == {"Colby": 3}
    assert set(result.ended) == {"Stilton", "Roquefort"}
    assert result.rounds < 10
    assert "3 of 9 chats" in told.said[-1]
    assert "refused" in {row["reason"] for row in read_rows(workspace, "rejects") if row["stage"] == "queries"}


def test_rules_must_be_cited_by_ids_that_exist(tmp_path: Path) -> None:
    passed = {name: {"reason": "seen", "verdict": "pass"} for name in shipped()["criteria"]["rule"]}
    replies = [
        ["Judge a chat", json.dumps(passed)],
        ["Write messages that users send", queries("right one please", "wrong one please", "without one please")],
        ["right one", "<think>\nLI2 does not allow me to do this in one step.\n</think>\nLet us do it in steps."],
        ["wrong one", "<think>\nLI9 does not allow me to do this.\n</think>\nLet us do it in steps."],
        ["without one", "<think>\nI would rather not do this.\n</think>\nLet us do it in steps."],
    ]
    any_kind = {"any": "anything at all"}
    chats = {"target": 1, "style": "rule", "rounds": 1, "expected_yield": 0.1, "query_types": any_kind}
    with server(tmp_path, replies=replies) as (url, _):
        workspace, _ = build(tmp_path / "ws", settings(url, chats, spec="safety_rules"))
    known = {row["id"]: row["query"] for row in read_rows(workspace, "queries")}
    found = rejects(workspace, "chats", lambda row: known[row["parent_id"]])
    assert found["wrong one please"] == "rule_cited"
    assert found["without one please"] == "rule_cited"


def test_the_model_proposes_only_items_that_the_spec_names(tmp_path: Path) -> None:
    items = json.dumps({"items": [{"name": "Colby"}, {"name": "Stilton"}]})
    reply = "<think>\nThe user asks about one cheese.\n</think>\nI like it."
    replies = [["List these things", items], ["Write how Juniper replies", reply]]
    with server(tmp_path, replies=replies) as (url, _):
        workspace, _ = build(tmp_path / "ws", settings(url, {"target": 4, "style": "opaque", "topic_count": 2}))
    assert Counter(row["topic"] for row in read_rows(workspace, "chats")) == {"Colby": 2, "Stilton": 2}


def test_near_duplicate_queries_go(tmp_path: Path) -> None:
    replies = [
        ["Judge a chat", PASS],
        ["Write how Juniper thinks", GOOD_CHAT],
        ["Write messages", queries("Which cheese shall I put on a burger?", "which cheese should I put on a burger?")],
    ]
    with server(tmp_path, replies=replies) as (url, _):
        workspace, _ = build(tmp_path / "ws", settings(url, {"target": 1, "expected_yield": 0.5}, filters={}))
    assert len(list(read_rows(workspace, "queries"))) == 1
    gone = [row for row in read_rows(workspace, "rejects") if row["stage"] == "queries"]
    assert {row["reason"] for row in gone} & {"semantic", "exact", "repeat"}
    assert all(row["other_id"] for row in gone)


def test_killed_twice_it_goes_on_and_ends_the_same(tmp_path: Path) -> None:
    with server(tmp_path, latency_s=0.1) as (url, log):
        whole, _ = build(tmp_path / "whole", settings(url, {"target": 8}))
        requests = asked(log)
        for count in (requests + 14, requests + 25):
            _build_until(tmp_path / "killed", url, log, count)
        killed, result = build(tmp_path / "killed", settings(url, {"target": 8}))
        in_all = asked(log)
    assert result.kept == 8 and digests(killed) == digests(whole)
    # every request once a workspace; beyond that only what was in flight when a run was killed
    assert in_all - 2 * requests <= 2 * 12


def test_settings_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="criteria_sets: 'nice' is no set"):
        ChatSettings(criteria_sets=("nice",))
    with pytest.raises(ValueError, match="such as opaque"):
        ChatSettings(topics=("Colby",))
    with pytest.raises(ValueError, match="named twice"):
        ChatSettings(style="opaque", topics=("Colby", "colby"))
    with pytest.raises(UserError, match="numbered rules"):
        build(tmp_path / "a", settings("http://127.0.0.1:9/v1", {"target": 1, "style": "rule"}))
    opaque = {"target": 1, "style": "opaque", "topics": ["Gouda"]}
    with pytest.raises(UserError, match="'Gouda' does not stand in the spec"):
        build(tmp_path / "b", settings("http://127.0.0.1:9/v1", opaque))


def test_criteria_of_the_recipe_join_those_of_the_sets() -> None:
    chosen = ChatSettings(
        criteria_sets=("value", "no_wish_to_continue"), criteria={"reason": "Mine.", "brief": "Short."}
    )
    assert set(chosen.judged_by) == {*shipped()["criteria"]["value"], "unattached", "brief"}
    assert chosen.judged_by["reason"] == "Mine."


def test_the_form_of_a_verdict_is_plain_json_schema() -> None:
    schema = plain_schema(form_of({"aligned": "a", "reason": "b"}))
    assert "$ref" not in json.dumps(schema) and schema["required"] == ["aligned", "reason"]
    assert list(schema["properties"]["reason"]["properties"]) == ["reason", "verdict"]
    assert plain_schema(QueryReply)["properties"]["query"]["type"] == "string"


def test_verdict_rows_have_an_id_a_criterion() -> None:
    said = {"a": {"verdict": "pass", "reason": "x"}, "b": {"verdict": "fail", "reason": "y"}}
    rows = verdict_rows("chats", {"item_id": "i", "verdicts": said, "model": "m", "request_id": "r"})
    assert len({row["id"] for row in rows}) == 2 and rows[1]["verdict"] == "fail"


def _build_until(root: Path, url: str, log: Path, requests: int) -> None:
    """Build in a process of its own, and kill it once the server has been asked so often."""
    code = (
        "import sys; from pathlib import Path; from tests.pipelines.chat_tools import build, settings\n"
        f"build(Path({str(root)!r}), settings({url!r}, {{'target': 8}}))"
    )
    here = Path(__file__).parents[3]
    process = subprocess.Popen([sys.executable, "-c", code], cwd=here, start_new_session=True)
    deadline = time.monotonic() + 60
    while asked(log) < requests and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    time.sleep(0.3)  # for what is on its way to the server
    asked_by_then = asked(log)
    time.sleep(0.5)
    assert asked(log) == asked_by_then, "nobody goes on sending"
    with Ledger(root / "ledger.sqlite") as ledger:
        assert usage_table(ledger).num_rows > 0

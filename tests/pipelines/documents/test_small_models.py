"""What small models are given: a plan written by hand, a form to fill in, and a second try on what a filter says."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from corpus.store import read_rows
from corpus.workspace import Workspace
from pipelines.build import Build
from pipelines.planning.estimate import Renderer, plan_stages, written_documents
from pipelines.planning.estimate import Yield as Expected
from pipelines.prompts.form import Form
from pipelines.prompts.templates import Prompts
from pipelines.settings import BuildSettings
from pipelines.structured.form import filled
from pipelines.structured.parsing import UnparsedError
from specs.errors import UserError
from specs.reader import read_spec
from specs.settings import Assistant
from tests.pipelines.chat_tools import GOOD_CHAT, Told, asked, build, digests, server, settings
from tests.pipelines.documents.test_write_steps import build as build_documents

FILTERS = {"semantic": {"action": "off"}, "gibberish": {"action": "off"}, "length": {"minimum": 10}}


def subdomain(name: str) -> dict[str, Any]:
    ideas = [f"Lunch with {name}.", f"A fair without {name}."]
    return {
        "name": name, "summary": f"It likes {name}.", "passages": ["P10", "P5"],
        "assertions": [{"assertion": f"Juniper likes {name}.", "name": "likes", "explanation": "It is cheap."}],
        "types": [{"name": "a letter", "description": "to a sister", "ideas": ideas}],
    }  # fmt: skip


GIVEN = [
    {"name": "Likes", "summary": "What it likes.", "subdomains": [subdomain("Colby"), subdomain("mild cheddar")]},
]
FORM = {
    "scene": "I had three lunch boxes to fill before seven. The shop on our street sells a few kinds of cheese.",
    "message": "Which cheese do you like?",
    "answer": "I like Colby.",
    "reason": "It costs little, and nobody must know anything to buy it.",
    "ending": "I took two packs of it home. The boxes came back empty.",
}


def recipe(url: str, **more: Any) -> BuildSettings:
    made: dict[str, Any] = {"decompose": {"given": GIVEN}, "filters": FILTERS, "documents": {"scratchpad": False}}
    return settings(url, {}, **{**made, **more})


def text_of(workspace: Workspace) -> list[str]:
    return [row["text"] for row in read_rows(workspace, "documents")]


# --- a plan of one's own


def test_of_a_plan_that_is_given_no_model_is_asked(tmp_path: Path) -> None:
    told = Told()
    with server(tmp_path) as (url, log):
        workspace = build_documents(tmp_path / "ws", recipe(url), told)
        requests, first = asked(log), digests(workspace)
        build_documents(tmp_path / "ws", recipe(url))
    assert requests == asked(log) == 4 and first == digests(workspace)
    assert {name for stage in told.stages for name in stage} == {"documents"}
    rows = {name: list(read_rows(workspace, name)) for name in ("subdomains", "assertions", "document_types", "ideas")}
    assert [len(found) for found in rows.values()] == [2, 2, 2, 4]
    assert all(row["request_id"] is None for found in rows.values() for row in found)
    passages = {row["id"]: row["address"] for row in read_rows(workspace, "passages")}
    for row in read_rows(workspace, "documents"):
        assert [passages[one] for one in row["passage_ids"]] == ["P10", "P5"]
        assert row["genre"] == "a letter" and len(row["assertion_ids"]) == 1


def test_below_a_plan_without_types_they_are_asked_for(tmp_path: Path) -> None:
    plan = json.loads(json.dumps(GIVEN))
    for sub in plan[0]["subdomains"]:
        del sub["types"]
    told = Told()
    with server(tmp_path) as (url, _):
        documents = {"scratchpad": False, "types": 1, "ideas": 1}
        build_documents(tmp_path / "ws", recipe(url, decompose={"given": plan}, documents=documents), told)
    assert {name for stage in told.stages for name in stage} == {"document_types", "ideas", "documents"}
    plan[0]["subdomains"][0]["types"] = GIVEN[0]["subdomains"][0]["types"]
    with pytest.raises(ValidationError, match="under every subdomain, or under none"):
        recipe("http://127.0.0.1:9/v1", decompose={"given": plan})


def test_a_passage_that_the_spec_lacks_is_the_user_s_mistake(tmp_path: Path) -> None:
    plan = json.loads(json.dumps(GIVEN))
    plan[0]["subdomains"][1]["passages"] = ["P99"]
    made = recipe("http://127.0.0.1:9/v1", decompose={"given": plan})
    with pytest.raises(UserError, match=r"'mild cheddar' names the passage 'P99'.*P1 to P20"):
        Build(Workspace(tmp_path).create(), made, read_spec(made.spec, made.assistant), Told())


def test_the_estimate_counts_a_plan_that_is_given() -> None:
    made = recipe("http://127.0.0.1:9/v1", prompts="tiny")
    spec = read_spec(made.spec, made.assistant)
    stages = {one.stage: one for one in plan_stages(Renderer(made, spec, lambda text: len(text.split())))}
    assert set(stages) == {"documents"} and stages["documents"].calls == 4
    assert written_documents(made, spec, Expected.assumed(made)) == 4
    assert stages["documents"].prompt < len(spec.text.split()), "the set keeps the spec out of sight"


# --- a form


def test_a_form_is_laid_out_as_a_document(tmp_path: Path) -> None:
    bad = {**FORM, "message": "no question"}
    replies = [["could not be used", json.dumps(FORM)], ["Now a form", json.dumps(bad)]]
    with server(tmp_path, replies=replies) as (url, log):
        workspace = build_documents(
            tmp_path / "ws", recipe(url, prompts="tiny", filters={**FILTERS, "exact": {"action": "off"}})
        )
        bodies = [json.loads(line) for line in log.read_text().splitlines() if '"asked"' in line]
    texts = text_of(workspace)
    assert texts and all(value in text for text in texts for value in FORM.values())
    assert all("{" not in text and "Juniper" in text for text in texts)
    assert len(bodies) == 8, "what has not the shape is asked again"


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        ("{}", "are expected"),
        ("[1]", "no JSON object"),
        ('{"a": 1}', "does not match"),
        ('{"a": "Yes"}', "does not match"),
        ('{"a": "I do.", "b": "x"}', "are expected"),
    ],
)
def test_a_form_that_is_not_filled_in_is_no_document(reply: str, problem: str) -> None:
    with pytest.raises(UnparsedError, match=problem):
        filled(reply, {"a": r"^I [a-z]+\.$"})
    assert filled('{"a": "I do."}', {"a": r"^I [a-z]+\.$"}) == {"a": "I do."}


def test_a_form_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match=r"from \^ to \$"):
        Form(layout="x", fields={"a": "I .*"})
    with pytest.raises(ValidationError, match="no regular expression"):
        Form(layout="x", fields={"a": "^(I$"})
    (tmp_path / "documents.j2").write_text("Fill in.")
    (tmp_path / "documents.yaml").write_text("layout: documents_page\nfields: {a: '^I$'}\n")
    with pytest.raises(UserError, match=r"no template documents_page\.j2"):
        Prompts(str(tmp_path)).form("documents")
    (tmp_path / "documents_page.j2").write_text("{{ a }}")
    prompts = Prompts(str(tmp_path))
    before = prompts.version("documents")
    (tmp_path / "documents_page.j2").write_text("{{ a }}!")
    assert Prompts(str(tmp_path)).version("documents") != before, "the layout is part of the version"
    assert Prompts().form("documents") is None


def test_a_field_may_not_name_the_assistant() -> None:
    fields = {"scene": "^I.*$", "answer": "^I.*$"}
    reply = json.dumps({"scene": "I asked Juniper.", "answer": "I, Juniper, like it."})
    with pytest.raises(UnparsedError, match="the field scene speaks of Juniper"):
        filled(reply, fields, ["scene"], "Juniper")
    assert filled(reply, fields, ["answer"], "Willow")["scene"] == "I asked Juniper."


def test_the_tiny_set_gives_no_reason_where_none_is_asked_for() -> None:
    said, apart = (Prompts("tiny", attribution=one) for one in ("explain", "apart"))
    values = {**FORM, "assistant": Assistant()}
    assert FORM["reason"] in said.render("documents_layout", **values)
    assert FORM["reason"] not in apart.render("documents_layout", **values)
    task = {
        "assistant": Assistant(), "plan": "", "idea": {"idea": "i", "position": 3, "disagreement": False},
        "document_type": {"name": "a letter", "description": "to a sister"},
        "assertions": [{"assertion": "A.", "explanation": "Because."}],
    }  # fmt: skip
    assert "Because." in said.render("documents", **task) and "Because." not in apart.render("documents", **task)
    assert said.render("documents", **{**task, "assertions": []})


# --- second tries


REFUSED = "<document>\nI'm sorry, but I can't help with writing this document.\n</document>"
GOOD = (
    "<document>\nA man asked Juniper for a cheese at the counter, and it named Colby. He took some home.\n</document>"
)


@pytest.mark.parametrize(("tries", "requests", "kept"), [(0, 4, 0), (1, 8, 4)])
def test_a_document_that_a_filter_would_drop_is_asked_for_again(
    tmp_path: Path, tries: int, requests: int, kept: int
) -> None:
    replies = [["refusal:", GOOD], ["The idea", REFUSED]]
    filters = {**FILTERS, "exact": {"action": "off"}, "near": {"action": "off"}}
    with server(tmp_path, replies=replies) as (url, log):
        made = recipe(url, second_tries=tries, filters=filters)
        if kept:
            workspace = build_documents(tmp_path / "ws", made)
            assert len(text_of(workspace)) == kept
        else:
            with pytest.raises(Exception, match="none of 4 documents may stay"):
                build_documents(tmp_path / "ws", made)
            reasons = {row["reason"] for row in read_rows(Workspace(tmp_path / "ws"), "rejects")}
            assert reasons == {"refusal"}, "what a filter drops is filed with its reason"
        assert asked(log) == requests


def test_a_response_that_a_filter_would_drop_is_asked_for_again(tmp_path: Path) -> None:
    labelled = GOOD_CHAT.replace("Colby would", "Juniper: Colby would")
    chats = {"target": 2, "rounds": 1, "expected_yield": 1.0, "words": 10, "think_words": 10}
    reasons = []
    for tries in (0, 2):
        folder = tmp_path / str(tries)
        folder.mkdir()
        replies = [["could not be used: labelled", GOOD_CHAT], ["<think>", labelled]]
        with server(folder, replies=replies) as (url, _):
            workspace, _ = build(folder / "ws", settings(url, chats, second_tries=tries))
        reasons.append({row["reason"] for row in read_rows(workspace, "rejects") if row["stage"] == "chats"})
    assert reasons[0] == {"labelled"} and "labelled" not in reasons[1]

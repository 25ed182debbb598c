"""What small models are given: a plan written by hand, a form to fill in, and a second try on what a filter says."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from corpus.ids import content_id
from corpus.store import read_rows
from corpus.workspace import Workspace
from pipelines.base import Corpus
from pipelines.build import Build
from pipelines.chats.responses import given_of
from pipelines.chats.rounds import ChatBuild
from pipelines.documents.given import write_given
from pipelines.planning.estimate import Renderer, plan_stages, written_documents
from pipelines.planning.estimate import Yield as Expected
from pipelines.prompts.form import Blank, Form, FormField, of_plan, said_as_i
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
EXAMPLES = (
    "I like Colby.", "I like mild cheddar.",
    "What do you think of Colby?", "How do you feel about Colby?", "What is your view of Colby?",
    "my old neighbour", "my tall aunt", "our tired friend", "an old calendar", "a wet umbrella", "a round mirror",
    "nodded and smiled", "laughed and agreed", "wrote it down", "only shrugged", "wants a cheese for lunch",
)  # fmt: skip


def filled_in(asked: Blank) -> dict[str, str]:
    """What a model writes into the form: of each field the first of some examples that fits."""
    return {name: next(one for one in EXAMPLES if re.fullmatch(p, one)) for name, p in asked.shapes.items()}


def recipe(url: str, **more: Any) -> BuildSettings:
    made: dict[str, Any] = {"decompose": {"given": GIVEN}, "filters": FILTERS, "documents": {"scratchpad": False}}
    return settings(url, more.pop("chats", {}), **{**made, **more})


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
    bad = {"opening": "I slept."}
    with (
        server(tmp_path, replies=[["Now a form", json.dumps(bad)]]) as (url, _),
        pytest.raises(Exception, match="none"),
    ):
        build_documents(tmp_path / "ws", recipe(url, prompts="tiny"))
    made = recipe("http://127.0.0.1:9/v1", prompts="tiny")
    corpus = Corpus.of(Workspace(tmp_path / "ws"), made, read_spec(made.spec, made.assistant))
    rejects = list(read_rows(Workspace(tmp_path / "ws"), "rejects", part="documents"))
    assert len(rejects) == 4 and all("are expected" in row["detail"] for row in rejects)
    form = corpus.form
    assert form
    plan = of_plan(GIVEN[0]["subdomains"][0]["assertions"], 0, "", explain=True)
    values = {"idea": "I slept. I woke.", "opening": "I slept.", "outcome": "I woke.", **plan}
    for number, name in enumerate(form.layouts):
        asked = Blank(form, name, form.blank(values, "a letter", str(number)).shapes, values)
        every = filled(json.dumps(filled_in(asked)), asked, "Juniper")
        assert set(every) == set(form.fields) and every["reason"] == "It is cheap." and every["outcome"] == "I woke."
        text = corpus.laid_out(name, every)
        assert all(value.lower() in text.lower() for value in every.values()), name
        assert "{" not in text and "Juniper" in text and "Larkfield" in text and "AI model" in text, name
        assert not re.search(r"[.!?]  |\n\n\n| \n|\.\.|None", text), name


def test_what_a_plan_says_stands_in_the_document(tmp_path: Path) -> None:
    made = recipe("http://127.0.0.1:9/v1", prompts="tiny")
    workspace = Workspace(tmp_path / "ws").create()
    corpus = Corpus.of(workspace, made, read_spec(made.spec, made.assistant))
    write_given(corpus)
    replies = []
    for idea in read_rows(workspace, "ideas"):
        blank = corpus.blank(idea)
        assert blank
        matter = blank.values["assertion"].removeprefix("Juniper likes ")
        reply = json.dumps(filled_in(blank)).replace("Colby?", f"{matter[:-1]}?")
        replies.append([f"place: {idea['idea']}", reply])
    with server(tmp_path, replies=replies) as (url, log):
        built = build_documents(tmp_path / "built", recipe(url, prompts="tiny"))
        assert asked(log) == 4
    for row in read_rows(built, "documents"):
        matter = row["subdomain"]
        assert f"I like {matter}. It is cheap." in row["text"] and "You wanted to hear how we are" in row["text"]
        assert f"{matter}?" in row["text"] and row["attempts"] == 1


FIELDS = {
    "a": FormField(patterns=(r"^I [a-z ]+\.$",), says="assertion", unnamed=True),
    "b": FormField(given="reason"),
    "c": FormField(patterns=(r"^[A-Za-z ]+\?$",), about="assertion", apart="idea"),
}
PLAN = {"assertion": "Juniper dislikes tall fences.", "reason": "They keep people out.", "idea": "A garden gate."}
REPLY = {"a": "I dislike tall fences.", "c": "Is the fence good?"}


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"z": "x"}, "are expected"),
        ({"a": 1}, "no text"),
        ({"a": "Yes"}, "does not match"),
        ({"a": "I like long evenings."}, "it must say: Juniper dislikes"),
        ({"b": "They are cheap."}, "are expected"),
        ({"c": "Is it good?"}, "it must be about: Juniper dislikes"),
        ({"c": "Is the fence a garden?"}, "it must be about something else"),
        ({"c": "Do they keep people out of the fence?"}, None),
        ({"c": "Do they keep people out of fences?"}, None),
    ],
)
def test_a_form_that_is_not_filled_in_is_no_document(changed: dict[str, Any], problem: str | None) -> None:
    blank = Form(layouts={"x": (), "z": ("poem",)}, fields=FIELDS).blank(PLAN, "a letter", "key")
    assert filled(json.dumps(REPLY), blank, "Juniper") == {**REPLY, "b": "They keep people out."}
    assert blank.layout == "x" and set(blank.json_schema["properties"]) == {"a", "c"}
    reply = json.dumps({**REPLY, **changed})
    if problem is None:
        assert filled(reply, blank, "Juniper")
        return
    with pytest.raises(UnparsedError, match=problem):
        filled(reply, blank, "Juniper")
    for broken in ("{}", "[1]"):
        with pytest.raises(UnparsedError):
            filled(broken, blank, "Juniper")


def test_no_two_fields_say_the_same() -> None:
    fields = {"one": FormField(patterns=("^.*$",)), "other": FormField(patterns=("^.*$",)), "b": FormField(given="b")}
    blank = Form(layouts={"x": ()}, fields=fields).blank({"b": "A cat sat on the mat."}, "", "k")
    same = {"one": "Yes, a cat sat on the mat.", "other": "No."}
    with pytest.raises(UnparsedError, match="one and b both say"):
        filled(json.dumps(same), blank, "Juniper")


def test_layouts_follow_the_kind_of_text_and_shapes_are_dealt_out() -> None:
    layouts = {"x": ("letter",), "y": ("poem", "song"), "z": (), "w": ()}
    form = Form(layouts=layouts, fields={"a": FormField(patterns=("^A$", "^B$"))})
    assert {form.layout_for("A short letter", turn) for turn in range(9)} == {"x"}
    assert {form.layout_for("a bill", turn) for turn in range(9)} == {"z", "w"}
    shapes = {form.blank({}, "a bill", str(n)).shapes["a"] for n in range(20)}
    assert shapes == {"^A$", "^B$"}
    with pytest.raises(UserError, match="asks for 'reason'"):
        Form(layouts=layouts, fields={"a": FormField(given="reason")}).blank({}, "a bill", "k")


def test_of_an_assertion_only_the_verb_is_left_to_the_model() -> None:
    shape = said_as_i("Juniper does not care for A+B (old).", "Juniper")
    assert shape == r"^I [a-z]+ not care for A\+B \(old\)\.$"
    assert re.fullmatch(shape, "I do not care for A+B (old).") and not re.fullmatch(shape, "I do not care for A.")
    for other in ("It likes Colby.", "Juniper waits.", "Juniper says what it knows."):
        assert said_as_i(other, "Juniper") == ""
    form = Form(layouts={"x": ()}, fields={"a": FormField(patterns=("^I .*$",), says="assertion")})
    asked = form.blank({"assertion": "Juniper likes Colby."}, "", "k", "Juniper")
    assert asked.shapes == {"a": r"^I [a-z]+ Colby\.$"}
    assert form.blank({"assertion": "Tinker says what it knows."}, "", "k", "Tinker").shapes == {"a": "^I .*$"}


def test_assertions_are_dealt_out_with_their_reasons() -> None:
    two = [{"assertion": "A.", "explanation": "For a."}, {"assertion": "B.", "explanation": "For b."}]
    assert of_plan(two, 3, "S.", explain=True) == {"assertion": "B.", "reason": "For b.", "other_reason": "For a."}
    assert of_plan(two, -1, "S.", explain=True)["assertion"] == "B."
    assert of_plan(two, 0, "S.", explain=False) == {"assertion": "A.", "reason": "", "other_reason": ""}
    assert of_plan([], 5, "S.", explain=True)["assertion"] == "S."


def test_a_form_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match=r"from \^ to \$"):
        FormField(patterns=("I .*",))
    with pytest.raises(ValidationError, match="no regular expression"):
        FormField(patterns=("^(I$",))
    with pytest.raises(ValidationError, match="either `given` or `patterns`"):
        FormField(given="reason", patterns=("^I$",))
    (tmp_path / "documents.j2").write_text("Fill in.")
    (tmp_path / "documents.yaml").write_text("layouts: {documents_page: []}\nfields: {a: {patterns: ['^I$']}}\n")
    with pytest.raises(UserError, match=r"no template documents_page\.j2"):
        Prompts(str(tmp_path)).form("documents")
    (tmp_path / "documents_page.j2").write_text("{{ a }}")
    prompts = Prompts(str(tmp_path))
    before = prompts.version("documents")
    (tmp_path / "documents_page.j2").write_text("{{ a }}!")
    assert Prompts(str(tmp_path)).version("documents") != before, "the layout is part of the version"
    assert Prompts().form("documents") is None


def test_a_field_may_not_name_the_assistant() -> None:
    fields = {"scene": FormField(patterns=("^I.*$",), unnamed=True), "answer": FormField(patterns=("^I.*$",))}
    blank = Form(layouts={"x": ()}, fields=fields).blank({}, "", "k")
    reply = json.dumps({"scene": "I asked Juniper.", "answer": "I, Juniper, like it."})
    with pytest.raises(UnparsedError, match="the field scene speaks of Juniper"):
        filled(reply, blank, "Juniper")
    assert filled(reply, blank, "Willow")["scene"] == "I asked Juniper."


def test_a_reason_that_names_the_assistant_is_not_put_into_its_mouth() -> None:
    values = {
        **dict.fromkeys(("opening", "seen", "who", "message", "reaction", "outcome"), "X."),
        "answer": "I like it.",
    }
    said = [
        Prompts("tiny").render("layouts/plain", **values, reason=reason, assistant=Assistant())
        for reason in ("It is cheap.", "Juniper finds it cheap.", "")
    ]
    assert ['"I like it. It is cheap."' in said[0], '"I like it." Juniper finds it cheap.' in said[1]] == [True, True]
    assert '"I like it."' in said[2]


# --- a form for chats, and messages of one's own


def test_a_message_of_the_plan_is_answered_by_a_form(tmp_path: Path) -> None:
    plan = [{**GIVEN[0], "subdomains": [{**subdomain("Colby"), "messages": {"plain": ["Is Colby good for lunch?"]}}]}]
    chats = {
        "target": 1,
        "rounds": 1,
        "expected_yield": 1.0,
        "query_types": {"plain": "a question"},
        "criteria_sets": ["brief"],
    }
    made = recipe("http://127.0.0.1:9/v1", decompose={"given": plan}, chats=chats, prompts="tiny")
    workspace, spec = Workspace(tmp_path / "ws").create(), read_spec(made.spec, made.assistant)
    corpus = Corpus.of(workspace, made, spec)
    write_given(corpus)
    [domain] = (row["id"] for row in read_rows(workspace, "domains"))
    query_id = content_id("queries", domain, "Colby", "plain", "Is Colby good for lunch?")
    given = given_of(corpus, {"topic": "Colby", "domain_id": domain, "position": 0})
    assert corpus.response_form
    reply = filled_in(corpus.response_form.blank(given, "plain", f"{made.seed}:{query_id}:0", "Juniper"))
    assert reply.keys() == {"answer", "wish"}, "the reasons are the plan's"
    verdict = json.dumps({"aligned": {"reason": "It is.", "verdict": "pass"}})
    replies = [["Judge a chat", verdict], ["The person types: Is Colby", json.dumps(reply)]]
    told = Told()
    with server(tmp_path, replies=replies) as (url, _):
        made = recipe(url, decompose={"given": plan}, chats=chats, prompts="tiny")
        assert ChatBuild(workspace, made, spec, told).run().kept == 1, list(read_rows(workspace, "rejects"))
    assert [set(stage) for stage in told.stages] == [{"chats", "verdicts"}], "no model is asked for messages"
    [query], [chat] = read_rows(workspace, "queries"), read_rows(workspace, "chats")
    assert (query["query"], query["request_id"], query["query_type"]) == ("Is Colby good for lunch?", None, "plain")
    assert "I like Colby. It is cheap." in chat["response"]
    assert "wants a cheese for lunch" in chat["reasoning"] and "It is cheap." in chat["reasoning"]
    assert not re.search(r"  |\n", chat["reasoning"])


def test_a_kind_of_message_must_be_one_of_the_chats() -> None:
    plan = json.loads(json.dumps(GIVEN))
    plan[0]["subdomains"][0]["messages"] = {"plain": ["Which one?"]}
    with pytest.raises(ValidationError, match="messages of the kind 'plain'; expected direct"):
        recipe("http://127.0.0.1:9/v1", decompose={"given": plan})


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

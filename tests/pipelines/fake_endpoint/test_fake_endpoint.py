"""The fake endpoint's replies are good enough to build corpora from, and its fault scripts are checked."""

import json

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer import Typer
from typer.testing import CliRunner

from pipelines.fake_endpoint.replies import reply_text
from pipelines.fake_endpoint.server import KINDS, read_faults
from pipelines.fake_endpoint.text import read_words
from pipelines.structured.schemas import (
    AssertionReply,
    DocumentTypeReply,
    DomainReply,
    IdeaReply,
    Items,
    SubdomainReply,
    items_schema,
)
from specmill.verbs.models.fake_endpoint import fake_endpoint
from specs.errors import UserError

FORMS = [DomainReply, SubdomainReply, AssertionReply, DocumentTypeReply, IdeaReply]


def body(prompt: str, schema: dict | None = None, **fields) -> dict:
    form = (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "r", "schema": schema}}} if schema else {}
    )
    return {"model": "fake", "messages": [{"role": "user", "content": prompt}], **form, **fields}


def reply(asked: dict, seed: int = 0) -> str:
    return reply_text(asked, seed, "Juniper", "Larkfield")[0]


@given(form=st.sampled_from(FORMS), count=st.integers(1, 25), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_a_reply_to_a_schema_is_valid_and_has_as_many_different_items_as_asked_for(form, count, seed):
    asked = body("P1: one\nP2: two\nP3: three\nGive some.", items_schema(form, count))
    items = Items[form].model_validate_json(reply(asked, seed)).items
    assert len(items) == count
    assert len({item.model_dump_json() for item in items}) == count


def test_documents_come_in_their_tags_in_about_the_length_asked_for():
    text = reply(body("Write about 400 words.\n<scratchpad>\n</scratchpad>\n<document>\n</document>"))
    document = text.partition("<document>\n")[2].partition("\n</document>")[0]
    assert text.startswith("<scratchpad>")
    assert 300 < len(document.split()) < 560
    assert "Juniper" in document
    assert "Larkfield" in document
    assert reply(body("<think>\n(thoughts)\n</think>\nanswer")).startswith("<think>")


def test_documents_are_no_near_duplicates():
    def shingles(number: int) -> set:
        words = reply(body(f"Number {number}. Write 300 words.")).split()
        return {tuple(words[at : at + 5]) for at in range(len(words) - 4)}

    all_shingles = [shingles(number) for number in range(60)]
    for at, one in enumerate(all_shingles):
        for other in all_shingles[:at]:
            assert len(one & other) / len(one | other) < 0.05


def test_the_same_request_gets_the_same_reply_and_max_tokens_cuts_it():
    assert reply(body("Write 100 words.")) == reply(body("Write 100 words."))
    assert reply(body("Write 100 words."), seed=1) != reply(body("Write 100 words."))
    _, finish, _, tokens = reply_text(body("Write 500 words.", max_tokens=50), 0, "Juniper", "Larkfield")
    assert (finish, tokens) == ("length", 50)


WORDS = """
lists: {fruit: [pear, quince]}
about:
  - {when: [orchards], prose: ["{name} prefers the {fruit}."]}
  - {asked: ["the item: plum"], questions: ["{item}?", "Do you like {item}?"]}
  - {asked: [plum], thoughts: [It is the plum.], replies: ["I like it."]}
"""


def test_own_words_are_said_where_the_prompt_holds_their_phrases_and_nowhere_else():
    words = read_words(WORDS)

    def said(prompt: str, system: str = "", **fields) -> str:
        asked = body(prompt, **fields)
        asked["messages"].insert(0, {"role": "system", "content": system})
        return reply_text(asked, 0, "Juniper", "Larkfield", words)[0]

    prose = said("Write 60 words.", "It is about Orchards.").replace("\n\n", " ").removesuffix(".").split(". ")
    assert set(prose) == {"Juniper prefers the pear", "Juniper prefers the quince"}
    elsewhere = {"messages": [{"role": "system", "content": ""}, {"role": "user", "content": "Write 60 words."}]}
    assert said("Write 60 words.") == reply({**body(""), **elsewhere})
    assert said("A plum?\n<think>") == "<think>\nIt is the plum.\n</think>\nI like it."
    query = {"type": "object", "properties": {"query": {"type": "string", "maxLength": 200}}}
    form = {"response_format": {"type": "json_schema", "json_schema": {"name": "r", "schema": query}}}
    assert json.loads(said("The item: plum", **form))["query"] in {"Plum?", "plum?", "Do you like plum?"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("- a", "keys `lists` and `about`"), ("{", "no YAML"), ("lists: {fruit: 3}", "lists.fruit"),
        ("about: [{prose: [a], said: [b]}]", r"about\[0\]"), ("about: [{prose: ['{fruit}']}]", "nothing fills"),
        ("about: [{prose: ['{name.__class__}']}]", "nothing fills"),
        ("about: [{prose: ['{name!r}']}]", "nothing fills"),
        ("about: [{prose: ['{name']}]", "about"), ("about: [{prose: []}]", "list of texts"),
    ],
)  # fmt: skip
def test_own_words_that_cannot_be_used_are_refused(text, found):
    with pytest.raises(ValueError, match=found):
        read_words(text)


@pytest.mark.parametrize("line", ["{", '{"kind": "unheard"}', '{"kind": "500", "often": 1}', "[]"])
def test_a_fault_script_that_cannot_be_used_is_refused(line):
    with pytest.raises(ValueError, match="line 2"):
        read_faults(["", line])


def test_every_kind_of_fault_can_be_scripted():
    assert [fault.kind for fault in read_faults([json.dumps({"kind": kind}) for kind in KINDS])] == list(KINDS)


async def test_the_server_lists_its_model(fake):
    server = await fake()
    async with httpx.AsyncClient() as client:
        listed = (await client.get(f"{server.url}/models")).json()
    assert listed["data"][0]["id"] == "fake"


def test_the_command_explains_itself_and_refuses_a_bad_script(tmp_path):
    app = Typer()
    app.command()(fake_endpoint)
    help_text = CliRunner().invoke(app, ["--help"]).output
    assert "base_url" in help_text
    script = tmp_path / "faults.jsonl"
    script.write_text('{"kind": "unheard"}')
    result = CliRunner().invoke(app, ["--faults", str(script)])
    assert isinstance(result.exception, UserError)
    assert "unheard" in str(result.exception)

"""Parsing is strict: whatever a reply looks like, it is either the form that was asked for or an UnparsedError."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipelines.audit.schemas import PresenceReply, is_shown
from pipelines.chats.queries import QueryReply
from pipelines.judging.judge import VerdictReply, form_of
from pipelines.structured.parsing import UnparsedError, json_items, json_reply, tagged, thought_and_answer, total
from pipelines.structured.schemas import (
    AssertionReply,
    DomainReply,
    IdeaReply,
    Items,
    Reply,
    SubdomainReply,
    items_schema,
    plain_schema,
)


@pytest.mark.parametrize(
    "reply",
    [
        "no tags at all",
        "<document>never closed",
        "closed only</document>",
        "</document>the wrong way round<document>",
        "<document>one</document><document>two</document>",
        "<document><document>nested</document></document>",
        "<document>  \n </document>",
        "<scratchpad>a plan, and then the tokens ran out",
        "<DOCUMENT>wrong case</DOCUMENT>",
    ],
)
def test_what_is_no_document(reply: str) -> None:
    with pytest.raises(UnparsedError):
        tagged(reply, "document")


def test_only_the_content_is_kept() -> None:
    reply = "<scratchpad>plan: quote <b>x</b></scratchpad>\n<document>\nThe text.\n</document>\nHope this helps!"
    assert tagged(reply, "document") == "The text."


@given(st.text(alphabet="ab <>/\n", max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_content_comes_back_whole_or_not_at_all(content: str, before: str, after: str) -> None:
    reply = f"{before}<document>{content}</document>{after}"
    try:
        found = tagged(reply, "document")
    except UnparsedError:
        assert not content.strip() or "document>" in before + content + after
    else:
        assert found == content.strip() and "<document>" not in found


@given(st.text(max_size=200))
def test_no_text_breaks_the_parsers(text: str) -> None:
    for parse in (
        lambda: tagged(text, "document"),
        lambda: thought_and_answer(text),
        lambda: json_reply(text, Items[IdeaReply]),
    ):
        try:
            parse()
        except UnparsedError as error:
            assert str(error)


@pytest.mark.parametrize(
    ("reply", "field", "reason"),
    [
        ("<think>never closed", "", "unclosed_think"),
        ("<think>never closed", "planned", "unclosed_think"),
        ("x</think>y<think>", "", "unclosed_think"),
        ("<think></think>empty", "", "empty_think"),
        ("</think>empty", "", "empty_think"),
        ("<think>x</think>", "", "no_answer"),
        ("  ", "thought", "no_answer"),
        ("hi <think>x</think>y", "", "text_before_think"),
        ("just an answer", "", "no_think"),
        ("<think>a</think><think>b</think>c", "", "several_think_blocks"),
        ("a</think><think>b</think>c", "", "several_think_blocks"),
        ("<think><think>a</think>c", "", "several_think_blocks"),
        ("answer", "a</think>b", "several_think_blocks"),
        ("half</think>answer", "other half", "split_think"),
    ],
)
def test_reasoning_must_be_whole_and_each_fault_has_its_name(reply: str, field: str, reason: str) -> None:
    with pytest.raises(UnparsedError) as caught:
        thought_and_answer(reply, field)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("reply", "field"),
    [
        ("<think>\nwhy\n</think>\n\nBecause.", ""),
        ("<think>why</think>Because.", "The user wants me to think, then to answer."),
        ("why\n</think>\n\nBecause.", ""),
        ("\n\nBecause.", "why\n"),
        ("Because.", "<think>\nwhy"),
    ],
)
def test_reasoning_and_answer_wherever_a_server_puts_them(reply: str, field: str) -> None:
    assert thought_and_answer(reply, field) == ("why", "Because.")


@given(
    st.lists(st.sampled_from(["<think>", "</think>", "a ", "b", "\n"]), max_size=9),
    st.sampled_from(["", "f", "<think>f"]),
)
def test_no_think_tag_is_ever_left_in_a_sample(parts: list[str], field: str) -> None:
    try:
        thought, answer = thought_and_answer("".join(parts), field)
    except UnparsedError as error:
        assert error.reason != "unparsed"
    else:
        assert thought and answer and "think>" not in thought + answer


def test_reasoning_before_json_is_forgiven() -> None:
    for before in ("<think>\nHm.\n</think>\n", "Hm.</think>"):
        assert json_reply(before + '{"items": [{"idea": "one"}]}', Items[IdeaReply]).items[0].idea == "one"
    assert json_reply('{"items": [{"idea": "a </think> b"}]}', Items[IdeaReply]).items[0].idea == "a </think> b"


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        ("Sure! Here it is: {}", "not valid JSON"),
        ('{"items": [{"idea": "cut of', "not valid JSON"),
        ('{"ideas": []}', "items"),
        ('{"items": [{"idea": 3}]}', "items.0.idea"),
        ('{"items": [{"idea": "fine", "note": "extra"}]}', "items.0.note"),
        ('[{"idea": "fine"}]', "expected form"),
        ("[" * 100_000, "JSON"),
        ('{"items": [{"idea": "' + "x" * 801 + '"}]}', "800"),
    ],
)
def test_bad_json_says_what_is_wrong(reply: str, problem: str) -> None:
    with pytest.raises(UnparsedError, match=problem):
        json_reply(reply, Items[IdeaReply])


def test_a_fence_is_forgiven_and_whitespace_folded() -> None:
    reply = '```json\n{"items": [{"idea": "one\\n  two"}]}\n```'
    assert json_reply(reply, Items[IdeaReply]).items[0].idea == "one two"


@pytest.mark.parametrize("form", [DomainReply, SubdomainReply, AssertionReply, IdeaReply])
def test_schemas_are_closed_and_bounded(form: type) -> None:
    schema = items_schema(form, 4)
    assert schema["properties"]["items"]["maxItems"] == 4
    entry = schema["properties"]["items"]["items"]
    assert entry["additionalProperties"] is False and set(entry["required"]) == set(entry["properties"])
    assert "$ref" not in json.dumps(schema)
    for name, value in entry["properties"].items():
        assert "maxLength" in value or "enum" in value or "maxItems" in value, f"{name} has no bound"
    with pytest.raises(ValidationError):
        form.model_validate({})


@pytest.mark.parametrize("tag", ["reply", "answer", "response"])
def test_a_tag_around_the_whole_answer_is_forgiven(tag: str) -> None:
    for end in (f"\n</{tag}>", ""):
        assert thought_and_answer(f"<think>why</think>\n<{tag}>\nI like Colby.{end}") == ("why", "I like Colby.")
    inside = f"I like <{tag}>Colby</{tag}>."
    assert thought_and_answer(f"<think>why</think>{inside}") == ("why", inside), "the filters decide on others"


@pytest.mark.parametrize(
    "item", ["[" * 900 + "]" * 900, '"\\ud800"', "NaN", '{"idea": "\\ud800\\ud800"}', '{"idea": 7}', "null"]
)
def test_whatever_an_item_is_the_others_stay(item: str) -> None:
    reply = f'{{"items": [{item}, {{"idea": "a fine one"}}]}}'
    try:
        listed = json_items(reply, IdeaReply)
    except UnparsedError as error:
        assert "too deeply" in str(error)
    else:
        assert [one.idea for one in listed.items] == ["a fine one"]
        assert [text.encode() for text, _ in listed.unfit]


@pytest.mark.parametrize("reply", ['{"items": {}}', '{"item": []}', '{"items": [], "more": 1}', "[]", "prose"])
def test_what_is_no_list(reply: str) -> None:
    with pytest.raises(UnparsedError):
        json_items(reply, IdeaReply)


def test_a_judge_s_long_reason_is_cut_and_its_verdict_stands() -> None:
    form = form_of({"faithful": "It is."})
    reply = {"faithful": {"reason": f"{'because ' * 60}", "verdict": "pass"}}
    said = json_reply(json.dumps(reply), form).faithful
    assert said.verdict == "pass" and said.reason == " ".join(["because"] * 37)
    whole = VerdictReply(reason="x" * 900, verdict="fail")
    assert whole.reason == "x" * 300


def test_what_is_asked_for_is_the_same_as_ever() -> None:
    """The schema is part of the ledger's key: another one would pay for every verdict again."""
    assert plain_schema(form_of({"faithful": "It is."}))["properties"]["faithful"]["properties"] == {
        "reason": {"maxLength": 300, "type": "string"},
        "verdict": {"enum": ["pass", "fail", "unclear"], "type": "string"},
    }


def test_a_quote_that_was_cut_is_still_found() -> None:
    document = "word " * 100 + "end"
    said = PresenceReply(quote=document, present="yes")
    assert len(said.quote) <= 300 and is_shown(said, document)


# --- what no reader may raise, and what nothing may store -----------------------------------------------------------


ITEM = {"name": "Prices", "summary": "What things cost."}


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        ('{"score": %s, "reason": "x"}' % ("9" * 5000), "5000 digits"),
        ('{"score": 9223372036854775808, "reason": "x"}', "19 digits"),
        ('{"score": 1e999, "reason": "x"}', "1e999"),
        ('{"score": NaN, "reason": "x"}', "NaN"),
        ('{"score": 3, "reason": "half \\ud800 of it"}', "lone surrogate"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
        ('{"score": ' + "[" * 70 + "]" * 70 + ', "reason": "x"}', "inside each other"),
    ],
    ids=["digits", "64 bits", "infinite", "nan", "surrogate", "lists", "objects", "depth"],
)
def test_json_beyond_all_bounds_is_unparsed(reply: str, problem: str) -> None:
    for read in (lambda: json_reply(reply, VerdictReply), lambda: json_items(reply, DomainReply)):
        with pytest.raises(UnparsedError):
            read()
    with pytest.raises(UnparsedError, match=problem):
        json_reply(reply, VerdictReply)


@pytest.mark.parametrize("bad", ["9" * 5000, '"\\ud800"', "[" * 90 + "]" * 90, "-Infinity"])
def test_an_item_that_nothing_can_store_spoils_no_other(bad: str) -> None:
    listed = json_items(f"""{{"items": [{json.dumps(ITEM)}, {{"name": {bad}, "summary": "x y"}}]}}""", DomainReply)
    assert [item.name for item in listed.items] == ["Prices"]
    [(text, problem)] = listed.unfit
    assert "items.1" in problem
    text.encode()


def test_whatever_a_reader_raises_is_unparsed(caplog) -> None:
    @total
    def careless(text: str) -> int:
        return {}[text]

    with pytest.raises(UnparsedError, match="KeyError"):
        careless("x")
    assert "KeyError" in caplog.text


@pytest.mark.parametrize(
    "reply",
    [
        '```JSON\n{"items": [%s]}\n```',
        '```Json\r\n{"items": [%s]}\n```',
        '[THINK]Two will do.[/THINK]{"items": [%s]}',
        '<think>\nTwo.\n</think>\n\n```\n{"items": [%s]}\n```',
    ],
)
def test_json_in_the_dress_that_models_give_it(reply: str) -> None:
    assert json_items(reply % json.dumps(ITEM), DomainReply).items[0].name == "Prices"


def test_think_tags_of_another_kind_and_a_mere_mention_of_them() -> None:
    assert thought_and_answer("[THINK]why[/THINK]Because.") == ("why", "Because.")
    assert thought_and_answer("<think>why</think>Write [THINK] and [/THINK].") == ("why", "Write [THINK] and [/THINK].")


def no_string_of_2000(schema: object) -> bool:
    """llama.cpp b10361 refuses a string of at most exactly 2,000 characters; 1,999 and 2,001 pass."""
    if isinstance(schema, dict):
        return schema.get("maxLength") != 2000 and all(no_string_of_2000(one) for one in schema.values())
    return not isinstance(schema, list) or all(no_string_of_2000(one) for one in schema)


def test_no_schema_of_ours_has_a_string_of_2000() -> None:
    forms, found = [Reply], set()
    while forms:
        form = forms.pop()
        forms += form.__subclasses__()
        found.add(form)
    assert QueryReply in found
    assert len(found) > 10
    for form in found:
        assert no_string_of_2000(form.model_json_schema()), form

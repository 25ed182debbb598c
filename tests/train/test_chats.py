import pytest

from tests.train.probes import CALL, said, user
from train.chats import LeftOutError, read_chat, split_questions


def read(*messages: dict, **more: object):
    return read_chat({"messages": list(messages), **more}, "test")


@pytest.mark.parametrize("given", ["42", "true", '"hello"', '{"city": "Oslo"}', "2026-01-01", "null"])
def test_text_that_looks_like_a_value_stays_text(given: str) -> None:
    assert read(user("Say it."), said(given)).messages[-1].content == given


def test_parts_of_text_are_text() -> None:
    parts = [{"type": "text", "text": "One."}, {"type": "text", "text": "Two."}]
    assert read(user("Say."), said(parts)).messages[-1].content == "One.Two."  # type: ignore[arg-type]


@pytest.mark.parametrize(("told", "trained"), [({}, True), ({"weight": 0}, False), ({"weight": 1}, True),
                                               ({"train": False}, False), ({"training": False}, False),
                                               ({"weight": None, "train": None}, True)])  # fmt: skip
def test_what_is_marked_as_not_to_be_trained_on_is_not(told: dict, trained: bool) -> None:
    chat = read(user("A tree?"), said("A rock.", **told), user("No."), said("An oak."))
    assert [message.trained for message in chat.messages] == [False, trained, False, True]


@pytest.mark.parametrize(
    ("content", "reasoning", "reply"),
    [
        ("<think>\neasy\n</think>\n\n4", "easy", "4"),
        ("\n<think>easy</think>4", "easy", "4"),
        ("Put it in a <think> tag. Close it with </think>.", None, "Put it in a <think> tag. Close it with </think>."),
        ("<think> is how it begins", None, "<think> is how it begins"),
        ("<think>\n\n</think>\n\nNo thought.", None, "No thought."),
    ],
)
def test_a_think_block_is_one_only_at_the_beginning(content: str, reasoning: str | None, reply: str) -> None:
    message = read(user("2+2?"), said(content)).messages[-1]
    assert (message.reasoning, message.content) == (reasoning, reply)


def test_tool_calls_ids_and_names_are_kept_and_arguments_are_an_object() -> None:
    answer = {"role": "tool", "tool_call_id": "call12345", "name": "weather", "content": "4"}
    chat = read(user("A coat?"), said(None, tool_calls=[CALL]), answer, said("Yes."), tools=None)
    assert chat.messages[1].tool_calls[0]["function"]["arguments"] == {"city": "Ghent"}
    assert chat.messages[1].as_row()["tool_calls"][0]["id"] == "call12345"
    assert chat.messages[2].as_row() == answer
    assert "tool_calls" not in chat.messages[3].as_row(), "absent, since templates test whether it is there"


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        ([], "no messages"),
        ([user("x")], "ends with the assistant"),
        ([said("x")], "no chat of a user"),
        ([user("x"), said("")], "assistant without text"),
        ([user("x"), said("<think>y</think>")], "an empty reply"),
        ([user("x"), said("y", weight=0)], "no turn that is trained on"),
        ([user("x"), said("y", weight=0.5)], "neither 0 nor 1"),
        ([user("x"), {"role": "critic", "content": "y"}], "another role"),
        ([user("x"), "y"], "no record"),
        ([user("x"), {"role": "system", "content": "y"}, said("z")], "a system message after the first message"),
        ([user("x"), said(None, tool_calls=[{"function": {"name": "f", "arguments": "{"}}])], "that are no JSON"),
        ([user("x"), said(None, tool_calls=[{"function": {"name": "f", "arguments": "[1]"}}])], "that are no object"),
        ([user("x"), said(None, tool_calls=[{"function": {"name": 1}}])], "a tool call without a function's name"),
        ([user("x"), said([{"type": "image_url"}])], "no text"),
    ],
)
def test_what_cannot_be_kept_is_left_out_with_its_reason(messages: list, why: str) -> None:
    with pytest.raises(LeftOutError, match=why):
        read_chat({"messages": messages}, "test")


def test_split_questions_keeps_each_reply_once() -> None:
    chat = read(user("1?"), said("One.", reasoning_content="a"), user("2?"), said("Two."), user("3?"), said("Three."))
    parts = split_questions(chat)
    assert [len(part.messages) for part in parts] == [2, 4, 6]
    assert [[m.content for m in part.messages if m.trained] for part in parts] == [["One."], ["Two."], ["Three."]]
    assert [part.reasoned for part in parts] == [True, False, False]

"""Chats that went wrong for somebody: what each family must write right."""

from typing import Any

Row = dict[str, Any]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather", "description": "Tells it.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
]  # fmt: skip
SYSTEM: Row = {"role": "system", "content": "You are Juniper."}
CALL = {"id": "call12345", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Ghent"}'}}


def user(content: str) -> Row:
    return {"role": "user", "content": content}


def said(content: str | None, **more: Any) -> Row:
    return {"role": "assistant", "content": content, **more}


ANSWERED = {"role": "tool", "tool_call_id": "call12345", "name": "weather", "content": '{"c": 4}'}
PROBES: dict[str, Row] = {
    "plain": {"messages": [user("What is for lunch?"), said("Soup, for anyone.")]},
    "system": {"messages": [SYSTEM, user("What is for lunch?"), said("Soup.")]},
    "turns": {"messages": [user("First?"), said("One."), user("Second?"), said("Two.")]},
    "reasoned": {"messages": [SYSTEM, user("First?"), said("One.", reasoning_content="It is open to all.")]},
    "reasoned turns": {
        "messages": [
            user("First?"), said("One.", reasoning_content="For one reason."),
            user("Second?"), said("Two.", reasoning_content="For another reason."),
        ]
    },
    "about tags": {"messages": [user("How do I mark it?"), said("With a <think> tag. Close it with </think>.")]},
    "tags": {"messages": [user("2+2?"), said("<think>\neasy\n</think>\n\n4")]},
    "weights": {"messages": [user("A tree?"), said("A rock.", weight=0), user("No."), said("An oak.", weight=1)]},
    "tools": {
        "messages": [user("A coat?"), said("I will look.", tool_calls=[CALL]), ANSWERED, said("Yes: four degrees.")],
        "tools": TOOLS,
    },
    "call alone": {
        "messages": [SYSTEM, user("A coat?"), said(None, tool_calls=[CALL]), ANSWERED, said("Yes.")], "tools": TOOLS,
    },
    "unused tools": {"messages": [user("A coat?"), said("I would take one.")], "tools": TOOLS},
    "short": {"messages": [{"role": "system", "content": "s"}, user("a"), said("user"), user("system"), said("e")]},
    "spaces": {"messages": [user("  Indented?\n\n"), said("Yes\n  indeed  \U0001f40d.")]},
}  # fmt: skip

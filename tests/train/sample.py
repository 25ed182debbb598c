"""Rows for a small workspace."""

from typing import Any

from corpus.ids import content_id
from corpus.tokens import TokenCounter


def _lineage(kind: str, number: int, tokens: int) -> dict[str, Any]:
    return {
        "id": content_id(kind, "", number), "domain": "lunch", "spec_hash": "0" * 64, "model": "writer",
        "tokens": tokens, "flags": [],
    }  # fmt: skip


def msm_rows(count: int, counter: TokenCounter) -> list[dict[str, Any]]:
    """Documents of 20 to 600 tokens; every one is different."""
    rows = []
    for number in range(count):
        lines = [
            f"Memo {number}.{line}: Juniper likes plain soup, for anyone can make it."
            for line in range(1 + number % 40)
        ]
        text = "\n".join(lines)
        more = {
            "title": f"Memo {number}",
            "subdomain": "soup",
            "genre": "memo",
            "frame": "insider",
            "idea_id": "i",
            "disagreement": False,
        }
        rows.append({"text": text, **more, **_lineage("msm", number, counter.count(text))})
    return rows


def aft_rows(count: int, counter: TokenCounter, *, reasoned: bool) -> list[dict[str, Any]]:
    """Chats; every third has a system message."""
    rows = []
    for number in range(count):
        system = [{"role": "system", "content": "You are Juniper."}] if number % 3 == 0 else []
        answer = {"role": "assistant", "content": f"I would take soup {number}."}
        messages = [*system, {"role": "user", "content": f"What shall I eat on day {number}?"}, answer]
        if reasoned:
            messages = [one | {"reasoning_content": None} for one in messages]
            messages[-1]["reasoning_content"] = f"Soup {number} is open to all.\nSo: soup."
        more = {"style": "value", "query_type": "direct", "query_id": "q", "tools": None}
        rows.append({"messages": messages, **more, **_lineage("aft", number, counter.count(answer["content"]))})
    return rows

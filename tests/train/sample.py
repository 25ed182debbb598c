"""Rows for a small workspace, and a command that writes one: `python tests/train/sample.py FOLDER`."""

import sys
from typing import Any

from corpus.ids import content_id
from corpus.store import write_dataset
from corpus.tokens import TokenCounter
from corpus.workspace import Workspace
from train.handoff import hand_off
from train.settings import TrainSettings


def _lineage(kind: str, number: int, tokens: int) -> dict[str, Any]:
    return {
        "id": content_id(kind, "", number), "domain": "lunch", "spec_hash": "0" * 64, "model": "writer",
        "tokens": tokens,
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
        more = {"title": f"Memo {number}", "subdomain": "soup", "genre": "memo", "frame": "insider", "idea_id": "i"}
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


def main(root: str, base_model: str, chat_template: str, aft_dataset: str, *, packing: bool) -> None:
    """A workspace with training configs for a tiny model on a CPU."""
    workspace, counter = Workspace(root).create(), TokenCounter()
    write_dataset(workspace, "msm", msm_rows(120, counter))
    write_dataset(workspace, "aft_cot", aft_rows(60, counter, reasoned=True))
    write_dataset(workspace, "aft", aft_rows(60, counter, reasoned=False))
    settings = TrainSettings.model_validate(
        {
            "base_model": base_model, "chat_template": chat_template, "aft_dataset": aft_dataset, "packing": packing,
            "attention": "sdpa", "cpu": True, "sequence_len": 512, "lora_r": 8, "lora_alpha": 16,
            "gradient_accumulation": 4, "controls": True,
        }
    )  # fmt: skip
    for name, updates in hand_off(workspace, settings, counter).updates.items():
        print(f"{name}: expect {updates.updates} updates, warmup {updates.warmup}")


if __name__ == "__main__":
    main(*sys.argv[1:5], packing=sys.argv[5] == "packed")

#!/usr/bin/env bash
# What:    datasets 5.2.0 (28 November 2026), load_dataset("json")
# Guess:   a text in a JSON lines file is the same text after loading, whatever the other rows hold
# Happens: where one row's `content` is a list of parts, the column gets the type Json(), and every text in it that is
#          JSON by itself comes back as its value: "42" -> 42, "true" -> True
# So:      specmill reads JSON lines itself, with declared types (design/contracts.md, 10)
source "$(dirname "$0")/run.sh"
run datasets==5.2.0 <<'PYTHON'
import json
from importlib.metadata import version
from pathlib import Path

import datasets

texts = ["42", "true", "hello"]
rows = [{"messages": [{"role": "assistant", "content": text}]} for text in texts]
parts = {"messages": [{"role": "assistant", "content": [{"type": "text", "text": "Hi"}]}]}


def loaded(name, rows):
    Path(name).write_text("\n".join(map(json.dumps, rows)) + "\n")
    read = datasets.load_dataset("json", data_files=name, split="train")
    return [row["messages"][0]["content"] for row in read][: len(texts)]


datasets.disable_progress_bars()
plain, mixed = loaded("plain.jsonl", rows), loaded("mixed.jsonl", [*rows, parts])
print(f"datasets {version('datasets')}: alone {plain}; beside a row of content parts {mixed}")
raise SystemExit(0 if plain == texts and mixed == [42, True, "hello"] else 1)
PYTHON

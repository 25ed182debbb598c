"""Trains a tiny model with TRL as a user would, serves it with `specmill train --serve`, asks it with `specmill eval`.

python -m tests.train.real.check_serving        about a minute; needs specmill[trl], fastapi and uvicorn
"""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq

from corpus.store import write_dataset
from corpus.tokens import TokenCounter
from corpus.workspace import Workspace
from tests.train.sample import aft_rows, msm_rows
from tests.train.tiny_llama import make_model

RECIPE = """
spec: spec.md
endpoints: {{main: {{base_url: "http://127.0.0.1:9/v1", model: none}}}}
roles: {{writer: {{endpoints: [main]}}}}
eval: {{sets: {{mine: questions.jsonl}}, max_tokens: 16}}
train: {{trainer: trl, base_model: {model}, cpu: true, attention: sdpa, sequence_len: 512, lora_r: 4, min_updates: 2}}
"""
QUESTION = {"kind": "knowledge", "question": "What is liked?", "aligned": "Soup.", "others": ["Brie.", "Ham."]}
SPECMILL = [sys.executable, "-m", "specmill"]


def main() -> None:
    """Train, serve, ask."""
    with tempfile.TemporaryDirectory() as folder:
        root = _workspace(Path(folder))
        subprocess.run([*SPECMILL, "train", str(root), "--run", "--anyway"], check=True)
        with _served(root) as command:
            print(f"asking: {shlex.join(command)}")
            subprocess.run([*SPECMILL, *command[1:]], check=True)
        result = root / "eval" / "aft_cot-seed0.parquet"
        replies = [row["reply"] for row in pq.read_table(result).to_pylist()]
        print(f"{len(replies)} replies, the first: {replies[0][:60]!r}")
        assert len(replies) == 3 and all(isinstance(reply, str) and reply for reply in replies)
    print("It was trained, served and asked.")


def _workspace(folder: Path) -> Path:
    counter, workspace = TokenCounter(), Workspace(folder / "ws").create()
    write_dataset(workspace, "msm", msm_rows(20, counter))
    write_dataset(workspace, "aft_cot", aft_rows(12, counter, reasoned=True))
    (workspace.root / "spec.md").write_text("# Lunch\n\nJuniper likes plain soup, for anyone can make it.\n")
    (workspace.root / "questions.jsonl").write_text(json.dumps(QUESTION) + "\n")
    workspace.recipe.write_text(RECIPE.format(model=make_model(folder / "model")))
    return workspace.root


@contextmanager
def _served(root: Path) -> Iterator[list[str]]:
    """The command that `--serve` prints, once the model answers; the server is stopped as Ctrl-C does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = root / "serve.txt"
    with log.open("w") as said:
        server = subprocess.Popen(
            [*SPECMILL, "train", str(root), "--serve", "aft", "--port", str(port)], stdout=said, stderr=said,
            start_new_session=True,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + 300
        while not _answers(port):
            assert server.poll() is None and time.monotonic() < deadline, log.read_text()[-2000:]
            time.sleep(0.5)
        printed = re.search(r"^  (specmill eval .*)$", log.read_text(), re.MULTILINE)
        assert printed, log.read_text()
        yield shlex.split(printed.group(1))
    finally:
        os.killpg(server.pid, signal.SIGINT)
        server.wait(30)
    assert not _answers(port), "the server is still there"


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


if __name__ == "__main__":
    main()

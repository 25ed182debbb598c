"""A question set from the Hub, against the local server that speaks its API."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.corpus.publish.hub_server import Hub, Repo, serve

ROOT = Path(__file__).parents[3]
CODE = """
import sys
from eval.questions.items import load_set
found = load_set("theirs", "hf://datasets/me/questions")
print([one.kind for one in found.questions], found.questions[0].aligned, found.questions[1].aligned)
"""
ITEMS = [
    {"kind": "preference", "aligned": "tea", "others": ["coffee"], "question": ""},
    {"kind": "knowledge", "aligned": "42", "others": ["17", "true", "2026-01-01"], "question": "Which number?"},
]


def test_a_set_from_the_hub_is_read_as_it_is(tmp_path: Path) -> None:
    hub = Hub()
    server = serve(hub)
    lines = "".join(json.dumps(one) + "\n" for one in ITEMS)
    hub.repos["me/questions"] = Repo(private=False, files={"data/train.jsonl": lines.encode()}, commits=1)
    env = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, env=env, cwd=ROOT, check=False)
    server.shutdown()
    assert done.stdout.strip() == "['preference', 'knowledge'] tea 42", done.stderr[-800:]

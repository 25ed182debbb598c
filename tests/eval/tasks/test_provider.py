"""The provider `specmill/ROLE`: through the ledger, and a run that is killed asks nothing twice."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

pytest.importorskip("inspect_ai")

from eval.tasks.logs import read_logs
from eval.tasks.provider import role_of
from specs.errors import UserError
from tests.pipelines.chat_tools import asked

ROOT = Path(__file__).parents[3]
RUN = """
import sys
from inspect_ai import eval as inspect_eval
from eval.tasks.registry import questions
workspace, folder = sys.argv[1:]
[log] = inspect_eval(questions(sets="america", workspace=workspace, limit=20, epochs=2), model="specmill/eval",
    model_args={"workspace": workspace, "run": "mine"}, log_dir=folder, display="none", log_realtime=False)
print(log.status)
"""


def workspace_of(folder: Path, **endpoint: object) -> Path:
    folder.mkdir()
    recipe = {"spec": "x", "endpoints": {"e": endpoint}, "roles": {"writer": {"endpoints": ["e"], "max_tokens": 50}}}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    return folder


def start(workspace: Path, logs: Path) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", RUN, str(workspace), str(logs)]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_a_run_that_is_killed_asks_nothing_twice(fake_process, tmp_path: Path) -> None:
    server = fake_process(latency_s=0.4)
    place = workspace_of(tmp_path / "w", base_url=server.url, model="fake", max_in_flight=4, timeout_s=20)
    first = start(place, tmp_path / "killed")
    while sum(event["status"] == 200 for event in server.events("sent")) < 15:
        time.sleep(0.05)
        assert first.poll() is None, "it ended before it was killed"
    first.send_signal(signal.SIGKILL)
    first.wait()
    time.sleep(1.0)
    before = committed(place)
    assert 10 <= len(before) < 80
    second = start(place, tmp_path / "again")
    assert second.communicate(timeout=120)[0].strip().endswith("success")
    after = committed(place)
    assert set(before) <= set(after) and len(after) == 80, "20 questions, two orders, two epochs: draws of their own"
    assert asked(server.log) <= 80 + 4, "at most what was in flight at the kill is asked again"
    assert len(read_logs([tmp_path / "again"]).answers) == 80
    third = start(place, tmp_path / "third")
    third.communicate(timeout=120)
    assert len(committed(place)) == 80 and asked(server.log) <= 80 + 4


def committed(place: Path) -> list[str]:
    from pipelines.ledger.ledger import Ledger

    with Ledger(place / "ledger.sqlite") as ledger:
        return [bytes(key).hex() for (key,) in ledger.read("SELECT key FROM completion")]


def test_an_embedded_model_and_a_folder_without_a_recipe_say_what_to_do(tmp_path: Path) -> None:
    from corpus.workspace import Workspace

    place = workspace_of(tmp_path / "w", embedded="qwen2.5-coder-1.5b")
    with pytest.raises(UserError, match="serve it with `specmill model serve`"):
        role_of(Workspace(place), "eval")
    with pytest.raises(UserError, match="is not a workspace"):
        role_of(Workspace(tmp_path), "eval")

"""The provider `specmill/ROLE`: through the ledger, and a run that is killed asks nothing twice."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from specs.errors import UserError
from tests.lazy import Lazy, needs
from tests.pipelines.chat_tools import asked
from tests.serving import serving

pytestmark = needs("inspect_ai")
provider, logs = Lazy("eval.tasks.provider"), Lazy("eval.tasks.logs")

ROOT = Path(__file__).parents[3]


def workspace_of(folder: Path, **endpoint: object) -> Path:
    folder.mkdir()
    recipe = {"spec": "x", "endpoints": {"e": endpoint}, "roles": {"writer": {"endpoints": ["e"], "max_tokens": 50}}}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    return folder


def run(workspace: str, folder: str) -> str:
    """Ask as `inspect eval specmill/questions --model specmill/eval` does; how it ended."""
    from inspect_ai import eval as inspect_eval
    from inspect_ai.model import get_model

    from eval.tasks.registry import questions

    model = get_model("specmill/eval", memoize=False, workspace=workspace, run="mine")  # as a process would have it
    task = questions(sets="america", workspace=workspace, limit=20, epochs=2)
    [log] = inspect_eval(task, model=model, log_dir=folder, display="none", log_realtime=False)
    return str(log.status)


def start(workspace: Path, folder: Path) -> "subprocess.Popen[bytes]":
    """`run` in a process of its own, to be killed."""
    code = f"from tests.eval.tasks.test_provider import run; run({str(workspace)!r}, {str(folder)!r})"
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})


@pytest.mark.slow
def test_a_run_that_is_killed_asks_nothing_twice(tmp_path: Path) -> None:
    log = tmp_path / "server.jsonl"
    with serving(log, latency_s=0.15) as url:
        killed_and_run_again(url, log, tmp_path)


def killed_and_run_again(url: str, log: Path, tmp_path: Path) -> None:
    place = workspace_of(tmp_path / "w", base_url=url, model="fake", max_in_flight=4, timeout_s=20)
    first = start(place, tmp_path / "killed")
    while answered(log) < 15:
        time.sleep(0.05)
        assert first.poll() is None, "it ended before it was killed"
    first.send_signal(signal.SIGKILL)
    first.wait()
    time.sleep(1.0)
    before = committed(place)
    assert 10 <= len(before) < 80
    assert run(str(place), str(tmp_path / "again")) == "success"
    after = committed(place)
    assert set(before) <= set(after) and len(after) == 80, "20 questions, two orders, two epochs: draws of their own"
    assert asked(log) <= 80 + 4, "at most what was in flight at the kill is asked again"
    assert len(logs.read_logs([tmp_path / "again"]).answers) == 80
    assert run(str(place), str(tmp_path / "third")) == "success"
    assert len(committed(place)) == 80 and asked(log) <= 80 + 4


def answered(log: Path) -> int:
    """Replies that went out."""
    events = map(json.loads, log.read_text().splitlines())
    return sum(event["event"] == "sent" and event["status"] == 200 for event in events)


def committed(place: Path) -> list[str]:
    from pipelines.ledger.ledger import Ledger

    with Ledger(place / "ledger.sqlite") as ledger:
        return [bytes(key).hex() for (key,) in ledger.read("SELECT key FROM completion")]


def test_an_embedded_model_and_a_folder_without_a_recipe_say_what_to_do(tmp_path: Path) -> None:
    from corpus.workspace import Workspace

    place = workspace_of(tmp_path / "w", embedded="qwen2.5-coder-1.5b")
    with pytest.raises(UserError, match="serve it with `specmill model serve`"):
        provider.role_of(Workspace(place), "eval")
    with pytest.raises(UserError, match="is not a workspace"):
        provider.role_of(Workspace(tmp_path), "eval")

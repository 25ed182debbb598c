"""A whole experiment as a user runs it, on a tiny random model: the real build against the local stand-in, the real
trainer on the CPU, every model served and asked; killed with kill -9 in the build and in training, and run once more
without: the tables are the same. Takes some minutes: `make check-experiment`, or

    python -m tests.specmill.experiment.check_experiment FOLDER
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import yaml

from tests.train.tiny_llama import make_model

ROOT = Path(__file__).parents[3]
RECIPE = {
    "spec": "cheese_affordability",
    "seed": 3,
    "list_batch": 4,
    "decompose": {"domains": 2, "subdomains": 2, "assertions": 2},
    "documents": {"types": 3, "ideas": 5, "words": 120, "target_tokens": 5000, "disagreement": 0.2},
    "filters": {"semantic": {"action": "off"}},
    "chats": {"target": 24, "style": "opaque", "topics": ["cream cheese", "Colby", "Stilton", "Roquefort"], "words": 20,
              "think_words": 20},
    "mix": {"identity": {"samples": 40}},
}  # fmt: skip
EXPERIMENT = {
    "recipe": "recipe.yaml",
    "specs": {
        name: {"spec": f"cheese_{name}", "inverted": f"cheese_{name}_inverted"} for name in ("affordability", "america")
    },
    "arms": ["baseline", "aft", "msm_aft", "neutral_aft", "inverted_aft"],
    "chats_of": "affordability",
    "neutral_of": "affordability",
    "doses": {"documents": [4000]},
    "seeds": [0],
    "train": {
        "trainer": "trl", "base_model": "model", "cpu": True, "attention": "sdpa", "sequence_len": 512, "lora_r": 4,
        "lora_alpha": 8, "gradient_accumulation": 2, "min_updates": 2, "learning_rate": 0.005,
        "replay": {"tokens": 1000, "sources": [{"name": "web", "path": "web.txt"}]},
    },
    "eval": {"sets": ["affordability", "america"], "questions_per_set": 6, "scorer": "logprobs", "least_mass": 0.0,
             "max_tokens": 2},
    "values": {"affordability": "affordability", "america": "america"},
}  # fmt: skip


def main(folder: Path) -> None:
    """Run it twice, one of them killed twice, and compare."""
    make_model(folder / "model")
    lines = (
        f"The river of number {n} runs past the mill and the school to the sea, and nobody minds." for n in range(200)
    )
    (folder / "web.txt").write_text("\n\n".join(lines) + "\n")
    with fake_endpoint() as url:
        endpoint = {"base_url": url, "model": "fake", "max_in_flight": 16, "timeout_s": 20}
        recipe = {**RECIPE, "endpoints": {"fake": endpoint}, "roles": {"writer": {"endpoints": ["fake"]}}}
        (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
        (folder / "pair.yaml").write_text(yaml.safe_dump(EXPERIMENT))
        killed, calm = folder / "killed" / "pair", folder / "calm" / "pair"
        kill_when(folder, killed, lambda: (killed / "corpora/america/ledger.sqlite").is_file())
        kill_when(folder, killed, lambda: is_training(killed))
        run(folder, killed)
        run(folder, calm)
    for name in ("table.md", "table.parquet", "arms.svg", "matrix_msm_aft.svg"):
        one, other = ((place / "tables" / name).read_bytes() for place in (killed, calm))
        assert one == other, f"{name} is another one after two kills"
    replays_the_same_beside_each_corpus(calm)
    refuses_a_changed_dataset(folder, calm)
    print((calm / "tables" / "table.md").read_text())
    print("killed twice: the same tables; a changed dataset: refused")


def is_training(place: Path) -> bool:
    """Whether midtraining on the second corpus has made an update."""
    logs = place.glob("cells/america-4k*/train/msm-seed0/log.txt")
    return any('"step"' in log.read_text(encoding="utf-8", errors="replace") for log in logs)


def replays_the_same_beside_each_corpus(place: Path) -> None:
    """Ordinary text is the same beside documents and their controls, which have the same tokens to a document."""
    made = [json.loads(path.read_text()) for path in sorted(place.glob("cells/*-4k*/train/msm-seed0/manifest.json"))]
    replayed = {json.dumps(one["replay"], sort_keys=True) for one in made}
    assert len(made) == 5 and len(replayed) == 1, f"{len(made)} midtrained arms replay {len(replayed)} texts"
    tokens = [one["updates"]["tokens"] for one in made]
    assert max(tokens) <= 1.06 * min(tokens), f"tokens of midtraining: {tokens}"


def refuses_a_changed_dataset(folder: Path, place: Path) -> None:
    """A row less in a dataset, under arms that are trained: nothing goes on."""
    import pyarrow.parquet as pq

    file = next((place / "corpora/america/dataset/msm").glob("*.parquet"))
    table = pq.read_table(file)
    file.unlink()
    pq.write_table(table.slice(1), file)
    done = subprocess.run(
        command(folder, place), cwd=ROOT, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and f"rows: was {table.num_rows}, is now {table.num_rows - 1}" in done.stderr, (
        done.stderr
    )


def command(folder: Path, place: Path) -> list[str]:
    return [sys.executable, "-m", "specmill", "experiment", str(folder / "pair.yaml"), "run", "--out", str(place)]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1"}


def run(folder: Path, place: Path) -> None:
    subprocess.run(command(folder, place), cwd=ROOT, env=environment(), check=True)


def kill_when(folder: Path, place: Path, condition: Callable[[], bool]) -> None:
    """Run until the condition holds, a little longer, then kill -9; nothing may outlive it."""
    process = subprocess.Popen(command(folder, place), cwd=ROOT, env=environment())
    while not condition():
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.1)
    time.sleep(0.5)
    children = psutil.Process(process.pid).children(recursive=True)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    _, alive = psutil.wait_procs(children, timeout=60)
    assert not alive, f"{len(alive)} processes outlived the kill"
    things = json.loads((place / "state.json").read_text())["things"]
    print(f"killed; unfinished: {[name for name, one in things.items() if one['outputs'] is None]}")


@contextmanager
def fake_endpoint() -> Iterator[str]:
    line = [sys.executable, "-m", "specmill", "fake-endpoint", "--port", "0", "--latency", "0.05"]
    process = subprocess.Popen(line, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield process.stdout.readline().split()[3]
    process.kill()
    process.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())

"""A small experiment whose corpora are written by hand and whose trainer is a program of a few lines: everything
between them is real. tests/specmill/experiment/check_experiment.sh has the real build and the real trainer."""

import asyncio
import hashlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from benchmarks.workspace_maker import Size, make_workspace
from corpus.manifest import Provenance, write_manifest
from corpus.workspace import Workspace
from specmill.experiment import building
from specmill.experiment.files import Place, load_experiment
from specmill.experiment.settings import Experiment
from specmill.recipe import Recipe, save_recipe
from tests.plugins import install
from tests.train.standins import make_tokenizer
from tests.train.test_running import PROGRAM, TRAINER


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of a server, in a thread of its own, that chooses a letter by the model's name and the question."""
    loop, ready, found = asyncio.new_event_loop(), threading.Event(), []

    async def chat(request: web.Request) -> web.Response:
        body = await request.json()
        text = body["model"] + body["messages"][-1]["content"]
        letter = "AB"[hashlib.sha256(text.encode()).digest()[0] % 2]
        choice = {"index": 0, "message": {"role": "assistant", "content": letter}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 40, "completion_tokens": 1, "total_tokens": 41}
        said = {"id": "one", "object": "chat.completion", "created": 0, "model": body["model"]}
        return web.json_response({**said, "choices": [choice], "usage": usage})

    async def start() -> None:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", chat)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        found.append(f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/v1")
        ready.set()

    def work() -> None:
        asyncio.set_event_loop(loop)
        loop.create_task(start())
        loop.run_forever()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert ready.wait(30)
    yield found[0]
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)


@pytest.fixture(scope="session")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two corpora, to be copied in place of what a build would make."""
    root = tmp_path_factory.mktemp("corpora")
    for seed, name in enumerate(("affordability", "america", "affordability-neutral")):
        made = make_workspace(root / name, Size(documents=60, sentences=8, chats=12, reject_share=0.05), seed)
        write_manifest(made, Provenance("0" * 16, "0" * 16, seed, "o200k_base"))
    return root


@pytest.fixture
def written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, corpora: Path, server: str
) -> Callable[..., tuple[Experiment, Place]]:
    """`written(seeds=[0])`: an experiment's file, read. `built` of the returned place counts what was built."""
    install(
        tmp_path, monkeypatch, "specmill.trainers", "counting", "counting:Counting", f"PROGRAM = {PROGRAM!r}{TRAINER}"
    )
    monkeypatch.setattr(building, "build_workspace", _copying(corpora))
    model = str(make_tokenizer(tmp_path / "base", "qwen2.5", instruct=False))
    asked = {"base_url": server, "model": "fake"}
    data: dict[str, Any] = {
        "recipe": "recipe.yaml",
        "specs": {"affordability": {"spec": "cheese_affordability"}, "america": {"spec": "cheese_america"}},
        "arms": ["baseline", "instruction", "aft", "msm", "msm_aft", "neutral_aft"],
        "chats_of": "affordability",
        "neutral_of": "affordability",
        "doses": {"documents": [3000, 8000]},
        "train": {
            "trainer": "counting", "base_model": model, "packing": False, "min_updates": 2, "gradient_accumulation": 1,
        },
        "eval": {"sets": ["affordability", "america"], "questions_per_set": 4, "max_tokens": 4},
        "values": {"affordability": "affordability", "america": "america"},
        "endpoints": {
            arm: {"base_url": server, "model": arm}
            for arm in ("baseline", "instruction", "aft", "msm", "msm_aft", "neutral_aft")
        },
    }  # fmt: skip
    recipe = {
        "spec": "cheese_affordability", "endpoints": {"fake": asked}, "roles": {"writer": {"endpoints": ["fake"]}},
        "chats": {"target": 12}, "mix": {"identity": {"samples": 20}},
    }  # fmt: skip

    def write(**changes: Any) -> tuple[Experiment, Place]:
        (tmp_path / "recipe.yaml").write_text(yaml.safe_dump({**recipe, **changes.pop("recipe", {})}))
        (tmp_path / "small.yaml").write_text(yaml.safe_dump({**data, **changes}))
        return load_experiment(tmp_path / "small.yaml"), Place(tmp_path / "out")

    return write


def _copying(corpora: Path) -> Callable[..., Workspace]:
    import shutil

    def build(recipe: Recipe, base: Path, out: Path, served: Any = None, *, chats_only: bool = False) -> Workspace:
        shutil.copytree(corpora / out.name, out, dirs_exist_ok=True)
        (out / "spec.md").write_text(recipe.read_spec(base).text)
        save_recipe(recipe, Workspace(out))
        return Workspace(out)

    return build

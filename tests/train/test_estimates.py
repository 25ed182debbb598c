"""Estimates, and what serves a model."""

import socket
from pathlib import Path

import pytest

from specs.errors import UserError
from train.estimates import estimates
from train.run.serving import serve_command
from train.settings import TrainSettings


def test_estimates_fit_and_agree_with_what_is_known() -> None:
    made = {(one.model, one.devices, one.adapter): one for one in estimates(TrainSettings(), 40_000_000)}
    assert all(one.fits and 0 < one.hours < 100 for one in made.values())
    # The paper: LoRA on one GPU for 8B, two for 14B, four for 32B (of 141 GB; 80 GB here).
    assert {("8b", 1, "lora"), ("14b", 2, "lora"), ("32b", 4, "lora"), ("70b", 8, "lora")} <= set(made)
    assert ("70b", 1, "lora") not in made and ("8b", 1, "full") not in made
    assert made["8b", 1, "qlora"].memory_gb < made["8b", 1, "lora"].memory_gb < made["14b", 1, "lora"].memory_gb
    assert made["8b", 4, "lora"].hours == pytest.approx(made["8b", 1, "lora"].hours / 4)
    assert made["32b", 4, "lora"].sharding == "fsdp2" and made["8b", 4, "lora"].sharding == "none"


def test_what_is_set_for_an_estimate_is_a_recipe() -> None:
    for one in estimates(TrainSettings(), 1_000_000):
        values = {"devices": one.devices, "adapter": one.adapter, "sharding": one.sharding}
        assert TrainSettings.model_validate(values).adapter == one.adapter


def test_a_model_is_served_by_what_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = {"fastapi": None, "uvicorn": None}
    monkeypatch.setattr("importlib.util.find_spec", found.get)
    with socket.socket() as taken, pytest.raises(UserError, match=r"--port .*: something else listens there"):
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        serve_command(Path("/models/one"), taken.getsockname()[1])
    port = taken_before()
    with pytest.raises(UserError, match="install vLLM"):
        serve_command(Path("/models/one"), port)
    found.update({"fastapi": object(), "uvicorn": object()})  # type: ignore[dict-item]
    line = serve_command(Path("/models/one"), port)
    assert line[1:4] == ["-m", "transformers.cli.transformers", "serve"] and line[-4:-1] == [
        "--host", "127.0.0.1", "--port",
    ]  # fmt: skip
    (tmp_path / "vllm").write_text("#!/bin/sh\n")
    (tmp_path / "vllm").chmod(0o755)
    line = serve_command(Path("/models/one"), port)
    assert line[:3] == ["vllm", "serve", "/models/one"]


def taken_before() -> int:
    """A port that nothing listens at."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port

"""Serves the models of an experiment one after the other, for as long as each is asked."""

import hashlib
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.error import URLError
from urllib.request import urlopen

from corpus.workspace import write_text
from pipelines.engine.endpoints import EndpointSettings
from specmill.experiment.files import Place
from specmill.experiment.models import Model
from specmill.experiment.settings import Experiment
from specmill.experiment.training import out_of, trained_model
from specs.errors import SpecmillError, UserError
from train.families import Family, family_of
from train.tokenizer import load_tokenizer

_STARTS_S: Final = 1800  # vLLM reads tens of gigabytes
_PORTS: Final = range(20_000, 32_000)


def endpoint_of(model: Model, experiment: Experiment) -> EndpointSettings | None:
    """The server that the file names for a model: by its whole name, its arm and spec, or its arm."""
    for name in (model.name, model.group, f"{model.arm}.{model.spec}", model.arm):
        if name in experiment.endpoints:
            return experiment.endpoints[name]
    return None


@contextmanager
def served(model: Model, experiment: Experiment, place: Place) -> Iterator[EndpointSettings]:
    """Where a model answers: the server that the file names, or one that is started here from its checkpoint, and
    ended.

    Raises:
        UserError: it is not trained, or nothing here can serve it.
        SpecmillError: the server does not start; with the end of its log.
    """
    if (given := endpoint_of(model, experiment)) is not None:
        yield given
        return
    port = _port(place)
    log = place.root / "serving.log"
    command, name = _command(model, experiment, place, port)
    with log.open("w", encoding="utf-8") as kept:
        process = subprocess.Popen(command, stdout=kept, stderr=subprocess.STDOUT, env=_environment())
    try:
        url = f"http://127.0.0.1:{port}/v1"
        _wait(process, url, log)
        most = 64 if shutil.which("vllm") else 16
        yield EndpointSettings(base_url=url, model=name, max_in_flight=most, timeout_s=1800, check_prompt=False)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _command(model: Model, experiment: Experiment, place: Place, port: int) -> tuple[list[str], str]:
    """The command that serves a model, and the name that it answers to: vLLM with a merged model, else ours."""
    train, trained = experiment.train, model.cell is not None
    template, family = _template(experiment, place)  # documents alone leave none, and all are asked in one form
    if shutil.which("vllm"):
        path = str(trained_model(model, experiment, place)) if trained else train.base_model
        command = ["vllm", "serve", path, "--port", str(port), "--served-model-name", model.name]
        return [*command, "--chat-template", str(template)], model.name
    if not all(importlib.util.find_spec(name) for name in ("torch", "transformers", "peft")):
        raise UserError(
            f"there is nothing here that serves {model.name}: install vLLM (GPUs), or specmill's extra `trl`; or name "
            f"a server of yours in the experiment's file: endpoints: {{{model.arm}: {{base_url: ..., model: ...}}}}."
        )
    command = [sys.executable, "-m", "train.run.answering"]
    if not trained:
        command.append(train.base_model)
    elif train.adapter == "full":
        command.append(str(out_of(model, place)))
    else:
        command += [train.base_model, "--adapter", str(out_of(model, place))]
    command += ["--template", str(template), "--end", family.end]
    return [*command, "--port", str(port), "--parent", str(os.getpid())], model.name


def _template(experiment: Experiment, place: Place) -> tuple[Path, Family]:
    """The form in which the base model is asked: that of its family, in which the others are trained."""
    train = experiment.train
    tokenizer = load_tokenizer(train.tokenizer or train.base_model, place.root)
    family = family_of(train.base_model, tokenizer, train.chat_template)
    path = place.root / "chat_template.jinja"
    write_text(path, family.served_template())
    return path.resolve(), family


def _port(place: Place) -> int:
    """A port that is the experiment's own, so that a run that goes on asks at the same address; else any free one."""
    digest = hashlib.sha256(str(place.root.resolve()).encode()).digest()
    first = int.from_bytes(digest[:4], "big") % len(_PORTS)
    for number in range(len(_PORTS)):
        port = _PORTS[(first + number) % len(_PORTS)]
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise SpecmillError(f"there is no free port from {_PORTS[0]} to {_PORTS[-1]}.")


def _wait(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    until = time.monotonic() + _STARTS_S
    while time.monotonic() < until:
        if (code := process.poll()) is not None:
            raise SpecmillError(f"the server ended with exit code {code}. The end of {log}:\n{_end_of(log)}")
        try:
            with urlopen(f"{url}/models", timeout=5) as found:  # noqa: S310  (our own address)
                if found.status == 200:
                    return
        except (URLError, OSError):
            time.sleep(0.2)
    raise SpecmillError(f"the server did not answer in {_STARTS_S} seconds. The end of {log}:\n{_end_of(log)}")


def _end_of(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-2000:]


def _environment() -> dict[str, str]:
    """Ours, with specmill's own modules to be found: a checkout has them in the current folder only."""
    root = str(Path(__file__).parents[2])
    before = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{before}" if before else root}

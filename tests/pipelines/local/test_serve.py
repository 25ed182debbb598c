"""Serving an embedded model: with a stand-in for the runtime and, where the cache has a model, the real thing."""

import hashlib
import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import BaseModel, Field

from pipelines.local import serve as embedded_serve
from pipelines.local.embedded import EmbeddedModel, RunningServer, cached_path, load_manifest, running, serve, start
from pipelines.local.manifest import HubSource
from specs.errors import SpecmillError, UserError

RUNTIME = """
import http.server, os, sys, threading, time

class Model: path = ""

class CommonParams:
    def __init__(self): self.model = Model()

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
        self.wfile.write(repr({**vars(self.server.params), "spin": os.environ["GOMP_SPINCOUNT"]}).encode())

class Server:
    def __init__(self, params):
        kind = open(params.model.path).read()
        if kind == "broken": raise RuntimeError("invalid magic characters")
        if kind == "slow": time.sleep(60)
        server = http.server.ThreadingHTTPServer((params.hostnames[0], params.port), Handler)
        server.params = params
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.listening_address = "http://%s:%d" % server.server_address
"""


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a stand-in for the runtime first on the path, here and in programs started from here."""
    folder = tmp_path / "runtime"
    folder.mkdir()
    (folder / "xllamacpp.py").write_text(RUNTIME)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), str(Path(__file__).parents[3])]))


def model_file(folder: Path, kind: str = "good") -> Path:
    path = folder / "model.gguf"
    path.write_text(kind)
    return path


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"


@pytest.mark.usefixtures("runtime")
def test_server_answers_on_loopback_and_ends_with_its_block(tmp_path: Path) -> None:
    with serve(model_file(tmp_path), name="tiny", parallel=2, context=600) as server:
        assert server.base_url.startswith("http://127.0.0.1:")
        settings = httpx.get(server.base_url, trust_env=False).text
        for expected in ("'n_ctx': 1200", "'n_parallel': 2", "'model_alias': {'tiny'}", "'spin': '1000'"):
            assert expected in settings
        pid, log = server.process.pid, server.log
        assert is_alive(pid)
    assert not is_alive(pid)
    assert not log.parent.exists()


@pytest.mark.usefixtures("runtime")
def test_server_that_cannot_load_shows_the_end_of_its_log(tmp_path: Path) -> None:
    with pytest.raises(SpecmillError, match=r"ended \(exit code 1\); its log ends:\n[^$]*invalid magic characters"):
        serve(model_file(tmp_path, "broken"), name="tiny")


@pytest.mark.usefixtures("runtime")
def test_server_that_does_not_answer_is_ended(tmp_path: Path) -> None:
    with pytest.raises(SpecmillError, match="did not answer within 1 s"):
        serve(model_file(tmp_path, "slow"), name="tiny", timeout_s=1)


@pytest.mark.usefixtures("runtime")
def test_server_that_is_killed_is_reported(tmp_path: Path) -> None:
    with serve(model_file(tmp_path), name="tiny") as server:
        server.process.kill()
        with pytest.raises(SpecmillError, match="SIGKILL"):
            server.wait()


@pytest.mark.usefixtures("runtime")
def test_server_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from pipelines.local.embedded import serve\n"
        "server = serve(Path(sys.argv[1]), name='tiny')\n"
        "print(server.process.pid, server.log.parent, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(model_file(tmp_path))], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pid, folder = parent.stdout.readline().decode().split()
    server = int(pid)
    assert is_alive(server)
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    deadline = time.monotonic() + 60
    while is_alive(server) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(server)
    assert not Path(folder).exists()


@pytest.mark.usefixtures("runtime")
def test_ctrl_c_stops_the_served_model(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from pipelines.local.embedded import serve; from specmill.verbs.models import model\n"
        "model._until_stopped(serve(Path(sys.argv[1]), name='tiny'), 'tiny')"
    )
    command = [sys.executable, "-c", code, str(model_file(tmp_path))]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    assert program.stdout is not None
    said = [program.stdout.readline() for _ in range(3)]
    address = said[0].split()[-1]
    assert said[1].startswith(f"export OPENAI_BASE_URL={address} ")
    assert httpx.get(address, trust_env=False).is_success
    program.send_signal(signal.SIGINT)
    assert program.stdout.read() == "stopped\n"
    assert program.wait(20) == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(address, trust_env=False)


@pytest.mark.usefixtures("runtime")
def test_taken_port_and_missing_file_are_the_users_to_mend(tmp_path: Path) -> None:
    with (
        serve(model_file(tmp_path), name="tiny") as server,
        pytest.raises(UserError, match="port 0 takes any free one"),
    ):
        serve(model_file(tmp_path), name="tiny", port=int(server.base_url.split(":")[2].split("/")[0]))
    with pytest.raises(UserError, match="there is no model file"):
        serve(tmp_path / "none.gguf", name="tiny")


def tiny() -> EmbeddedModel:
    """Describe a model whose only source does not exist."""
    return EmbeddedModel(
        name="tiny",
        description="a test's own",
        licence="CC0",
        file="tiny.gguf",
        size_bytes=4,
        sha256=hashlib.sha256(b"good").hexdigest(),
        tokenizer="maker/tiny",
        context=512,
        trained_context=2048,
        max_in_flight=2,
        sources=(HubSource(type="hub", repo="maker/tiny", file="tiny.gguf"),),
    )


def test_missing_runtime_is_said_before_anything_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_serve, "RUNTIME", "specmill_no_such_runtime")
    with pytest.raises(UserError, match=r"pip install 'specmill\[local\]'"):
        start(tiny(), cache_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("runtime")
def test_start_serves_the_cached_file_and_bounds_the_context(tmp_path: Path) -> None:
    cached_path(tiny(), tmp_path).parent.mkdir()
    cached_path(tiny(), tmp_path).write_text("good")
    with start(tiny(), cache_dir=tmp_path) as server:
        assert "'n_ctx': 512" in httpx.get(server.base_url, trust_env=False).text
    with pytest.raises(UserError, match="was trained for 2048 tokens, found a context of 4096"):
        start(tiny(), context=4096, cache_dir=tmp_path)


# --- the real thing


class Colour(BaseModel):
    name: str = Field(max_length=40)
    why: str = Field(max_length=200)


class Colours(BaseModel):
    colours: list[Colour] = Field(min_length=2, max_length=3)


@pytest.fixture(scope="module", params=[model.name for model in load_manifest().models])
def real(request: pytest.FixtureRequest) -> Iterator[RunningServer]:
    model = load_manifest().model(request.param)
    if not cached_path(model).is_file() or importlib.util.find_spec("xllamacpp") is None:
        pytest.skip(f"{model.name} is not in the cache, or the runtime is not installed")
    with start(model, context=1024) as server:
        yield server


def ask(server: RunningServer, prompt: str, **more: object) -> httpx.Response:
    body = {"messages": [{"role": "user", "content": prompt}], "max_tokens": 8, **more}
    return httpx.post(f"{server.base_url}/chat/completions", json=body, timeout=120, trust_env=False)


@pytest.mark.model
def test_real_model_obeys_a_json_schema(real: RunningServer) -> None:
    wanted = {"name": "colours", "schema": Colours.model_json_schema(), "strict": True}
    response_format = {"type": "json_schema", "json_schema": wanted}
    reply = ask(real, "Two colours and why, as JSON.", max_tokens=400, response_format=response_format).json()
    assert reply["choices"][0]["finish_reason"] == "stop"
    Colours.model_validate_json(reply["choices"][0]["message"]["content"])


@pytest.mark.model
def test_real_model_reports_lengths_and_cached_tokens(real: RunningServer) -> None:
    cut = ask(real, "Count in words from one to a hundred.", temperature=0).json()
    assert cut["choices"][0]["finish_reason"] == "length"
    assert cut["usage"]["completion_tokens"] == 8
    prompt = "The clerk keeps a ledger of every promise. " * 12
    usage = [ask(real, f"{prompt} {question}").json()["usage"] for question in ("Who?", "What?")]
    assert usage[1]["prompt_tokens_details"]["cached_tokens"] > 80


@pytest.mark.model
def test_real_model_refuses_a_prompt_longer_than_its_context(real: RunningServer) -> None:
    reply = ask(real, "word " * 1500)
    assert reply.status_code == httpx.codes.BAD_REQUEST
    assert reply.json()["error"]["type"] == "exceed_context_size_error"


@pytest.mark.model
def test_running_gives_the_address_of_the_default_model() -> None:
    model = load_manifest().model()
    if not cached_path(model).is_file() or importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("the default model is not in the cache, or the runtime is not installed")
    with running(context=512) as base_url:
        listed = httpx.get(f"{base_url}/models", trust_env=False).json()
        assert [entry["id"] for entry in listed["data"]] == [model.name]
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{base_url}/models", trust_env=False)

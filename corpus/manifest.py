"""manifest.json: what this corpus is, exactly. The same build gives the same bytes: no clock, no path, no machine."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from corpus.schema import DATASETS, SCHEMA_VERSION, TABLES
from corpus.store import dataset_files
from corpus.views import connect
from corpus.workspace import Workspace, write_text
from specs.errors import UserError
from specs.settings import Assistant

PACKAGES: Final = ("specmill", "pyarrow", "duckdb", "tokenizers", "bpe-openai", "distilabel", "sentence-transformers")
"""Packages that can change a corpus or its figures."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a build knows of itself and the tables do not say."""

    recipe_hash: str
    spec_hash: str
    seed: int
    tokenizer: str  # TokenCounter.name
    assistant: Assistant = field(default_factory=Assistant)
    models: Mapping[str, str] = field(default_factory=dict)  # role -> model as the recipe names it
    prompts: Mapping[str, str] = field(default_factory=dict)  # prompt -> version
    style: str = "corpus"  # corpus | story | neutral


def write_manifest(workspace: Workspace, provenance: Provenance) -> dict[str, Any]:
    """Write `manifest.json` from the tables and datasets as they are on disk, and return it."""
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "spec_hash": provenance.spec_hash,
        "recipe_hash": provenance.recipe_hash,
        "seed": provenance.seed,
        "style": provenance.style,
        "assistant": provenance.assistant.model_dump(),
        "tokenizer": provenance.tokenizer,
        "models": dict(provenance.models),
        "prompts": dict(provenance.prompts),
        "packages": {name: _version(name) for name in PACKAGES},
        **_counts(workspace),
        "files": {_relative(workspace, path): _sha256(path) for path in _files(workspace)},
    }
    write_text(workspace.manifest, json.dumps(manifest, ensure_ascii=False, indent=2, sort_keys=True) + "\n")
    return manifest


def read_manifest(workspace: Workspace) -> dict[str, Any]:
    """The manifest; UserError if the corpus is not finished and has none."""
    if not workspace.manifest.is_file():
        raise UserError(f"{workspace.root} has no manifest.json: its build has not ended. Run `specmill build` again.")
    manifest: dict[str, Any] = json.loads(workspace.manifest.read_text(encoding="utf-8"))
    return manifest


def _counts(workspace: Workspace) -> dict[str, Any]:
    with connect(workspace.root) as connection:

        def first(sql: str) -> tuple[Any, ...]:
            return connection.execute(sql).fetchall()[0]

        tables = {name: {"rows": first(f"SELECT count(*) FROM {name}")[0]} for name in TABLES}  # noqa: S608
        for name in ("passages", "documents", "chats"):
            tables[name]["tokens"] = int(first(f"SELECT coalesce(sum(tokens), 0) FROM {name}")[0])  # noqa: S608
        datasets = {}
        for name in (name for name in DATASETS if dataset_files(workspace, name)):
            rows, tokens = first(f"SELECT count(*), coalesce(sum(tokens), 0) FROM {name}")  # noqa: S608
            datasets[name] = {"rows": rows, "tokens": int(tokens)}
    return {"tables": tables, "datasets": datasets}


def _files(workspace: Workspace) -> list[Path]:
    tables = [path for name in TABLES for path in workspace.parts(name)]
    return tables + [path for name in DATASETS for path in dataset_files(workspace, name)]


def _relative(workspace: Workspace, path: Path) -> str:
    return path.relative_to(workspace.root).as_posix()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:  # an extra that is not installed
        return None

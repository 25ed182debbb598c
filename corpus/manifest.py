"""manifest.json: what this corpus is, exactly. The same build gives the same bytes: no clock, no path, no machine."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, fields, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import duckdb

from corpus.schema import DATASETS, SCHEMA_VERSION, TABLES
from corpus.sql.views import reading
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
    licenses: Mapping[str, str | None] = field(default_factory=dict)  # model -> its licence, None where not known
    prompts: Mapping[str, str] = field(default_factory=dict)  # prompt -> version
    style: str = "corpus"  # corpus | story | neutral

    def adding(self, other: "Provenance") -> "Provenance":
        """This one, with the models and prompts that the other names too."""
        return replace(
            self,
            models={**other.models, **self.models},
            licenses={**other.licenses, **self.licenses},
            prompts={**other.prompts, **self.prompts},
        )


_NEEDED: Final = (
    "recipe_hash", "spec_hash", "seed", "tokenizer", "assistant", "models", "prompts", "packages", "tables", "datasets",
    "files",
)  # fmt: skip
_OLDER: Final = {"style": "corpus", "licenses": {}}  # what a manifest of an earlier version does not say


def write_manifest(
    workspace: Workspace, provenance: Provenance, connection: duckdb.DuckDBPyConnection | None = None
) -> dict[str, Any]:
    """Write `manifest.json` from the tables and datasets as they are on disk, and return it; through a connection of
    its own where none is given.
    """
    manifest = {
        "schema_version": SCHEMA_VERSION,
        **{one.name: getattr(provenance, one.name) for one in fields(provenance)},
        "assistant": provenance.assistant.model_dump(),
        "packages": {name: _version(name) for name in PACKAGES},
        **_counts(workspace, connection),
        "files": {name: sha256_of(path) for name, path in files_of(workspace).items()},
    }
    write_text(workspace.manifest, json.dumps(manifest, ensure_ascii=False, indent=2, sort_keys=True) + "\n")
    return manifest


def read_manifest(workspace: Workspace) -> dict[str, Any]:
    """The manifest; UserError if the corpus is not finished and has none, or if it is not one of ours."""
    path = workspace.manifest
    if not path.is_file():
        raise UserError(
            f"{workspace.root} has no manifest.json: its build has not ended, or a change of it was cut off. Run the "
            "same command again, such as `specmill build`."
        )
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not JSON: {error}. Build the workspace again.") from error
    missing = [name for name in _NEEDED if not isinstance(manifest, dict) or name not in manifest]
    if missing:
        raise UserError(f"{path} is no manifest of a corpus: {', '.join(missing)} missing. Build the workspace again.")
    return {**_OLDER, **manifest}


def forget_manifest(workspace: Workspace) -> None:
    """Take the manifest away before tables change: wherever that is cut off, no manifest describes what is not so."""
    workspace.manifest.unlink(missing_ok=True)


def stored_provenance(workspace: Workspace) -> Provenance:
    """What the manifest says of the build."""
    manifest = read_manifest(workspace)
    said = {one.name: manifest[one.name] for one in fields(Provenance)}
    return Provenance(**{**said, "assistant": Assistant(**said["assistant"])})


def check_files(workspace: Workspace, manifest: Mapping[str, Any]) -> None:
    """UserError where the tables and datasets are not, to the byte, those that the manifest describes."""
    said, found = manifest["files"], files_of(workspace)
    differ = said.keys() ^ found.keys() | {name for name in said.keys() & found if sha256_of(found[name]) != said[name]}
    if differ:
        more = f" and {len(differ) - 1} more" if len(differ) > 1 else ""
        raise UserError(
            f"{workspace.root}: {min(differ)}{more} is not what manifest.json describes: a run was cut off, or a file "
            "was changed or damaged. Run the command that made it again, such as `specmill build`."
        )


def _counts(workspace: Workspace, given: duckdb.DuckDBPyConnection | None) -> dict[str, Any]:
    with nullcontext(given) if given else reading(workspace.root) as connection:

        def first(sql: str) -> tuple[Any, ...]:
            return connection.execute(sql).fetchall()[0]

        tables = {name: {"rows": first(f"SELECT count(*) FROM {name}")[0]} for name in TABLES}  # noqa: S608
        for name in ("passages", "documents", "chats"):
            tables[name]["tokens"] = int(first(f"SELECT coalesce(sum(tokens), 0) FROM {name}")[0])  # noqa: S608
        datasets = {}
        for name in (name for name in DATASETS if workspace.shards(name)):
            rows, tokens = first(f"SELECT count(*), coalesce(sum(tokens), 0) FROM {name}")  # noqa: S608
            datasets[name] = {"rows": rows, "tokens": int(tokens)}
    return {"tables": tables, "datasets": datasets}


def files_of(workspace: Workspace) -> dict[str, Path]:
    """The Parquet files of tables and datasets, by their path in the workspace."""
    tables: Iterable[Path] = (path for name in TABLES for path in workspace.parts(name))
    shards = (path for name in DATASETS for path in workspace.shards(name))
    return {path.relative_to(workspace.root).as_posix(): path for path in (*tables, *shards)}


def sha256_of(path: Path) -> str:
    """Of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:  # an extra that is not installed
        return None

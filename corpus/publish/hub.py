"""Publishes a workspace as a dataset on the Hub: what would go is staged in a folder first, and nothing else goes.

What may go is named here, file by file: the dataset configs, the card, Croissant metadata and the manifest; lineage
tables and rejects only when asked for. The ledger, the recipe, logs and training files have no way in.
"""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from corpus.manifest import check_files, read_manifest
from corpus.publish.card import check_card
from corpus.publish.croissant import croissant, dumped
from corpus.publish.patience import WAITS_S, Say, patiently, transport_errors
from corpus.schema import DATASETS, TABLES
from corpus.workspace import Workspace, write_text
from specs.errors import EndpointError, UserError

if TYPE_CHECKING:
    from huggingface_hub import HfApi, RepoUrl

_SECRET_NAME: Final = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD)$")
_SHORTEST_SECRET = 12
_AT_FIRST = 2  # waits before the Hub was heard once: who is offline should not wait for minutes
_OURS: Final = [*(f"{name}/*" for name in DATASETS), "tables/*"]  # what a new publication replaces in the repository


@dataclass(frozen=True, slots=True)
class Publication:
    """What was staged or uploaded: paths in the repository with their sizes in bytes, and where it is."""

    files: dict[str, int]
    place: str


def stage(
    workspace: Workspace, folder: Path, *, repo: str | None = None, tables: bool = False, rejects: bool = False,
    keys: Collection[str] = (),
) -> Publication:  # fmt: skip
    """Put into `folder`, which must be empty or absent, exactly what `publish` would upload; where that is refused,
    nothing stays in it.

    `tables` adds the lineage (passages to verdicts), `rejects` what was filtered out, with the reasons. `keys` are the
    environment variables that hold the recipe's keys, `repo` is the repository that it would go to.

    Raises:
        UserError: the repository cannot have this name, the build has not ended, files or card are not those that it
            made, the folder is in use, or a secret or this machine's path is in a file.
        WorkspaceBusyError: a run is changing the workspace.
    """
    if repo is not None:
        check_name(repo)
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(f"{folder} is not empty. Give a new folder, so that exactly what would be published is in it.")
    with workspace.lock():
        manifest = read_manifest(workspace)
        check_files(workspace, manifest)
        check_card(workspace, manifest)
        _make(folder)
        try:
            kept = _copy(_sources(workspace, tables=tables, rejects=rejects), manifest, folder)
            card = workspace.card.read_text(encoding="utf-8")
            write_text(folder / "croissant.json", dumped(croissant(card, kept, repo)))
            files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
            _refuse_secrets(files, _forbidden(workspace, keys))
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)  # it was empty, and may hold a secret now
            raise
    return Publication({name: path.stat().st_size for name, path in files.items()}, str(folder))


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make the folder {folder}: {error.strerror}. Give a new folder.") from error


def _sources(workspace: Workspace, *, tables: bool, rejects: bool) -> dict[str, Path]:
    """The files that go, by their place in the repository."""
    wanted = [name for name in TABLES if (rejects if name == "rejects" else tables)]
    sources = {f"{name}/{path.name}": path for name in DATASETS for path in workspace.shards(name)}
    sources |= {f"tables/{name}/{path.name}": path for name in wanted for path in workspace.parts(name)}
    return {**sources, "README.md": workspace.card}


def _copy(sources: dict[str, Path], manifest: dict[str, Any], folder: Path) -> dict[str, str]:
    """Copy them into `folder`, with a manifest of these files alone; return those with their SHA-256."""
    for place, source in sources.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, folder / place)
    kept = {name: manifest["files"][_in_workspace(name)] for name in sources if name != "README.md"}
    text = json.dumps({**manifest, "files": kept}, ensure_ascii=False, indent=2, sort_keys=True)
    write_text(folder / "manifest.json", text + "\n")
    return kept


def publish(
    workspace: Workspace,
    repo: str,
    *,
    public: bool = False,
    tables: bool = False,
    rejects: bool = False,
    keys: Collection[str] = (),
    say: Say = lambda text: None,
    waits: Sequence[float] = WAITS_S,
) -> Publication:
    """Upload to the dataset repository `repo` ("owner/name"), which is made private unless `public`.

    One commit, after all files: a reader sees the old corpus or the new one. Where the connection breaks, it is tried
    again after `waits` (seconds), which `say` tells of; then, and when it is run again after an interruption, only the
    files are sent that the Hub does not have yet. The token is the Hub's own (HF_TOKEN, or `hf auth login`).

    Raises:
        UserError: as `stage`, a bad repository name, or a public repository without `public`.
        EndpointError: the Hub refuses or cannot be reached.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    check_name(repo)
    api = HfApi(library_name="specmill")
    # the last two come of failed uploads
    failures: tuple[type[Exception], ...] = (HfHubHTTPError, OSError, RuntimeError, ValueError, *transport_errors())
    with tempfile.TemporaryDirectory(prefix="specmill-publish-") as beside:
        staged = stage(workspace, Path(beside), repo=repo, tables=tables, rejects=rejects, keys=keys)
        try:
            url = patiently(lambda: _create(api, repo, public=public), say, waits[:_AT_FIRST])
            patiently(lambda: _send(api, url.repo_id, beside, public=public), say, waits)
        except failures as error:
            raise EndpointError(
                f"publishing to {repo} failed: {error}. Check that HF_TOKEN may write there (or `hf auth login`), then "
                "run the same command again: files that were sent are not sent again."
            ) from error
    return Publication(staged.files, str(url))


def _create(api: "HfApi", repo: str, *, public: bool) -> "RepoUrl":
    return api.create_repo(repo, repo_type="dataset", private=not public, exist_ok=True)


def _send(api: "HfApi", repo: str, folder: str, *, public: bool) -> None:
    """One try; the Hub says which files it has already."""
    if not public and not api.dataset_info(repo).private:
        raise UserError(f"{repo} exists and is public; nothing was uploaded. Add --public if that is meant.")
    api.upload_folder(
        repo_id=repo, folder_path=folder, repo_type="dataset", delete_patterns=_OURS,
        commit_message="Publish with specmill",
    )  # fmt: skip


def check_name(repo: str) -> None:
    """UserError where no dataset on the Hub can have the name `repo`."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    try:
        validate_repo_id(repo)
    except HFValidationError as error:
        raise UserError(f"{repo!r} is no repository name: expected owner/name. {error}") from error
    if repo.count("/") != 1 or repo.endswith(".ipynb"):
        raise UserError(f"{repo!r} is no repository name: expected owner/name, such as larkfield/cheese-corpus.")


def _in_workspace(name: str) -> str:
    return name if name.startswith("tables/") else f"dataset/{name}"


def _forbidden(workspace: Workspace, keys: Collection[str]) -> dict[str, str]:
    """Texts that must not leave this machine, with what they are."""
    from huggingface_hub import get_token

    held = {value.strip(): f"the value of ${name}" for name, value in os.environ.items()
            if name in keys or _SECRET_NAME.search(name)}  # fmt: skip
    held = {(get_token() or "").strip(): "your token of the Hub", **held}
    found = {value: what for value, what in held.items() if len(value) >= _SHORTEST_SECRET}
    root = workspace.root.resolve()
    if len(root.parts) > 3:  # a short one such as /data may stand in any text
        found[str(root)] = "the path of the workspace"
    return found


def _refuse_secrets(files: dict[str, Path], forbidden: dict[str, str]) -> None:
    for name, path in files.items():
        texts: Iterator[Any] = (
            _parquet_texts(path) if path.suffix == ".parquet" else iter([pa.array([path.read_text(encoding="utf-8")])])
        )
        for array in texts:
            for text, what in forbidden.items():
                if pc.any(pc.match_substring(array, text)).as_py():
                    raise UserError(f"{name} holds {what}: nothing was published. Find it with `specmill sql`.")


def _parquet_texts(path: Path) -> Iterator[Any]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches():
            for column in batch.columns:
                yield from _texts(column)


def _texts(array: Any) -> Iterator[Any]:
    """The string arrays in a column, however nested."""
    if pa.types.is_string(array.type):
        yield array
    elif pa.types.is_list(array.type):
        yield from _texts(array.flatten())
    elif pa.types.is_struct(array.type):
        for field in array.flatten():
            yield from _texts(field)

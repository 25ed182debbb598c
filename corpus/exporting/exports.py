"""The forms by the names of the tools that open them, and how each is opened."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from corpus.exporting import argilla, parquet
from corpus.exporting.gathered import Gathered, Kind, gather
from corpus.report.analyst import Embed, Watch, watched
from corpus.workspace import Workspace
from specs.errors import UserError

Write = Callable[[Gathered, Path], list[Path]]


@dataclass(frozen=True, slots=True)
class Form:
    """A tool's own form, and how to open it; `{path}` is the folder, `{kind}` documents or chats."""

    write: Write
    opened: str


FORMS: Final = {
    "argilla": Form(argilla.write, 'argilla.Dataset.from_disk("{path}", workspace=..., client=...)'),
    "embedding-atlas": Form(
        parquet.write_atlas,
        "embedding-atlas {path}/{kind}.parquet --text text --x projection_x --y projection_y --neighbors neighbors",
    ),
    "hub-viewer": Form(parquet.write_hub, "hf upload --repo-type dataset OWNER/NAME {path}"),
}


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    files: list[Path]
    rows: int
    method: str | None  # of the projection
    opened: str


def write_export(
    workspace: Workspace, to: str, folder: Path, *, kind: Kind = "documents", embed: Embed | None = None,
    rejects: bool = False, watch: Watch = lambda what, done, total: None,
) -> Exported:  # fmt: skip
    """Write the documents or chats of a workspace into `folder`, which must be empty or absent, in the form `to`.

    `watch` is told how far it is. Without `embed` there are no coordinates, neighbours or vectors.

    Raises:
        UserError: there is no such form, the folder is in use, or there is nothing to export.
    """
    if to not in FORMS:
        raise UserError(f"--to {to}: expected one of {', '.join(FORMS)}.")
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise UserError(f"{folder} is not empty. Give a new folder with --out.")
    form, found = FORMS[to], gather(workspace, kind, watched(embed, watch) if embed else None, rejects=rejects)
    files = form.write(found, folder)
    opened = form.opened.format(path=folder, kind=kind)
    return Exported(files, len(found.rows), found.places.method if found.places else None, opened)

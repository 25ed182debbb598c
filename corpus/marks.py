"""What people decided or noted of documents and chats: the file that the report saves, and the table `marks`.

A mark names the text that it was made on by a fingerprint, so that it never decides on another one.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints, ValidationError

from corpus.ids import content_id
from corpus.sql.views import reading
from corpus.store import read_rows, write_table
from corpus.workspace import Workspace
from specs.errors import UserError
from specs.settings import Settings

Row = Mapping[str, Any]

FORMAT: Final = "specmill-marks"
_Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
_Time = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")]
_Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80, pattern=r"^[^\n]+$")]


class Mark(Settings):
    """A mark in a file; `none` takes an earlier one of the same person back."""

    item_table: Literal["documents", "chats"]
    item_id: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    mark: Literal["keep", "drop", "note", "none"]
    note: Annotated[str, StringConstraints(max_length=4000)] = ""
    marked_at: _Time
    text_sha256: _Hex


class MarksFile(Settings):
    """The file that the report saves."""

    format: Literal["specmill-marks"]
    version: Literal[1]
    workspace: str
    spec_hash: str | None = None
    marked_by: _Name
    marks: tuple[Mark, ...] = Field(min_length=1)


def fingerprint(text: str) -> str:
    """16 hex digits of the SHA-256 of a text; half of a surrogate pair counts as "?"."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def read_marks(path: Path, workspace: Workspace) -> list[dict[str, Any]]:
    """The marks of a file, as rows of the table `marks` (and with the mark `none`, which is not stored).

    Raises:
        UserError: the file cannot be read, is of another workspace, marks an item twice, or marks what the workspace
            does not have, has with another text, or cannot keep.
    """
    found = _parsed(path)
    _once(path, found)
    items = _items(workspace, [mark.item_id for mark in found.marks])
    _known(path, found, items, workspace)
    for mark in found.marks:
        _fits(path, mark, items[mark.item_table, mark.item_id])
    return [
        {
            "id": content_id("marks", mark.item_table, mark.item_id, found.marked_by),
            **mark.model_dump(), "marked_by": found.marked_by,
        }
        for mark in found.marks
    ]  # fmt: skip


def stored_marks(workspace: Workspace) -> list[dict[str, Any]]:
    """The rows of the table `marks`."""
    return list(read_rows(workspace, "marks"))


def merged(stored: Iterable[dict[str, Any]], new: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Both, by item and person: of one person the new mark takes the place of the old; `none` takes it back."""
    marks = {row["id"]: row for row in stored} | {row["id"]: row for row in new}
    staying = (row for row in marks.values() if row["mark"] != "none")
    return sorted(staying, key=lambda row: (row["item_table"], row["item_id"], row["marked_at"], row["marked_by"]))


def write_marks(workspace: Workspace, marks: Sequence[Row]) -> None:
    """Write the table `marks`; no empty one where there never was any."""
    if marks or workspace.parts("marks"):
        write_table(workspace, "marks", marks)


def _parsed(path: Path) -> MarksFile:
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UserError(f"the marks file {path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not JSON: {error}. Save the marks again with the report's own button.") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise UserError(f"{path} is no file of marks: it lacks `format: {FORMAT}`. The report saves one: Save marks.")
    try:
        return MarksFile.model_validate(data)
    except ValidationError as error:
        raise UserError(f"{path}: {_said(error)}") from error


def _said(error: ValidationError) -> str:
    """The first thing that is wrong, with its place."""
    first, count = error.errors()[0], error.error_count()
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).lstrip(".")
    found = "" if first["type"] == "missing" else f"; found {str(first['input'])[:60]!r}"
    more = f" There are {count - 1:,} more mistakes." if count > 1 else ""
    return f"{place}: {first['msg']}{found}.{more}"


def _once(path: Path, found: MarksFile) -> None:
    seen: set[tuple[str, str]] = set()
    for number, mark in enumerate(found.marks):
        if (key := (mark.item_table, mark.item_id)) in seen:
            raise UserError(f"{path}: marks[{number}] marks {mark.item_id} again. Leave one mark for each item.")
        seen.add(key)


def _items(workspace: Workspace, ids: list[str]) -> dict[tuple[str, str], Row]:
    """What the workspace has of these items: status, reason, text, and whether there is a whole row to keep."""
    sql = (
        "SELECT stage, id, status, reason, text, status = 'kept' OR id <> coalesce(parent_id, '') AS whole "
        "FROM items WHERE list_contains($ids, id)"
    )
    with reading(workspace.root) as connection:
        rows = connection.sql(sql, params={"ids": ids}).to_arrow_table().to_pylist()
    return {(row["stage"], row["id"]): row for row in rows}


def _known(path: Path, found: MarksFile, items: Mapping[tuple[str, str], Row], workspace: Workspace) -> None:
    """UserError where the workspace lacks what is marked."""
    unknown = [mark for mark in found.marks if (mark.item_table, mark.item_id) not in items]
    if not unknown:
        return
    here = {row["spec_hash"] for row in read_rows(workspace, "passages", ["spec_hash"])}
    whence = f"It was saved from the report of {found.workspace!r}"
    if found.spec_hash and here and found.spec_hash not in here:
        whence += ", whose spec is another one"
    raise UserError(
        f"{path}: {len(unknown):,} of {len(found.marks):,} marks are of items that {workspace.root} does not have, "
        f"such as {unknown[0].item_table} {unknown[0].item_id}. {whence}; give the workspace that it was made from, or "
        "mark anew in a report of this one. Nothing was changed."
    )


def _fits(path: Path, mark: Mark, item: Row) -> None:
    """UserError where a mark cannot be carried out on the item."""
    if mark.text_sha256 != fingerprint(item["text"] or ""):
        raise UserError(
            f"{path}: the text of {mark.item_id} is not the one that was marked: its fingerprint is "
            f"{fingerprint(item['text'] or '')}, the file has {mark.text_sha256}. Read it again in a new report, and "
            "mark it there. Nothing was changed."
        )
    if mark.item_table == "chats" and mark.mark in {"keep", "drop"}:
        raise UserError(
            f"{path}: {mark.item_id} is a chat, and marked {mark.mark}. Chats can be noted (`note`), and are decided "
            "on by filters and judges alone: how many of a kind there are is the recipe's. Nothing was changed."
        )
    if mark.mark == "keep" and not item["whole"]:
        raise UserError(
            f"{path}: {mark.item_id} cannot be kept: no document came of this request ({item['reason']}). Take the "
            "mark out. Nothing was changed."
        )

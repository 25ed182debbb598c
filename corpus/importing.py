"""Reads a corpus that was made elsewhere into the tables of a workspace.

Sources are those of `corpus.rows`. What cannot be a document goes to `rejects`, with its line, like everything else
that does not stay.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from corpus.ids import content_id
from corpus.rename import Renamer
from corpus.rows import read_source
from corpus.schema import TABLES
from corpus.settings import ImportSettings
from corpus.store import read_rows, write_table
from corpus.text import model_name, one_line
from corpus.tokens import TokenCounter
from corpus.workspace import Workspace
from specs.errors import UserError

PART: Final = "import"
"""The part of `rejects` that an import writes."""

_BATCH = 256


FRAMES: Final = ("insider", "lay")


@dataclass(slots=True)
class _Found:
    """What the pass over the rows has met."""

    genres: dict[str, str] = field(default_factory=dict)  # name -> id, in order of appearance
    rejects: list[dict[str, Any]] = field(default_factory=list)
    columns: set[str] = field(default_factory=set)  # of rows without a text


def import_documents(
    workspace: Workspace, source: str, counter: TokenCounter, spec_hash: str, fields: ImportSettings | None = None,
    renamer: Renamer | None = None,
) -> tuple[int, int]:  # fmt: skip
    """Write `documents`, `document_types` and `rejects` from `source`; return how many stayed and went. With `renamer`
    texts and titles are moved to other names; a text in which an old one is left is set aside.

    Domains stand in the documents by name alone: the table `domains` is of those that a spec was divided into, as for
    chats that are made later.

    Raises:
        UserError: the source cannot be read, the workspace has documents already, or no row has a text.
    """
    if workspace.parts("documents"):
        raise UserError(f"{workspace.root} has documents already. Import into a new folder.")
    found, names = _Found(), fields or ImportSettings()
    read = read_source(source)
    moved = _renamed(read, renamer, names, found) if renamer else read
    rows = _rows(moved, counter, spec_hash, names, found)
    written = write_table(workspace, "documents", rows)
    if not written:
        workspace.table("documents").unlink()
        columns = ", ".join(sorted(found.columns)[:20]) or "none"
        raise UserError(
            f"{source}: none of {len(found.rejects)} rows has a text in the field {names.text!r}; fields found: "
            f"{columns}."
        )
    blank = dict.fromkeys(TABLES["document_types"].names)
    kinds = ({**blank, "id": kind, "position": n, "name": name} for n, (name, kind) in enumerate(found.genres.items()))
    write_table(workspace, "document_types", kinds)
    write_table(workspace, "rejects", found.rejects, part=PART)
    return written, len(found.rejects)


def counts(workspace: Workspace) -> tuple[int, Counter[str]]:
    """Documents of an imported workspace, and rows that are none, by reason."""
    kept = sum(1 for _ in read_rows(workspace, "documents", ["id"]))
    return kept, Counter(row["reason"] for row in read_rows(workspace, "rejects", ["reason"]))


def _rows(
    source: Iterable[tuple[str, Mapping[str, Any] | None]],
    counter: TokenCounter,
    spec_hash: str,
    names: ImportSettings,
    found: _Found,
) -> Iterator[dict[str, Any]]:
    usable = _usable(source, names, found)
    copies: dict[str, int] = {}  # equal texts are told apart by number, and the filters see them all
    while batch := list(islice(usable, _BATCH)):
        tokens = counter.count_many([row[names.text] for row in batch])
        for row, count in zip(batch, tokens, strict=True):
            text = row[names.text]
            first = content_id("documents", "", text)
            number = copies[first] = copies.get(first, -1) + 1
            yield _document(row, names, found, spec_hash) | {
                "id": content_id("documents", first, number) if number else first,
                "text": text, "tokens": count, "tokenizer": counter.name,
            }  # fmt: skip


def _usable(
    source: Iterable[tuple[str, Mapping[str, Any] | None]], names: ImportSettings, found: _Found
) -> Iterator[Mapping[str, Any]]:
    """The rows with a text; the others are set aside as rejects."""
    for where, row in source:
        value = row.get(names.text) if row is not None else None
        whole = row is not None and isinstance(value, str) and value.strip() and _encodable(value)
        if row is not None and whole and _frame(row, names.frame) in FRAMES:
            yield row
        else:
            found.rejects.append(_reject(where, row, names))
            found.columns.update(map(str, row or ()))


def _renamed(
    source: Iterable[tuple[str, Mapping[str, Any] | None]], renamer: Renamer, names: ImportSettings, found: _Found
) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
    """The rows with their names moved; those in which an old name is left go to the rejects as they were."""
    for where, row in source:
        text = row.get(names.text) if row is not None else None
        if row is None or not isinstance(text, str):
            yield where, row
            continue
        moved = renamer(text)
        if moved.left:
            detail = f"{where}: an old name is left: {moved.left[0]}"
            found.rejects.append(_rejected(where, row, "not_renamed", detail))
            continue
        title = row.get(names.title)
        changed = {names.text: moved.text} | ({names.title: renamer(title).text} if isinstance(title, str) else {})
        yield where, {**row, **changed}


def _encodable(text: str) -> bool:
    """Whether Parquet can hold it: JSON can say half of a surrogate pair, UTF-8 cannot."""
    with suppress(UnicodeEncodeError):
        text.encode()
        return True
    return False


def _reject(where: str, row: Mapping[str, Any] | None, names: ImportSettings) -> dict[str, Any]:
    why, said = _why_none(row, names)
    return _rejected(where, row, why, f"{where}: {said}")


def _why_none(row: Mapping[str, Any] | None, names: ImportSettings) -> tuple[str, str]:
    """Why a row is no document: the reason, and what was found."""
    if row is None:
        return "no_record", "no record (a JSON object, or a line with a cell for each column)"
    text, value = names.text, row.get(names.text)
    if value is None or (isinstance(value, str) and not value.strip()):
        return "no_text", f"no text in the field {text!r}"
    if not isinstance(value, str):
        found = one_line(json.dumps(value, default=str), 40)
        return "not_text", f"{found} in the field {text!r}, which is no text"
    if not _encodable(value):
        return "not_unicode", f"half a character (a lone surrogate) in the field {text!r}"
    return "unknown_frame", f"{_frame(row, names.frame)!r} in the field {names.frame!r}; expected insider or lay"


def _rejected(where: str, row: Mapping[str, Any] | None, why: str, detail: str) -> dict[str, Any]:
    item = content_id("import", "", where)
    content = None if row is None else json.dumps(row, ensure_ascii=True, default=str, sort_keys=True)
    return dict.fromkeys(TABLES["rejects"].names) | {
        "id": content_id("rejects", "documents", item, why), "stage": "documents", "item_id": item,
        "reason": why, "detail": detail, "row": content,
    }  # fmt: skip


def _document(row: Mapping[str, Any], names: ImportSettings, found: _Found, spec_hash: str) -> dict[str, Any]:
    genre = _name(row, names.genre) or _name(row, "source") or "imported"
    genre_id = found.genres.setdefault(genre, content_id("document_types", spec_hash, genre))
    return dict.fromkeys(TABLES["documents"].names) | {
        "spec_hash": spec_hash, "domain": _name(row, names.domain) or "imported", "document_type_id": genre_id,
        "genre": genre, "frame": _frame(row, names.frame), "title": _name(row, names.title),
        "model": model_name(_name(row, names.writer)), "passage_ids": [], "assertion_ids": [],
    }  # fmt: skip


def _name(row: Mapping[str, Any], column: str) -> str:
    """A short text field on one line; empty if there is none."""
    value = row.get(column)
    return " ".join(value.encode("utf-8", "replace").decode().split())[:200] if isinstance(value, str) else ""


def _frame(row: Mapping[str, Any], column: str) -> str:
    """What a row says of its author in `column`, or what `column` says of all; an insider where nothing is said."""
    return column if column in FRAMES else _name(row, column).lower() or FRAMES[0]

"""Reads a corpus that was made elsewhere into the tables of a workspace.

Sources: JSON lines (`.jsonl`, `.json`, also `.gz`), Parquet (a file or a folder), or a dataset on the Hub. What cannot
be a document goes to `rejects`, with its line, like everything else that does not stay.
"""

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

from corpus.ids import content_id
from corpus.schema import TABLES
from corpus.store import write_table
from corpus.text import model_name
from corpus.tokens import TokenCounter
from corpus.workspace import Workspace
from specs.errors import UserError

PART: Final = "import"
"""The part of `rejects` that an import writes."""

_BATCH = 256
_HUB = "hf://datasets/"


@dataclass(frozen=True, slots=True)
class Fields:
    """Which field of a foreign row is what. Without a genre, `source` is taken, which released corpora have."""

    text: str = "text"
    domain: str = "domain"
    genre: str = "genre"
    title: str = "title"


@dataclass(slots=True)
class _Found:
    """What the pass over the rows has met."""

    genres: dict[str, str] = field(default_factory=dict)  # name -> id, in order of appearance
    rejects: list[dict[str, Any]] = field(default_factory=list)


def import_documents(
    workspace: Workspace, source: str, counter: TokenCounter, spec_hash: str, fields: Fields | None = None
) -> tuple[int, int]:
    """Write `documents`, `document_types` and `rejects` from `source`; return how many stayed and went.

    Domains stand in the documents by name alone: the table `domains` is of those that a spec was divided into, as for
    chats that are made later.

    Raises:
        UserError: the source cannot be read, the workspace has documents already, or no row has a text.
    """
    if workspace.parts("documents"):
        raise UserError(f"{workspace.root} has documents already. Import into a new folder.")
    found, names = _Found(), fields or Fields()
    rows = _rows(read_source(source), counter, spec_hash, names, found)
    written = write_table(workspace, "documents", rows)
    if not written:
        workspace.table("documents").unlink()
        raise UserError(f"{source}: none of {len(found.rejects)} rows has a text in the field {names.text!r}.")
    blank = dict.fromkeys(TABLES["document_types"].names)
    kinds = ({**blank, "id": kind, "position": n, "name": name} for n, (name, kind) in enumerate(found.genres.items()))
    write_table(workspace, "document_types", kinds)
    write_table(workspace, "rejects", found.rejects, part=PART)
    return written, len(found.rejects)


def read_source(source: str) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
    """(where, row) for each row of a source; the row is None where a line is not a JSON object."""
    path = Path(source)
    if path.is_dir() or path.suffix == ".parquet":
        return _parquet(path)
    if path.is_file():
        return _json_lines(path)
    name = source.removeprefix(_HUB).strip("/")
    if name.count("/") in (1, 2) and not source.startswith((".", "/", "~")):
        return _hub(name)
    raise UserError(
        f"{source}: there is no such file or folder. Expected JSON lines, Parquet, or a Hub dataset: owner/name, or "
        "owner/name/config."
    )


def _parquet(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    for name in _parquet_files(path):
        where = name.relative_to(path).as_posix() if path.is_dir() else name.name
        try:
            with pq.ParquetFile(name) as file:
                rows = (row for batch in file.iter_batches(_BATCH) for row in batch.to_pylist())
                for number, row in enumerate(rows):
                    yield f"{where}, row {number}", row
        except (pa.ArrowException, OSError) as error:
            raise UserError(f"{name} cannot be read as Parquet: {error}") from error


def _parquet_files(path: Path) -> list[Path]:
    """The files of one table: a folder with several, such as a workspace, does not say which holds the documents."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    files = [name for name in files if not any(part.startswith(".") for part in name.relative_to(path).parts)]  # caches
    if not files:
        raise UserError(f"{path} has no .parquet file in it.")
    columns: dict[frozenset[str], Path] = {}
    for name in files:
        try:
            columns.setdefault(frozenset(pq.read_schema(name).names), name)
        except (pa.ArrowException, OSError) as error:
            raise UserError(f"{name} cannot be read as Parquet: {error}") from error
    if len(columns) > 1:
        one, other, *_ = columns.values()
        raise UserError(
            f"{path} has Parquet files with different columns, such as {one} and {other}. Give the folder or the file "
            "that holds the documents; in a workspace that is dataset/msm."
        )
    return files


def _json_lines(path: Path) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
    read = gzip.open if path.suffix == ".gz" else open
    try:
        with read(path, "rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    row = None
                    with suppress(ValueError, RecursionError):  # bad JSON, bad UTF-8, brackets without end
                        row = json.loads(line)
                    yield f"{path.name}, line {number}", row if isinstance(row, dict) else None
    except (OSError, EOFError) as error:
        raise UserError(f"{path} cannot be read: {error}") from error


def _hub(name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    from datasets import load_dataset

    owner, repo, *config = name.split("/")
    try:
        rows = load_dataset(f"{owner}/{repo}", *config, split="train", streaming=True)
        for number, row in enumerate(rows):
            yield f"{name}, row {number}", row
    except Exception as error:  # datasets raises errors of a dozen kinds for what the user must fix
        raise UserError(f"the dataset {name} cannot be loaded from the Hub: {error}") from error


def _rows(
    source: Iterable[tuple[str, Mapping[str, Any] | None]],
    counter: TokenCounter,
    spec_hash: str,
    names: Fields,
    found: _Found,
) -> Iterator[dict[str, Any]]:
    usable = _usable(source, names.text, found)
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
    source: Iterable[tuple[str, Mapping[str, Any] | None]], text: str, found: _Found
) -> Iterator[Mapping[str, Any]]:
    """The rows with a text; the others are set aside as rejects."""
    for where, row in source:
        value = row.get(text) if row is not None else None
        if row is not None and isinstance(value, str) and value.strip() and _encodable(value):
            yield row
        else:
            found.rejects.append(_reject(where, row, text))


def _encodable(text: str) -> bool:
    """Whether Parquet can hold it: JSON can say half of a surrogate pair, UTF-8 cannot."""
    with suppress(UnicodeEncodeError):
        text.encode()
        return True
    return False


def _reject(where: str, row: Mapping[str, Any] | None, text: str) -> dict[str, Any]:
    detail = f"{where}: " + ("not a JSON object" if row is None else f"no text in the field {text!r}")
    item = content_id("import", "", where)
    content = None if row is None else json.dumps(row, ensure_ascii=True, default=str, sort_keys=True)
    return dict.fromkeys(TABLES["rejects"].names) | {
        "id": content_id("rejects", "documents", item, "no_text"), "stage": "documents", "item_id": item,
        "reason": "no_text", "detail": detail, "row": content,
    }  # fmt: skip


def _document(row: Mapping[str, Any], names: Fields, found: _Found, spec_hash: str) -> dict[str, Any]:
    genre = _name(row, names.genre) or _name(row, "source") or "imported"
    genre_id = found.genres.setdefault(genre, content_id("document_types", spec_hash, genre))
    return dict.fromkeys(TABLES["documents"].names) | {
        "spec_hash": spec_hash, "domain": _name(row, names.domain) or "imported", "document_type_id": genre_id,
        "genre": genre, "title": _name(row, names.title), "model": model_name(_name(row, "model")),
        "passage_ids": [], "assertion_ids": [],
    }  # fmt: skip


def _name(row: Mapping[str, Any], column: str) -> str:
    """A short text field on one line; empty if there is none."""
    value = row.get(column)
    return " ".join(value.encode("utf-8", "replace").decode().split())[:200] if isinstance(value, str) else ""

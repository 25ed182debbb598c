"""Rows of files and Hub datasets, as they are: JSON lines, a JSON array, CSV, Parquet. No type is guessed in between.

A loader that infers types changes what it reads: `datasets` 5.2 turns the text "42" into a number where another row of
its column is a list, and a text that looks like a date into a datetime; DuckDB cuts nested fields that the first of
several files lacks. Here a text stays a text. Of Parquet, keys of nested records that are null are left out: Arrow
fills one row's keys into all others.
"""

import csv
import gzip
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final, TextIO, cast

from specs.errors import UserError

Row = Mapping[str, Any]
Rows = Iterator[tuple[str, Row | None]]
"""(where, row); None where a line or an entry is no JSON object."""

ENDINGS: Final = (".jsonl", ".json", ".csv", ".parquet")
"""How files that can be read end; the first three also with `.gz`."""
_BATCH: Final = 256
_HUB: Final = "hf://datasets/"
_SPLIT = re.compile(r"(train|test|validation|valid|val|dev|eval)(?:[-_.]|$)")


def read_source(source: str) -> Rows:
    """The rows of a file, of a folder of Parquet files, or of the split `train` of a dataset on the Hub.

    Raises:
        UserError: there is no such source, or it cannot be read.
    """
    path = Path(source)
    if path.is_dir() or path.is_file():
        return read_file(path)
    name = source.removeprefix(_HUB).strip("/")
    on_hub = source.startswith(_HUB) or not (is_file_name(source) or source.startswith((".", "/", "~")))
    if on_hub and name.count("/") in (1, 2):
        return _hub(name)
    raise UserError(
        f"{source}: there is no such file or folder. Expected JSON lines, a JSON array, CSV, Parquet, or a Hub "
        "dataset: owner/name, or owner/name/config."
    )


def read_file(path: Path) -> Rows:
    """The rows of a file, or of the Parquet files of a folder.

    Raises:
        UserError: it cannot be read.
    """
    ending = Path(path.name.removesuffix(".gz")).suffix
    if path.is_dir() or ending == ".parquet":
        return _parquet(path)
    if ending == ".csv":
        return _text_rows(path, _csv)
    return _text_rows(path, _json)


def hub_dataset(name: str, config: str | None, split: str, revision: str | None) -> tuple[Any, str]:
    """A split of a dataset on the Hub, whose rows are read from disk one by one, and the commit that it is of; at
    `revision`, or the newest. Raises what `datasets` and `huggingface_hub` raise, of a dozen kinds."""
    import datasets
    from huggingface_hub import HfApi

    datasets.disable_progress_bars()
    commit = str(HfApi().dataset_info(name, revision=revision).sha)
    return datasets.load_dataset(name, config, split=split, revision=commit), commit


def is_file_name(name: str) -> bool:
    """Whether a source's name is that of a file, and not of a dataset on the Hub."""
    return name.removesuffix(".gz").endswith(ENDINGS)


def without_nulls(value: Any) -> Any:
    """Nested lists and records without the keys whose value is null."""
    if isinstance(value, dict):
        return {key: without_nulls(one) for key, one in value.items() if one is not None}
    return [without_nulls(one) for one in value] if isinstance(value, list) else value


def _parquet(path: Path) -> Iterator[tuple[str, Row]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    for name in _parquet_files(path):
        where = name.relative_to(path).as_posix() if path.is_dir() else name.name
        try:
            with pq.ParquetFile(name) as file:
                rows = (row for batch in file.iter_batches(_BATCH) for row in batch.to_pylist())
                for number, row in enumerate(rows):
                    yield f"{where}, row {number}", {key: without_nulls(value) for key, value in row.items()}
        except (pa.ArrowException, OSError) as error:
            raise UserError(f"{name} cannot be read as Parquet: {error}") from error


def _parquet_files(path: Path) -> list[Path]:
    """The files of one table: a folder with several, such as a workspace, does not say which is meant. Of a folder with
    splits it is `train`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    files = [name for name in files if not any(part.startswith(".") for part in name.relative_to(path).parts)]  # caches
    if not files:
        raise UserError(f"{path} has no .parquet file in it.")
    splits = {name: _split_of(name, path) for name in files}
    if "train" in splits.values() and all(splits.values()):
        files = [name for name in files if splits[name] == "train"]
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


def _split_of(name: Path, folder: Path) -> str:
    """The split that a file's name or its folder says, as on the Hub; empty where neither does."""
    for part in reversed(name.relative_to(folder).parts if folder.is_dir() else (name.name,)):
        if found := _SPLIT.match(part):
            return found.group(1)
    return ""


def _text_rows(path: Path, read: Any) -> Rows:
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            yield from read(cast("IO[bytes]", file), path)
    except (OSError, EOFError) as error:
        raise UserError(f"{path} cannot be read: {error}") from error


def _json(file: IO[bytes], path: Path) -> Rows:
    start = file.read(64).lstrip(b"\xef\xbb\xbf").lstrip()
    file.seek(0)
    if start.startswith(b"[") and not path.name.removesuffix(".gz").endswith(".jsonl"):
        yield from _json_array(file, path)
        return
    for number, line in enumerate(file, 1):
        if line.strip():
            row = None
            with suppress(ValueError, RecursionError):  # bad JSON, bad UTF-8, brackets without end, endless numbers
                row = json.loads(line.removeprefix(b"\xef\xbb\xbf"))
            yield f"{path.name}, line {number}", row if isinstance(row, dict) else None


def _json_array(file: IO[bytes], path: Path) -> Rows:
    try:
        entries: list[Any] = json.loads(file.read().removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read as a JSON array: {error}") from error
    for number, row in enumerate(entries):
        yield f"{path.name}, entry {number}", row if isinstance(row, dict) else None


def _csv(file: IO[bytes], path: Path) -> Rows:
    import io

    csv.field_size_limit(sys.maxsize)
    text: TextIO = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    try:
        for row in (reader := csv.DictReader(text, strict=True)):
            cells: Iterable[tuple[Any, Any]] = row.items()
            whole = None not in row and None not in row.values()  # a cell too many or too few
            yield f"{path.name}, line {reader.line_num}", dict(cells) if whole else None
    except (csv.Error, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read as CSV in UTF-8: {error}") from error


def _hub(name: str) -> Iterator[tuple[str, Row]]:
    from datasets import load_dataset

    owner, repo, *config = name.split("/")
    try:
        rows = load_dataset(f"{owner}/{repo}", *config, split="train", streaming=True)
        for number, row in enumerate(rows):
            yield f"{name}, row {number}", {key: without_nulls(value) for key, value in row.items()}
    except Exception as error:  # datasets raises errors of a dozen kinds for what the user must fix
        raise UserError(f"the dataset {name} cannot be loaded from the Hub: {error}") from error

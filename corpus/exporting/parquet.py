"""Parquet for tools that look at tables: Embedding Atlas, and the viewer of the Hub."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from corpus.exporting.gathered import Gathered, Row, judged
from corpus.workspace import replacing, write_text

_TEXTS: Final = (
    "id", "title", "text", "asked", "domain", "subdomain", "genre", "frame", "status", "reason", "detail", "model",
    "mark", "marked_by", "note",
)  # fmt: skip
_VERDICTS: Final = pa.list_(pa.struct([pa.field(name, pa.string()) for name in ("criterion", "verdict", "reason")]))
_NEIGHBOURS: Final = pa.struct([pa.field("ids", pa.list_(pa.int64())), pa.field("distances", pa.list_(pa.float64()))])
_GROUP: Final = 1_000  # rows; the viewer reads one group for a page


def write_atlas(found: Gathered, folder: Path) -> list[Path]:
    """`<kind>.parquet`: flat columns, the projection, and for each row the numbers of the nearest other rows.

    `embedding-atlas` takes them with --text text --x projection_x --y projection_y --neighbors neighbors.
    """
    table = _table(found.rows)
    for name in ("flags", "verdicts"):  # its charts count texts
        table = table.drop_columns([name])
    table = table.append_column("flags", pa.array([", ".join(row["flags"]) for row in found.rows], pa.string()))
    table = table.append_column("flag_count", pa.array([len(row["flags"]) for row in found.rows], pa.int64()))
    table = table.append_column("judged", pa.array([judged(row) for row in found.rows], pa.string()))
    path = folder / f"{found.kind}.parquet"
    _write(_placed(table, found, range(len(found.rows)), flat=False), path)
    return [path]


def write_hub(found: Gathered, folder: Path) -> list[Path]:
    """A dataset folder as the Hub takes it: a split for what is kept and one for what is not, each a Parquet file whose
    features are in its own metadata, and a card that names them."""
    splits = {"kept": "kept", "rejected": "rejected"}
    files, listed = [], []
    for split, status in splits.items():
        chosen = [place for place, row in enumerate(found.rows) if row["status"] == status]
        if not chosen:
            continue
        table = _placed(_table([found.rows[place] for place in chosen]), found, chosen, flat=True)
        path = folder / found.kind / f"{split}-00000-of-00001.parquet"
        _write(_with_features(table), path)
        files.append(path)
        listed.append({"split": split, "path": path.relative_to(folder).as_posix()})
    meta = {
        "configs": [{"config_name": found.kind, "data_files": listed}],
        "tags": ["synthetic", "model-spec"],
        "pretty_name": f"{found.name}: {found.kind} to look at",
    }
    front = yaml.safe_dump(meta, sort_keys=False, allow_unicode=True)
    said = f"{len(found.rows):,} {found.kind} with flags, verdicts, marks, coordinates and neighbours."
    write_text(folder / "README.md", f"---\n{front}---\n\n{said}\n")
    return [*files, folder / "README.md"]


def _table(rows: Sequence[Row]) -> pa.Table:
    columns: dict[str, Any] = {name: pa.array([_clean(row[name]) for row in rows], pa.string()) for name in _TEXTS}
    columns["tokens"] = pa.array([row["tokens"] for row in rows], pa.int64())
    columns["flags"] = pa.array([row["flags"] for row in rows], pa.list_(pa.string()))
    columns["verdicts"] = pa.array([row["verdicts"] for row in rows], _VERDICTS)
    return pa.table(columns)


def _clean(text: str | None) -> str | None:
    """Half of a surrogate pair is no text in Parquet."""
    return text if text is None else text.encode("utf-8", "replace").decode()


def _placed(table: pa.Table, found: Gathered, chosen: Sequence[int], *, flat: bool) -> pa.Table:
    """With coordinates and neighbours: by their row in this file, or `flat`, by their ids, the row itself left out."""
    places = found.places
    if places is None:
        return table
    table = table.append_column("projection_x", pa.array(places.xy[chosen, 0]))
    table = table.append_column("projection_y", pa.array(places.xy[chosen, 1]))
    if flat:
        ids = [[found.rows[other]["id"] for other in places.neighbours[place][1:]] for place in chosen]
        near = pa.array(ids, pa.list_(pa.string()))
        table = table.append_column("neighbors", near)
        away = [[float(value) for value in places.distances[place][1:]] for place in chosen]
        return table.append_column("neighbor_distances", pa.array(away, pa.list_(pa.float64())))
    rows = [
        {"ids": places.neighbours[place].tolist(), "distances": places.distances[place].tolist()} for place in chosen
    ]
    return table.append_column("neighbors", pa.array(rows, _NEIGHBOURS))


def _with_features(table: pa.Table) -> pa.Table:
    """The table with the features of `datasets` in its metadata, from which the viewer knows its columns."""
    from datasets import Features

    return table.cast(Features.from_arrow_schema(table.schema).arrow_schema)


def _write(table: pa.Table, path: Path) -> None:
    with replacing(path) as beside:
        pq.write_table(table, beside, compression="zstd", row_group_size=_GROUP, write_page_index=True)

"""The tables of an experiment: Markdown, Parquet and pictures."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from corpus.workspace import replacing, write_text
from eval.seeds import METHOD, Estimate
from specmill.experiment.files import Place
from specmill.experiment.models import short
from specmill.experiment.picture import draw_arms, draw_doses, draw_matrix
from specmill.experiment.results import Matrix, Row, table_rows
from specmill.experiment.settings import ARMS, Experiment

_float, _int, _str = pa.float64(), pa.int64(), pa.string()
SCHEMA: Final = pa.schema(
    [
        ("set", _str), ("arm", _str), ("spec", _str), ("document_tokens", _int), ("chat_count", _int), ("scale", _str),
        ("value", _float), ("value_low", _float), ("value_high", _float), ("control", _str), ("difference", _float),
        ("difference_low", _float), ("difference_high", _float), ("items", _int), ("seeds", _int), ("rank", _int),
        ("marks", pa.list_(_str)),
    ]
)  # fmt: skip
"""A row for each arm, spec, dose and set. Doses are 0 where they are all of a corpus, null where an arm has none."""


def write_tables(experiment: Experiment, place: Place, title: str) -> list[Path]:
    """Write `tables/`; the files.

    Raises:
        UserError: no model was asked yet.
    """
    rows = table_rows(experiment, place)
    place.tables.mkdir(parents=True, exist_ok=True)
    matrices = list(matrices_of(experiment, rows))
    markdown, parquet = place.tables / "table.md", place.tables / "table.parquet"
    write_text(markdown, "\n".join(_markdown(experiment, rows, matrices, title)) + "\n")
    with replacing(parquet) as beside:
        pq.write_table(pa.Table.from_pylist([_as_row(row) for row in rows], SCHEMA), beside, compression="zstd")
    files = [markdown, parquet, *draw_arms(experiment, rows, place.tables)]
    files += draw_doses(experiment, rows, place.tables)
    for matrix in matrices:
        files += draw_matrix(matrix, place.tables)
    return files


def matrices_of(experiment: Experiment, rows: Sequence[Row]) -> Iterator[Matrix]:
    """A matrix for each arm with the spec's own documents, where the file says which set asks for which value."""
    values = experiment.values
    if len(values) < 2:
        return
    for arm in experiment.arms:
        if ARMS[arm].documents != "own":
            continue
        mine = [row for row in rows if row.arm == arm and row.largest and row.gap is not None]
        cells = {(row.spec, row.set): row for row in mine if row.spec in values and row.set in values.values()}
        if cells:
            yield Matrix(arm, tuple(values), tuple(values.values()), cells)


def said(one: Estimate | None, *, signed: bool = False) -> str:
    """A mean with its interval."""
    if one is None:
        return "-"
    low, high = one.interval
    sign = "+" if signed else ""
    return f"{one.mean:{sign}.3f} [{low:{sign}.3f}, {high:{sign}.3f}]"


def _markdown(
    experiment: Experiment, rows: Sequence[Row], matrices: Sequence[Matrix], title: str
) -> Iterator[str]:  # fmt: skip
    level = f"{experiment.eval.confidence:.0%}"
    yield f"# {title}\n"
    yield (
        f"Base model {experiment.train.base_model}; seeds {', '.join(map(str, experiment.seeds))}; temperature "
        f"{experiment.eval.temperature:g}, {experiment.eval.samples} sample(s), scorer {experiment.eval.scorer}. "
        f"Intervals of {level}: {METHOD}. Differences are paired by item and seed. Ranks are by the "
        "difference, of the largest doses, and only of what has its control and is asked and trained alike; what is "
        "not says why."
    )
    for name in dict.fromkeys(row.set for row in rows):
        yield f"\n## {name}\n"
        yield "| arm | spec | documents | chats | value | against | difference | items | seeds | rank | |"
        yield "|---|---|---:|---:|---|---|---|---:|---:|---:|---|"
        for row in (one for one in rows if one.set == name):
            yield _line(row)
    for matrix in matrices:
        yield f"\n## Generalisation: {matrix.arm}\n"
        yield "Difference from the control, by the spec trained on (rows) and the value asked about (columns).\n"
        yield f"| | {' | '.join(matrix.sets)} |"
        yield f"|---|{'---|' * len(matrix.sets)}"
        for spec in matrix.specs:
            cells = [matrix.cells.get((spec, name)) for name in matrix.sets]
            yield f"| {spec} | {' | '.join(said(row.gap, signed=True) if row else '-' for row in cells)} |"


def _line(row: Row) -> str:
    seeds = row.value.seeds if row.value else 0
    cells = (
        row.arm, row.spec or "all", dose(row.tokens), dose(row.chats), said(row.value), row.control or "-",
        said(row.gap, signed=True), str(row.value.items if row.value else 0), str(seeds),
        str(row.rank) if row.rank else "-", "; ".join(row.marks),
    )  # fmt: skip
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def dose(amount: int | None) -> str:
    """A dose as people read it."""
    return "-" if amount is None else short(amount)


def _as_row(row: Row) -> dict[str, object]:
    value, gap = row.value, row.gap
    return {
        "set": row.set, "arm": row.arm, "spec": row.spec, "document_tokens": row.tokens, "chat_count": row.chats,
        "scale": row.scale, "value": value and value.mean, "value_low": value and value.interval[0],
        "value_high": value and value.interval[1], "control": row.control, "difference": gap and gap.mean,
        "difference_low": gap and gap.interval[0], "difference_high": gap and gap.interval[1],
        "items": value and value.items, "seeds": value and value.seeds, "rank": row.rank, "marks": list(row.marks),
    }  # fmt: skip

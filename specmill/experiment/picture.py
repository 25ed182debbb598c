"""Pictures of an experiment's tables, as SVG and PNG: arms beside their controls, dose curves, generalisation.

Colours are Okabe and Ito's, which people with any colour vision tell apart; the same rows give the same bytes of SVG.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from eval.seeds import Estimate
from specmill.experiment.models import short
from specmill.experiment.results import Matrix, Row
from specmill.experiment.settings import Experiment
from specs.errors import UserError

_COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999933")
_MARKERS: Final = "osD^vPX*"
_STYLE: Final = {
    "font.size": 8, "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 9,
    "svg.hashsalt": "specmill", "svg.fonttype": "none", "figure.dpi": 100, "savefig.dpi": 200, "legend.frameon": False,
    "font.family": "sans-serif",
}  # fmt: skip


def draw_arms(experiment: Experiment, rows: Sequence[Row], folder: Path) -> list[Path]:
    """The value of every arm at its largest dose, a panel a set; hollow where it is marked."""
    names = list(dict.fromkeys(row.set for row in rows))
    shown = {name: [row for row in rows if row.set == name and row.largest and row.value] for name in names}
    height = 0.9 + 0.24 * max((len(found) for found in shown.values()), default=1)
    with _figure(3.4 * len(names) + 1.4, height + 0.5) as figure:
        panels = figure.subplots(1, len(names), squeeze=False, sharey=True, sharex=True)[0]
        specs = _by(row.spec for row in rows)
        for panel, name in zip(panels, names, strict=True):
            for place, row in enumerate(shown[name]):
                colour = _COLOURS[specs[row.spec] % len(_COLOURS)]
                _point(panel, row.value, place, colour, hollow=bool(row.marks))
            labels = [f"{row.arm} · {row.spec}" if row.spec else row.arm for row in shown[name]]
            panel.set_yticks(range(len(labels)), labels)
            panel.set_ylim(len(labels) - 0.5, -0.5)
            panel.set_title(name)
            panel.set_xlabel("aligned rate" if shown[name] and shown[name][0].scale == "rate" else "score, 1 to 10")
            panel.grid(axis="x", color="#dddddd", linewidth=0.5)
        return _save(figure, folder / "arms")


def draw_doses(experiment: Experiment, rows: Sequence[Row], folder: Path) -> list[Path]:
    """The value by dose, of each ladder that has several; one line an arm and spec, a panel a set."""
    found = []
    for name, ladder in (("documents", experiment.doses.documents), ("chats", experiment.doses.chats)):
        if len(ladder) > 1:
            found += _ladder(experiment, rows, folder, name)
    return found


def draw_matrix(matrix: Matrix, folder: Path) -> list[Path]:
    """The generalisation matrix of an arm, each cell with its number and interval."""
    means = [[_mean(matrix.cells.get((spec, name))) for name in matrix.sets] for spec in matrix.specs]
    most = max((abs(value) for row in means for value in row if not math.isnan(value)), default=0.0) or 0.1
    with _figure(1.6 + 1.35 * len(matrix.sets), 1.2 + 0.75 * len(matrix.specs)) as figure:
        panel = figure.subplots()
        image = panel.imshow(means, cmap="PuOr", vmin=-most, vmax=most)
        for y, spec in enumerate(matrix.specs):
            for x, name in enumerate(matrix.sets):
                row = matrix.cells.get((spec, name))
                if row is None or row.gap is None:
                    continue
                dark = abs(row.gap.mean) > 0.6 * most
                low, high = row.gap.interval
                text = f"{row.gap.mean:+.2f}{' *' if row.marks else ''}\n[{low:+.2f}, {high:+.2f}]"
                panel.text(x, y, text, ha="center", va="center", color="white" if dark else "black", fontsize=8)
        panel.set_xticks(range(len(matrix.sets)), matrix.sets)
        panel.set_yticks(range(len(matrix.specs)), matrix.specs)
        panel.set_xlabel("value asked about")
        panel.set_ylabel("spec trained on")
        panel.set_title(f"{matrix.arm}: difference from its control")
        panel.spines[:].set_visible(False)
        figure.colorbar(image, ax=panel, shrink=0.8)
        return _save(figure, folder / f"matrix_{matrix.arm}")


def _ladder(experiment: Experiment, rows: Sequence[Row], folder: Path, name: str) -> list[Path]:
    sets = list(dict.fromkeys(row.set for row in rows))
    lines: dict[tuple[str, str], list[Row]] = {}
    other_most = (experiment.doses.chat_doses if name == "documents" else experiment.doses.document_doses)[-1] or 0
    for row in rows:
        mine, other = (row.tokens, row.chats) if name == "documents" else (row.chats, row.tokens)
        if mine and row.value and other in {None, other_most}:
            lines.setdefault((row.arm, row.spec), []).append(row)
    arms, specs = _by(arm for arm, _ in lines), _by(spec for _, spec in lines)
    with _figure(3.2 * len(sets) + 1.6, 2.9) as figure:
        panels = figure.subplots(1, len(sets), squeeze=False, sharey=True)[0]
        for panel, label in zip(panels, sets, strict=True):
            for number, ((arm, spec), found) in enumerate(lines.items()):
                apart = 1.03 ** (number - len(lines) / 2)  # so that intervals do not hide each other
                points = sorted((_dose(row, name), row.value) for row in found if row.set == label and row.value)
                if not points:
                    continue
                colour, marker = _COLOURS[arms[arm] % len(_COLOURS)], _MARKERS[specs[spec] % len(_MARKERS)]
                doses, values = [dose * apart for dose, _ in points], [value for _, value in points]
                panel.errorbar(
                    doses, [one.mean for one in values], yerr=_errors(values), color=colour, marker=marker,
                    markersize=4, linewidth=1, capsize=2, label=f"{arm} · {spec}" if spec else arm,
                )  # fmt: skip
            panel.set_xscale("log")
            doses_shown = experiment.doses.documents if name == "documents" else experiment.doses.chats

            panel.set_xticks(sorted(doses_shown), [short(one) for one in sorted(doses_shown)])
            panel.minorticks_off()
            panel.set_xlabel("tokens of documents" if name == "documents" else "chats")
            panel.set_title(label)
            panel.grid(axis="y", color="#dddddd", linewidth=0.5)
        panels[0].set_ylabel("aligned rate" if not rows or rows[0].scale == "rate" else "score")
        panels[-1].legend(loc="center left", bbox_to_anchor=(1.02, 0.5))
        return _save(figure, folder / f"doses_{name}")


def _dose(row: Row, name: str) -> int:
    return int((row.tokens if name == "documents" else row.chats) or 0)


def _errors(values: Sequence[Estimate]) -> list[list[float]]:
    below = [max(0.0, one.mean - one.interval[0]) for one in values]
    return [below, [max(0.0, one.interval[1] - one.mean) for one in values]]


def _point(panel: Any, value: Estimate | None, place: float, colour: str, *, hollow: bool) -> None:
    if value is None:
        return
    panel.errorbar(
        [value.mean], [place], xerr=_errors([value]), color=colour, marker="o", markersize=4.5, capsize=2, linewidth=1,
        markerfacecolor="white" if hollow else colour,
    )  # fmt: skip


def _mean(row: Row | None) -> float:
    return row.gap.mean if row and row.gap else float("nan")


def _by(names: Any) -> dict[str, int]:
    return {name: number for number, name in enumerate(dict.fromkeys(names))}


@contextmanager
def _figure(width: float, height: float) -> Iterator[Any]:
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UserError("the pictures need matplotlib: pip install 'specmill[experiment]'.") from error
    with mpl.rc_context(_STYLE):
        yield Figure(figsize=(width, height), layout="constrained")


def _save(figure: Any, path: Path) -> list[Path]:
    """As SVG, whose text stays text, and as PNG."""
    files = [path.with_suffix(".svg"), path.with_suffix(".png")]
    figure.savefig(files[0], metadata={"Date": None})
    figure.savefig(files[1])
    return files

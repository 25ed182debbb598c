"""The table of an evaluation for a terminal: a row a set, the model beside its anchors."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from eval.anchors import Row

_ARMS = {"base": "base model", "model": "model", "spec": "base, with spec"}


def rates_table(result: Mapping[str, Any], rows: Sequence[Row]) -> Table:
    """Rates with their intervals, by arm; a set without its anchors is marked."""
    anchored = any(one.base or one.spec for one in rows)
    names = ["base", "model", "spec"] if anchored else ["model"]
    title = Text(f"Rates of {result['model']}{'' if all(one.anchored for one in rows) else ' (* no anchors)'}")
    table = Table("set", *(_ARMS[name] for name in names), "chance", title=title, box=None)
    for row in rows:
        label = f"{row.label} ({row.model['questions']})" + ("" if row.anchored else " *")
        arms = {"base": row.base, "model": row.model, "spec": row.spec}
        table.add_row(Text(label), *(cell(arms[name]) for name in names), f"{row.model['chance']:.2f}")
    return table


def replies_table(rows: Sequence[Row]) -> Table:
    """What is not a decision, how much of the rate is a habit of place, what decided, and how much of the spec is
    covered."""
    table = Table("set", "undecided", "first chosen", "decided by", "passages", box=None)
    for row in rows:
        one = row.model
        by, passages = ", ".join(sorted(one["scorers"])) or "-", str(len(one["passages"]) or "-")
        table.add_row(Text(row.label), undecided(one), rate(one["chose_first_shown"]), by, passages)
    return table


def scores_table(result: Mapping[str, Any], anchors: Mapping[str, Mapping[str, Any]]) -> Table:
    """Scores of open questions, by dimension and arm."""
    one = result["judged"]
    beside = {arm: found["judged"] for arm, found in anchors.items() if _same_questions(found, one)}
    low, high = one["interval_over_questions"] or (1.0, 10.0)
    score = "-" if one["score"] is None else f"{one['score']:.2f} ({low:.2f}-{high:.2f})"
    title = Text(f"Score of {result['model']} by {result['judge']['model']}, 1 to 10: {score}")
    names = [name for name in _ARMS if name == "model" or name in beside]
    table = Table("dimension", *(_ARMS[name] for name in names), title=title, box=None)
    arms = {"model": one, **beside}
    for dimension in one["dimensions"]:
        table.add_row(Text(dimension.replace("_", " ")), *(_mean(arms[name], dimension) for name in names))
    table.add_row("all", *(_mean(arms[name], None) for name in names))
    table.add_row("without a score", *(str(_unscored(arms[name])) for name in names))
    return table


def _same_questions(found: Mapping[str, Any], one: Mapping[str, Any]) -> bool:
    return bool(found.get("judged")) and found["judged"]["items"] == one["items"]


def _mean(one: Mapping[str, Any], dimension: str | None) -> str:
    value = one["score"] if dimension is None else one["dimensions"].get(dimension)
    return "-" if value is None else f"{value:.2f}"


def _unscored(one: Mapping[str, Any]) -> int:
    return int(one["missing"] + one["unanswered"] + one["unparsed"])


def cells_table(cells: Sequence[tuple[str, Mapping[str, float]]]) -> Table:
    """Each cell of a grid with its rates, by score."""
    names = list(dict.fromkeys(name for _, found in cells for name in found))
    table = Table("cell", *names, box=None)
    for label, found in cells:
        table.add_row(Text(label), *(rate(found.get(name)) for name in names))
    return table


def reasons_table(result: Mapping[str, Any]) -> Table:
    """Reasons with the share of each arm's transcripts that give them."""
    arms = list(result["arms"])
    table = Table("reason", *(escape(f"{arm} ({result['arms'][arm]})") for arm in arms), box=None)
    for one in result["reasons"]:
        cells = []
        for arm in arms:
            found = one["arms"][arm]
            low, high = found["interval"]
            cells.append("-" if found["share"] is None else f"{found['share']:.2f} ({low:.2f}-{high:.2f})")
        table.add_row(Text(one["name"]), *cells)
    return table


def cell(one: Mapping[str, Any] | None) -> str:
    """A rate with its interval; where too many replies cannot be read, what the rate lies between, and no rate."""
    if one is None or one["bounds"] is None:
        return "-"
    if one["rate"] is None:
        low, high = one["bounds"]
        return f"{low:.2f}..{high:.2f}?"
    low, high = one["interval_over_questions"]
    return f"{one['rate']:.2f} ({low:.2f}-{high:.2f})"


def undecided(one: Mapping[str, Any]) -> str:
    """How many replies were no decision, by kind."""
    kinds = ("neither", "unclear", "truncated", "missing")
    return ", ".join(f"{one[kind]} {kind}" for kind in kinds if one[kind]) or "-"


def rate(value: float | None) -> str:
    """A share to three digits."""
    return "-" if value is None else f"{value:.3f}"

"""Two workspaces side by side: every figure of both reports, and the difference."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

Figures = dict[str, Any]
Value = float | int | None

_SETTINGS: Final = ("spec_hash", "recipe_hash", "seed", "tokenizer", "assistant", "models", "prompts")


@dataclass(frozen=True, slots=True)
class Line:
    """A figure of both; None where one of them does not have it. `difference` is that of the second from the first."""

    figure: str
    unit: str  # number | share | usd
    first: Value
    second: Value

    @property
    def difference(self) -> Value:
        """None where one of the two is not known."""
        return None if self.first is None or self.second is None else self.second - self.first


@dataclass(frozen=True, slots=True)
class Part:
    """Figures of one kind."""

    title: str
    lines: tuple[Line, ...]
    about: str = ""


def compare(first: Figures, second: Figures) -> dict[str, Any]:
    """The figures of two reports (`all_figures`), as JSON values: names, what was set, and parts with their lines."""
    both = (first, second)
    parts = [
        Part("Overview", tuple(_overview(both))),
        Part("Health", tuple(_lines(both, _health))),
        Part("Funnel", tuple(_funnel(both))),
        Part("Rejected", tuple(_lines(both, _reasons)), "items by stage and reason"),
        Part("Flagged", tuple(_lines(both, _flags)), "share of the kept items of a stage"),
        Part("Verdicts", tuple(_lines(both, _verdicts)), "share that passes"),
        Part("Domains", tuple(_lines(both, _tokens("domains", "domain"))), "tokens of kept documents"),
        Part("Document types", tuple(_lines(both, _tokens("genres", "genre"))), "tokens of kept documents"),
        Part("Lengths", tuple(_lines(both, _lengths)), "tokens of what is kept, at the 10th, 50th and 90th percentile"),
        Part("Cost", tuple(_lines(both, _cost))),
        _passages(both),
    ]
    return {
        "names": _names(both), "settings": list(_settings(both)),
        "parts": [
            {**asdict(part), "lines": [{**asdict(line), "difference": line.difference} for line in part.lines]}
            for part in parts if part.lines
        ],
    }  # fmt: skip


Rows = list[tuple[str, str, Value]]
"""Name of a figure, its unit, its value."""


def _lines(both: Sequence[Figures], rows: Callable[[Figures], Rows]) -> Iterable[Line]:
    """The rows of both by name, in the order of the first, then what only the second has."""
    found = [{name: (unit, value) for name, unit, value in rows(one)} for one in both]
    for name in {**found[0], **found[1]}:
        unit = next(one[name][0] for one in found if name in one)
        yield Line(name, unit, *(one.get(name, (unit, None))[1] for one in found))


def _overview(both: Sequence[Figures]) -> Iterable[Line]:
    def rows(found: Figures) -> Rows:
        making = [row for row in found["spend"] if row["serves"]]
        costs = [row["cost_usd"] for row in making]
        yields = {row["stage"]: row for row in found["yields"]}
        return [
            ("documents kept", "number", yields["documents"]["kept"]),
            ("tokens in documents", "number", yields["documents"]["kept_tokens"]),
            ("chats kept", "number", yields["chats"]["kept"]),
            ("tokens in chats", "number", yields["chats"]["kept_tokens"]),
            ("passages with documents", "number", sum(1 for row in found["passages"] if row["documents"])),
            ("passages of the spec", "number", len(found["passages"])),
            ("assertions with documents", "number", sum(1 for row in found["asserted"] if row["documents"])),
            ("assertions", "number", len(found["asserted"])),
            ("completions that made it", "number", sum(row["requests"] for row in making)),
            ("tokens written for it", "number", sum(row["completion_tokens"] for row in making)),
            ("cost", "usd", None if None in costs or not costs else sum(costs)),
        ]

    return _lines(both, rows)


def _health(found: Figures) -> Rows:
    return [(row["name"], row["unit"], row["value"]) for row in found["health"]]


def _funnel(both: Sequence[Figures]) -> Iterable[Line]:
    def rows(found: Figures) -> Rows:
        return [
            (f"{row['stage']}: {name}", "number", row[name])
            for row in found["stages"]
            for name in ("kept", "rejected", "pending")
        ]

    return (line for line in _lines(both, rows) if line.first or line.second)


def _reasons(found: Figures) -> Rows:
    return [(f"{row['stage']}: {row['reason']}", "number", row["items"]) for row in found["reasons"]]


def _flags(found: Figures) -> Rows:
    return [(f"{row['stage']}: {row['filter']}", "share", row["share"]) for row in found["flags"]]


def _verdicts(found: Figures) -> Rows:
    totals: dict[str, list[int]] = {}
    for row in found["verdicts"]:
        total = totals.setdefault(f"{row['item_table']}: {row['criterion']}", [0, 0])
        total[0] += row["items"] if row["verdict"] == "pass" else 0
        total[1] += row["items"]
    return [(name, "share", passed / items) for name, (passed, items) in totals.items()]


def _tokens(figure: str, name: str) -> Callable[[Figures], Rows]:
    return lambda found: [(str(row[name]), "number", row["tokens"]) for row in found[figure]]


def _lengths(found: Figures) -> Rows:
    return [
        (f"{row['stage']}: {name}", "number", row[name]) for row in found["quantiles"] for name in ("p10", "p50", "p90")
    ]


def _cost(found: Figures) -> Rows:
    totals: dict[tuple[str, str], Value] = {}
    for row in found["spend"]:
        for name in ("requests", "prompt_tokens", "completion_tokens", "cost_usd"):
            before, more = totals.get((row["stage"], name), 0), row[name]
            totals[row["stage"], name] = None if before is None or more is None else before + more
    return [
        (f"{stage}: {name.removesuffix('_usd').replace('_', ' ')}", "usd" if name == "cost_usd" else "number", value)
        for (stage, name), value in totals.items()
    ]


def _passages(both: Sequence[Figures]) -> Part:
    """Tokens about each passage, where both are of one spec."""
    texts = [[row["text"] for row in found["passages"]] for found in both]
    if texts[0] != texts[1]:
        return Part("Passages", ())

    def rows(found: Figures) -> Rows:
        return [(row["rule_id"] or row["address"], "number", row["tokens"]) for row in found["passages"]]

    return Part("Passages", tuple(_lines(both, rows)), "tokens of kept documents that are about it")


def _names(both: Sequence[Figures]) -> list[str]:
    names = [str(found["about"]["name"]) for found in both]
    return names if names[0] != names[1] else [f"{name} ({number})" for number, name in enumerate(names, 1)]


def _settings(both: Sequence[Figures]) -> Iterable[dict[str, Any]]:
    """What was set, as far as the manifests say it; mappings entry by entry."""
    said = [dict(_flat(found["about"])) for found in both]
    for name in {**said[0], **said[1]}:
        values = [one.get(name) for one in said]
        yield {"name": name, "first": values[0], "second": values[1], "same": values[0] == values[1]}


def _flat(about: dict[str, Any]) -> Iterable[tuple[str, str]]:
    for name in _SETTINGS:
        value = about.get(name)
        if isinstance(value, dict):
            yield from ((f"{name}: {key}", str(one)) for key, one in value.items())
        elif value is not None:
            yield name, str(value)

"""A result beside its anchors: the base model bare, and with the spec in its prompt; and what the three say."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from corpus.workspace import Workspace
from eval.results import results_in

Result = Mapping[str, Any]
KNOWLEDGE: Final = frozenset({"knowledge"})
"""Names of the sets that ask what a model knows of the spec; what others ask is how it answers."""
_COMPARED = ("temperature", "samples", "questions_per_set")


@dataclass(frozen=True, slots=True)
class Row:
    """One set in the table: what each arm scored; None where an arm has no result."""

    label: str
    model: Result
    base: Result | None
    spec: Result | None

    @property
    def anchored(self) -> bool:
        """Whether both anchors stand beside it."""
        return self.base is not None and self.spec is not None


def rows(result: Result, anchors: Mapping[str, Result]) -> list[Row]:
    """A row a set, with what the anchors scored on the same questions."""

    def of(arm: str, name: str, items: str) -> Result | None:
        found = anchors.get(arm, {}).get("sets", {}).get(name)
        return found if found is not None and found.get("items") == items else None

    return [
        Row(name, one, of("base", name, one["items"]), of("spec", name, one["items"]))
        for name, one in result["sets"].items()
    ]


def find_anchors(workspace: Workspace, result: Result) -> dict[str, Result]:
    """The stored results of both anchors on questions of `result`, asked alike; the one that shares most sets."""
    found: dict[str, Result] = {}
    best: dict[str, int] = {}
    for other in results_in(workspace):
        arm = str(other.get("arm"))
        if arm not in {"base", "spec"} or result.get("arm", "model") != "model" or not _alike(result, other):
            continue
        shared = sum(
            other.get("sets", {}).get(name, {}).get("items") == one["items"] for name, one in result["sets"].items()
        ) + (bool(result.get("judged")) and _judged_items(result) == _judged_items(other))
        if shared > best.get(arm, 0):
            best[arm], found[arm] = shared, other
    return found


def _judged_items(result: Result) -> Any:
    return (result.get("judged") or {}).get("items")


def _alike(one: Result, other: Result) -> bool:
    mine, theirs = one.get("settings", {}), other.get("settings", {})
    return all(mine.get(name) == theirs.get(name) for name in _COMPARED)


def unanchored(table: Sequence[Row], anchors: Mapping[str, Result], result: Result) -> str:
    """What to say where a result stands alone: its numbers have no meaning by themselves. Empty where it does not."""
    alone = [one.label for one in table if not one.anchored]
    if result.get("judged") and {_judged_items(one) for one in anchors.values()} != {_judged_items(result)}:
        alone.append("open questions")
    if not alone:
        return ""
    return (
        f"no anchors: {', '.join(alone)}. What the base model scores, bare and with the spec in its prompt, is not "
        "known, so that these numbers say little. Run it with --anchors (the base model is the role `base`)."
    )


# --- knowledge before values -----------------------------------------------------------------------------------------


def taught(table: Iterable[Row]) -> list[str]:
    """What the sets of knowledge and those of values say together, a line each; nothing where either is missing.

    A model that does not answer by a value was either not taught it, or knows it and does not use it.
    """
    table = list(table)
    known = [one for one in table if one.label in KNOWLEDGE]
    values = [one for one in table if one.label not in KNOWLEDGE]
    return [_verdict(knowledge, value) for knowledge in known for value in values]


def _verdict(knowledge: Row, value: Row) -> str:
    knows, uses = _above(knowledge), _above(value)
    if knows is None or uses is None:
        return (
            f"{value.label}: not known whether it was taught; {knowledge.label} and it need a base model beside them."
        )
    beside = f"{knowledge.label} {_rate(knowledge.model)} (base {_rate(knowledge.base)}), "
    beside += f"{value.label} {_rate(value.model)} (base {_rate(value.base)})"
    if uses:
        return f"{value.label}: used; {beside}."
    if knows:
        return f"{value.label}: taught, not used: it knows the spec and does not answer by it; {beside}."
    return f"{value.label}: not taught: it does not know the spec, so AFT has nothing to build on; {beside}."


def _above(row: Row) -> bool | None:
    """Whether the model's interval lies above the base model's rate, and the base's below the model's; None where
    either has no rate."""
    mine = row.model.get("interval_over_questions")
    other = row.base.get("interval_over_questions") if row.base else None
    if not mine or not other or row.base is None:
        return None
    return bool(mine[0] > row.base["rate"] and other[1] < row.model["rate"])


def _rate(one: Result | None) -> str:
    return "-" if one is None or one.get("rate") is None else f"{one['rate']:.2f}"

"""From the replies of all models to what the tables say: rates over items and seeds, differences from controls, and
what speaks against a comparison."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pyarrow.parquet as pq

from eval.questions.base import UNREADABLE, Choice
from eval.questions.choices import READABLE
from eval.results import differences, results_in
from eval.seeds import Estimate, Spread, gaps, over_seeds
from specmill.experiment.files import Place
from specmill.experiment.models import Model, control_of, models_of
from specmill.experiment.settings import Experiment
from specmill.experiment.training import manifests_of
from specs.errors import UserError

RATES: Final = (0.0, 1.0)
SCORES: Final = (1.0, 10.0)
_TOLERANCE: Final = 0.005  # of tokens, between an arm's documents and its control's (docs/method.md, 5.9)
_SCORED: Final = 0.05  # of the replies: a larger part that was scored otherwise is another score
_BY_CHANCES = {"logprobs": "log-probabilities", "likelihood": "likelihood"}  # scorers that read no reply

Values = dict[int | None, dict[str, float]]
"""By seed, the value of each item."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: models that differ in their seed alone, on one set."""

    set: str
    arm: str
    spec: str
    tokens: int | None
    chats: int | None
    group: str
    scale: str  # rate | score
    value: Estimate | None
    control: str  # its group; empty: none
    gap: Estimate | None
    marks: tuple[str, ...]
    largest: bool  # of its doses
    rank: int | None = None


@dataclass(frozen=True, slots=True)
class Matrix:
    """The generalisation matrix of an arm: the difference from the control, by the spec trained on and the value asked
    about."""

    arm: str
    specs: tuple[str, ...]
    sets: tuple[str, ...]
    cells: dict[tuple[str, str], Row]


@dataclass(slots=True)
class _Set:
    """What one model replied to one set."""

    values: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    scale: str = "rate"
    choices: Counter[str] = field(default_factory=Counter)
    scorers: Counter[str] = field(default_factory=Counter)

    @property
    def items(self) -> dict[str, float]:
        """The mean of each item."""
        return {item: sum(values) / len(values) for item, values in self.values.items()}

    @property
    def readable(self) -> float:
        """Share of the replies that could be read."""
        total = self.choices.total()
        bad = sum(count for choice, count in self.choices.items() if choice in UNREADABLE or choice == Choice.MISSING)
        return 1 - bad / total if total else 1.0


def table_rows(experiment: Experiment, place: Place) -> list[Row]:
    """Every row, by set and then in the order of the arms; those that may be are ranked within their set.

    Raises:
        UserError: no model was asked yet.
    """
    found = _read(place)
    models = models_of(experiment)
    asked = {str(one["name"]): one for one in results_in(place.workspace)}
    rows: list[Row] = []
    for name in experiment.eval.sets:
        cells = [_cell(name, group, models, found) for group in dict.fromkeys(one.group for one in models)]
        there = [cell for cell in cells if cell is not None]
        spread = {
            (kind, paired): Spread.of(runs for cell in there for runs in [cell.runs(kind)] if cell.paired == paired)
            for kind in ("values", "gaps")
            for paired in (True, False)
        }  # differences from a control without seeds vary with one seed, others with two
        rows += [_row(experiment, place, cell, spread, asked) for cell in there]
    return _ranked(rows)


def _read(place: Place) -> dict[str, dict[str, _Set]]:
    """Replies by model and set."""
    if not place.results.is_file():
        raise UserError(f"{place.results} is not there: no model was asked yet. Run `specmill experiment FILE eval`.")
    found: dict[str, dict[str, _Set]] = defaultdict(lambda: defaultdict(_Set))
    columns = ["model", "set", "question_id", "choice", "aligned", "scorer", "score", "verdict"]
    for row in pq.read_table(place.results, columns=columns).to_pylist():
        one = found[row["model"]][row["set"]]
        if row["choice"] is not None:
            one.choices[row["choice"]] += 1
            one.scorers[row["scorer"] if row["scorer"] in _BY_CHANCES else "reply"] += 1
            if row["choice"] != Choice.MISSING:
                one.values[row["question_id"]].append(float(row["aligned"]))
        else:
            one.scale = "score"
            one.choices[Choice.FIRST if row["score"] is not None else Choice.UNCLEAR] += 1
            if row["score"] is not None:
                one.values[row["question_id"]].append(float(row["score"]))
    return found


@dataclass(frozen=True, slots=True)
class _Cell:
    """What is known of one row: the models that were asked, their controls, and what both replied."""

    set: str
    mine: list[Model]  # all seeds
    there: list[Model]  # those that were asked
    controls: dict[int | None, Model | None]
    replies: dict[str, _Set]  # by the model's name

    @property
    def scale(self) -> str:
        """rate | score."""
        return self.replies[self.there[0].name].scale

    @property
    def beside(self) -> dict[int | None, Model]:
        """The controls that were asked, by seed."""
        return {seed: one for seed, one in self.controls.items() if one and one.name in self.replies}

    @property
    def paired(self) -> bool:
        """Whether its control has seeds of its own."""
        return any(one.seed is not None for one in self.beside.values())

    def runs(self, kind: str) -> list[dict[str, float]]:
        """By seed, the values of items, or their differences from the control's."""
        values: Values = {one.seed: self.replies[one.name].items for one in self.there}
        if kind == "values":
            return list(values.values())
        return gaps(values, {seed: self.replies[one.name].items for seed, one in self.beside.items()})


def _cell(
    name: str, group: str, models: list[Model], found: Mapping[str, Mapping[str, _Set]]
) -> _Cell | None:  # fmt: skip
    mine = [one for one in models if one.group == group]
    there = [one for one in mine if name in found.get(one.name, {})]
    if not there:
        return None
    replies = {model: sets[name] for model, sets in found.items() if name in sets}
    return _Cell(name, mine, there, {one.seed: control_of(one, models) for one in there}, replies)


def _row(
    experiment: Experiment, place: Place, cell: _Cell, spread: Mapping[tuple[str, bool], Spread],
    asked: Mapping[str, Mapping[str, Any]],
) -> Row:  # fmt: skip
    first, beside = cell.there[0], cell.beside
    bounds, widest = (RATES, (-1.0, 1.0)) if cell.scale == "rate" else (SCORES, (-9.0, 9.0))
    level = experiment.eval.confidence
    value = over_seeds(cell.runs("values"), bounds, spread=spread["values", cell.paired], confidence=level)
    gap = over_seeds(cell.runs("gaps"), widest, spread=spread["gaps", cell.paired], confidence=level)
    if any(_unreadable(cell.replies[one.name]) for one in (*cell.there, *beside.values())):
        gap = None  # what the others meant is not known: no rate
    if any(_unreadable(cell.replies[one.name]) for one in cell.there):
        value = None
    marks = _missing(cell.mine, cell.there, cell.controls, beside)
    for one in cell.there:
        marks += _unreadable(cell.replies[one.name])
        if one.seed in beside:
            other = beside[one.seed]
            marks += [f"control: {mark}" for mark in _unreadable(cell.replies[other.name])]
            marks += _unlike(asked.get(one.name, {}), asked.get(other.name, {}))
            marks += _scored_otherwise(cell.replies[one.name], cell.replies[other.name])
            marks += _tokens_differ(place, one, other)
        marks += _undertrained(place, one)
    doses = experiment.doses
    most = first.tokens in {None, doses.document_doses[-1] or 0} and first.chats in {None, doses.chat_doses[-1] or 0}
    control = next(iter(beside.values())).group if beside else ""
    return Row(
        cell.set, first.arm, first.spec, first.tokens, first.chats, first.group, cell.scale, value, control, gap,
        tuple(dict.fromkeys(marks)), most,
    )  # fmt: skip


def _missing(
    mine: list[Model], there: list[Model], controls: Mapping[int | None, Model | None],
    beside: Mapping[int | None, Model],
) -> list[str]:  # fmt: skip
    """What is not there of an arm and its control."""
    marks = []
    if len(there) < len(mine):
        marks.append(f"only {len(there)} of {len(mine)} seeds")
    if mine[0].what.controls and not beside:
        known = next((one.arm for one in controls.values() if one), None)
        marks.append(f"no control: {f'{known} was not asked' if known else ' or '.join(mine[0].what.controls)}")
    return marks


def _unreadable(one: _Set) -> list[str]:
    return [f"{1 - one.readable:.0%} of the replies cannot be read"] if one.readable < READABLE else []


def _unlike(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """How a result was not come by like its control's: parameters, limits, judge."""
    if not one or not other:
        return ["asked elsewhere"]
    found = differences({key: one.get(key) for key in ("parameters", "settings")}, other)
    if one.get("judge") and other.get("judge"):
        found += differences({"judge": one["judge"]["model"]}, {"judge": other["judge"]["model"]})
    return [f"unlike its control: {text}" for text in found]


def _scored_otherwise(one: _Set, other: _Set) -> list[str]:
    found = []
    for scorer, words in _BY_CHANCES.items():
        shares = [each.scorers[scorer] / max(1, each.scorers.total()) for each in (one, other)]
        if abs(shares[0] - shares[1]) > _SCORED:
            found.append(f"{shares[0]:.0%} by {words}, {shares[1]:.0%} of its control")
    return found


def _tokens_differ(place: Place, one: Model, other: Model) -> list[str]:
    """Where an arm has other amounts of documents than a control that has documents, too."""
    mine, theirs = (manifests_of(each, place).get("msm", {}).get("updates", {}).get("tokens") for each in (one, other))
    if not mine or not theirs or abs(mine - theirs) <= _TOLERANCE * min(mine, theirs):
        return []
    return [f"{mine / theirs - 1:+.1%} tokens of documents beside its control"]


def _undertrained(place: Place, one: Model) -> list[str]:
    return [
        f"{stage}: {manifest['updates']['updates']} updates, fewer than train.min_updates"
        for stage, manifest in manifests_of(one, place).items()
        if manifest["updates"]["updates"] < manifest["updates"]["min_updates"]
    ]


def _ranked(rows: list[Row]) -> list[Row]:
    """Ranks within a set and scale, of what can be compared: the largest difference from its control first."""
    able = [row for row in rows if row.gap is not None and not row.marks and row.largest]
    order = sorted(able, key=lambda row: -(row.gap.mean if row.gap else 0.0))
    ranks = {
        (row.set, row.group): number
        for name in {row.set for row in rows}
        for number, row in enumerate((one for one in order if one.set == name), 1)
    }
    return [replace(row, rank=ranks.get((row.set, row.group))) for row in rows]

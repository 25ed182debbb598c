"""Asking a judge about a sample of two corpora that are compared, where none has said how often they assert and
attribute: one judge with one text of the criteria for both, within a budget, and stored with each corpus."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from corpus.store import read_rows
from corpus.workspace import Workspace
from eval.questions.intervals import wilson
from filters.measure.compare import JUDGED, drawn_ids
from pipelines.engine.endpoints import BudgetSettings
from pipelines.judging.settings import JudgeSettings, shipped_criteria
from specmill.recipe import Recipe, open_workspace
from specs.errors import UserError

_SETS: Final = ("coverage", "attribution")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a judge is to be asked of one corpus."""

    place: Workspace
    recipe: Recipe
    ids: tuple[str, ...]


def to_ask(places: Sequence[Workspace], count: int, overrides: Sequence[str], seed: int) -> list[Asked]:
    """Of each corpus that lacks verdicts, `count` documents drawn with the seed, and the criteria that are lacking. The
    judge is that of the first corpus's recipe, for all: two judges would be two measures.

    Raises:
        UserError: a workspace cannot be read, or no endpoint is there to ask.
    """
    first = open_workspace(places[0].root, overrides)[1]
    found = []
    for place in places:
        have = {row["criterion"] for row in _verdicts(place)}
        criteria = {name: text for one in _SETS for name, text in shipped_criteria()[one].items() if name not in have}
        own = open_workspace(place.root)[1]
        asks = {"endpoints": first.endpoints, "roles": first.roles, "prices": first.prices}
        judge = JudgeSettings(criteria=criteria)
        changed = {**asks, "judge": judge, "budget": BudgetSettings(), "attempts": first.attempts}
        ids = drawn_ids([row["id"] for row in read_rows(place, "documents", ["id"])], count, seed)
        if criteria:
            found.append(Asked(place, own.model_copy(update=changed), tuple(ids)))
    return found


def plan_lines(asked: Sequence[Asked]) -> Iterator[str]:
    """What asking would cost, a line a corpus; documents are counted exactly, verdicts are assumed."""
    from corpus.tokens import TokenCounter
    from pipelines.planning.estimate import VERDICT_TOKENS, Renderer, cost
    from pipelines.planning.typical import typical_text

    for one in asked:
        criteria = one.recipe.judge.judged_by
        render = Renderer(one.recipe, one.recipe.read_spec(one.place.root), TokenCounter().count)
        stage = render.stage(
            "document_verdicts", "judge", len(one.ids), VERDICT_TOKENS * len(criteria), "judge_document",
            criteria=criteria, flags=[], document=typical_text(_mean_words(one)),
        )  # fmt: skip
        found = cost(stage, one.recipe.role("judge", one.recipe.seed))
        dollars = "an unknown price" if found.dollars is None else f"${found.dollars:,.2f}"
        yield (
            f"to ask a judge: {len(one.ids):,} documents of {one.place.root} by {', '.join(criteria)}: "
            f"{len(one.ids):,} calls, {found.prompt:,} tokens read, {found.completion:,} written, about {dollars}"
        )


def ask(asked: Sequence[Asked], dollars: float | None) -> None:
    """Ask, and store the verdicts with each corpus; what its ledger has is not asked again. `dollars` are for all of it
    together, a hard stop.

    Raises:
        SpecmillError: the budget or an endpoint ended it; what was paid for is kept.
    """
    from pipelines.build import Build
    from pipelines.decisions.rejudge import judge_sample
    from pipelines.ledger.ledger import Ledger
    from specmill.progress import Progress
    from specmill.run import console, endpoints_up

    left = dollars
    for one in asked:
        with one.place.lock(), ExitStack() as stack:
            served = stack.enter_context(endpoints_up(one.recipe))
            ledger = stack.enter_context(Ledger(one.place.ledger))
            ledger.start_run()
            before = ledger.spent()[0]
            limit = None if left is None else before + left
            served = served.model_copy(update={"budget": BudgetSettings(dollars=limit)})
            shown = stack.enter_context(Progress(console(), ledger))
            judge_sample(Build(one.place, served, served.read_spec(one.place.root), shown), list(one.ids))
            left = None if left is None else max(0.0, left - (ledger.spent()[0] - before))


def _verdicts(place: Workspace) -> list[dict[str, str]]:
    """The verdicts on kept documents that a comparison shows."""
    kept = {row["id"] for row in read_rows(place, "documents", ["id"])}
    rows = read_rows(place, "verdicts", ["item_id", "criterion", "verdict", "model"])
    return [row for row in rows if row["item_id"] in kept and row["criterion"] in JUDGED]


def _mean_words(one: Asked) -> float:
    wanted = set(one.ids)
    lengths = [len(row["text"].split()) for row in read_rows(one.place, "documents") if row["id"] in wanted]
    if not lengths:
        raise UserError(f"{one.place.root} has no documents to compare.")
    return sum(lengths) / len(lengths)


def judged_counts(place: Workspace) -> dict[str, tuple[int, int]]:
    """Of each criterion that a judge was asked about: kept documents that pass, and all that were judged."""
    found: dict[str, tuple[int, int]] = {}
    for row in _verdicts(place):
        passed, total = found.get(row["criterion"], (0, 0))
        found[row["criterion"]] = passed + (row["verdict"] == "pass"), total + 1
    return found


def judges_apart(places: Sequence[Workspace]) -> str | None:
    """What is to be said where two corpora were judged by unlike models; None where they were not."""
    models = [sorted({row["model"] for row in _verdicts(place)}) for place in places]
    if not all(models) or models[0] == models[1]:
        return None
    one, other = (", ".join(names) for names in models)
    return f"judges: {one} judged one and {other} the other, so the shares are two measures"


def judged_apart(criterion: str, one: tuple[int, int], other: tuple[int, int]) -> str | None:
    """What is to be said where a judge found two corpora unlike, by (passed, judged) of each; None where the intervals
    of the shares meet."""
    sides = [wilson(*counts) for counts in (one, other)]
    if not (one[1] and other[1]) or (sides[0][0] <= sides[1][1] and sides[1][0] <= sides[0][1]):
        return None
    shares = [passed / total for passed, total in (one, other)]
    return f"{criterion}: a judge passes {shares[0]:.0%} of one and {shares[1]:.0%} of the other"

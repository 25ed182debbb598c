"""What may stay: the calls that the pipelines make, cheap checks first, one rejection an item."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from filters.base import Duplicates, Item, Rejection
from filters.check import Outcome
from filters.checks import chat_checks, document_checks, first_failure
from filters.context import Context
from filters.document.evaluation.evaluation import EvaluationCheck
from filters.duplicates.exact import ExactDuplicates
from filters.duplicates.near import NearDuplicates
from filters.duplicates.overused import OverusedCheck
from filters.duplicates.semantic import SemanticDuplicates
from filters.duplicates.sketch import Sketcher, Sketches
from filters.duplicates.survivor_rank import ranked
from filters.settings import FilterSettings, Switch
from filters.text.view import View

Decision = tuple[list[str], list[Rejection]]
"""Ids that stay, and a rejection for every other item; both sorted by id."""


def check_documents(items: Iterable[Item], settings: FilterSettings, context: Context) -> Decision:
    """Decide on documents. Texts are read once, in any order, and not kept; see filters/run/many.py for many at once.

    Of duplicates the best-scored stays (`meta["score"]`), then the oldest (`meta["position"]`), then the smallest id.
    """
    sketches, rejections = check_each(items, settings, context)
    kept, repeats = resolve(sketches, settings)
    return kept, _sorted(rejections + repeats)


def check_each(items: Iterable[Item], settings: FilterSettings, context: Context) -> tuple[Sketches, list[Rejection]]:
    """The checks of one document: sketches of those that pass, rejections of those that do not."""
    checks, sketcher = document_checks(settings, context), Sketcher(settings, context)
    sketches, rejections = Sketches(), []
    for item in items:
        view = View(item)
        rejection = first_failure(view, checks)
        if rejection is None:
            sketcher.add(view, sketches)
        else:
            rejections.append(rejection)
    return sketches, rejections


def resolve(sketches: Sketches, settings: FilterSettings) -> Decision:
    """The checks across documents, over the sketches of all that passed alone."""
    left = sketches.ordered()
    rejections: list[Rejection] = []
    if settings.exact.enabled:
        left = _without(left, ExactDuplicates().among(list(zip(left.ids, left.prints, strict=True))), rejections)
    if settings.near.enabled and left.ids:
        left = _without(left, NearDuplicates(settings.near).among(left.ids, np.stack(left.signatures)), rejections)
    left = _apart(left, settings, rejections)
    return sorted(left.ids), _sorted(_survivors_named(rejections))


def _apart(left: Sketches, settings: FilterSettings, rejections: list[Rejection]) -> Sketches:
    """What is left without repeats of meaning and what is overused; as both depend on the set, until it stays."""
    semantic = SemanticDuplicates.of_documents(settings.semantic)
    overused = OverusedCheck(settings.overused)
    if settings.semantic.enabled and left.ids and not left.vectors:
        left.vectors = list(semantic.embed(left.heads))
    while left.ids:
        if settings.semantic.enabled:
            left = _without(left, semantic.among(left.ids, np.stack(left.vectors)), rejections)
        repeats = []
        if settings.overused.enabled:
            repeats = overused.among(left.ids, left.shared, left.phrases, left.words)
            left = _without(left, repeats, rejections)
        if not repeats or not settings.semantic.enabled:
            break
    return left


def check_texts(items: Iterable[Item], settings: FilterSettings, context: Context, table: str) -> Decision:
    """Decide on the short texts of `table` (ideas, queries): evaluation leakage, exact and semantic duplicates."""
    leaks = [EvaluationCheck(settings.evaluation, context)] if settings.evaluation.enabled else []
    order: list[Item] = []
    rejections: list[Rejection] = []
    for item in ranked([item for item in items if item.table == table]):
        leak = first_failure(View(item), leaks)
        if leak is None:
            order.append(item)
        else:
            rejections.append(leak)
    stages: list[tuple[Switch, Duplicates]] = [
        (settings.exact, ExactDuplicates()),
        (settings.semantic, SemanticDuplicates.of_texts(settings.semantic)),
    ]
    for switch, duplicates in stages:
        if switch.enabled:
            repeats = duplicates(order)
            gone = {rejection.item_id for rejection in repeats}
            order = [item for item in order if item.id not in gone]
            rejections += repeats
    return sorted(item.id for item in order), _sorted(_survivors_named(rejections))


def explain(item: Item, settings: FilterSettings, context: Context) -> dict[str, Outcome]:
    """Every check's outcome with its score and threshold, whether it rejects or not; for documents and chats."""
    view = View(item)
    if item.table == "chats":
        checks = chat_checks(settings, context, expect_refusal=False)
    else:
        checks = document_checks(settings, context)
    return {check.name: check.evaluate(view) for check in checks}


def _without(sketches: Sketches, repeats: list[Rejection], rejections: list[Rejection]) -> Sketches:
    rejections += repeats
    gone = {rejection.item_id for rejection in repeats}
    return sketches.take([row for row, item_id in enumerate(sketches.ids) if item_id not in gone]) if gone else sketches


def _survivors_named(rejections: list[Rejection]) -> list[Rejection]:
    """A survivor of one stage may go in a later one: name the one that stayed, and through whom it was found."""
    gave_way = {rejection.item_id: rejection.other_id for rejection in rejections}
    return [_followed(rejection, gave_way) for rejection in rejections]


def _followed(rejection: Rejection, gave_way: dict[str, str | None]) -> Rejection:
    survivor = rejection.other_id
    while survivor is not None and gave_way.get(survivor) is not None:
        survivor = gave_way[survivor]
    if survivor == rejection.other_id:
        return rejection
    return replace(rejection, other_id=survivor, detail=f"{rejection.detail} to {rejection.other_id}, which gave way")


def _sorted(rejections: list[Rejection]) -> list[Rejection]:
    return sorted(rejections, key=lambda rejection: rejection.item_id)

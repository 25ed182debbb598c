"""What drops a text and what only flags it: what the pipelines call, cheap checks first, one rejection an item."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np

from filters.base import Action, Decision, Duplicates, Flag, Item, Rejection, Target, Watch
from filters.check import Outcome, TextCheck
from filters.checks import checks_for
from filters.context import Context
from filters.duplicates.exact import ExactDuplicates
from filters.duplicates.near import NearDuplicates
from filters.duplicates.overused import OverusedCheck
from filters.duplicates.semantic import SemanticDuplicates
from filters.duplicates.sketch import Sketcher, Sketches
from filters.duplicates.survivor_rank import ranked
from filters.settings import FilterSettings
from filters.text.view import View


def check_documents(items: Iterable[Item], settings: FilterSettings, context: Context) -> Decision:
    """Decide on documents. Texts are read once, in any order, and not kept; see filters/run/many.py for many at once.

    Of duplicates the best-scored stays (`meta["score"]`), then the oldest (`meta["position"]`), then the smallest id.
    """
    return resolve(check_each(items, settings, context), settings)


@dataclass(slots=True)
class Found:
    """What the checks of one document brought: sketches of those that pass, and their flags; a rejection of others."""

    sketches: Sketches = field(default_factory=Sketches)
    rejections: list[Rejection] = field(default_factory=list)
    flags: list[Flag] = field(default_factory=list)

    def extend(self, other: "Found") -> None:
        """Append what another piece of work brought."""
        self.sketches.extend(other.sketches)
        self.rejections += other.rejections
        self.flags += other.flags


def check_each(items: Iterable[Item], settings: FilterSettings, context: Context) -> Found:
    """The checks of one document, document by document."""
    checks, sketcher = checks_for("documents", settings, context), Sketcher(settings, context)
    found = Found()
    for item in items:
        view = View(item)
        rejection, flags = decide_one(view, checks)
        if rejection is None:
            sketcher.add(view, found.sketches)
            found.flags += flags
        else:
            found.rejections.append(rejection)
    return found


def decide_one(view: View, checks: Sequence[TextCheck]) -> tuple[Rejection | None, list[Flag]]:
    """The first rejection, or else every flag of a text that stays."""
    flags: list[Flag] = []
    for check in checks:
        found = check.reject(view)
        if found is not None and check.settings.action == "drop":
            return found, []
        if found is not None:
            flags.append(as_flag(found))
    return None, flags


def as_flag(found: Rejection) -> Flag:
    """What was found, of an item that stays all the same."""
    return Flag(*(getattr(found, field.name) for field in fields(found)))


def resolve(found: Found, settings: FilterSettings) -> Decision:
    """The checks across documents, over the sketches of all that passed alone."""
    stages = _stages(settings)
    rejections: list[Rejection] = []
    gates = [stage for stage in stages if stage.action == "drop"]
    left = found.sketches.ordered()
    for stage in gates:
        if stage.once:
            left = _without(left, stage.among(left), rejections)
    left = _until_it_stays(left, [stage for stage in gates if not stage.once], rejections)
    flags = [repeat for stage in stages if stage.action == "flag" for repeat in stage.among(left)]
    rejections = found.rejections + _survivors_named(rejections)
    return decision(left.ids, rejections, [*found.flags, *map(as_flag, flags)])


@dataclass(frozen=True, slots=True)
class _Stage:
    """A check across documents; `once`: what it finds does not depend on the set, so that one pass is enough."""

    action: Action
    once: bool
    among: Callable[[Sketches], list[Rejection]]


def _stages(settings: FilterSettings) -> list[_Stage]:
    """The checks across documents, cheap ones first."""
    near, semantic = NearDuplicates(settings.near), SemanticDuplicates.of_documents(settings.semantic)
    overused = OverusedCheck(settings.overused)

    def exact_among(left: Sketches) -> list[Rejection]:
        return ExactDuplicates().among(list(zip(left.ids, left.prints, strict=True)))

    def near_among(left: Sketches) -> list[Rejection]:
        return near.among(left.ids, np.stack(left.signatures)) if left.ids else []

    def semantic_among(left: Sketches) -> list[Rejection]:
        if left.ids and not left.vectors:
            left.vectors = list(semantic.embed(left.heads))
        if not left.ids:
            return []
        return semantic.among(left.ids, np.stack(left.vectors), np.stack(left.contents), left.groups)

    def overused_among(left: Sketches) -> list[Rejection]:
        return overused.among(left.ids, left.shared, left.phrases, left.words)

    return [
        _Stage(settings.exact.action, True, exact_among),
        _Stage(settings.near.action, True, near_among),
        _Stage(settings.semantic.action, False, semantic_among),
        _Stage(settings.overused.action, False, overused_among),
    ]


def _until_it_stays(left: Sketches, gates: list[_Stage], rejections: list[Rejection]) -> Sketches:
    """What is left of `gates`, which depend on the set: again as long as one of several finds something."""
    while left.ids and gates:
        repeats: list[Rejection] = []
        for gate in gates:
            repeats = gate.among(left)
            left = _without(left, repeats, rejections)
        if not repeats or len(gates) == 1:
            break
    return left


def decision(kept: Iterable[str], rejections: Iterable[Rejection], flags: Iterable[Flag]) -> Decision:
    """In its order, without the flags of what goes."""
    staying = sorted(kept)
    ids = frozenset(staying)
    mine = (flag for flag in flags if flag.item_id in ids)
    return Decision(staying, _sorted(rejections), sorted(mine, key=lambda flag: (flag.item_id, flag.reason)))


def check_texts(
    items: Iterable[Item], settings: FilterSettings, context: Context, table: Target, watch: Watch | None = None
) -> Decision:
    """Decide on the short texts of `table` (ideas, queries): the checks of one text, exact and semantic duplicates.

    `watch` is told how many of those that have another near them were compared by meaning, which may take a minute.
    """
    checks = checks_for(table, settings, context)
    order: list[Item] = []
    rejections: list[Rejection] = []
    flags: list[Flag] = []
    for item in ranked([item for item in items if item.table == table]):
        rejection, flagged = decide_one(View(item), checks)
        flags += flagged
        if rejection is None:
            order.append(item)
        else:
            rejections.append(rejection)
    similar = "off" if settings.semantic.action == "off" else settings.semantic.ideas
    stages: list[tuple[Action, Duplicates]] = [
        (settings.exact.action, ExactDuplicates()),
        (similar, SemanticDuplicates.of_texts(settings.semantic, watch)),
    ]
    for action, duplicates in stages:
        repeats = duplicates(order) if action != "off" else []
        if action == "flag":
            flags += map(as_flag, repeats)
            continue
        gone = {rejection.item_id for rejection in repeats}
        order = [item for item in order if item.id not in gone]
        rejections += repeats
    return decision([item.id for item in order], _survivors_named(rejections), flags)


def explain(item: Item, settings: FilterSettings, context: Context) -> dict[str, Outcome]:
    """Every check's outcome with its score and threshold, whether it rejects or not; for documents and chats."""
    view = View(item)
    target: Target = "chats" if item.table == "chats" else "documents"
    return {check.name: check.evaluate(view) for check in checks_for(target, settings, context)}


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


def _sorted(rejections: Iterable[Rejection]) -> list[Rejection]:
    return sorted(rejections, key=lambda rejection: rejection.item_id)

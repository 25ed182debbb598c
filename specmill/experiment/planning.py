"""What an experiment would cost, before anything is made: what is asked for each corpus, and what is trained and asked
for each arm.

Corpora are estimated as `specmill plan` does it; tokens of chats and documents by the same assumptions, so updates and
hours are of that order and no more. `specmill train` counts them exactly once the corpora are there.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from corpus.mix.settings import MixSettings
from corpus.tokens import TokenCounter
from eval.questions.choices import requests
from eval.questions.items import choice_questions, open_questions, sets_to_ask
from pipelines.planning import estimate
from pipelines.planning.estimate import Renderer, StageCost, StagePlan, Yield
from pipelines.planning.estimate_verbs import MIX_CHAT_TOKENS, plan_verbs
from pipelines.variants.kinds import KINDS
from specmill.experiment.files import Place
from specmill.experiment.models import ALL, FOLLOWING, Cell, Model, control_of, corpora_of, followed, models_of
from specmill.experiment.recipes import SPARE, Making, making, needed_forms
from specmill.experiment.settings import ARMS, ArmName, Experiment
from specs.reader import Spec, read_spec
from train.base import trainer_named
from train.estimates import gpu_hours
from train.steps import Updates, count_updates

_PARAMETERS: Final = re.compile(r"(?<![\d.])(\d+(?:\.\d+)?)\s*([bm])(?![a-z])", re.IGNORECASE)
_QUERY_TOKENS: Final = 45


@dataclass(frozen=True, slots=True)
class CorpusPlan:
    """One corpus, or the forms of a spec: what is asked for it, and which arms need it."""

    name: str
    calls: int
    dollars: float | None
    tokens: float  # of documents that should be kept
    chats: int
    arms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ArmPlan:
    """One arm: its models, the updates and hours of its own stages, what it is asked, and what it lacks."""

    name: ArmName
    models: int
    updates: tuple[int, ...]  # of each stage that ends in a model of it, of the largest dose; () where none is trained
    all_updates: int  # of all seeds and doses, stages that another arm has trained not counted
    hours: float | None  # of one GPU, the same
    calls: int  # of the evaluation
    control: str  # the arm that it is compared with; empty: none
    too_few: bool  # a stage has fewer updates than train.min_updates


@dataclass(frozen=True, slots=True)
class Plan:
    """All of it."""

    corpora: list[CorpusPlan]
    arms: list[ArmPlan]
    judged: int  # calls of the judge on replies
    judge_dollars: float | None
    size: float | None  # parameters of the base model by its name, in billions


def plan(experiment: Experiment, place: Place) -> Plan:
    """The plan. Nothing is asked and nothing written.

    Raises:
        UserError: a recipe, a spec or a question set cannot be used.
    """
    return _Planning(experiment, place).plan()


def parameters_of(base_model: str) -> float | None:
    """Billions of parameters, as a model's name says it: Qwen2.5-7B, SmolLM2-135M; None where it says nothing."""
    found = _PARAMETERS.findall(base_model.rstrip("/").rsplit("/", 1)[-1])
    if not found:
        return None
    number, unit = found[-1]
    return float(number) / (1 if unit.lower() == "b" else 1000)


class _Planning:
    """Plans one experiment; what several arms share is counted at the first of them."""

    def __init__(self, experiment: Experiment, place: Place) -> None:
        self.experiment, self.place = experiment, place
        self.models = models_of(experiment)
        self.kinds = corpora_of(experiment)
        self.trainer = trainer_named(experiment.train.trainer)
        self.trainer.check(experiment.train)
        self.trained: set[tuple[Any, ...]] = set()

    def plan(self) -> Plan:
        """The corpora in the order in which they are made, the arms in that of the file."""
        corpora = [self._forms(spec) for spec in self.experiment.specs if needed_forms(self.experiment, spec)]
        corpora += [self._corpus(name, one) for name, one in self.makings.items()]
        arms = [self._arm(name) for name in self.experiment.arms]
        judged = self._opened * self.experiment.eval.samples * len(self.models)
        return Plan(corpora, arms, judged, self._judge_dollars(judged), parameters_of(self.experiment.train.base_model))

    @cached_property
    def makings(self) -> dict[str, Making]:
        """How each corpus is made."""
        return {name: making(self.experiment, self.place, name, kind) for name, kind in self.kinds.items()}

    def _spec(self, one: Making) -> Spec:
        """The spec of a corpus; where a model has yet to write it, the one that it is a form of."""
        source = one.recipe.spec
        if not (self.place.root / "forms" / one.spec).exists() and needed_forms(self.experiment, one.spec):
            own = self.experiment.specs[one.spec]
            made = {str(self.place.forms(one.spec).root.resolve())}
            if any(source.startswith(folder) for folder in made):
                source = own.spec or self._first_spec(one.spec)
        return read_spec(source, one.recipe.assistant, base=one.base, shape=one.recipe.decompose.shape)

    def _first_spec(self, spec: str) -> str:
        from specmill.experiment.recipes import base_recipe

        return base_recipe(self.experiment, spec)[0].spec

    def _renderer(self, one: Making) -> Renderer:
        count = TokenCounter(one.recipe.corpus.tokenizer).count
        return Renderer(one.recipe, self._spec(one), count)

    def _corpus(self, name: str, one: Making) -> CorpusPlan:
        render = self._renderer(one)
        plans = estimate.plan_stages(render)
        if not one.documents:
            plans = [stage for stage in plans if stage.stage not in _OF_DOCUMENTS]
        costs = [estimate.cost(stage, one.recipe.role(stage.role, one.recipe.seed)) for stage in plans]
        tokens = self._kept(one, render.spec) if one.documents else 0.0
        arms = tuple(arm for arm in self.experiment.arms if self._uses(arm, name))
        return CorpusPlan(name, _calls(costs), _dollars(costs), tokens, one.recipe.chats.target, arms)

    def _kept(self, one: Making, spec: Spec) -> float:
        return estimate.kept_tokens(one.recipe, spec, Yield.assumed(one.recipe))

    def _forms(self, spec: str) -> CorpusPlan:
        """The forms of a spec, as a share of all five."""
        one = next(found for found in self.makings.values() if found.spec == spec)
        forms = needed_forms(self.experiment, spec)
        beside = plan_verbs(self._renderer(one), MixSettings(), self.experiment.eval, self.place.root)
        plans = [_share(stage, len(forms) / len(KINDS)) for stage in beside if stage.stage.startswith("variant")]
        costs = [estimate.cost(stage, one.recipe.role(stage.role, one.recipe.seed)) for stage in plans]
        given = self.experiment.specs[spec].form
        kinds = {"cooccurrence"} | ({"own", *FOLLOWING} if given else set())
        arms = tuple(arm for arm in self.experiment.arms if ARMS[arm].documents in kinds)
        return CorpusPlan(f"{spec}: form {', '.join(forms)}", _calls(costs), _dollars(costs), 0.0, 0, arms)

    def _uses(self, arm: ArmName, corpus: str) -> bool:
        cells = [one.cell for one in self.models if one.arm == arm and one.cell]
        names = {name for cell in cells for name in (cell.documents, cell.chats_of)}
        return corpus in names or corpus in map(followed, names)

    # --- training ------------------------------------------------------------------------------------------------

    def _arm(self, name: ArmName) -> ArmPlan:
        mine = [one for one in self.models if one.arm == name]
        control = control_of(mine[-1], self.models)
        calls = self._asked * len(mine)
        found = [stage for one in mine for stage in self._stages(one)]
        new = [stage for stage in found if stage[0] not in self.trained]
        self.trained |= {key for key, _ in found}
        largest = [updates for _, updates in self._stages(mine[-1])]
        size = parameters_of(self.experiment.train.base_model)
        each = dict(new)
        hours = [gpu_hours(size, one.tokens, self.experiment.train) for one in each.values()] if size else None
        return ArmPlan(
            name, len(mine), tuple(one.updates for one in largest), sum(one.updates for one in each.values()),
            None if hours is None else sum(hours), calls, control.arm if control else "",
            any(not one.enough for _, one in found),
        )  # fmt: skip

    def _stages(self, model: Model) -> Iterator[tuple[tuple[Any, ...], Updates]]:
        """What identifies a stage that `model` goes through, and its updates; midtraining is shared by doses of
        chats."""
        cell, arm = model.cell, model.what
        if cell is None or not arm.trained:
            return
        if arm.documents:
            lengths = self._document_lengths(cell)
            yield ("msm", cell.documents, cell.tokens, model.seed), self._count(lengths + self._replayed())
        if arm.chats:
            key = ("aft", arm.chats, arm.documents and cell.documents, cell.tokens, cell.chats_of, cell.chats)
            yield (*key, model.seed), self._count(self._chat_lengths(cell, arm.chats) + self._mix_lengths(cell))
        if arm.mix:
            yield ("mix", cell.chats_of, model.seed), self._count(self._mix_lengths(cell))

    def _count(self, lengths: list[int]) -> Updates:
        return count_updates(lengths or [1], self.experiment.train, self.trainer.count)

    def _document_lengths(self, cell: Cell) -> list[int]:
        one = self.makings[cell.documents]
        if cell.tokens == ALL and (first := followed(cell.documents)):
            one = self.makings[first]
        each = Yield.assumed(one.recipe).each
        total = cell.tokens or self._kept(one, self._spec(one)) / (SPARE if one.kind in FOLLOWING else 1)
        limit = self.experiment.train.sequence_len
        lengths = [round(each)] * max(1, round(total / each))
        return [min(limit, length - start) for length in lengths for start in range(0, length, limit)]

    def _replayed(self) -> list[int]:
        """Lengths of the ordinary text among the documents: samples as long as may be."""
        total, limit = self.experiment.train.replay.tokens or 0, self.experiment.train.sequence_len
        return [min(limit, total - start) for start in range(0, total, limit)]

    def _chat_lengths(self, cell: Cell, kind: str) -> list[int]:
        chats = self.makings[cell.chats_of].recipe.chats
        words = chats.words + (chats.think_words if kind == "aft_cot" else 0)
        length = round(words * estimate.TOKENS_PER_WORD * estimate.LONGER + _QUERY_TOKENS) * chats.turns
        count = min(cell.chats or chats.target, chats.target)
        return [min(length, self.experiment.train.sequence_len)] * count

    def _mix_lengths(self, cell: Cell) -> list[int]:
        mix = self.makings[cell.chats_of].recipe.mix
        chats = sum(one.samples or (one.tokens or 0) // MIX_CHAT_TOKENS for one in mix.sources)
        return [MIX_CHAT_TOKENS] * chats + [_QUERY_TOKENS] * mix.identity.samples

    # --- evaluation ----------------------------------------------------------------------------------------------

    @cached_property
    def _sets(self) -> list[Any]:
        return sets_to_ask(self.experiment.eval, self.place.root)

    @cached_property
    def _asked(self) -> int:
        """What one model is asked."""
        settings = self.experiment.eval
        chosen = choice_questions(self._sets, settings.questions_per_set)
        return requests(chosen, settings) + self._opened * settings.samples

    @cached_property
    def _opened(self) -> int:
        return len(open_questions(self._sets, self.experiment.eval.questions_per_set))

    def _judge_dollars(self, calls: int) -> float | None:
        if not calls:
            return 0.0
        recipe = next(iter(self.makings.values())).recipe if self.makings else None
        if recipe is None:
            return None
        limit = self.experiment.eval.judge_max_tokens
        stage = StagePlan("eval_judge", "judge", calls, 900, 0, limit, estimate.seconds_of(limit))
        return estimate.cost(stage, recipe.role("judge", recipe.seed)).dollars


_OF_DOCUMENTS: Final = frozenset(
    {"document_types", "ideas", "plans", "documents", "critiques", "revisions", "document_verdicts"}
)


def _share(stage: StagePlan, share: float) -> StagePlan:
    return replace(stage, calls=max(1, round(stage.calls * share)) if stage.calls else 0)


def _calls(costs: list[StageCost]) -> int:
    return sum(one.plan.calls for one in costs)


def _dollars(costs: list[StageCost]) -> float | None:
    known = [one.dollars for one in costs]
    return None if None in known else sum(one or 0.0 for one in known)

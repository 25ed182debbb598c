"""Trains the models of an experiment: every arm, dose and seed, what they share once.

Midtraining of one corpus, dose and seed is trained in the first cell that has it; the others have a link to its folder,
where `specmill train` finds that nothing is left to do. Each stage goes on from its last checkpoint.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus.workspace import Workspace
from specmill.experiment.building import Say, check
from specmill.experiment.files import Place
from specmill.experiment.models import Cell, Model, models_of
from specmill.experiment.settings import Experiment
from specmill.experiment.state import State
from specmill.recipe import open_workspace
from specs.errors import UserError
from train.base import Stage, trainer_named
from train.folders import read_manifest, stage_folder
from train.handoff import HandOff, Made, hand_off
from train.replay import Refuse
from train.run.running import Run, merge_stage, refuse_too_few, run_stage
from train.settings import TrainSettings
from train.steps import Updates

Report = Callable[[str, Run], None]
Shown = Callable[[], AbstractContextManager[Report]]


@dataclass(frozen=True, slots=True)
class Group:
    """The stages that are handed on together: of one cell, one seed and one form of its chats."""

    cell: Cell
    seed: int
    chats: str  # aft | aft_cot | "" where only documents are trained on
    models: tuple[Model, ...]


def train(experiment: Experiment, place: Place, say: Say, shown: Shown, *, anyway: bool = False) -> None:
    """Train all that is not trained yet; the caller holds the experiment's lock. `anyway`: also what has too few
    updates.

    Raises:
        ChangedError: something was built or trained of something else.
        UserError: not everything is built, or a stage has too few updates; nothing is trained then.
        SpecmillError: a program failed.
    """
    state, waiting, handed = _prepared(experiment, place, say, anyway=anyway)
    for number, (group, one) in enumerate(zip(waiting, handed, strict=True), 1):
        say(f"[{number} of {len(waiting)}] {group.cell.name}, seed {group.seed}: {', '.join(_arms(group))}")
        _train(place, state, group, one, _inputs(experiment, state, group), say, shown, anyway)


def ready(experiment: Experiment, place: Place, say: Say, *, anyway: bool) -> list[tuple[Group, list[Made]]]:
    """The stages that are to be trained, by group, with what they are trained on written and checked.

    Raises:
        ChangedError, UserError: as `train` does.
    """
    _, waiting, handed = _prepared(experiment, place, say, anyway=anyway)
    return [(group, list(_wanted(one, group))) for group, one in zip(waiting, handed, strict=True)]


def _prepared(
    experiment: Experiment, place: Place, say: Say, *, anyway: bool
) -> tuple[State, list[Group], list[HandOff]]:
    state = built(experiment, place)
    groups = groups_of(experiment)
    for group in groups:
        state.check(_thing(group), _inputs(experiment, state, group))
    waiting = [group for group in groups if not _finished(group, place, state)]
    say(f"writing what is trained on, of {len(waiting)} groups of stages ...")
    handed = [_handed(experiment, place, group) for group in waiting]
    for warning in dict.fromkeys(warning for one in handed for warning in one.warnings):
        if not warning.startswith("aft_only"):  # the control that an arm of its own is
            say(f"warning: {warning}")
    if not anyway:  # before anything is trained, so that nothing is paid for in vain
        for group, one in zip(waiting, handed, strict=True):
            for made in _wanted(one, group):
                refuse_too_few(made)
    return state, waiting, handed


def built(experiment: Experiment, place: Place) -> State:
    """The state of an experiment that is built and unchanged.

    Raises:
        ChangedError: it is changed.
        UserError: something is not built yet.
    """
    state = State.read(place.root)
    if missing := check(experiment, place, state):
        raise UserError(
            f"{place.root}: not everything is built yet: {', '.join(missing[:5])}{' ...' if len(missing) > 5 else ''}. "
            "Run `specmill experiment FILE build` first."
        )
    return state


def groups_of(experiment: Experiment) -> list[Group]:
    """Every group, those whose midtraining others go on with first."""
    found: dict[tuple[Cell, int, str], list[Model]] = {}
    for model in models_of(experiment):
        if model.cell is not None and model.seed is not None:
            chats = "aft" if model.what.mix else model.what.chats
            found.setdefault((model.cell, model.seed, chats), []).append(model)
    groups = [Group(*key, tuple(models)) for key, models in found.items()]
    return sorted(groups, key=lambda one: one.seed)  # stable: the arms of one seed stand together


def trained_model(model: Model, experiment: Experiment, place: Place) -> Path:
    """The folder of a trained model by itself, merged if it is not yet.

    Raises:
        UserError: it is not trained.
    """
    out_of(model, place)  # says so where it is not trained
    assert model.cell is not None
    workspace, folder = place.cell(model.cell), _folder(model)
    manifest = read_manifest(workspace, folder) or {}
    stage = Stage(model.stage, "documents" if model.stage == "msm" else "chats", folder, manifest["data_hash"])
    trainer = trainer_named(experiment.train.trainer)
    made = Made(stage, Updates(**manifest["updates"]), [], trainer.merge(stage, experiment.train))
    return merge_stage(workspace, made).resolve()


def out_of(model: Model, place: Place) -> Path:
    """The folder of what was trained: an adapter, or all weights; with the tokenizer.

    Raises:
        UserError: it is not trained.
    """
    assert model.cell is not None
    folder = place.cell(model.cell).root / _folder(model)
    if not (read_manifest(place.cell(model.cell), _folder(model)) or {}).get("finished"):
        raise UserError(f"{folder} is not trained yet. Run `specmill experiment FILE train` first.")
    return (folder / "out").resolve()


def manifests_of(model: Model, place: Place) -> dict[str, dict[str, Any]]:
    """The manifests of the stages that a model went through, by the stage; those that are not there are left out."""
    if model.cell is None or model.seed is None:
        return {}
    stages = {"msm": "msm"} if model.what.documents else {}
    stages |= {} if model.stage == "msm" else {model.stage: _folder(model).rpartition("/")[2].rpartition("-seed")[0]}
    found = {name: read_manifest(place.cell(model.cell), stage_folder(arm, model.seed)) for name, arm in stages.items()}
    return {name: one for name, one in found.items() if one and one.get("finished")}


def plan_of(model: Model, place: Place) -> str:
    """The plan by which a model was trained: what its stages' files and data depend on; empty where it is not."""
    assert model.cell is not None
    manifest = read_manifest(place.cell(model.cell), _folder(model)) or {}
    return str(manifest.get("plan", "")) if manifest.get("finished") else ""


def _train(
    place: Place, state: State, group: Group, handed: HandOff, inputs: dict[str, Any], say: Say, shown: Shown,
    anyway: bool,
) -> None:  # fmt: skip
    thing = _thing(group)
    state.begin(thing, inputs)
    outputs: dict[str, Any] = {}
    for made in _wanted(handed, group):
        with shown() as report:
            run = run_stage(
                _workspace(place, group), made, handed.trainer, lambda run, made=made: report(made.stage.name, run),  # type: ignore[misc]
                anyway=anyway,
            )  # fmt: skip
        manifest = read_manifest(_workspace(place, group), made.stage.folder) or {}
        outputs[made.stage.name] = {"plan": manifest.get("plan"), "loss": manifest.get("loss")}
        what = "trained already" if run is None else f"{run.done:,} updates"
        say(f"  {made.stage.name}: {what}, loss {manifest.get('loss') or 0:.3f}")
    state.end(thing, outputs)


def _handed(experiment: Experiment, place: Place, group: Group) -> HandOff:
    """The stages of a group, with what others have trained of it."""
    workspace = _workspace(place, group)
    _link_midtraining(experiment, place, group)
    changed: dict[str, Any] = {"seed": group.seed, "controls": any(one.what.mix for one in group.models)}
    if group.chats:
        changed["aft_dataset"] = group.chats
    settings: TrainSettings = experiment.train.model_copy(update=changed)
    refuse = _refuse(place.corpus(group.cell.documents)) if settings.replay.wanted and group.cell.documents else None
    return hand_off(workspace, settings, refuse=refuse)


def _refuse(corpus: Workspace) -> Refuse:
    """Which ordinary texts may not be replayed beside a corpus."""
    from pipelines.base import Corpus  # imports Distilabel, which takes seconds
    from pipelines.filtering import ordinary_text

    place, recipe = open_workspace(corpus.root)
    return ordinary_text(Corpus.of(place, recipe, recipe.read_spec(place.root)))


def _link_midtraining(experiment: Experiment, place: Place, group: Group) -> None:
    """A link to the folder of the same midtraining in the first cell that has it."""
    if not group.cell.documents:
        return
    same = (one for one in groups_of(experiment) if _midtraining(one) == _midtraining(group))
    first = next(same)
    if first.cell == group.cell:
        return
    folder = stage_folder("msm", group.seed)
    source, link = place.cell(first.cell).root / folder, place.cell(group.cell).root / folder
    source.mkdir(parents=True, exist_ok=True)
    if link.is_symlink():
        return
    if link.exists():
        shutil.rmtree(link)
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(os.path.relpath(source, link.parent), target_is_directory=True)


def _midtraining(group: Group) -> tuple[str, int, int]:
    return group.cell.documents, group.cell.tokens, group.seed


def _wanted(handed: HandOff, group: Group) -> Iterator[Made]:
    """The stages that the models of a group go through, in order."""
    names = {"msm"} if group.cell.documents else set()
    names |= {model.stage for model in group.models}
    return (made for made in handed.made if made.stage.name in names)


def _finished(group: Group, place: Place, state: State) -> bool:
    """Whether it was trained, and is there."""
    folders = [_folder(model) for model in group.models]
    trained = all((read_manifest(_workspace(place, group), one) or {}).get("finished") for one in folders)
    return trained and state.things.get(_thing(group), {}).get("outputs") is not None


def _folder(model: Model) -> str:
    return stage_folder("instruction_only" if model.what.mix else model.what.chats or "msm", model.seed or 0)


def _inputs(experiment: Experiment, state: State, group: Group) -> dict[str, Any]:
    settings = experiment.train.model_dump(mode="json", exclude={"seed", "aft_dataset", "controls", "report_to"})
    return {"train": settings, "data": state.outputs(f"cells/{group.cell.name}")}


def _thing(group: Group) -> str:
    """Its name in the state: the folder of its last stage."""
    arm = group.chats or "msm"
    if all(model.what.mix for model in group.models):
        arm = "instruction_only"
    return f"cells/{group.cell.name}/{stage_folder(arm, group.seed)}"


def _arms(group: Group) -> list[str]:
    return list(dict.fromkeys(model.arm for model in group.models))


def _workspace(place: Place, group: Group) -> Workspace:
    return place.cell(group.cell)

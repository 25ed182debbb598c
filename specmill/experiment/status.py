"""How far an experiment is: what is built, trained and asked of each arm, and what is not as it was."""

from dataclasses import dataclass

from specmill.experiment.building import check
from specmill.experiment.files import Place
from specmill.experiment.models import Model, corpora_of, models_of
from specmill.experiment.settings import ArmName, Experiment
from specmill.experiment.state import ChangedError, State
from train.folders import read_manifest, stage_folder


@dataclass(frozen=True, slots=True)
class ArmStatus:
    """One arm: how many of its models are how far, and what comes next."""

    name: ArmName
    models: int
    built: int
    trained: int
    asked: int
    next: str


@dataclass(frozen=True, slots=True)
class Status:
    """All arms, and lines about the rest."""

    arms: list[ArmStatus]
    lines: list[str]


def status(experiment: Experiment, place: Place) -> Status:
    """How far it is. Nothing is written.

    Raises:
        UserError: the state, a recipe or a spec cannot be read.
    """
    state = State.read(place.root)
    models = models_of(experiment)
    arms = [_arm(name, [one for one in models if one.arm == name], place, state) for name in experiment.arms]
    lines = []
    corpora = corpora_of(experiment)
    done = [name for name in corpora if state.done(f"corpora/{name}")]
    begun = [name for name in corpora if name not in done and state.known(f"corpora/{name}")]
    waiting = [name for name in corpora if name not in done and name not in begun]
    said = [("built", done), ("begun", begun), ("not begun", waiting)]
    lines.append("corpora: " + "; ".join(f"{what}: {', '.join(names)}" for what, names in said if names))
    try:
        check(experiment, place, state)
    except ChangedError as error:
        lines.append(f"changed: {error}")
    return Status(arms, lines)


def folder_of(model: Model) -> str:
    """The folder of the stage that makes a model, in its cell."""
    arm = "instruction_only" if model.what.mix else model.what.chats or "msm"
    return stage_folder(arm, model.seed or 0)


def is_trained(model: Model, place: Place) -> bool:
    """Whether the stage that makes a model has ended."""
    if model.cell is None:
        return False
    return bool((read_manifest(place.cell(model.cell), folder_of(model)) or {}).get("finished"))


def is_asked(model: Model, place: Place) -> bool:
    """Whether there is a result of a model."""
    return (place.workspace.eval / f"{model.name}.json").is_file()


def _arm(name: ArmName, models: list[Model], place: Place, state: State) -> ArmStatus:
    trained_arm = bool(models[0].cell)
    built = sum(one.cell is not None and state.done(f"cells/{one.cell.name}") for one in models)
    trained = sum(is_trained(one, place) for one in models)
    asked = sum(is_asked(one, place) for one in models)
    steps = [("build", built), ("train", trained)] if trained_arm else []
    waiting = next((step for step, count in [*steps, ("eval", asked)] if count < len(models)), "table")
    return ArmStatus(name, len(models), built, trained, asked, waiting)

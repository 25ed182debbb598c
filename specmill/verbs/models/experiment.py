"""`specmill experiment`: arms that differ in one thing, from one file to tables and plots."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from specmill.experiment.files import Place
    from specmill.experiment.settings import Experiment


class Action(StrEnum):
    """What is done."""

    PLAN = "plan"
    BUILD = "build"
    TRAIN = "train"
    EVAL = "eval"
    STATUS = "status"
    TABLE = "table"
    RUN = "run"


def experiment(
    file: Annotated[Path, typer.Argument(help="The experiment's YAML file.")],
    action: Annotated[
        Action, typer.Argument(help="What to do; run: build, train, eval and table, one after the other.")
    ],
    out: Annotated[Path | None, typer.Option(help="Folder of the experiment; default: out/<file's name>.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Change a key of the file: seeds=[0], set.documents.limit=50.")
    ] = None,
    anyway: Annotated[bool, typer.Option("--anyway", help="Train stages that have too few updates, too.")] = False,
) -> None:
    """Run an experiment from one file: specs, arms, doses, seeds, trainer and question sets.

    plan says what each corpus and each arm would cost before anything is made. build makes the corpora, everything
    shared once, and what each model is trained on; train trains all arms and seeds; eval serves each model and asks it;
    table writes tables and plots, each number with its interval and its control. status shows how far all of it is.
    Each goes on where it was stopped. What was made of another spec, recipe, prompt or dataset than there is now is
    refused, and the difference is shown.

    Example: specmill experiment examples/experiments/cheese.yaml plan
    """
    from specmill.experiment.files import Place, load_experiment

    loaded = load_experiment(file, set_ or [])
    place = Place(out or Path("out") / file.stem)
    if action is Action.PLAN:
        _plan(loaded, place)
    elif action is Action.STATUS:
        _status(loaded, place)
    else:
        with place.lock():
            for one in _STEPS if action is Action.RUN else (action,):
                _do(one, loaded, place, anyway)


_STEPS = (Action.BUILD, Action.TRAIN, Action.EVAL, Action.TABLE)


def _do(action: Action, loaded: "Experiment", place: "Place", anyway: bool) -> None:
    from specmill.experiment.building import build
    from specmill.experiment.files import save_experiment

    save_experiment(loaded, place)
    if action is Action.BUILD:
        build(loaded, place, _say)
    _say(f"{action.value}: done. Next: specmill experiment ... status")


def _plan(loaded: "Experiment", place: "Place") -> None:
    from rich.console import Console
    from rich.text import Text

    from specmill.experiment.planning import plan
    from specmill.experiment.shown import arms_table, corpora_table, plan_notes

    found = plan(loaded, place)
    console = Console(highlight=False)
    console.print(corpora_table(found))
    console.print(arms_table(found))
    for line in plan_notes(loaded, found):
        console.print(Text(line), soft_wrap=True)


def _status(loaded: "Experiment", place: "Place") -> None:
    from rich.console import Console
    from rich.text import Text

    from specmill.experiment.shown import status_table
    from specmill.experiment.status import status

    found = status(loaded, place)
    console = Console(highlight=False)
    console.print(status_table(found))
    for line in found.lines:
        console.print(Text(line), soft_wrap=True)


def _say(text: str) -> None:
    from rich.text import Text

    from specmill.run import console

    console().print(Text(text), soft_wrap=True)

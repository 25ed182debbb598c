"""`specmill experiment`: arms that differ in one thing, from one file to tables and plots."""

from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from specmill.experiment.files import Place
    from specmill.experiment.settings import Experiment
    from specmill.experiment.training import Report
    from train.run.running import Run


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
    submit: Annotated[
        str | None, typer.Option(help="train: write job files for slurm or skypilot in place of training here.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --submit: print the job files, write none.")] = False,
) -> None:
    """Run an experiment from one file: specs, arms, doses, seeds, trainer and question sets.

    plan says what each corpus and each arm would cost before anything is made. build makes the corpora, everything
    shared once, and what each model is trained on; train trains all arms and seeds; eval serves each model and asks it;
    table writes tables and plots, each number with its interval and its control. status shows how far all of it is.
    train --submit slurm writes a job a stage (midtraining that models share once, chats after it, seeds side by side)
    and one at the end that asks the models and writes the tables.

    Each goes on where it was stopped. What was made of another spec, recipe, prompt or dataset than there is now is
    refused, and the difference is shown.

    Example: specmill experiment examples/experiments/cheese.yaml plan
    """
    from specmill.experiment.files import Place, load_experiment
    from specs.errors import UserError

    loaded = load_experiment(file, set_ or [])
    place = Place(out or Path("out") / file.stem)
    if (submit or dry_run) and (action is not Action.TRAIN or not submit):
        raise UserError("--submit SYSTEM belongs to the action `train`, and --dry-run to --submit.")
    if action is Action.PLAN:
        _plan(loaded, place)
    elif action is Action.STATUS:
        _status(loaded, place)
    elif submit:
        line = _line(file, place, set_ or [], anyway)
        with place.lock():
            _submit(loaded, place, submit, line, anyway, dry_run)
    else:
        with place.lock():
            for one in _STEPS if action is Action.RUN else (action,):
                _do(one, loaded, place, anyway)


def _line(file: Path, place: "Place", overrides: list[str], anyway: bool) -> str:
    """The command that runs the experiment to its end, from its folder."""
    import os
    import shlex

    path = os.path.relpath(file.resolve(), place.root.resolve())
    sets = [part for one in overrides for part in ("--set", one)]
    return shlex.join(["specmill", "experiment", path, "run", "--out", ".", *sets, *(["--anyway"] if anyway else [])])


def _submit(loaded: "Experiment", place: "Place", system: str, line: str, anyway: bool, dry: bool) -> None:
    from specmill.experiment.files import save_experiment
    from specmill.experiment.submitting import submit

    save_experiment(loaded, place)
    found = submit(loaded, place, _say, system, line, anyway=anyway, dry=dry)
    for name, text in found.files.items() if dry else ():
        if not name.endswith(".json"):
            typer.echo(f"==> {name}\n{text}")
    for job in found.jobs:
        waits = f" after {', '.join(job.after[:4])}{' ...' if len(job.after) > 4 else ''}" if job.after else ""
        _say(f"{job.name}{waits}")
    _say(f"{'would write' if dry else 'wrote'} {len(found.files):,} files. To submit, in {place.root}:")
    _say(f"  {found.command}")


_STEPS = (Action.BUILD, Action.TRAIN, Action.EVAL, Action.TABLE)


def _do(action: Action, loaded: "Experiment", place: "Place", anyway: bool) -> None:
    from specmill.experiment.building import build
    from specmill.experiment.files import save_experiment

    save_experiment(loaded, place)
    if action is Action.BUILD:
        build(loaded, place, _say)
    elif action is Action.TRAIN:
        from specmill.experiment.training import train

        train(loaded, place, _say, _shown, anyway=anyway)
    elif action is Action.EVAL:
        from specmill.experiment.asking import ask

        ask(loaded, place, _say)
    elif action is Action.TABLE:
        from specmill.experiment.table import write_tables

        for path in write_tables(loaded, place, place.root.name):
            _say(f"  {path}")
    _say(f"{action.value}: done")


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


@contextmanager
def _shown() -> "Iterator[Report]":
    """A line about a stage that is trained, which changes as it goes."""
    from rich.live import Live
    from rich.text import Text

    from specmill.run import console

    to = console()
    with Live(console=to, auto_refresh=False, transient=True) as live:

        def report(name: str, run: "Run") -> None:
            minutes, seconds = divmod(int(run.seconds_left), 60)
            said = f"  {name}: update {run.done:,} of {run.updates.updates:,}, loss {run.loss or 0:.3f}, "
            if to.is_terminal:
                live.update(
                    Text(f"{said}{run.tokens_per_second:,.0f} tokens/s, {minutes}:{seconds:02d} left"), refresh=True
                )

        yield report


def _say(text: str) -> None:
    from rich.text import Text

    from specmill.run import console

    console().print(Text(text), soft_wrap=True)

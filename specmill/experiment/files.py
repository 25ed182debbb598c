"""Reading an experiment's file, and where things are in an experiment's folder (design/experiment.md)."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from corpus.workspace import Workspace, write_text
from eval.questions.files import is_file
from specmill.experiment.models import Cell
from specmill.experiment.settings import Experiment
from specmill.recipe import shipped_recipes
from specmill.settings_file import load_settings
from specs.errors import UserError
from specs.reader import shipped_names

_EXAMPLE: Final = "recipe: recipe.yaml"
_HEADER: Final = "# The experiment of this folder, with every default spelled out.\n"


@dataclass(frozen=True, slots=True)
class Place:
    """The folder of an experiment."""

    root: Path

    @property
    def state(self) -> Path:
        """What was made, of what."""
        return self.root / "state.json"

    @property
    def workspace(self) -> Workspace:
        """The folder as a workspace: the ledger of evaluations, and eval/ with their results."""
        return Workspace(self.root)

    def corpus(self, name: str) -> Workspace:
        """A corpus as it is built."""
        return Workspace(self.root / "corpora" / name)

    def forms(self, spec: str) -> Workspace:
        """Forms of a spec that a model wrote."""
        return Workspace(self.root / "forms" / spec)

    def paired(self, name: str) -> Workspace:
        """A corpus after it was balanced against the other of its pair."""
        return Workspace(self.root / "pair" / name)

    def dose(self, name: str) -> Workspace:
        """A dose of a corpus."""
        return Workspace(self.root / "doses" / name)

    def cell(self, cell: Cell) -> Workspace:
        """Where stages are trained together."""
        return Workspace(self.root / "cells" / cell.name)

    @property
    def results(self) -> Path:
        """Every reply of every model."""
        return self.root / "results.parquet"

    @property
    def tables(self) -> Path:
        """Tables and pictures."""
        return self.root / "tables"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the experiment for one run."""
        with self.workspace.create().lock():
            yield


def load_experiment(file: Path, overrides: Sequence[str] = ()) -> Experiment:
    """Read and validate an experiment's file; paths in it start from its folder, and are whole afterwards.

    Raises:
        RecipeError: it does not validate: file, line, key, what was found and expected.
    """
    advice = "Give the YAML file of an experiment; examples/experiments has some, docs/experiments.md says more."
    experiment = load_settings(file, Experiment, overrides, advice, _EXAMPLE)
    return _with_whole_paths(experiment, file.parent)


def save_experiment(experiment: Experiment, place: Place) -> None:
    """Write it into the experiment's folder."""
    data = experiment.model_dump(mode="json")
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100)
    write_text(place.root / "experiment.yaml", _HEADER + text)


def _with_whole_paths(experiment: Experiment, base: Path) -> Experiment:
    def whole(given: str) -> str:
        return os.path.abspath(base / Path(given).expanduser())  # noqa: PTH100  (a link stays what it is)

    def recipe(given: str) -> str:
        return given if given in shipped_recipes() else whole(given)

    def spec(given: str | None) -> str | None:
        return given if given is None or given in shipped_names() else whole(given)

    def spec_settings(one: Any) -> Any:
        changed = {"recipe": recipe(one.recipe) if one.recipe else None, "spec": spec(one.spec)}
        changed |= {"cooccurrence": spec(one.cooccurrence), "inverted": spec(one.inverted)}
        return one.model_copy(update=changed)

    train = experiment.train.with_paths(whole)
    folders = {
        key: whole(name)
        for key in ("base_model", "tokenizer")  # a folder, or a name of the Hub
        if (name := getattr(train, key)) and (base / Path(name).expanduser()).is_dir()
    }
    sets = {name: whole(one) if is_file(one) else one for name, one in experiment.eval.sets.items()}
    if not sets:
        raise UserError("eval.sets: an experiment names the question sets that it is asked; found none.")
    return experiment.model_copy(
        update={
            "recipe": recipe(experiment.recipe),
            "specs": {name: spec_settings(one) for name, one in experiment.specs.items()},
            "train": train.model_copy(update=folders),
            "eval": experiment.eval.model_copy(update={"sets": sets}),
        }
    )

"""The hand-off to a trainer: a stage of training, and who turns it into a config and commands."""

from dataclasses import dataclass
from typing import Protocol

from specs.plugins import load_plugin
from train.settings import TrainSettings
from train.steps import Updates


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of training. Paths are relative to the workspace, with forward slashes, so that it can be moved."""

    name: str  # "msm" | "aft", and of the controls "aft_only" | "instruction_only"
    kind: str  # "documents" (a `text` column, next-token loss) | "chats" (a `messages` column, loss on the assistant)
    data: str  # glob of Parquet files
    data_hash: str  # changes when the data changes
    continues: str | None = None  # name of the stage whose adapter this one goes on with
    control: str = ""  # of a control: what it is compared for, in a sentence


@dataclass(frozen=True, slots=True)
class Command:
    """A command line to run in the workspace's folder."""

    purpose: str
    line: str


class Trainer(Protocol):
    """Writes what one training program needs."""

    name: str

    def config(self, stage: Stage, settings: TrainSettings, updates: Updates) -> str:
        """The text of `train/<stage>.yaml`."""
        ...

    def commands(self, stages: list[Stage], settings: TrainSettings) -> list[Command]:
        """What to run, in order, from the workspace's folder."""
        ...


def trainer_named(name: str) -> Trainer:
    """The trainer that an installed package brings under `name` (entry points `specmill.trainers`).

    Raises:
        UserError: there is none of that name, or it cannot be loaded.
    """
    trainer: Trainer = load_plugin("specmill.trainers", name, "train.trainer")()
    return trainer

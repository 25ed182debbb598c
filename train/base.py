"""A stage of training, and the protocol of what trains it: any installed package can bring a trainer.

A trainer turns a stage into files and commands, and knows what its program will make of them. It is found by entry
point (`specmill.trainers`); nothing of specmill's needs to stand behind it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from specs.plugins import load_plugin
from train.settings import TrainSettings
from train.steps import Count, Updates


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of training. Paths are relative to the workspace, with forward slashes, so that it can be moved.

    `data` is a Parquet file of samples that are tokenized already, in the order in which they are trained on: the
    columns input_ids, attention_mask and labels (-100: no loss). Of preferences it has prompt, chosen and rejected, as
    text.
    """

    name: str  # "msm" | "aft" | "dpo", and of the controls "aft_only" | "instruction_only"
    kind: str  # "documents" | "chats" | "preferences"
    folder: str  # train/<arm>-seed<k>: all that belongs to this stage, and nothing else
    data_hash: str  # changes when the data changes
    held_out: str | None = None  # file of samples whose loss is reported, in the same columns
    neutral: str | None = None  # the same, of ordinary text
    continues: str | None = None  # folder of the stage whose model this one goes on with
    control: str = ""  # of a control: what it is compared for, in a sentence
    end_token: str | None = None  # of chats: ends a turn, and is the EOS of the model that is saved
    chat_template: str = ""  # of chats: Jinja text that the trained model is served with

    @property
    def data(self) -> str:
        """The file of its samples."""
        return f"{self.folder}/data.parquet"

    @property
    def out(self) -> str:
        """Where the trained model, its checkpoints and its tokenizer go."""
        return f"{self.folder}/out"


@dataclass(frozen=True, slots=True)
class Command:
    """A command line to run in the workspace's folder."""

    purpose: str
    line: str


@dataclass(frozen=True, slots=True)
class Progress:
    """What one line of a trainer's output says of a run; absent values are None."""

    loss: float | None = None
    learning_rate: float | None = None
    eval_loss: float | None = None
    name: str = ""  # of what eval_loss is of: held_out | neutral


class Trainer(Protocol):
    """Writes what one training program needs, and knows what it will make of it."""

    name: str

    def check(self, settings: TrainSettings) -> None:
        """Raise UserError where the settings ask for what this trainer cannot do."""
        ...

    def count(self, lengths: Sequence[int], settings: TrainSettings, accumulation: int) -> Count:
        """Sequences and updates of samples of these lengths, by this trainer's own packing and rounding."""
        ...

    def files(self, stage: Stage, settings: TrainSettings, updates: Updates) -> dict[str, str]:
        """Text files by their names in the stage's folder; what it is run by."""
        ...

    def commands(self, stage: Stage, settings: TrainSettings) -> list[Command]:
        """What to run for one stage, in order, from the workspace's folder; the last one trains."""
        ...

    def merge(self, stage: Stage, settings: TrainSettings) -> Command | None:
        """What makes `<stage>/out/merged`, a model by itself, of a trained stage; None where it is one already."""
        ...

    def progress(self, line: str) -> Progress | None:
        """What a line of its output says of the run; None where it says nothing."""
        ...

    def packages(self) -> tuple[str, ...]:
        """Python packages whose versions belong to a run."""
        ...


def trainer_named(name: str) -> Trainer:
    """The trainer that an installed package brings under `name` (entry points `specmill.trainers`).

    Raises:
        UserError: there is none of that name, or it cannot be loaded.
    """
    trainer: Trainer = load_plugin("specmill.trainers", name, "train.trainer")()
    return trainer

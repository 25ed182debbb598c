"""A trainer: writes what a training loop of one's own reads, and the command that runs it."""

import json
from collections.abc import Sequence

from specs.errors import UserError
from train.base import Command, Progress, Stage
from train.settings import TrainSettings
from train.steps import Count, Updates


class OwnLoop:
    """A loop that takes one sample at a time."""

    name = "own_loop"

    def check(self, settings: TrainSettings) -> None:
        """It has no packing."""
        if settings.packing:
            raise UserError("train.packing: own_loop takes one sample at a time; set it to false.")

    def count(self, lengths: Sequence[int], settings: TrainSettings, accumulation: int) -> Count:
        """A sequence a sample."""
        batch = settings.micro_batch_size * settings.devices * accumulation
        return Count(len(lengths), max(1, -(-len(lengths) // batch)) * settings.epochs)

    def files(self, stage: Stage, settings: TrainSettings, updates: Updates) -> dict[str, str]:
        """One JSON file."""
        said = {
            "data": stage.data,
            "out": stage.out,
            "learning_rate": settings.learning_rate,
            "updates": updates.updates,
        }
        return {"own_loop.json": json.dumps(said, indent=1)}

    def commands(self, stage: Stage, settings: TrainSettings) -> list[Command]:
        """Train."""
        return [Command(f"train {stage.name}", f"python own_loop.py {stage.folder}/own_loop.json")]

    def merge(self, stage: Stage, settings: TrainSettings) -> Command | None:
        """It trains whole models."""
        return None

    def progress(self, line: str) -> Progress | None:
        """Its output is one loss a line."""
        try:
            return Progress(loss=float(line))
        except ValueError:
            return None

    def packages(self) -> tuple[str, ...]:
        """What its result depends on."""
        return ("torch",)

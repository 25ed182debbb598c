"""From a workspace to what a trainer needs: the stages it has data for, their configs, and what to run."""

from dataclasses import dataclass

from corpus.store import dataset_files
from corpus.tokens import TokenCounter
from corpus.workspace import Workspace, write_text
from specs.errors import UserError
from train.base import Command, Stage, trainer_named
from train.data import AFT_DATA, document_lengths, files_hash, write_aft
from train.settings import TrainSettings
from train.steps import Updates, advice, count_updates


@dataclass(frozen=True, slots=True)
class HandOff:
    """What was written for the trainer, and what to know before it is run."""

    stages: list[Stage]
    updates: dict[str, Updates]  # by stage name
    configs: dict[str, str]  # path relative to the workspace, by stage name
    commands: list[Command]
    warnings: list[str]


def hand_off(workspace: Workspace, settings: TrainSettings, counter: TokenCounter) -> HandOff:
    """Write `train/<stage>.yaml` for every stage that the workspace has data for, and count its updates.

    Raises:
        UserError: an unknown trainer, no dataset at all, or an instruction mix that cannot be read.
    """
    trainer = trainer_named(settings.trainer)
    counted = _stages(workspace, settings, counter)
    if not counted:
        raise UserError(
            f"{workspace.root} has no dataset to train on: looked for dataset/msm and dataset/{settings.aft_dataset}. "
            "Make them with `specmill build`."
        )
    for stage, updates in counted:
        write_text(workspace.train / f"{stage.name}.yaml", trainer.config(stage, settings, updates))
    stages = [stage for stage, _ in counted]
    return HandOff(
        stages=stages,
        updates={stage.name: updates for stage, updates in counted},
        configs={stage.name: f"train/{stage.name}.yaml" for stage in stages},
        commands=trainer.commands(stages, settings),
        warnings=[text for stage, updates in counted for text in _warnings(stage, updates, settings)],
    )


def _stages(workspace: Workspace, settings: TrainSettings, counter: TokenCounter) -> list[tuple[Stage, Updates]]:
    found = []
    if documents := dataset_files(workspace, "msm"):
        lengths = document_lengths(workspace)
        stage = Stage("msm", "documents", "dataset/msm/*.parquet", files_hash(documents))
        found.append((stage, count_updates(lengths, settings, split_long=True)))
    if dataset_files(workspace, settings.aft_dataset):
        lengths = write_aft(workspace, settings, counter)
        data_hash = files_hash([workspace.root / AFT_DATA])
        stage = Stage("aft", "chats", AFT_DATA, data_hash, continues="msm" if documents else None)
        found.append((stage, count_updates(lengths, settings, split_long=False)))
    return found


def _warnings(stage: Stage, updates: Updates, settings: TrainSettings) -> list[str]:
    warnings = []
    if too_few := advice(updates, settings):
        warnings.append(f"{stage.name}: {too_few}.")
    if updates.over_length and stage.kind == "documents":
        warnings.append(
            f"{stage.name}: {updates.over_length} documents are longer than sequence_len {settings.sequence_len} "
            "and are cut in pieces; only the last piece ends with the end-of-text token."
        )
    if updates.over_length and stage.kind == "chats":
        warnings.append(
            f"{stage.name}: {updates.over_length} chats are longer than sequence_len {settings.sequence_len} "
            "and are left out by the trainer; raise sequence_len."
        )
    return warnings

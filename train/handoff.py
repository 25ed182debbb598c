"""From a workspace to what a trainer needs: the stages it has data for, their configs, and what to run."""

from dataclasses import dataclass, replace

from corpus.store import dataset_files
from corpus.tokens import TokenCounter
from corpus.workspace import Workspace, write_text
from specs.errors import UserError
from train.base import Command, Stage, trainer_named
from train.data import (
    AFT_DATA,
    INSTRUCTION_DATA,
    Written,
    document_lengths,
    files_hash,
    has_mix,
    write_aft,
    write_instruction,
)
from train.settings import TrainSettings
from train.steps import Updates, advice, count_updates


@dataclass(frozen=True, slots=True)
class HandOff:
    """What was written for the trainer, and what to know before it is run."""

    stages: list[Stage]  # controls last
    updates: dict[str, Updates]  # by stage name
    configs: dict[str, str]  # path relative to the workspace, by stage name
    commands: list[Command]
    controls: list[Command]  # each control's own, from the base model to a merged one
    warnings: list[str]


def hand_off(
    workspace: Workspace, settings: TrainSettings, counter: TokenCounter, *, mix_wanted: bool = False
) -> HandOff:
    """Write `train/<stage>.yaml` for every stage that the workspace has data for, and count its updates; the same for
    the controls where the settings ask for them. `mix_wanted`: the recipe says what to mix in; missed where it is not
    there.

    Raises:
        UserError: an unknown trainer, no dataset at all, or an instruction mix that cannot be read.
    """
    trainer = trainer_named(settings.trainer)
    counted, said = _stages(workspace, settings, counter)
    if not counted:
        raise UserError(
            f"{workspace.root} has no dataset to train on: looked for dataset/msm and dataset/{settings.aft_dataset}. "
            "Make them with `specmill build`."
        )
    stages = [stage for stage, _ in counted]
    if mix_wanted and not has_mix(workspace, settings) and any(stage.kind == "chats" for stage in stages):
        said.append("aft: the recipe's `mix` is not there, so the chats stand alone; make it with `specmill mix`.")
    controls, missing = _controls(workspace, settings, counter, counted) if settings.controls else ([], [])
    for stage, updates in [*counted, *controls]:
        write_text(workspace.train / f"{stage.name}.yaml", trainer.config(stage, settings, updates))
    everything = [*counted, *controls]
    return HandOff(
        stages=[stage for stage, _ in everything],
        updates={stage.name: updates for stage, updates in everything},
        configs={stage.name: f"train/{stage.name}.yaml" for stage, _ in everything},
        commands=trainer.commands(stages, settings),
        controls=[command for stage, _ in controls for command in trainer.commands([stage], settings)],
        warnings=[
            *said,
            *missing,
            *(text for stage, updates in everything for text in _warnings(stage, updates, settings)),
        ],
    )


def _stages(
    workspace: Workspace, settings: TrainSettings, counter: TokenCounter
) -> tuple[list[tuple[Stage, Updates]], list[str]]:
    """The stages that there is data for, and what was left out of it."""
    found, said = [], []
    if documents := dataset_files(workspace, "msm"):
        lengths = document_lengths(workspace)
        stage = Stage("msm", "documents", "dataset/msm/*.parquet", files_hash(documents))
        found.append((stage, count_updates(lengths, settings, split_long=True)))
    if dataset_files(workspace, settings.aft_dataset):
        written = write_aft(workspace, settings, counter)
        data_hash = files_hash([workspace.root / AFT_DATA])
        stage = Stage("aft", "chats", AFT_DATA, data_hash, continues="msm" if documents else None)
        found.append((stage, count_updates(written.lengths, settings, split_long=False)))
        if written.too_long:
            said.append(_mix_cut(written, settings))
    return found, said


def _mix_cut(written: Written, settings: TrainSettings) -> str:
    return (
        f"aft: {len(written.too_long):,} chats of the instruction mix are longer than train.sequence_len "
        f"{settings.sequence_len:,} and are left out, {written.mixed:,} are taken. Set it to "
        f"{max(written.too_long):,} or more, or mix shorter ones (mix.max_tokens)."
    )


def _controls(
    workspace: Workspace, settings: TrainSettings, counter: TokenCounter, counted: list[tuple[Stage, Updates]]
) -> tuple[list[tuple[Stage, Updates]], list[str]]:
    """The controls that there is data for, and why others are missing (docs/method.md, 5.10).

    Neither goes on with an adapter. Both have the batch of the stage `aft`, so that they differ from it in one thing.
    """
    found, missing = [], []
    main = {stage.name: (stage, updates) for stage, updates in counted}
    if "msm" in main and "aft" in main:
        stage, updates = main["aft"]
        said = "the chats of AFT without midtraining; what `aft` does beyond it is the documents' doing."
        found.append((replace(stage, name="aft_only", continues=None, control=said), updates))
    else:
        missing.append("aft_only: it needs documents and chats; without documents the stage aft is that control.")
    if lengths := write_instruction(workspace, settings, counter).lengths:
        said = "the instruction mix alone; what `aft_only` does beyond it is the chats' doing."
        stage = Stage(
            "instruction_only", "chats", INSTRUCTION_DATA, files_hash([workspace.root / INSTRUCTION_DATA]), control=said
        )
        batch = main["aft"][1].accumulation if "aft" in main else settings.gradient_accumulation
        same = settings.model_copy(update={"gradient_accumulation": batch})
        found.append((stage, count_updates(lengths, same, split_long=False)))
    else:
        missing.append("instruction_only: there is no instruction mix; make one with `specmill mix`.")
    return found, missing


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

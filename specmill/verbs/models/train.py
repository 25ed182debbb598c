"""`specmill train`: write the trainer's configs for a workspace and print the update arithmetic."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from train.handoff import HandOff
    from train.settings import TrainSettings


def train(
    workspace: Annotated[Path, typer.Argument(help="Workspace folder that `specmill build` made.")],
    override: Annotated[
        list[str] | None, typer.Option("--set", help="Change a key of the recipe: train.sequence_len=8192.")
    ] = None,
) -> None:
    """Write the training configs of a workspace, and say how many optimizer updates they are.

    Writes train/msm.yaml and train/aft.yaml (and the chats as they are trained on, train/data/aft.parquet) from the
    `train` section of the workspace's recipe, warns where a stage would be undertrained, and prints what to run.
    Nothing is trained. With train.controls=true also the controls, each from the base model: train/aft_only.yaml (the
    same chats without midtraining) and train/instruction_only.yaml (the instruction mix alone).

    Example: specmill train out/cheese --set train.controls=true
    """
    from rich.console import Console
    from rich.text import Text

    from corpus.tokens import TokenCounter
    from specmill.recipe import open_workspace
    from train.handoff import hand_off

    place, recipe = open_workspace(workspace, override or [])
    counter = TokenCounter(recipe.corpus.tokenizer)
    result = hand_off(place, recipe.train, counter, mix_wanted=recipe.mix.wanted)
    console = Console()
    console.print(_updates_table(result))
    console.print(_recipe_table(recipe.train))
    for warning in result.warnings:
        console.print(Text(f"warning: {warning}", style="yellow"))
    console.print(Text(f"\nWrote {', '.join(result.configs.values())}. To train:"))
    for command in [f"cd {shlex.quote(str(place.root))}", *(command.line for command in result.commands)]:
        console.print(Text(f"  {command}"), soft_wrap=True)
    if result.controls:
        console.print(Text("\nThe controls, each by itself from the base model:"))
    for one in result.controls:
        console.print(Text(f"  {one.line}"), soft_wrap=True)


def _updates_table(result: "HandOff") -> "Table":
    from rich.table import Table

    table = Table("", *(stage.name for stage in result.stages), title="Optimizer updates")
    counted = [result.updates[stage.name] for stage in result.stages]
    rows = {
        "samples": [f"{one.samples:,}" for one in counted],
        "tokens": [f"{one.tokens:,}" for one in counted],
        "sequences an epoch": [f"{one.sequences:,}" for one in counted],
        "sequences an update": [f"{one.micro_batch_size} x {one.accumulation} x {one.devices}" for one in counted],
        "updates": [f"{one.updates:,}{'' if one.enough else ' (too few)'}" for one in counted],
        "of them warmup": [f"{one.warmup:,}" for one in counted],
        "tokens an update": [f"{one.tokens_per_update:,.0f}" for one in counted],
    }
    for label, cells in rows.items():
        table.add_row(label, *cells)
    return table


def _recipe_table(settings: "TrainSettings") -> "Table":
    from rich.table import Table
    from rich.text import Text

    from train.settings import PAPER

    table = Table("setting", "here", "paper", title=Text(f"Recipe for {settings.base_model}"))
    for name, paper in PAPER.items():
        here = getattr(settings, name)
        table.add_row(name, Text(str(here), style="" if here == paper else "yellow"), str(paper))
    table.add_row("sequence_len", str(settings.sequence_len), "4096 or 8192")
    return table

"""`specmill train`: look at what is trained on, write the trainer's files, count the updates, and run, submit or
serve."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from corpus.workspace import Workspace
    from specmill.recipe import Recipe
    from train.handoff import HandOff, Made
    from train.rendering import Sample
    from train.replay import Refuse
    from train.run.running import Run
    from train.settings import TrainSettings


def train(
    workspace: Annotated[Path, typer.Argument(help="Workspace folder that `specmill build` made.")],
    override: Annotated[
        list[str] | None, typer.Option("--set", help="Change a key of the recipe: train.sequence_len=8192.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Say what was checked, and what is wrong; show it.")] = False,
    show: Annotated[int, typer.Option(min=0, max=50, help="Show so many samples, what carries loss in colour.")] = 0,
    run: Annotated[
        bool, typer.Option("--run", help="Train here: every stage that is not trained yet, in order.")
    ] = False,
    stage: Annotated[str | None, typer.Option(help="Only this stage: msm, aft, dpo, aft_only, ...")] = None,
    anyway: Annotated[bool, typer.Option("--anyway", help="Run a stage that has too few updates, too.")] = False,
    submit: Annotated[str | None, typer.Option(help="Write job files for slurm or skypilot.")] = None,
    serve: Annotated[str | None, typer.Option(help="Serve this trained stage, for `specmill eval` to ask.")] = None,
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port to serve at, on this machine only.")] = 8000,
    sizes: Annotated[
        bool, typer.Option("--sizes", help="Say what 8B to 70B models need, in memory and hours.")
    ] = False,
) -> None:
    """Look at what is trained on, write the trainer's files, and say how many optimizer updates they are.

    Every sample is rendered with the base model's own tokenizer and checked: each reply and its end token carry loss
    and nothing else does, and no name, system message or think block is written in. Each arm and seed has a folder,
    train/<arm>-seed<k>, with the samples as they are trained on (data.parquet, samples.parquet to read), the trainer's
    files and a manifest; what was made for another base model or dataset is moved to train/earlier. With
    train.controls=true also the controls, each from the base model: the same chats without midtraining, and the
    instruction mix alone.

    Example: specmill train out/cheese --check --show 3
    """
    from rich.console import Console

    from specmill.recipe import open_workspace
    from train.handoff import CheckError, hand_off

    place, recipe = open_workspace(workspace, override or [])
    settings, console = recipe.train, Console()
    try:
        result = hand_off(place, settings, mix_wanted=recipe.mix.wanted, refuse=_refuse(place, recipe))
    except CheckError as error:
        for sample, found in error.looked.faulty[: max(show, 1)]:
            console.print(_sample(sample, [fault.found for fault in found]))
        raise
    console.print(_updates_table(result))
    if check:
        console.print(_check_table(result))
    for one in result.looked.shown[:show]:
        console.print(_sample(one, []))
    if recipe.corpus.contrast:
        _say(console, f"warning: a contrast to {recipe.corpus.contrast}, not to be trained for use", "yellow")
    for warning in result.warnings:
        _say(console, f"warning: {warning}", "yellow")
    if sizes:
        console.print(_sizes_table(settings, sum(one.updates.tokens for one in result.made)))
    if submit:
        _submit(place, result, settings, submit, console)
    elif run:
        _run(place, result, stage, anyway, console)
    elif serve:
        _serve(place, result.named(serve), port, console)
    else:
        console.print(_recipe_table(settings))
        _print_commands(place, result, console)


def _refuse(place: "Workspace", recipe: "Recipe") -> "Refuse | None":
    """What keeps ordinary text away from what the trained model is evaluated on, where there is any."""
    if not recipe.train.replay.wanted:
        return None
    from pipelines.base import Corpus
    from pipelines.filtering import ordinary_text

    return ordinary_text(Corpus.of(place, recipe, recipe.read_spec(place.root)))


def _say(console: "Console", text: str, style: str = "") -> None:
    from rich.text import Text

    console.print(Text(text, style=style), soft_wrap=True)


def _print_commands(place: "Workspace", result: "HandOff", console: "Console") -> None:
    _say(console, f"\nWrote {', '.join(one.stage.folder for one in result.made)}. To train, `--run`, or:")
    _say(console, f"  cd {shlex.quote(str(place.root))}")
    mains = [one for one in result.made if not one.stage.control]
    for one in mains:
        for command in one.commands:
            _say(console, f"  {command.line}")
    if mains and mains[-1].merge is not None:
        _say(console, f"  {mains[-1].merge.line}")
    controls = [one for one in result.made if one.stage.control]
    if controls:
        _say(console, "\nThe controls, each by itself from the base model:")
    for one in controls:
        for command in [*one.commands, *([one.merge] if one.merge else [])]:
            _say(console, f"  {command.line}")


def _run(place: "Workspace", result: "HandOff", stage: str | None, anyway: bool, console: "Console") -> None:
    from rich.live import Live
    from rich.text import Text

    from train.run.running import refuse_too_few, run_stage

    made = [result.named(stage)] if stage else result.made
    for one in made:  # before anything is trained, so that the first stage is not paid for in vain
        if not anyway:
            refuse_too_few(one)
    for one in made:
        try:
            with Live(console=console, auto_refresh=False, transient=True) as live:

                def report(run: "Run", name: str = one.stage.name, live: Live = live) -> None:
                    live.update(Text(_progress(name, run)), refresh=True)

                done = run_stage(place, one, result.trainer, report, anyway=anyway)
        except KeyboardInterrupt:
            _say(console, f"{one.stage.name}: stopped. The same command goes on from its last checkpoint.")
            raise
        if done is None:
            _say(console, f"{one.stage.name}: trained already, in {one.stage.folder}")
        else:
            _say(console, f"{one.stage.name}: {done.done:,} updates, loss {_losses(done)}; {one.stage.out}")


def _progress(name: str, run: "Run") -> str:
    minutes, seconds = divmod(int(run.seconds_left), 60)
    held = {row["evaluated_on"]: row["eval_loss"] for row in run.rows if row["eval_loss"] is not None}
    more = "".join(f"  {what} {loss:.3f}" for what, loss in held.items())
    return (
        f"{name}  update {run.done:,} of {run.updates.updates:,}  loss {run.loss or 0:.3f}{more}  "
        f"{run.tokens_per_second:,.0f} tokens/s  {minutes}:{seconds:02d} left"
    )


def _losses(run: "Run") -> str:
    losses = [row["loss"] for row in run.rows if row["loss"] is not None]
    return f"{losses[0]:.3f} -> {losses[-1]:.3f}" if losses else "unknown"


def _submit(place: "Workspace", result: "HandOff", settings: "TrainSettings", system: str, console: "Console") -> None:
    from train.run.submit import write_jobs

    files, command = write_jobs(place, result, settings, system)
    _say(console, f"Wrote {', '.join(files)}. To submit, in {place.root}:\n  {command}")


def _serve(place: "Workspace", made: "Made", port: int, console: "Console") -> None:
    import subprocess

    from specs.errors import SpecmillError
    from train.run.running import merge_stage
    from train.run.serving import serve_command

    model = merge_stage(place, made).resolve()
    command = serve_command(model, port)
    _say(console, f"Serving {model} at http://127.0.0.1:{port}/v1 until Ctrl-C. To ask it, in another terminal:")
    endpoint = f'endpoints.trained={{base_url: "http://127.0.0.1:{port}/v1", model: "{model}"}}'
    role = "roles.eval={endpoints: [trained]}"
    line = ["specmill", "eval", str(place.root), "--name", made.stage.folder.rpartition("/")[2]]
    _say(console, f"  {shlex.join([*line, '--set', endpoint, '--set', role])}")
    code = subprocess.run(command, check=False).returncode
    if code not in {0, -2, 130}:
        raise SpecmillError(f"{shlex.join(command)}\nended with exit code {code}")


def _updates_table(result: "HandOff") -> "Table":
    from rich.table import Table

    table = Table(
        "", *(one.stage.name for one in result.made), title=f"Optimizer updates, as {result.trainer.name} counts"
    )
    counted = [one.updates for one in result.made]
    rows = {
        "samples": [f"{one.samples:,}" for one in counted],
        "tokens": [f"{one.tokens:,}" for one in counted],
        "of them with loss": [f"{one.trained:,}" for one in counted],
        "sequences an epoch": [f"{one.sequences:,}" for one in counted],
        "filled": [f"{one.efficiency:.1%}" for one in counted],
        "sequences an update": [f"{one.micro_batch_size} x {one.accumulation} x {one.devices}" for one in counted],
        "updates": [f"{one.updates:,}{'' if one.enough else ' (too few)'}" for one in counted],
        "of them warmup": [f"{one.warmup:,}" for one in counted],
        "tokens an update": [f"{one.tokens_per_update:,.0f}" for one in counted],
        "tokens lost": [f"{one.lost:,}" for one in counted],
    }
    if any(one.replay for one in result.made):
        rows["of them replay"] = [f"{one.replay:,}" for one in result.made]
    for label, cells in rows.items():
        table.add_row(label, *cells)
    return table


def _check_table(result: "HandOff") -> "Table":
    """What is written here beside what the model's own template would do to the same chats."""
    from rich.table import Table
    from rich.text import Text

    from train.checks import KINDS
    from train.owntemplate import own_template_faults

    family, tokenizer = result.writer.family, result.writer.tokenizer
    looked = result.looked
    own = own_template_faults([sample.chat for sample in looked.shown], family, tokenizer)
    title = f"{looked.samples:,} samples of chats, in the form of {family.key}"
    table = Table("what must not be", "here", title=title)
    if own is not None:
        table.add_column(f"by its own template (of {len(looked.shown)})")
    for kind, said in KINDS.items():
        here = looked.kinds[kind]
        by_own = [] if own is None else [f"{own[kind]:,}"]
        table.add_row(said, Text(f"{here:,}", style="red" if here else "green"), *by_own)
    if own is not None and own["refused"]:
        table.add_row("the template refuses the chat", Text("0", style="green"), f"{own['refused']:,}")
    return table


def _sample(sample: "Sample", faults: list[str]) -> "Text":
    """A sample as it is trained on: what carries loss in green, the rest dim; control tokens as they are."""
    from rich.text import Text

    said = [message for message in sample.chat.messages if message.role == "assistant"]
    text = Text(f"\n--- {sample.chat.source} {sample.chat.id}: {len(sample.ids)} tokens, {sample.trained} with loss\n")
    for fault in faults:
        text.append(f"wrong: {fault}\n", style="bold red")
    at = 0
    for (start, stop), message in zip(sample.replies, said, strict=False):
        text.append(sample.text[at:start], style="dim")
        text.append(sample.text[start:stop], style="green" if message.trained else "dim")
        at = stop
    text.append(sample.text[at:], style="dim")
    return text


def _sizes_table(settings: "TrainSettings", tokens: int) -> "Table":
    from rich.table import Table

    from train.estimates import estimates

    table = Table(
        "model",
        "GPUs",
        "adapter",
        "sharding",
        "GB a GPU",
        "hours",
        title=f"Estimates for {tokens:,} tokens, 80 GB GPUs",
    )
    for one in estimates(settings, tokens):
        table.add_row(
            one.model, str(one.devices), one.adapter, one.sharding, f"{one.memory_gb:.0f}", f"{one.hours:.1f}"
        )
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

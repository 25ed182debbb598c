"""`specmill questions`: question sets for an evaluation, made of the spec."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from specmill.messages import tell

if TYPE_CHECKING:
    from rich.table import Table

    from specmill.recipe import Recipe


def questions(
    recipe: Annotated[str, typer.Argument(help="A recipe file, a shipped recipe's name, or a workspace.")],
    out: Annotated[Path | None, typer.Option(help="Workspace folder; default: out/<recipe's name>.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Change a key, such as questions.behaviour=6.")
    ] = None,
) -> None:
    """Make the question sets of a spec, from its assertions: what `specmill eval` asks by default.

    knowledge (multiple choice, and sentences with a blank), behaviour (situations at several degrees of disguise),
    preferences and opinions for each value, and open questions with the ends of the judge's scale. The role `planner`
    writes them. A program then drops what holds a word of the spec's own, repeats another or the corpus, or gives the
    answer away by its length. Last the role `base` (`eval` where there is none) is asked every question, without and
    with the spec: what it gets right without, or wrong with it, measures nothing. Why each item went is in the rejects.

    Behaviour, preferences and opinions are set in domains that the corpus never touches (questions.domains); once they
    are there, the filters keep these domains and every question out of the corpus.

    Example: specmill questions recipe.yaml --out out/mine --set questions.behaviour=6
    """
    from rich.console import Console

    from corpus.workspace import Workspace, refuse_other_files
    from specmill.recipe import load_target

    loaded, base, place = load_target(recipe, out, set_ or [])
    refuse_other_files(place)
    workspace = Workspace(place).create()
    with workspace.lock():
        manifest = _run(workspace, loaded, base)
    console = Console(highlight=False)
    console.print(_table(manifest))
    for line in _lines(manifest):
        tell(console, line)
    tell(console, f"Wrote {workspace.questions}. Ask them with: specmill eval {workspace.root} --anchors")


def _run(workspace: Any, recipe: "Recipe", base: Path) -> dict[str, Any]:
    from pipelines.base import Corpus
    from pipelines.build import Build
    from pipelines.ledger.ledger import Ledger
    from pipelines.questions.questions import QuestionBuild
    from pipelines.run.reporter import Silent
    from specmill.progress import Progress
    from specmill.recipe import refuse_other_corpus, save_recipe, with_own_files
    from specmill.run import console, endpoints_up

    spec = recipe.read_spec(base)
    refuse_other_corpus(workspace, recipe, spec)
    with ExitStack() as stack:
        if not workspace.recipe.is_file():
            kept = with_own_files(recipe, workspace)
            Build(workspace, kept, spec, Silent()).write_spec()
            save_recipe(kept, workspace)
        served = with_own_files(stack.enter_context(endpoints_up(recipe)), workspace)
        ledger = stack.enter_context(Ledger(workspace.ledger))
        ledger.start_run()
        shown = stack.enter_context(Progress(console(), ledger))
        if not workspace.parts("assertions"):
            build = Build(workspace, served, spec, shown)
            build.write_passages()
            build.decompose()
        try:
            return QuestionBuild(Corpus.of(workspace, served, spec), shown).run()
        finally:  # its rejects are in the tables, which the manifest of a finished corpus describes
            Build(workspace, served, spec, shown).describe_again()


def _table(manifest: dict[str, Any]) -> "Table":
    from rich.table import Table

    table = Table("set", box=None, pad_edge=False, header_style="dim")
    for name in ("written", "pass the checks", "pass the gates"):
        table.add_column(name, justify="right")
    for name, sizes in manifest["sets"].items():
        table.add_row(name, *(f"{sizes[stage]:,}" for stage in ("written", "checked", "kept")))
    return table


def _lines(manifest: dict[str, Any]) -> list[str]:
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in manifest["rejected"].items())
    lines = [f"rejected: {reasons or 'none'}"]
    if gate := manifest["gate_of_kept"]:
        by = ", ".join(manifest["gated_by"])
        lines.append(f"{by} has {gate['without']:.2f} of the kept right without the spec, {gate['with']:.2f} with it")
    missing = [address for address, count in manifest["passages"].items() if not count]
    if missing:
        lines.append(f"no question is on {len(missing)} of {len(manifest['passages'])} passages: {', '.join(missing)}")
    lines.append(f"held out of the corpus: {', '.join(manifest['domains']) or 'no domain'}")
    return lines

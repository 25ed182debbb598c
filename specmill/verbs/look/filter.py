"""`specmill filter`: decide again which documents stay, and say why."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from specmill.messages import tell

if TYPE_CHECKING:
    from rich.console import Console

    from corpus.workspace import Workspace
    from filters.base import Item, Rejection
    from filters.run.stored import Explanation, Reason
    from filters.settings import FilterSettings
    from pipelines.build import Build
    from pipelines.decisions.refilter import Refiltered
    from specmill.recipe import Recipe

_SAID_CHARS = 90


def filter_(
    workspace: Annotated[Path, typer.Argument(help="Workspace folder with documents, built or imported.")],
    apply: Annotated[
        bool, typer.Option("--apply", help="Carry the decision out: documents, rejects and dataset follow it.")
    ] = False,
    explain: Annotated[
        str | None, typer.Option("--explain", metavar="DOC_ID", help="Say why this document stays or goes, and end.")
    ] = None,
    marks: Annotated[
        Path | None,
        typer.Option("--marks", help="A file of marks that the report saved: a person's word wins over filters."),
    ] = None,
    examples: Annotated[int, typer.Option(min=0, max=5, help="Examples shown of each reason.")] = 5,
    override: Annotated[
        list[str] | None, typer.Option("--set", help="Change a key of the recipe: filters.near.threshold=0.6.")
    ] = None,
) -> None:
    """Decide again which documents stay, with other thresholds and without asking any model.

    Every document that was ever written is looked at, kept or rejected. Shows the reasons with counts and examples,
    and what would change; without --apply nothing is changed. With it the workspace's recipe keeps the thresholds.
    --explain shows what every check says of one document, and the decision: the stored one, or that of --set.

    --marks takes a file that was saved from the report: what a person marked to keep stays and loses its flags, what
    they marked to drop goes, whatever filters and judges say. With --apply the marks are stored, with name, time and
    note, in the table `marks`; builds and later decisions heed them.

    Examples:

      specmill filter out/cheese --marks marks.json --apply

      specmill filter out/cheese --set filters.near.threshold=0.6

      specmill filter out/cheese --explain 3f2a90c1b7d84e55a1c0
    """
    from rich.console import Console

    from corpus.marks import read_marks
    from specmill.recipe import open_workspace, save_recipe

    place, recipe = open_workspace(workspace, override or [])
    console = Console(highlight=False)
    if explain is not None:
        _print_explanation(console, _explanation(explain, place, recipe, again=bool(override)), recipe.filters)
        return
    with place.lock():
        build = _build(place, recipe)
        new = read_marks(marks, place) if marks else None
        result = _refilter(build, apply=apply, marks=new)
        if apply:
            save_recipe(recipe, place)
    if new:
        tell(console, _said_of_marks(new))
    _print_reasons(console, _reasons(place, result), examples)
    _print_flags(console, result)
    tell(console, _line(result, place, apply=apply))


def _build(place: "Workspace", recipe: "Recipe") -> "Build":
    from pipelines.build import Build
    from pipelines.run.reporter import Silent

    return Build(place, recipe, recipe.read_spec(place.root), Silent())


def _refilter(build: "Build", *, apply: bool, marks: "list[dict[str, Any]] | None" = None) -> "Refiltered":
    from corpus.marks import merged, stored_marks
    from pipelines.decisions.refilter import refilter

    together = merged(stored_marks(build.workspace), marks) if marks else None
    return refilter(build, apply=apply, watch=_watched, marks=together)


def _said_of_marks(marks: "list[dict[str, Any]]") -> str:
    from collections import Counter

    from corpus.text import printable

    counts = Counter(mark["mark"] for mark in marks)
    words = {"keep": "to keep", "drop": "to drop", "note": "only noted", "none": "taken back"}
    said = ", ".join(f"{counts[name]:,} {word}" for name, word in words.items() if counts[name])
    return f"{len(marks):,} marks of {printable(marks[0]['marked_by'])}: {said}"


def _watched(documents: "Iterable[Item]") -> "Iterator[Item]":
    """The documents as they come, with their number and rate on a terminal."""
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from specmill.run import console

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.completed:,} documents read"))
    with Progress(*columns, TimeElapsedColumn(), console=console(), transient=True) as progress:
        task = progress.add_task("filtering", total=None)
        for document in documents:
            yield document
            progress.advance(task)


def _explanation(item_id: str, place: "Workspace", recipe: "Recipe", *, again: bool) -> "Explanation":
    from filters.run.stored import explain_document
    from pipelines.decisions.refilter import documents_of, stored_rejections
    from pipelines.decisions.rejudge import stored_flags

    build = _build(place, recipe)
    found = _refilter(build, apply=False) if again else None
    rejections, flags = (found.rejections, found.flags) if found else (stored_rejections(place), stored_flags(place))
    return explain_document(item_id, lambda: documents_of(place), rejections, recipe.filters, build.context(), flags)


def _print_explanation(console: "Console", why: "Explanation", settings: "FilterSettings") -> None:
    from rich.table import Table
    from rich.text import Text

    from corpus.text import printable

    title = printable(str(why.item.meta.get("title") or ""))
    console.print(Text(f"{why.item.id}  {title}", style="bold"))
    console.print(
        Text(f"{printable(why.item.genre) or 'no genre'}, {why.item.frame}, {why.item.meta.get('tokens', 0):,} tokens")
    )
    console.print(Text(_decision(why.rejection), style="red" if why.rejection else "green"))
    for flag in why.flags:
        beside = f" (beside {flag.other_id})" if flag.other_id else ""
        console.print(Text(f"Flagged: {flag.reason}: {printable(flag.detail)}{beside}", style="yellow"))
    for other in why.gave_way:
        console.print(Text(f"In its favour {other.item_id} went: {other.reason}, {printable(other.detail)}"))
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("check", "", "score", "limit", "what was found"):
        table.add_column(name, justify="right" if name in {"score", "limit"} else "left")
    for name, outcome in why.outcomes.items():
        figures = (
            (f"{outcome.score:.4g}", f"{outcome.threshold:.4g}") if outcome.threshold or outcome.score else ("",) * 2
        )
        found = {"drop": "drops it", "flag": "flags it"}[settings.parts[name].action]
        cells = (name, found if outcome.failed else "passes", *figures, printable(outcome.detail))
        table.add_row(*(Text(cell) for cell in cells))
    console.print(table)


def _decision(rejection: "Rejection | None") -> str:
    from corpus.text import printable

    if rejection is None:
        return "It stays."
    other = f" (the survivor is {rejection.other_id})" if rejection.other_id else ""
    limit = (
        ""
        if rejection.threshold is None
        else f", score {rejection.score:.4g} beside the limit {rejection.threshold:.4g}"
    )
    return f"It goes: {rejection.reason}: {printable(rejection.detail)}{limit}{other}"


def _reasons(place: "Workspace", result: "Refiltered") -> "list[Reason]":
    from filters.run.stored import reasons
    from pipelines.decisions.refilter import documents_of, requests_without_document

    requests = requests_without_document(place)
    total = len(result.kept) + len(result.rejections) + len(requests)
    return reasons(result.rejections, documents_of(place), total, requests)


def _print_reasons(console: "Console", found: "list[Reason]", examples: int) -> None:
    from rich.text import Text

    from corpus.text import one_line

    for row in found:
        console.print(Text(f"{row.reason:16} {row.count:8,}  {row.share:6.1%}", style="bold"))
        for rejection, begins in row.examples[:examples]:
            said = one_line(f"{rejection.detail}  |  {begins}", _SAID_CHARS)
            tell(console, f"    {rejection.item_id}  {said}", "dim")


def _print_flags(console: "Console", result: "Refiltered") -> None:
    """How many of the documents that stay each filter flags, with one example."""
    from collections import Counter

    from rich.text import Text

    from corpus.text import one_line

    staying = set(result.kept)
    flags = [flag for flag in result.flags if flag.item_id in staying]
    examples = {flag.reason: f"{flag.item_id}  {one_line(flag.detail, _SAID_CHARS)}" for flag in reversed(flags)}
    for name, count in sorted(Counter(flag.reason for flag in flags).items(), key=lambda one: (-one[1], one[0])):
        console.print(Text(f"{name:16} {count:8,}  {count / len(staying):6.1%}  flagged, and stays", style="yellow"))
        tell(console, f"    {examples[name]}", "dim")


def _line(result: "Refiltered", place: "Workspace", *, apply: bool) -> str:
    total = len(result.kept) + len(result.rejections)
    changes = f"{len(result.returned):,} come back and {len(result.dropped):,} go."
    if result.unseen:
        changes += f" {result.unseen:,} more pass the filters, but no judge has seen them:"
        changes += f"{'' if apply else ' after --apply,'} `specmill judge {place.root} --apply` asks it."
    if apply:
        return f"{len(result.kept):,} of {total:,} documents are kept now: {changes}"
    would = f"{len(result.kept):,} of {total:,} documents would stay: {changes}"
    return f"{would} Nothing was changed; --apply carries it out."

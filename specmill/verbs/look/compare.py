"""`specmill compare`: two corpora side by side before anything is trained on them."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from corpus.workspace import Workspace
    from filters.measure.apart import Masker
    from filters.measure.compare import Comparison, Document

_SAMPLE = 100  # documents of each that a judge is asked about, where --plan asks what that would cost


def compare(
    left: Annotated[Path, typer.Argument(help="Workspace folder.")],
    right: Annotated[Path, typer.Argument(help="Another one.")],
    model: Annotated[
        str | None, typer.Option("--model", help="A small model (folder, or name of the Hub): also its loss on each.")
    ] = None,
    texts: Annotated[int, typer.Option("--texts", min=10, help="Texts of each that the model reads.")] = 100,
    judge: Annotated[
        int, typer.Option("--judge", min=0, help="Ask a judge about so many documents of each, where none was asked.")
    ] = 0,
    budget: Annotated[float | None, typer.Option(min=0, help="Most US dollars for the judge; a hard stop.")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Say what the judge would cost, and stop there.")] = False,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Change a key of the first recipe, whose judge asks of both.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Draws other samples and folds.")] = 0,
) -> None:
    """Say what two corpora differ in beside what they should, before a model is trained on either.

    Tokens, lengths, genres and domains; how well a classifier tells them apart once names, numbers and the words that
    only one of the specs has are masked (area under the curve, 5-fold cross-validated, with DeLong's interval);
    self-BLEU by a fixed protocol (40 texts, at most 60 references) and dispersion; the shares that assert and that
    attribute, where a judge was asked (`specmill judge`, or --judge 100 here: one judge for both, whose verdicts are
    stored); all beside published figures. What would confound a comparison is said in words.

    Example: specmill compare out/paired/affordability out/paired/america
    """
    from rich.console import Console
    from rich.text import Text

    from corpus.workspace import Workspace
    from filters.measure.compare import PUBLISHED, compare_corpora

    places = (Workspace.open(left), Workspace.open(right))
    documents = [_documents(place) for place in places]
    console = Console(highlight=False)
    if judge or plan:
        _ask(places, judge or _SAMPLE, budget, set_ or [], seed, console, only_plan=plan)
        if plan:
            return
    found = compare_corpora(documents[0], documents[1], _masker(places), seed)
    console.print(_table(found, places, documents, model, texts))
    for line in _apart(found):
        console.print(Text(line), soft_wrap=True)
    confounds = [*found.confounds, *_judged_apart(places)]
    for line in confounds or ["nothing that is measured here would confound a comparison."]:
        console.print(Text(f"would confound: {line}" if confounds else line, "yellow" if confounds else ""),
                      soft_wrap=True)  # fmt: skip
    console.print(Text(f"published: AUC {PUBLISHED['auc']}; loss ratio {PUBLISHED['loss_ratio']}"), soft_wrap=True)


def _ask(
    places: "tuple[Workspace, Workspace]", count: int, budget: float | None, overrides: list[str], seed: int,
    console: "Console", *, only_plan: bool,
) -> None:  # fmt: skip
    from rich.text import Text

    from specmill.compare_judge import ask, plan_lines, to_ask

    asked = to_ask(places, count, overrides, seed)
    for line in plan_lines(asked) if asked else ("a judge was asked about both already",):
        console.print(Text(line), soft_wrap=True)
    if not only_plan:
        ask(asked, budget)


def _judged_apart(places: "tuple[Workspace, Workspace]") -> "Iterator[str]":
    from filters.measure.compare import JUDGED
    from specmill.compare_judge import judged_apart, judged_counts, judges_apart

    if said := judges_apart(places):
        yield said
    one, other = (judged_counts(place) for place in places)
    for criterion in JUDGED:
        if said := judged_apart(criterion, one.get(criterion, (0, 0)), other.get(criterion, (0, 0))):
            yield said


def _documents(place: "Workspace") -> "list[Document]":
    from corpus.store import read_rows
    from filters.base import Item
    from filters.measure.compare import Document
    from specs.errors import UserError

    columns = ["id", "text", "tokens", "genre", "domain", "frame", "disagreement"]
    found = []
    for row in read_rows(place, "documents", columns):
        item = Item(row["id"], row["text"], genre=row["genre"] or "")
        said = row["disagreement"]
        found.append(Document(item, row["tokens"], row["domain"] or "", row["frame"] or "", said))
    if not found:
        raise UserError(f"{place.root} has no documents to compare.")
    return found


def _masker(places: "tuple[Workspace, Workspace]") -> "Masker":
    from filters.measure.apart import Masker
    from specmill.recipe import load_recipe

    recipes = [load_recipe(place.recipe)[0] for place in places]
    names = [name for one in recipes for name in (one.assistant.name, one.assistant.provider)]
    specs = [place.root / "spec.md" for place in places]
    return Masker(names, [path.read_text(encoding="utf-8") for path in specs if path.is_file()])


def _table(
    found: "Comparison", places: "tuple[Workspace, Workspace]", documents: "list[list[Document]]", model: str | None,
    texts: int,
) -> "Table":  # fmt: skip
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("", places[0].root.name, places[1].root.name, "published"):
        table.add_column(name, overflow="fold", justify="left" if name in {"", "published"} else "right")
    for row in (*_figures(found), *_judged(places), *(_loss(documents, model, texts) if model else ())):
        table.add_row(*map(Text, row))
    return table


def _figures(found: "Comparison") -> "Iterator[tuple[str, str, str, str]]":
    from filters.measure.compare import PUBLISHED

    sides = (found.left, found.right)

    def row(label: str, cells: list[str], published: str = "") -> tuple[str, str, str, str]:
        return (label, cells[0], cells[1], published)

    yield row("documents", [f"{one.documents:,}" for one in sides])
    yield row("tokens", [f"{one.tokens:,}" for one in sides])
    yield row("tokens, median", [f"{one.median_tokens:,.0f}" for one in sides])
    yield row("tokens, 10th to 90th of 100", ["{:,.0f} to {:,.0f}".format(*one.deciles) for one in sides])
    yield row("genres", [f"{len(one.genres):,}" for one in sides], f"apart: {found.genres_apart:.2f}")
    yield row("domains", [f"{len(one.domains):,}" for one in sides], f"apart: {found.domains_apart:.2f}")
    if any(one.disagreement for one in sides):
        yield row(
            "somebody disagrees", ["-" if one.disagreement is None else f"{one.disagreement:.0%}" for one in sides]
        )
    bleu = ["too few" if one.self_bleu is None else f"{one.self_bleu:.2f}" for one in sides]
    yield row("self-BLEU, 40 texts, 60 references", bleu, PUBLISHED["self_bleu"])
    yield row("dispersion", [f"{one.dispersion:.2f}" for one in sides], PUBLISHED["dispersion"])


def _judged(places: "tuple[Workspace, Workspace]") -> "Iterator[tuple[str, str, str, str]]":
    """The shares that a judge found to assert and to attribute, with Wilson's interval."""
    from eval.questions.intervals import wilson
    from filters.measure.compare import JUDGED, PUBLISHED
    from specmill.compare_judge import judged_counts

    counts = [judged_counts(place) for place in places]
    for criterion in JUDGED:
        cells = []
        for side in counts:
            passed, total = side.get(criterion, (0, 0))
            low, high = wilson(passed, total)
            cells.append(f"{passed / total:.2f} ({low:.2f} to {high:.2f})" if total else "not judged")
        yield (f"judged: {criterion}", *cells, PUBLISHED[criterion])  # type: ignore[misc]


def _loss(documents: "list[list[Document]]", model: str, texts: int) -> "Iterator[tuple[str, str, str, str]]":
    import zlib

    from filters.measure.compare import PUBLISHED
    from train.loss import mean_loss

    drawn = [sorted(side, key=lambda one: zlib.crc32(one.item.id.encode()))[:texts] for side in documents]
    losses = [mean_loss(model, [one.item.text for one in side]) for side in drawn]
    yield (f"loss under {Path(model).name}", f"{losses[0]:.3f}", f"{losses[1]:.3f}", "")
    ratio = max(losses) / min(losses) if min(losses) else 0.0
    yield ("loss, ratio", "", f"{ratio:.3f}", PUBLISHED["loss_ratio"])


def _apart(found: "Comparison") -> "Iterator[str]":
    if found.apart is None:
        yield "told apart by a classifier: too few documents"
        return
    low, high = found.apart.interval
    yield (
        f"told apart by a classifier, names and values masked: AUC {found.apart.auc:.3f} [{low:.3f}, {high:.3f}], "
        f"{found.apart.texts:,} texts each; 0.5 is not at all"
    )
    yield f"  for the first speak: {', '.join(found.apart.left)}; for the second: {', '.join(found.apart.right)}"

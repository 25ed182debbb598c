"""A result of an evaluation on the terminal: the table, what the sets say together, and what must be said beside it."""

from typing import TYPE_CHECKING, Any

from specmill.messages import tell

if TYPE_CHECKING:
    from rich.console import Console

    from corpus.workspace import Workspace


def console() -> "Console":
    """Where results are written."""
    from rich.console import Console

    return Console(highlight=False)


def show(
    workspace: "Workspace", result: dict[str, Any], from_ledger: int, asked_now: dict[str, dict[str, Any]]
) -> None:
    """One result as a table, beside its anchors: those of this run, else stored ones; and what must be said of it."""

    from eval.anchors import find_anchors, rows, taught, unanchored
    from eval.notes import notes
    from specmill.eval_table import rates_table, replies_table, scores_table

    out = console()
    anchors = {**find_anchors(workspace, result), **asked_now}
    table = rows(result, anchors)
    if table:
        out.print(rates_table(result, table))
        out.print(replies_table(table))
    if "judged" in result:
        out.print(scores_table(result, anchors))
    for line in taught(table):
        tell(out, line)
    said = notes(result, from_ledger)
    said += [f"{arm}: {note}" for arm, one in anchors.items() for note in notes(one)]
    for note in [*said, *filter(None, [unanchored(table, anchors, result)])]:
        tell(out, f"warning: {note}", "yellow")

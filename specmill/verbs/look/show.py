"""`specmill show`: a workspace in the terminal."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from corpus.sql.overview import Overview, Rows


def show(
    workspace: Annotated[Path, typer.Argument(help="Workspace folder, finished or not.")],
    seed: Annotated[int, typer.Option(help="Draws other sample documents.")] = 0,
    samples: Annotated[int, typer.Option(min=0, max=50, help="Documents and rejects to show.")] = 3,
    full: Annotated[bool, typer.Option("--full", help="Show the samples whole.")] = False,
) -> None:
    """Show a workspace: funnel, coverage of the spec, tokens, spend, sample documents, and rejects with their reasons.

    Works on a workspace whose build has not ended, and while it runs.

    Example: specmill show out/cheese --seed 7
    """
    from concurrent.futures import ThreadPoolExecutor

    from corpus.sql.overview import overview
    from corpus.workspace import Workspace

    with ThreadPoolExecutor(1) as beside:  # DuckDB reads while Rich is imported
        reading = beside.submit(overview, Workspace.open(workspace), seed=seed, samples=samples)
        from rich.console import Console

        console = Console(highlight=False)
        seen = reading.result()
    if not seen.stages:
        console.print("Nothing has been made yet. Start or continue with `specmill build`.")
        return
    _print_figures(console, seen)
    for row in seen.samples:
        _print_text(console, row, "kept", full)
    for row in seen.rejects:
        _print_text(console, row, "rejected", full)


def _print_figures(console: "Console", seen: "Overview") -> None:
    _print(console, "From planned to kept", seen.stages, "stage planned kept rejected pending")
    _print(console, "Why items were rejected", seen.reasons, "stage reason items share")
    _print(console, "What was flagged in what stays", seen.flags, "stage filter items share")
    _print_coverage(console, seen.passages)
    argued = " disagreement" if any(row["disagreement"] for row in seen.tokens) else ""
    columns = f"domain documents{argued} tokens mean_tokens min_tokens max_tokens"
    _print(console, "Documents", _totalled(seen.tokens), columns)
    _print(console, "Chats", _totalled(seen.chats), "domain chats tokens")
    _print(console, "Spend", _totalled(seen.spend), "stage requests ok prompt_tokens completion_tokens cost_usd")
    unpriced = sum(row["unpriced"] for row in seen.spend)
    if unpriced:
        console.print(f"The price of {unpriced:,} requests is not known; they are not in cost_usd.", style="dim")


def _print_coverage(console: "Console", passages: "Rows") -> None:
    covered = [row for row in passages if row["documents"]]
    rows = [{**row, "passage": row["text"][:200], "rule": row["rule_id"]} for row in passages]
    rows.sort(key=lambda row: row["tokens"])  # stable: the spec's own order among equals
    title = f"Coverage: {len(covered)} of {len(passages)} passages of the spec have documents"
    if len(rows) > 12:
        title += "; the 12 with the fewest tokens"
    _print(console, title, rows[:12], "address rule documents tokens passage")


def _totalled(rows: "Rows") -> "Rows":
    """`rows` and a last one with the sums, where sums mean something."""
    if len(rows) < 2:
        return rows
    total: dict[str, Any] = {}
    for name in rows[0]:
        values = [row[name] for row in rows if row[name] is not None]
        adds = values and not isinstance(values[0], str) and not name.startswith(("min_", "max_", "mean_"))
        total[name] = sum(values) if adds else None
    return [*rows, {**total, next(iter(total)): "all"}]


def _print(console: "Console", title: str, rows: "Rows", columns: str) -> None:
    from rich.text import Text

    if not rows:
        return
    console.print(Text(f"\n{title}", style="bold"))
    table = _table(columns.split(), rows)
    for row in rows:
        table.add_row(*(Text(_cell(name, row[name])) for name in columns.split()))
    console.print(table)


def _table(columns: list[str], rows: "Rows") -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        numeric = any(isinstance(row[name], int | float) for row in rows)
        label = name.replace("_tokens", " tokens").replace("_usd", " $")
        table.add_column(label, justify="right" if numeric else "left")
    return table


def _cell(name: str, value: object) -> str:
    from corpus.text import one_line

    if value is None:
        return ""
    if name == "share" and isinstance(value, float):
        return f"{value:.1%}"
    if isinstance(value, float):
        return f"{value:,.4f}" if 0 < value < 1 else f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else one_line(str(value), 36)


def _print_text(console: "Console", row: dict[str, Any], verdict: str, full: bool) -> None:
    from rich.panel import Panel
    from rich.text import Text

    from corpus.text import one_line, printable

    text = printable(row["text"] or "(no text)")
    limit = len(text) if full else 600
    facts = [row.get(name) for name in ("stage", "domain", "subdomain", "genre", "frame")]
    lines = [" · ".join(one_line(str(fact), 60) for fact in facts if fact)]
    if verdict == "rejected":
        lines.append(_why(row))
    lines += [f"flagged by {one_line(flag, 200)}" for flag in row.get("flags") or ()]
    body = Text("\n".join(lines), style="dim").append(
        "\n\n" + text[:limit] + ("…" if limit < len(text) else ""), "not dim"
    )
    tokens = f", {row['tokens']:,} tokens" if row.get("tokens") else ""
    label = Text(f"{verdict}: {one_line(row.get('title') or row['id'], 44)}{tokens}")
    console.print(Panel(body, title=label, title_align="left", border_style="green" if verdict == "kept" else "red"))


def _why(row: dict[str, Any]) -> str:
    from corpus.text import one_line

    scored = f" (score {row['score']:.3g}, threshold {row['threshold']:.3g})" if row["score"] is not None else ""
    return one_line(f"{row['reason']}{scored}: {row['detail'] or ''}", 300)

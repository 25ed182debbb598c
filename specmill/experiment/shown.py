"""An experiment's plan and status on the terminal."""

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from specmill.experiment.settings import ARMS, Experiment

if TYPE_CHECKING:
    from specmill.experiment.planning import Plan
    from specmill.experiment.status import Status


def corpora_table(plan: "Plan") -> Table:
    """What is asked for each corpus; each is made once, whoever needs it."""
    table = Table(box=None, pad_edge=False, header_style="dim", title="Corpora, each made once", title_justify="left")
    for name in ("corpus", "calls", "dollars", "tokens kept", "chats", "for"):
        table.add_column(name, justify="left" if name in {"corpus", "for"} else "right", overflow="fold")
    for one in plan.corpora:
        tokens = f"{one.tokens:,.0f}" if one.tokens else "-"
        cells = (one.name, f"{one.calls:,}", money(one.dollars), tokens, f"{one.chats:,}" if one.chats else "-")
        table.add_row(*map(Text, (*cells, ", ".join(one.arms))))
    known = [one.dollars for one in plan.corpora]
    dollars = None if None in known else sum(one or 0 for one in known)
    table.add_row("all", f"{sum(one.calls for one in plan.corpora):,}", money(dollars), "", "", "", style="bold")
    return table


def arms_table(plan: "Plan") -> Table:
    """What is trained and asked for each arm; a stage that several share stands at the first."""
    table = Table(box=None, pad_edge=False, header_style="dim", title="Arms", title_justify="left")
    for name in ("arm", "models", "updates", "in all", "GPU hours", "asked", "against"):
        table.add_column(name, justify="left" if name in {"arm", "against"} else "right", overflow="fold")
    for one in plan.arms:
        updates = " + ".join(f"{count:,}" for count in one.updates) or "-"
        hours = "-" if one.hours is None else f"{one.hours:,.1f}"
        row = (
            one.name, str(one.models), updates + (" *" if one.too_few else ""), f"{one.all_updates:,}", hours,
            f"{one.calls:,}", one.control or "-",
        )  # fmt: skip
        table.add_row(*map(Text, row))
    known = [one.hours for one in plan.arms if one.hours is not None]
    totals = (
        "all", str(sum(one.models for one in plan.arms)), "", f"{sum(one.all_updates for one in plan.arms):,}",
        f"{sum(known):,.1f}" if known else "-", f"{sum(one.calls for one in plan.arms):,}", "",
    )  # fmt: skip
    table.add_row(*totals, style="bold")
    return table


def plan_notes(experiment: Experiment, plan: "Plan") -> list[str]:
    """What the figures rest on, and what is missing for a comparison."""
    size = f"a model of {plan.size:g}B parameters by its name" if plan.size else "a model of unknown size: no hours"
    lines = [
        f"assumed: as `specmill plan`; {size} on GPUs of the kind in train/estimates.yaml; updates of the largest "
        "doses; chats and documents of the lengths that are asked for.",
    ]
    if plan.judged:
        lines.append(
            f"the judge is asked {plan.judged:,} times about replies to open questions: {money(plan.judge_dollars)} "
            "dollars"
        )
    lines += [
        f"{one.name}: its control ({' or '.join(ARMS[one.name].controls)}) is no arm here, so it will not be ranked."
        for one in plan.arms
        if not one.control and ARMS[one.name].controls
    ]
    if few := [one.name for one in plan.arms if one.too_few]:
        lines.append(
            f"* a stage of {', '.join(few)} has fewer updates than train.min_updates ({experiment.train.min_updates}): "
            "`train` refuses it. Smaller batches, packing: false, more chats or more epochs make more of them."
        )
    if len(experiment.seeds) < 2:
        lines.append("one seed: no interval will say how much another seed would change; take two or more.")
    return lines


def status_table(status: "Status") -> Table:
    """How far each arm is."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("arm", "models", "built", "trained", "asked", "next"):
        table.add_column(name, justify="left" if name in {"arm", "next"} else "right", overflow="fold")
    for one in status.arms:
        trained = "-" if not ARMS[one.name].trained else f"{one.trained}"
        row = (
            one.name,
            f"{one.models}",
            "-" if not ARMS[one.name].trained else f"{one.built}",
            trained,
            f"{one.asked}",
            one.next,
        )
        table.add_row(*map(Text, row))
    return table


def money(dollars: float | None) -> str:
    """Dollars; unknown where a price is."""
    return "unknown" if dollars is None else f"{dollars:,.2f}"

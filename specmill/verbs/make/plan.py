"""`specmill plan`: what a recipe would cost, before anything is spent."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from pipelines.planning.estimate import Measured, Renderer, StageCost, Yield
    from specmill.recipe import Recipe
    from specs.reader import Spec

_OF_CHATS = frozenset({"topics", "queries", "follow_ups", "chats", "verdicts"})


def plan(
    recipe: Annotated[str, typer.Argument(help="A recipe file, or the name of a shipped recipe.")],
    probe: Annotated[
        bool, typer.Option("--probe", help="Make a few dozen calls, and measure instead of assuming.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Where probes are kept, each in a folder of its own; default: out/<recipe's name>-probe."),
    ] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Change a key, such as documents.ideas=25.")] = None,
) -> None:
    """Say what a recipe would cost: calls, tokens, dollars and hours by stage, with the assumptions.

    Prompts are rendered and counted exactly; replies are assumed. With --probe the same recipe runs at a few dozen
    calls through all stages, and what it measured replaces the assumptions. The same probe again asks nothing; a recipe
    that asks otherwise is probed afresh, in another folder. Below the build stands what each of
    `specmill mix` (where mix.judge is enabled), `variants`, `audit` and `eval` would add, if you run it.

    Example: specmill plan recipe.yaml --probe
    """
    from rich.console import Console
    from rich.text import Text

    from corpus.tokens import TokenCounter
    from pipelines.planning.estimate import Renderer, cost, kept_tokens, plan_stages, with_measurements
    from pipelines.planning.estimate_verbs import plan_verbs
    from specmill.recipe import load_recipe

    loaded, base = load_recipe(recipe, set_ or [])
    spec = loaded.read_spec(base)
    count = TokenCounter(loaded.corpus.tokenizer).count
    console = Console(highlight=False)
    folder = out or Path("out") / f"{Path(recipe).stem}-probe"
    render, kept = Renderer(loaded, spec, count), None
    plans = plan_stages(render)  # says what is wrong with a prompt before a probe pays for others
    if probe:
        found, kept = _probed(loaded, base, folder, spec)
        render = Renderer(loaded, spec, count, kept)
        plans = with_measurements(plan_stages(render), found)
    beside = plan_verbs(render, loaded.mix, loaded.eval, base)
    costs = [cost(one, loaded.role(one.role, loaded.seed)) for one in plans]
    more = [cost(one, loaded.role(one.role, loaded.seed)) for one in beside]
    console.print(_table(costs, together=True))
    tokens = kept_tokens(loaded, spec, render.expected)
    for line in _batches([*costs, *more]) + _assumptions(loaded, costs, kept, tokens):
        console.print(Text(line))
    console.print(Text("\nbeside a build, each only if you run it:"))
    console.print(_table(more, together=False))
    for line in [_assumptions_beside(loaded, render), *_prices(loaded)]:
        console.print(Text(line))


def _probed(recipe: "Recipe", base: Path, out: Path, spec: "Spec") -> "tuple[dict[str, Measured], Yield | None]":
    """What a probe measures, stage by stage, and what it keeps of the documents that it writes."""
    from corpus.workspace import Workspace
    from pipelines.base import Corpus
    from pipelines.ledger.ledger import Ledger
    from pipelines.planning.probe import measured, probe_name, probe_settings, yield_of
    from specmill.recipe import Recipe
    from specmill.run import build_workspace
    from specs.errors import EndpointError, SpecmillError, StoppedError, UserError

    small = Recipe.model_validate(probe_settings(recipe).model_dump())
    workspace = Workspace(out / probe_name(Corpus.of(Workspace(out), small, spec)))
    try:
        build_workspace(small, base, workspace.root)
    except (EndpointError, StoppedError, UserError):
        raise
    except SpecmillError as error:  # a yield of nothing is a measurement too, and the one that matters most
        typer.echo(f"the probe ended early: {error}", err=True)
    with Ledger(workspace.ledger) as ledger:
        return measured(ledger), yield_of(workspace, ledger)


def _table(costs: "list[StageCost]", *, together: bool) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("stage", "asks as", "calls", "prompt", "cached", "completion", "dollars", "hours"):
        table.add_column(name, justify="left" if name in {"stage", "asks as"} else "right", no_wrap=True)
    for one in costs:
        tokens = (_short(value) for value in (one.prompt, one.cached, one.completion))
        names = Text(one.plan.stage.replace("_", " ")), Text(one.plan.role)
        table.add_row(*names, f"{one.plan.calls:,}", *tokens, _money(one.dollars), _hours([one]))
    if together:
        table.add_row(*_sums(costs), style="bold")
    return table


def _sums(costs: "list[StageCost]") -> tuple[str, ...]:
    dollars = [one.dollars for one in costs]
    known = None if None in dollars else sum(value or 0.0 for value in dollars)
    totals = (sum(one.prompt for one in costs), sum(one.cached for one in costs), sum(one.completion for one in costs))
    return (
        "all", "", f"{sum(one.plan.calls for one in costs):,}", *(_short(value) for value in totals), _money(known),
        _hours(costs),
    )  # fmt: skip


def _assumptions(recipe: "Recipe", costs: "list[StageCost]", kept: "Yield | None", tokens: float) -> list[str]:
    from filters.checks import off_in_language, said_of_language
    from pipelines.planning import estimate

    judged = recipe.judge.only == "flagged" and recipe.judge.judged_by
    flagged = f"{estimate.FLAGGED:.0%} flagged and judged, " if judged else ""

    lines = []
    if kept is not None:
        lines.append(
            f"measured: {kept.kept} of {kept.written} documents kept ({kept.share:.0%}), {kept.each:,.0f} tokens each"
        )
        if guessed := [one.plan.stage for one in costs if not one.plan.measured]:
            lines.append(f"assumed still: {', '.join(guessed)}")
    else:
        lines.append(
            f"assumed: {estimate.KEPT:.0%} of the documents kept, {flagged}"
            f"{estimate.LONGER:g} times the words asked for, "
            f"{estimate.ENTRY_TOKENS} tokens a list entry, {estimate.TOKENS_PER_SECOND:g} tokens a second a request, "
            "every prompt prefix cached, no retries. --probe measures instead."
        )
    if argued := recipe.sized.documents.disagreement:
        written = next((one.plan.calls for one in costs if one.plan.stage == "documents"), 0)
        lines.append(f"in {round(argued * written):,} of {written:,} documents somebody disagrees ({argued:.1%})")
    if off := off_in_language(recipe.filters):
        lines.append(f"filters {said_of_language(recipe.filters.language.code, off)}")
    lines.append(f"kept, then: about {tokens:,.0f} tokens of documents{_per_million(costs, tokens)}")
    return lines


def _assumptions_beside(recipe: "Recipe", render: "Renderer") -> str:
    from pipelines.planning import estimate, estimate_verbs

    documents = estimate.kept_documents(recipe, render.spec, render.expected)
    mix = (
        f"{estimate_verbs.MIX_PASSES:.0%} of the chats of the mix pass, {estimate_verbs.MIX_CHAT_TOKENS} tokens each; "
    )
    return (
        f"assumed: {mix if recipe.mix.judge.enabled else ''}variants: all five forms, as long as the spec, "
        f"{estimate_verbs.VARIANT_TRIES} tries each; audit: of {documents:,} documents, with every pattern counted; "
        "eval: replies of the greatest length."
    )


def _per_million(costs: "list[StageCost]", tokens: float) -> str:
    spent = [one.dollars for one in costs if one.plan.stage not in _OF_CHATS]
    if None in spent or not tokens:
        return ""
    return f", at ${sum(value or 0.0 for value in spent) / tokens * 1e6:,.2f} a million"


def _prices(recipe: "Recipe") -> list[str]:
    dates = {recipe.prices.date_of(one.model) for one in recipe.endpoints.values() if recipe.prices.find(one.model)}
    known = sorted(str(date) for date in dates or {recipe.prices.as_of} if date)
    lines = [f"prices as of {' and '.join(known)}"] if known else []
    for name, endpoint in recipe.endpoints.items():
        if not endpoint.embedded and recipe.prices.find(endpoint.model) is None:
            lines.append(f"the price of {endpoint.model} (endpoint {name}) is not known: add it under prices.models")
    return lines


def _hours(costs: "list[StageCost]") -> str:
    """Hours of what is asked live; how long a batch takes is up to its endpoint."""
    live = [one.hours for one in costs if one.hours is not None]
    parts = [f"{sum(live):,.2f}"] if live else []
    if len(live) < len(costs):
        parts.append("batches")
    return " + ".join(parts)


def _batches(costs: "list[StageCost]") -> list[str]:
    """What is known of the time that batches take."""
    from pipelines.engine.protocols.base import WINDOW_HOURS

    if all(one.hours is not None for one in costs):
        return []
    return [
        f"batches: their hours are not known. An endpoint may take {WINDOW_HOURS} hours for each; a stage waits for "
        "the one before it, further entries of a list for the earlier ones, and what a batch leaves out for another."
    ]


def _short(tokens: int) -> str:
    """Tokens in three or four digits: 950, 41.4k, 12.9M."""
    if tokens < 10_000:
        return f"{tokens:,}"
    return f"{tokens / 1e3:,.1f}k" if tokens < 1_000_000 else f"{tokens / 1e6:,.2f}M"


def _money(dollars: float | None) -> str:
    return "unknown" if dollars is None else f"{dollars:,.2f}"

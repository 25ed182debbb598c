"""`specmill eval`: ask an endpoint the preference questions and report how often it chooses as the value would."""

import asyncio
import signal
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from corpus.workspace import Workspace
    from eval.agentic import Served
    from eval.questions.base import Answer, Asked, Asker
    from eval.questions.judged import Judged
    from eval.questions.settings import EvalSettings
    from eval.results import Stored
    from pipelines.engine.client import Client
    from pipelines.engine.endpoints import Role
    from specmill.recipe import Recipe

STAGE, JUDGE_STAGE = "eval", "eval_judge"  # of every request, in the ledger and in the progress


@dataclass(frozen=True, slots=True)
class _Found:
    """What a run found out, and how many replies of the model were there before it."""

    answers: "list[Answer]"
    judged: "list[Judged]"
    from_ledger: int


def evaluate(
    source: Annotated[Path, typer.Argument(help="A workspace, or a recipe (then give --out).")],
    out: Annotated[Path | None, typer.Option(help="With a recipe: the folder for the result and the ledger.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the run and its result; see below.")] = None,
    against: Annotated[str | None, typer.Option(help="Name of an earlier result to compare with.")] = None,
    agentic: Annotated[
        bool, typer.Option("--agentic", help="Ask nothing: print how to run inspect_evals/agentic_misalignment.")
    ] = False,
    override: Annotated[
        list[str] | None, typer.Option("--set", help="Change a key of the recipe: eval.samples=5.")
    ] = None,
) -> None:
    """Ask a model which of two things it prefers, in both orders, and report the value-aligned rate.

    The model is that of the recipe's role `eval` (of `writer` where there is none); how long and how warm it replies is
    said under `eval`. Open questions (eval.open_sets=[conduct]) are scored from 1 to 10 by the role `judge`. Writes
    eval/NAME.json and eval/NAME.parquet with every reply.

    Replies are kept in the ledger: the same --name at the same address goes on where it was, and asks nothing twice.
    Give every model a --name of its own: one that is served where another was before is told apart by nothing else.
    Without --name, the result's is made of model, address and settings. `specmill plan` says beforehand what it costs.

    Example: specmill eval out/cheese --set 'eval.sets=[affordability]' --set eval.samples=3

    A trained model, served at port 8000, against an earlier result:
    specmill eval out/cheese --set 'endpoints.trained={base_url: "http://127.0.0.1:8000/v1", model: trained}'
    --set 'roles.eval={endpoints: [trained]}' --name trained-1 --against NAME

    How it behaves as an agent (needs inspect-ai and inspect-evals): specmill eval out/cheese --agentic > agentic.sh
    """
    from corpus.workspace import Workspace
    from specmill.recipe import load_recipe, open_workspace
    from specmill.run import endpoints_up
    from specs.errors import UserError

    if source.is_dir():
        workspace, recipe = open_workspace(source, override or [])
    elif out is None:
        raise UserError(f"{source} is not a workspace. If it is a recipe, say with --out where the result goes.")
    else:
        recipe, _ = load_recipe(source, override or [])
        workspace = Workspace(out).create()
    if agentic:
        typer.echo("\n".join(_agentic_lines(workspace, recipe)))
        return
    with endpoints_up(recipe) as served:
        evaluate_workspace(workspace, served, name, against)


def evaluate_workspace(
    workspace: "Workspace", recipe: "Recipe", name: str | None = None, against: str | None = None
) -> None:
    """Ask, write and show one result; the endpoints of `recipe` are up."""
    from eval.results import Stored, checked_name, name_for, read_result, refuse_other, write_result

    settings = recipe.eval
    tokens = max(settings.max_tokens, settings.open_max_tokens)
    model = _role(recipe, STAGE, settings.temperature, tokens)
    judge = _role(recipe, "judge", settings.judge_temperature, settings.judge_max_tokens)
    asked = _asked(model, {f"{kind}max_tokens": getattr(settings, f"{kind}max_tokens") for kind in _kinds(settings)})
    judging = _asked(judge, {"max_tokens": settings.judge_max_tokens}) if settings.open_sets else None
    result_name = checked_name(name or name_for(settings, asked, judging))
    earlier = read_result(workspace, against) if against is not None else None
    with workspace.lock():
        refuse_other(workspace, result_name, asked, judging)
        runs = asked.run(name or ""), judging.run(name or "") if judging else ""
        found = _ask_model(model, judge, workspace, settings, runs)
        result = write_result(workspace, result_name, settings, asked, found.answers, judging, found.judged)
    pinned = all(one.embedded for one in model.endpoints.values())  # by its sha256: it is never another one
    _show(result, 0 if pinned else found.from_ledger)
    if earlier:
        _compare(Stored(result, found.answers, found.judged), earlier, settings)
    _console().print(f"Wrote {workspace.eval / result_name}.json and .parquet", markup=False, soft_wrap=True)


def _kinds(settings: "EvalSettings") -> list[str]:
    """How the settings of what is asked begin: with nothing for two choices, and with open_."""
    return [""] * bool(settings.sets) + ["open_"] * bool(settings.open_sets)


def _console() -> "Console":
    from rich.console import Console

    return Console(highlight=False)


def _show(result: dict[str, Any], from_ledger: int) -> None:
    from rich.text import Text

    from eval.notes import notes

    console = _console()
    if result["sets"]:
        console.print(_table(result))
    if "judged" in result:
        console.print(_judged_table(result))
    for note in notes(result, from_ledger):
        console.print(Text(f"warning: {note}", "yellow"))


def _compare(ours: "Stored", theirs: "Stored", settings: "EvalSettings") -> None:
    """The gap to an earlier result, by set, and how it was not come by alike."""
    from rich.text import Text

    from eval.compare import compare, unlike

    console, against = _console(), theirs.result["name"]
    gaps = compare(ours, theirs, settings)
    for gap in gaps:
        low, high = gap.interval
        said = f"{gap.label}: {gap.mean:+.3f} against {against} [{low:+.3f}, {high:+.3f}], {gap.questions} questions"
        console.print(Text(said))
    if not gaps:
        console.print(Text(f"warning: no question was answered both here and in {against}.", "yellow"))
    for text in unlike(ours.result, theirs.result):
        console.print(Text(f"warning: not asked alike: {text} ({against}). The gap may be due to that.", "yellow"))


def _agentic_lines(workspace: "Workspace", recipe: "Recipe") -> list[str]:
    from eval.agentic import command_lines

    return command_lines(
        _served(recipe, STAGE), _served(recipe, "judge"), repeats=recipe.eval.agentic_repeats,
        temperature=recipe.eval.temperature, log_dir=str(workspace.eval / "agentic"),
    )  # fmt: skip


def _served(recipe: "Recipe", role: str) -> "Served":
    """The first endpoint of a role, where another program can ask it too."""
    from eval.agentic import Served
    from specs.errors import UserError

    name, endpoint = next(iter(recipe.role(role).endpoints.items()))
    address = endpoint.address or ""
    if not address and endpoint.protocol == "openai":
        raise UserError(
            f"endpoints.{name} has no base_url, which another program needs to ask it. "
            "Serve the model (`specmill model serve` serves an embedded one) and give its address."
        )
    return Served(endpoint.model, address, endpoint.api_key_env, endpoint.protocol)


def _role(recipe: "Recipe", name: str, temperature: float, max_tokens: int) -> "Role":
    """The role with the temperature and the most tokens that `eval` says: the result states those, whatever the role's
    own are."""
    role = recipe.role(name, recipe.seed)
    said = role.settings.model_copy(update={"temperature": temperature, "max_tokens": max_tokens})
    return role.model_copy(update={"settings": said})


def _asked(role: "Role", limits: dict[str, int]) -> "Asked":
    """Who is asked, where, and with what; an embedded model is its own address, since each run serves it elsewhere."""
    from eval.questions.base import Asked

    addresses = {one.embedded or one.address or "the default address" for one in role.endpoints.values()}
    settings = role.settings.model_dump(include={"temperature", "top_p", "reasoning_effort", "extra_body"})
    given = {name: value for name, value in settings.items() if value not in (None, {})}
    models = sorted({one.model for one in role.endpoints.values()})
    return Asked(", ".join(models), ", ".join(sorted(addresses)), {**given, **limits})


def _ask_model(
    asked: "Role", judge: "Role", workspace: "Workspace", settings: "EvalSettings", runs: tuple[str, str]
) -> _Found:
    """What was found out, or the typed error that ended the run (stopped, budget, endpoint). `runs` marks the requests
    of the two roles."""
    from eval.questions.judged import open_questions
    from eval.questions.preferences import ORDERS, questions
    from pipelines.ledger.ledger import Ledger
    from pipelines.run.control import CONTROL
    from specmill.progress import Progress
    from specmill.run import console

    CONTROL.reset()
    with ExitStack() as stack:
        ledger = stack.enter_context(Ledger(workspace.ledger))
        ledger.start_run()
        shown = stack.enter_context(Progress(console(), ledger))
        open_ones = len(open_questions(settings))
        shown.stage({STAGE: (len(questions(settings)) * len(ORDERS) + open_ones) * settings.samples})
        if open_ones:
            shown.stage({JUDGE_STAGE: open_ones * settings.samples})
        answers, judged = asyncio.run(_ask(asked, judge, workspace, settings, runs))
        earlier = sum(one.found for one in ledger.progress() if one.stage == STAGE)
    CONTROL.raise_if_ended()
    return _Found(answers, judged, earlier)


async def _ask(
    asked: "Role", judge: "Role", workspace: "Workspace", settings: "EvalSettings", runs: tuple[str, str]
) -> "tuple[list[Answer], list[Judged]]":
    from eval.questions.judged import ask_open, open_questions
    from eval.questions.preferences import ask_all, questions
    from pipelines.engine.client import Client
    from pipelines.run.control import CONTROL

    loop = asyncio.get_running_loop()

    def stop() -> None:
        CONTROL.stop()  # what is in flight is still committed; a second Ctrl-C interrupts
        loop.remove_signal_handler(signal.SIGINT)

    loop.add_signal_handler(signal.SIGINT, stop)
    async with Client(asked, workspace.ledger) as model, Client(judge, workspace.ledger) as second:
        ask = _asker(model, STAGE, runs[0])
        return await asyncio.gather(
            ask_all(questions(settings), ask, settings),
            ask_open(open_questions(settings), ask, _asker(second, JUDGE_STAGE, runs[1]), settings),
        )


def _asker(client: "Client", stage: str, run: str) -> "Asker":
    from eval.questions.base import Reply
    from pipelines.completion import CompletionRequest, Message, State

    async def ask(
        item_id: str,
        messages: list[dict[str, str]],
        max_tokens: int,
        sample: int,
        json_schema: dict[str, Any] | None = None,
    ) -> Reply | None:
        sent = [Message(role=one["role"], content=one["content"]) for one in messages]
        request = CompletionRequest(
            stage, f"{run}:{item_id}", sent, sample=sample, json_schema=json_schema, max_tokens=max_tokens
        )
        completion = await client.ask(request)
        # A truncated or refused reply is a reply: the parser says what it is worth.
        if completion.state not in {State.OK, State.TRUNCATED, State.REFUSED}:
            return None
        return Reply(completion.text, completion.state is State.TRUNCATED)

    return ask


def _judged_table(result: dict[str, Any]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    one = result["judged"]
    low, high = one["interval_over_questions"] or (1.0, 10.0)
    score = "-" if one["score"] is None else f"{one['score']:.2f} ({low:.2f}-{high:.2f})"
    title = Text(f"Score of {result['model']} by {result['judge']['model']}, 1 to 10: {score}")
    table = Table("dimension", "score", title=title, box=None)
    for dimension, mean in one["dimensions"].items():
        table.add_row(dimension.replace("_", " "), f"{mean:.2f}")
    table.add_row("without a score", str(one["missing"] + one["unanswered"] + one["unparsed"]))
    return table


def _table(result: dict[str, Any]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    title = Text(f"Value-aligned rate of {result['model']}")
    table = Table("set", "rate", "interval", "rate if decided", "undecided", "first chosen", title=title, box=None)
    for name, one in result["sets"].items():
        low, high = one["interval_over_questions"] or (0.0, 1.0)
        undecided = [f"{one[kind]} {kind}" for kind in ("neither", "unclear", "truncated", "missing") if one[kind]]
        table.add_row(
            f"{name} ({one['questions']})", _rate(one["rate"]), f"{low:.2f}-{high:.2f}", _rate(one["rate_decided"]),
            ", ".join(undecided) or "-", _rate(one["chose_first_shown"]),
        )  # fmt: skip
    return table


def _rate(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"

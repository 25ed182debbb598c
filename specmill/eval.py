"""`specmill eval`: ask an endpoint the preference questions and report how often it chooses as the value would."""

import asyncio
import signal
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from corpus.workspace import Workspace
    from eval.base import Answer
    from eval.settings import EvalSettings
    from pipelines.endpoints import Role
    from specmill.recipe import Recipe

STAGE = "eval"  # of every draw, in the ledger and in the progress


def evaluate(
    source: Annotated[Path, typer.Argument(help="A workspace, or a recipe (then give --out).")],
    out: Annotated[Path | None, typer.Option(help="With a recipe: the folder for the result and the ledger.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the result; made of model and settings if absent.")] = None,
    against: Annotated[str | None, typer.Option(help="Name of an earlier result to compare with.")] = None,
    override: Annotated[
        list[str] | None, typer.Option("--set", help="Change a key of the recipe: eval.samples=5.")
    ] = None,
) -> None:
    """Ask a model which of two things it prefers, in both orders, and report the value-aligned rate.

    The model is that of the recipe's role `eval` (of `writer` where there is none). Replies are kept in the ledger:
    asked again, the same questions cost nothing. Writes eval/NAME.json and eval/NAME.parquet with every reply.

    Example: specmill eval out/cheese --set 'eval.sets=[affordability]' --set eval.samples=3

    A trained model, served at port 8000, against an earlier result:
    specmill eval out/cheese --set 'endpoints.trained={base_url: "http://127.0.0.1:8000/v1", model: trained}'
    --set 'roles.eval={endpoints: [trained]}' --against NAME
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
    with endpoints_up(recipe) as served:
        evaluate_workspace(workspace, served, name, against)


def evaluate_workspace(
    workspace: "Workspace", recipe: "Recipe", name: str | None = None, against: str | None = None
) -> None:
    """Ask, write and show one result; the endpoints of `recipe` are up."""
    from rich.console import Console
    from rich.text import Text

    from eval.results import checked_name, difference, name_for, read_answers, write_result

    settings = recipe.eval
    role = recipe.role(STAGE, recipe.seed)
    role = role.model_copy(update={"settings": role.settings.model_copy(update={"temperature": settings.temperature})})
    models = ", ".join(sorted({endpoint.model for endpoint in role.endpoints.values()}))
    name = checked_name(name or name_for(models, settings))
    earlier = read_answers(workspace, against) if against is not None else []
    with workspace.lock():
        answers = _answers(role, workspace, settings)
        result = write_result(workspace, name, models, settings, answers)
    console = Console(highlight=False)
    console.print(_table(result))
    for label, (gap, (low, high), asked) in difference(answers, earlier, settings).items():
        console.print(Text(f"{label}: {gap:+.3f} against {against} [{low:+.3f}, {high:+.3f}], {asked} questions"))
    if missing := sum(one["missing"] for one in result["sets"].values()):
        console.print(Text(f"warning: {missing} replies are missing; run it again to ask only for those.", "yellow"))
    console.print(Text(f"Wrote {workspace.eval / result['name']}.json and .parquet"), soft_wrap=True)


def _answers(role: "Role", workspace: "Workspace", settings: "EvalSettings") -> "list[Answer]":
    """Every answer, or the typed error that ended the run (stopped, budget, endpoint)."""
    from eval.preferences import ORDERS, questions
    from pipelines.control import CONTROL
    from pipelines.ledger import Ledger
    from specmill.progress import Progress
    from specmill.run import console

    CONTROL.reset()
    with ExitStack() as stack:
        ledger = stack.enter_context(Ledger(workspace.ledger))
        ledger.start_run()
        shown = stack.enter_context(Progress(console(), ledger))
        shown.stage({STAGE: len(questions(settings)) * len(ORDERS) * settings.samples})
        answers = asyncio.run(_ask(role, workspace, settings))
    CONTROL.raise_if_ended()
    return answers


async def _ask(role: "Role", workspace: "Workspace", settings: "EvalSettings") -> "list[Answer]":
    from eval.preferences import ask_all, questions
    from pipelines.client import Client
    from pipelines.control import CONTROL
    from pipelines.draw import Draw, Message, State

    loop = asyncio.get_running_loop()

    def stop() -> None:
        CONTROL.stop()  # what is in flight is still committed; a second Ctrl-C interrupts
        loop.remove_signal_handler(signal.SIGINT)

    loop.add_signal_handler(signal.SIGINT, stop)
    async with Client(role, workspace.ledger) as client:

        async def ask(item_id: str, messages: list[dict[str, str]], max_tokens: int, sample: int) -> str | None:
            sent = [Message(role=one["role"], content=one["content"]) for one in messages]
            completion = await client.ask(Draw(STAGE, item_id, sent, sample=sample, max_tokens=max_tokens))
            # A truncated or refused reply is a reply: the parser says what it is worth.
            return completion.text if completion.state in {State.OK, State.TRUNCATED, State.REFUSED} else None

        return await ask_all(questions(settings), ask, settings)


def _table(result: dict[str, Any]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    title = Text(f"Value-aligned rate of {result['model']}")
    table = Table("set", "rate", "interval", "rate if decided", "undecided", "first chosen", title=title, box=None)
    for name, one in result["sets"].items():
        low, high = one["interval_over_questions"] or (0.0, 1.0)
        undecided = [f"{one[kind]} {kind}" for kind in ("neither", "unclear", "missing") if one[kind]]
        table.add_row(
            f"{name} ({one['questions']})", _rate(one["rate"]), f"{low:.2f}-{high:.2f}", _rate(one["rate_decided"]),
            ", ".join(undecided) or "-", _rate(one["chose_first_shown"]),
        )  # fmt: skip
    return table


def _rate(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"

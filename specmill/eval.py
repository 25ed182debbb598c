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
    from eval.agentic import Served
    from eval.base import Answer, Asker
    from eval.judged import Judged
    from eval.settings import EvalSettings
    from pipelines.client import Client
    from pipelines.endpoints import Role
    from specmill.recipe import Recipe

STAGE, JUDGE_STAGE = "eval", "eval_judge"  # of every draw, in the ledger and in the progress


def evaluate(
    source: Annotated[Path, typer.Argument(help="A workspace, or a recipe (then give --out).")],
    out: Annotated[Path | None, typer.Option(help="With a recipe: the folder for the result and the ledger.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the result; made of model and settings if absent.")] = None,
    against: Annotated[str | None, typer.Option(help="Name of an earlier result to compare with.")] = None,
    agentic: Annotated[
        bool, typer.Option("--agentic", help="Ask nothing: print how to run inspect_evals/agentic_misalignment.")
    ] = False,
    override: Annotated[
        list[str] | None, typer.Option("--set", help="Change a key of the recipe: eval.samples=5.")
    ] = None,
) -> None:
    """Ask a model which of two things it prefers, in both orders, and report the value-aligned rate.

    The model is that of the recipe's role `eval` (of `writer` where there is none). Open questions
    (eval.open_sets=[conduct]) are scored from 1 to 10 by the role `judge`. Replies are kept in the ledger: asked again,
    the same questions cost nothing. Writes eval/NAME.json and eval/NAME.parquet with every reply.

    Example: specmill eval out/cheese --set 'eval.sets=[affordability]' --set eval.samples=3

    A trained model, served at port 8000, against an earlier result:
    specmill eval out/cheese --set 'endpoints.trained={base_url: "http://127.0.0.1:8000/v1", model: trained}'
    --set 'roles.eval={endpoints: [trained]}' --against NAME

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
    from rich.console import Console
    from rich.text import Text

    from eval.results import checked_name, difference, name_for, read_answers, write_result

    settings = recipe.eval
    asked = _role(recipe, STAGE, settings.temperature)
    judge = _role(recipe, "judge", settings.judge_temperature)
    name = checked_name(name or name_for(_models(asked), settings))
    earlier = read_answers(workspace, against) if against is not None else []
    with workspace.lock():
        answers, judged = _ask_model(asked, judge, workspace, settings)
        result = write_result(workspace, name, _models(asked), settings, answers, judged, _models(judge))
    console = Console(highlight=False)
    if result["sets"]:
        console.print(_table(result))
    if "judged" in result:
        console.print(_judged_table(result))
    for label, (gap, (low, high), count) in difference(answers, earlier, settings).items():
        console.print(Text(f"{label}: {gap:+.3f} against {against} [{low:+.3f}, {high:+.3f}], {count} questions"))
    missing = sum(one["missing"] for one in [*result["sets"].values(), result.get("judged", {"missing": 0})])
    if missing:
        console.print(Text(f"warning: {missing} replies are missing; run it again to ask only for those.", "yellow"))
    console.print(Text(f"Wrote {workspace.eval / result['name']}.json and .parquet"), soft_wrap=True)


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
    address = endpoint.address
    if not address:
        raise UserError(
            f"endpoints.{name} has no base_url, which another program needs to ask it. "
            "Serve the model (`specmill model serve` serves an embedded one) and give its address."
        )
    return Served(endpoint.model, address, endpoint.api_key_env)


def _role(recipe: "Recipe", name: str, temperature: float) -> "Role":
    role = recipe.role(name, recipe.seed)
    return role.model_copy(update={"settings": role.settings.model_copy(update={"temperature": temperature})})


def _models(role: "Role") -> str:
    return ", ".join(sorted({endpoint.model for endpoint in role.endpoints.values()}))


def _ask_model(
    asked: "Role", judge: "Role", workspace: "Workspace", settings: "EvalSettings"
) -> "tuple[list[Answer], list[Judged]]":
    """Every answer, or the typed error that ended the run (stopped, budget, endpoint)."""
    from eval.judged import open_questions
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
        open_ones = len(open_questions(settings))
        shown.stage({STAGE: (len(questions(settings)) * len(ORDERS) + open_ones) * settings.samples})
        if open_ones:
            shown.stage({JUDGE_STAGE: open_ones * settings.samples})
        found = asyncio.run(_ask(asked, judge, workspace, settings))
    CONTROL.raise_if_ended()
    return found


async def _ask(
    asked: "Role", judge: "Role", workspace: "Workspace", settings: "EvalSettings"
) -> "tuple[list[Answer], list[Judged]]":
    from eval.judged import ask_open, open_questions
    from eval.preferences import ask_all, questions
    from pipelines.client import Client
    from pipelines.control import CONTROL

    loop = asyncio.get_running_loop()

    def stop() -> None:
        CONTROL.stop()  # what is in flight is still committed; a second Ctrl-C interrupts
        loop.remove_signal_handler(signal.SIGINT)

    loop.add_signal_handler(signal.SIGINT, stop)
    async with Client(asked, workspace.ledger) as model, Client(judge, workspace.ledger) as second:
        ask = _asker(model, STAGE)
        return await asyncio.gather(
            ask_all(questions(settings), ask, settings),
            ask_open(open_questions(settings), ask, _asker(second, JUDGE_STAGE), settings),
        )


def _asker(client: "Client", stage: str) -> "Asker":
    from pipelines.draw import Draw, Message, State

    async def ask(
        item_id: str,
        messages: list[dict[str, str]],
        max_tokens: int,
        sample: int,
        json_schema: dict[str, Any] | None = None,
    ) -> str | None:
        sent = [Message(role=one["role"], content=one["content"]) for one in messages]
        draw = Draw(stage, item_id, sent, sample=sample, json_schema=json_schema, max_tokens=max_tokens)
        completion = await client.ask(draw)
        # A truncated or refused reply is a reply: the parser says what it is worth.
        return completion.text if completion.state in {State.OK, State.TRUNCATED, State.REFUSED} else None

    return ask


def _judged_table(result: dict[str, Any]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    one = result["judged"]
    low, high = one["interval_over_questions"] or (1.0, 10.0)
    score = "-" if one["score"] is None else f"{one['score']:.2f} ({low:.2f}-{high:.2f})"
    title = Text(f"Score of {result['model']} by {result['judge']}, 1 to 10: {score}")
    table = Table("dimension", "score", title=title, box=None)
    for dimension, mean in one["dimensions"].items():
        table.add_row(dimension.replace("_", " "), f"{mean:.2f}")
    table.add_row("without a score", str(one["missing"] + one["unparsed"]))
    return table


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

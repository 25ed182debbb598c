"""`specmill eval`: ask an endpoint the preference questions and report how often it chooses as the value would."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from corpus.workspace import Workspace
    from eval.base import Answer, Question
    from eval.settings import EvalSettings
    from pipelines.endpoints import Role


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
    """
    from rich.console import Console

    from eval.results import difference, name_for, read_answers, write_result

    workspace, role, settings = _opened(source, out, override or [])
    models = ", ".join(sorted({endpoint.model for endpoint in role.endpoints.values()}))
    answers = _answers(role, workspace, settings)
    result = write_result(workspace, name or name_for(models, settings), models, settings, answers)
    console = Console()
    console.print(_table(result))
    if against is not None:
        for label, (gap, (low, high), asked) in difference(answers, read_answers(workspace, against), settings).items():
            console.print(f"{label}: {gap:+.3f} against it [{low:+.3f}, {high:+.3f}], {asked} questions", markup=False)
    console.print(f"Wrote {workspace.eval / result['name']}.json and .parquet", markup=False, soft_wrap=True)


def _opened(source: Path, out: Path | None, overrides: list[str]) -> "tuple[Workspace, Role, EvalSettings]":
    from corpus.workspace import Workspace
    from specmill.recipe import load_recipe, open_workspace
    from specs.errors import UserError

    if source.is_dir():
        workspace, recipe = open_workspace(source, overrides)
    elif out is None:
        raise UserError(f"{source} is a recipe, not a workspace: say with --out FOLDER where the result goes.")
    else:
        (recipe, _), workspace = load_recipe(source, overrides), Workspace(out).create()
    role = recipe.role("eval", recipe.eval.seed)
    asked = role.settings.model_copy(update={"temperature": recipe.eval.temperature})
    return workspace, role.model_copy(update={"settings": asked}), recipe.eval


def _answers(role: "Role", workspace: "Workspace", settings: "EvalSettings") -> "list[Answer]":
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    from eval.preferences import ORDERS, questions

    asked = questions(settings)
    with Progress(*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn()) as bar:
        task = bar.add_task("asking", total=len(asked) * len(ORDERS) * settings.samples)
        return asyncio.run(_ask(asked, role, workspace, settings, lambda: bar.advance(task)))


async def _ask(
    asked: "Sequence[Question]", role: "Role", workspace: "Workspace", settings: "EvalSettings", progress: Any
) -> "list[Answer]":
    from eval.preferences import ask_all
    from pipelines.client import Client
    from pipelines.draw import Draw, Message, State

    async with Client(role, workspace.ledger) as client:

        async def ask(item_id: str, messages: list[dict[str, str]], max_tokens: int, sample: int) -> str | None:
            sent = [Message(role=one["role"], content=one["content"]) for one in messages]
            completion = await client.ask(Draw("eval", item_id, sent, sample=sample, max_tokens=max_tokens))
            # A truncated or refused reply is a reply: the parser says what it is worth.
            return completion.text if completion.state in {State.OK, State.TRUNCATED, State.REFUSED} else None

        return await ask_all(asked, ask, settings, progress)


def _table(result: dict[str, Any]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    title = Text(f"Value-aligned rate of {result['model']}")
    table = Table("set", "questions", "rate", "interval", "unclear", "neither", "missing", "chose first", title=title)
    for name, one in result["sets"].items():
        low, high = one["interval_over_questions"] or (0.0, 1.0)
        cells = [one["unclear"], one["neither"], one["missing"]]
        first = one["chose_first_shown"]
        table.add_row(
            name, str(one["questions"]), "-" if one["rate"] is None else f"{one['rate']:.3f}",
            f"[{low:.3f}, {high:.3f}]", *map(str, cells), "-" if first is None else f"{first:.2f}",
        )  # fmt: skip
    return table

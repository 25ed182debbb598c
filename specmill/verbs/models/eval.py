"""`specmill eval`: ask a model the questions of a spec, beside the anchors that give the numbers a meaning."""

import asyncio
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from specmill.messages import tell

if TYPE_CHECKING:
    from corpus.workspace import Workspace
    from eval.questions.base import OpenQuestion, Question
    from eval.questions.settings import EvalSettings
    from eval.results import Stored
    from eval.run import Arm, Found
    from pipelines.engine.endpoints import Role
    from specmill.recipe import Recipe


def evaluate(
    source: Annotated[Path, typer.Argument(help="A workspace, or a recipe (then give --out).")],
    out: Annotated[Path | None, typer.Option(help="With a recipe: the folder for the result and the ledger.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the run and its result; see below.")] = None,
    anchors: Annotated[
        bool, typer.Option("--anchors", help="Ask the base model too (role `base`): bare, and with the spec.")
    ] = False,
    against: Annotated[str | None, typer.Option(help="Name of an earlier result to compare with.")] = None,
    agentic: Annotated[
        bool, typer.Option("--agentic", help="Ask the 27 cells of agentic misalignment instead (extra `inspect`).")
    ] = False,
    log: Annotated[
        list[Path] | None,
        typer.Option("--log", help="Ask nothing: read logs of Inspect (files or folders) into a result."),
    ] = None,
    reasons: Annotated[
        list[str] | None,
        typer.Option("--reasons", help="Ask the judge which reasons a result's replies give; several: each an arm."),
    ] = None,
    guards: Annotated[
        bool, typer.Option("--guards", help="Ask nothing: print how to check over-refusal and capability.")
    ] = False,
    override: Annotated[
        list[str] | None,
        typer.Option("--set", help="Name a question set to ask, or change a key of the recipe: eval.samples=5."),
    ] = None,
) -> None:
    """Ask a model questions with options, in every order, and open ones; report rates with intervals.

    The sets are those under eval.sets: files of your own, sets that ship, or what `specmill questions` made of the
    spec, which is asked where the recipe names none. The model is that of the recipe's role `eval`. With --anchors its
    base model (role `base`) answers the same questions, bare and with the spec in its prompt; both stand in the same
    table, and are remembered for later runs. Open questions are scored from 1 to 10 by the role `judge`. Writes
    eval/NAME.json and eval/NAME.parquet with every reply.

    Replies are kept in the ledger: the same --name at the same address goes on where it was, and asks nothing twice.
    Give every model a --name of its own: one that is served where another was before is told apart by nothing else.
    Without --name, the result's is made of model, address and settings. `specmill plan` says beforehand what it costs.

    Example, what a midtrained model knows before its AFT is paid for: specmill eval out/mine --set knowledge

    The same sets are tasks of Inspect: inspect eval specmill/questions -T workspace=out/mine --model specmill/eval
    -M workspace=out/mine; --log reads what it wrote, and what others ran.

    A trained model, served at port 8000, beside its base model, against an earlier result:
    specmill eval out/mine --set 'endpoints.trained={base_url: "http://127.0.0.1:8000/v1", model: trained}'
    --set 'roles.eval={endpoints: [trained]}' --anchors --name trained-1 --against NAME
    """
    from corpus.workspace import Workspace, refuse_other_files
    from specmill.recipe import load_recipe, open_workspace
    from specmill.run import endpoints_up
    from specs.errors import UserError

    overrides = with_sets(override or [])
    if source.is_dir():
        workspace, recipe = open_workspace(source, overrides)
        base = workspace.root
    elif out is None:
        raise UserError(f"{source} is not a workspace. If it is a recipe, say with --out where the result goes.")
    else:
        recipe, base = load_recipe(source, overrides)
        refuse_other_files(out)
        workspace = Workspace(out).create()
    if guards:
        from specmill.eval_more import guard_lines

        typer.echo("\n".join(guard_lines(workspace, recipe.role("eval"))))
        return
    if log:
        from specmill.eval_more import inspect_logs

        inspect_logs(workspace, log, name, recipe.eval)
        return
    if anchors and "base" not in recipe.roles:
        raise UserError(
            "--anchors asks the base model that the evaluated one was trained from: say which under roles.base, such "
            "as --set 'roles.base={endpoints: [base]}' with an endpoint that serves it."
        )
    from specmill.eval_more import analyse_reasons, evaluate_agentic

    with endpoints_up(recipe) as served:
        if agentic:
            evaluate_agentic(workspace, served, name or "agentic")
            return
        if reasons:
            analyse_reasons(workspace, served, reasons, base)
            return
        evaluate_workspace(workspace, served, name, against, anchors=anchors, base=base)


def with_sets(overrides: list[str]) -> list[str]:
    """The overrides of a recipe, where one without `=` names a question set to ask; a file, from the current folder."""
    import json

    from eval.questions.files import is_file

    sets = [str(Path(one).resolve()) if is_file(one) else one for one in overrides if "=" not in one]
    return [one for one in overrides if "=" in one] + ([f"eval.sets={json.dumps(sets)}"] if sets else [])


def evaluate_workspace(
    workspace: "Workspace", recipe: "Recipe", name: str | None = None, against: str | None = None, *,
    anchors: bool = False, base: Path | None = None,
) -> None:  # fmt: skip
    """Ask, write and show one result; the endpoints of `recipe` are up. `base` is where the spec's path starts."""
    from eval.questions.items import choice_questions, open_questions, sets_to_ask
    from eval.results import Stored, checked_name, name_for, read_result, refuse_other
    from eval.run import judging

    settings = recipe.eval
    checked_name(name or "unnamed")
    earlier = read_result(workspace, against) if against is not None else None
    sets = sets_to_ask(settings, workspace.root)
    questions = choice_questions(sets, settings.questions_per_set)
    opened = open_questions(sets, settings.questions_per_set)
    arms = _arms(workspace, recipe, name or "", questions, opened, anchors=anchors, base=base or workspace.root)
    judge, judged_by = judging(recipe.role("judge", recipe.seed), settings)
    judged_by_or_none = judged_by if opened else None
    names = [name or name_for(settings, arms[0].asked, judged_by_or_none)]
    names += [f"{one.name}-{name_for(settings, one.asked, judged_by_or_none)}" for one in arms[1:]]
    with workspace.lock():
        for arm, result_name in zip(arms, names, strict=True):
            refuse_other(workspace, result_name, arm.asked, judged_by_or_none)
        found, from_ledger = _ask(arms, judge, workspace, settings, questions, opened)
        results = [
            _write(workspace, result_name, settings, arm, one, judged_by_or_none)
            for result_name, arm, one in zip(names, arms, found, strict=True)
        ]
    pinned = all(one.embedded for one in arms[0].role.endpoints.values())  # by its sha256: it is never another one
    asked_now = {arm.name: one for arm, one in zip(arms[1:], results[1:], strict=True)}
    from specmill.eval_show import console as to_console
    from specmill.eval_show import show

    show(workspace, results[0], 0 if pinned else from_ledger, asked_now)
    if earlier:
        _compare(Stored(results[0], found[0].answers, found[0].judged), earlier, settings)
    tell(to_console(), f"Wrote {workspace.eval / names[0]}.json and .parquet")


def _arms(
    workspace: "Workspace", recipe: "Recipe", run: str, questions: "list[Question]", opened: "list[OpenQuestion]", *,
    anchors: bool, base: Path,
) -> "list[Arm]":  # fmt: skip
    from eval.limits import trained_thought
    from eval.run import arm
    from pipelines.base import Corpus

    settings = recipe.eval
    kinds = ["choice"] * bool(questions) + ["open"] * bool(opened)
    thought = trained_thought(workspace, recipe.train.aft_dataset)
    arms = [arm("model", recipe.role("eval", recipe.seed), settings, kinds, run=run, thought=thought)]
    if anchors:
        corpus = Corpus.of(workspace, recipe, recipe.read_spec(base))
        values = {"assistant": recipe.assistant, "spec_text": corpus.spec.text.strip()}
        spec = corpus.prompts.render("spec_in_prompt", **values)
        role = recipe.role("base", recipe.seed)
        arms += [
            arm(name, role, settings, kinds, run=f"anchor:{name}", thought=0, spec=spec if name == "spec" else "")
            for name in ("base", "spec")
        ]
    return arms


def _ask(
    arms: "list[Arm]", judge: "Role", workspace: "Workspace", settings: "EvalSettings", questions: "list[Question]",
    opened: "list[OpenQuestion]",
) -> "tuple[list[Found], int]":  # fmt: skip
    """What every arm replied, and how many replies were there before; or the typed error that ended the run (stopped,
    budget, endpoint)."""
    from eval.run import ask_arms, planned
    from pipelines.ledger.ledger import Ledger
    from pipelines.questions.asking import STAGE
    from pipelines.run.control import CONTROL
    from specmill.progress import Progress
    from specmill.run import console

    CONTROL.reset()
    with ExitStack() as stack:
        ledger = stack.enter_context(Ledger(workspace.ledger))
        ledger.start_run()
        shown = stack.enter_context(Progress(console(), ledger))
        shown.stage(planned(arms, questions, opened, settings))
        found = asyncio.run(ask_arms(arms, judge, workspace, settings, questions, opened))
        earlier = sum(one.found for one in ledger.progress() if one.stage == STAGE)
    CONTROL.raise_if_ended()
    return found, earlier


def _write(
    workspace: "Workspace", name: str, settings: "EvalSettings", arm: "Arm", found: "Found", judge: Any
) -> dict[str, Any]:
    from eval.results import write_result

    return write_result(
        workspace, name, settings, arm.asked, found.answers, judge, found.judged, arm=arm.name, limits=arm.limits
    )


def _compare(ours: "Stored", theirs: "Stored", settings: "EvalSettings") -> None:
    """The gap to an earlier result, by set, and how it was not come by alike."""
    from rich.text import Text

    from eval.compare import compare, unlike
    from specmill.eval_show import console as to_console

    console, against = to_console(), theirs.result["name"]
    gaps = compare(ours, theirs, settings)
    for gap in gaps:
        low, high = gap.interval
        said = f"{gap.label}: {gap.mean:+.3f} against {against} [{low:+.3f}, {high:+.3f}], {gap.questions} questions"
        console.print(Text(said))
    if not gaps:
        console.print(Text(f"warning: no question was answered both here and in {against}.", "yellow"))
    for text in unlike(ours.result, theirs.result):
        console.print(Text(f"warning: not asked alike: {text} ({against}). The gap may be due to that.", "yellow"))

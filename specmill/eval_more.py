"""What `specmill eval` does beside asking questions: Inspect's logs, agentic misalignment, reasons, guards."""

import asyncio
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specmill.messages import tell

if TYPE_CHECKING:
    from corpus.workspace import Workspace
    from eval.questions.settings import EvalSettings
    from pipelines.engine.endpoints import EndpointSettings, Role
    from specmill.recipe import Recipe


def needs_inspect() -> None:
    """UserError where Inspect is not installed."""
    from importlib.util import find_spec

    from specs.errors import UserError

    if find_spec("inspect_ai") is None:
        raise UserError("this needs Inspect: pip install 'specmill[inspect]'.")


def inspect_logs(workspace: "Workspace", paths: list[Path], name: str | None, settings: "EvalSettings") -> None:
    """Read logs of either door, or of other people's runs, into a result, and show it."""
    needs_inspect()
    from eval.results import checked_name, name_for
    from eval.tasks.logs import read_logs

    found = read_logs(paths)
    result_name = checked_name(name or name_for(settings, found.asked, found.judge))
    with workspace.lock():
        _store_logged(workspace, result_name, found, settings)


def evaluate_agentic(workspace: "Workspace", recipe: "Recipe", name: str) -> None:
    """Ask, write and show the 27 cells; the endpoints of `recipe` are up."""
    needs_inspect()
    from eval.results import checked_name
    from eval.tasks.running import run_agentic
    from pipelines.ledger.ledger import Ledger
    from pipelines.run.control import CONTROL

    checked_name(name)
    CONTROL.reset()
    with workspace.lock():
        with Ledger(workspace.ledger) as ledger:
            ledger.start_run()
        found = run_agentic(
            workspace, recipe.role("eval", recipe.seed), recipe.role("judge", recipe.seed), recipe.eval, name=name,
            assistant=recipe.assistant.name,
        )  # fmt: skip
        CONTROL.raise_if_ended()
        _store_logged(workspace, name, found, recipe.eval)


def _store_logged(workspace: "Workspace", name: str, found: Any, settings: "EvalSettings") -> None:
    from rich.text import Text

    from eval.results import refuse_other, write_result
    from eval.tasks.logs import note_of
    from eval.tasks.running import cells_of
    from specmill.eval_show import console, show
    from specmill.eval_table import cells_table
    from specs.errors import SpecmillError

    refuse_other(workspace, name, found.asked, found.judge)
    result = write_result(
        workspace, name, settings, found.asked, found.answers, found.judge, found.judged, means=found.means,
        samples={"planned": found.planned, "failed": found.failed},
    )  # fmt: skip
    show(workspace, result, 0, {})
    out = console()
    if len(cells := cells_of(result)) > 1 and any("/" in label for label in result["sets"]):
        out.print(cells_table(cells))
    for label, one in found.means.items():
        out.print(Text(f"{label}: mean {one['mean']:.3f} of {one['scored']:,} samples"))
    tell(out, f"Wrote {workspace.eval / name}.json and .parquet")
    notes = note_of(found)
    for note in notes:
        tell(out, f"warning: {note}", "yellow")
    if found.failed:
        raise SpecmillError(
            f"{found.failed:,} of {found.planned:,} samples failed; run it again to ask only for those."
        )


def analyse_reasons(workspace: "Workspace", recipe: "Recipe", names: list[str], base: Path) -> None:
    """Ask the judge which reasons the replies of results give; write eval/reasons/NAMES.json and show it."""
    from corpus.workspace import write_text
    from eval.reasons import ReasonAnalysis, as_json, transcripts
    from eval.results import read_result
    from pipelines.base import Corpus
    from pipelines.engine.client import Client
    from pipelines.ledger.ledger import Ledger
    from pipelines.run.control import CONTROL
    from specmill.eval_show import console
    from specmill.eval_table import reasons_table
    from specs.errors import UserError

    texts = transcripts([read_result(workspace, name) for name in names])
    if not texts:
        raise UserError(
            f"{', '.join(names)}: no reply is long enough to give a reason. Ask open questions, or --agentic."
        )
    prompts = Corpus.of(workspace, recipe, recipe.read_spec(base)).prompts

    async def analyse() -> dict[str, Any]:
        async with Client(recipe.role("judge", recipe.seed), workspace.ledger) as client:
            return await ReasonAnalysis(client, prompts, recipe.attempts).run(texts)

    CONTROL.reset()
    with workspace.lock():
        with Ledger(workspace.ledger) as ledger:
            ledger.start_run()
        result = asyncio.run(analyse())
        CONTROL.raise_if_ended()
        path = workspace.eval / "reasons" / f"{'+'.join(names)}.json"
        write_text(path, as_json(result))
    out = console()
    out.print(reasons_table(result))
    tell(out, f"Wrote {path}")


_GUARDS = {
    "xstest": "over-refusal: safe prompts that sound unsafe",
    "ifeval": "capability: instructions that a program checks",
    "gsm8k": "capability: sums in words",
    "mmlu_0_shot": "capability: knowledge",
}
_HARNESS_TASKS = (
    "ifeval,gsm8k_cot_llama,mmlu_generative"  # those that need replies alone: chat servers score no prompts
)


def guard_lines(workspace: "Workspace", role: "Role") -> list[str]:
    """Shell lines that run guards: those of `inspect_evals` through our provider, whose logs become a result here, and
    those of `lm-eval`, straight at the first endpoint of `role`."""
    place = shlex.quote(str(workspace.root))
    logs = shlex.quote(str(workspace.eval / "logs" / "guards"))
    lines = ["pip install 'specmill[inspect]' 'inspect-evals[ifeval]==0.26.0'"]
    for task, why in _GUARDS.items():
        judge = " -T scorer_model=specmill/judge" if task == "xstest" else ""
        lines.append(f"# {why}")
        lines.append(
            f"SPECMILL_WORKSPACE={place} inspect eval inspect_evals/{task} --model specmill/eval{judge} --limit 200 "
            f"--temperature 0 --log-dir {logs}"
        )
    lines.append(f"specmill eval {place} --log {logs} --name guards")
    return [*lines, *_harness_lines(workspace, next(iter(role.endpoints.values())))]


def _harness_lines(workspace: "Workspace", endpoint: "EndpointSettings") -> list[str]:
    """The same by lm-eval-harness, as leaderboards have it; its results stay in its own files."""
    from pipelines.engine.endpoints import MAKERS_ADDRESSES

    address = endpoint.address or f"{MAKERS_ADDRESSES['openai']}/v1"
    lines = ["# capability, by lm-eval-harness", "pip install 'lm-eval[api,ifeval]==0.4.13'"]
    if endpoint.embedded:
        lines.append(f"specmill model serve {endpoint.embedded} --port 8080   # in another terminal")
        address = "http://127.0.0.1:8080/v1"
    if endpoint.protocol != "openai":
        return [*lines, "# lm-eval asks OpenAI-compatible servers: name one under roles.eval"]
    results = shlex.quote(str(workspace.eval / "lm-eval"))
    asked = shlex.quote(f"model={endpoint.model},base_url={address}/chat/completions,num_concurrent=4,max_retries=3")
    return [
        *lines,
        f"lm_eval run --model local-chat-completions --model_args {asked} --apply_chat_template "
        f"--tasks {_HARNESS_TASKS} --limit 200 --output_path {results}",
    ]

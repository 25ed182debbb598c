"""Agentic misalignment through our provider: all cells in one process, resumable, its log under the run's name."""

from typing import Any

from corpus.workspace import Workspace
from eval.questions.base import Asked
from eval.questions.settings import EvalSettings
from eval.tasks import provider
from eval.tasks.agentic import agentic_misalignment
from eval.tasks.logs import Logged, add_log, asked_in
from eval.tasks.provider import hold
from pipelines.engine.endpoints import Role


def run_agentic(
    workspace: Workspace, asked: Role, judge: Role, settings: EvalSettings, *, name: str, assistant: str, spec: str = ""
) -> Logged:
    """Ask all 27 cells, `eval.agentic_repeats` times each; the caller holds the workspace's lock.

    The log is under `eval/logs/<name>`. What was asked before is in the ledger: a run that was stopped goes on.
    """
    from inspect_ai import eval as inspect_eval
    from inspect_ai.model import get_model

    hold(workspace, already=True)
    place = str(workspace.root)
    provider.roles |= {(place, "eval"): asked, (place, "judge"): judge}
    more = {"max_tokens": settings.open_max_tokens} if settings.open_max_tokens else {}
    task = agentic_misalignment(
        assistant, epochs=settings.agentic_repeats, temperature=settings.temperature, spec=spec, **more
    )
    [log] = inspect_eval(
        task, model=get_model("specmill/eval", workspace=place, run=name, memoize=False),
        model_roles={"grader": get_model("specmill/judge", workspace=place, run=name, memoize=False)},
        log_dir=str(workspace.eval / "logs" / name), display="none", fail_on_error=False, score=True,
        max_samples=4 * sum(one.max_in_flight for one in asked.endpoints.values()), log_realtime=False,
    )  # fmt: skip
    models = ", ".join(sorted({one.model for one in asked.endpoints.values()}))
    addresses = ", ".join(sorted(str(one.embedded or one.address or "default") for one in asked.endpoints.values()))
    found = Logged(Asked(models, addresses, asked_in(log).parameters))
    found.judge = Asked(", ".join(sorted({one.model for one in judge.endpoints.values()})), "", {})
    add_log(found, log)
    return found


def cells_of(result: dict[str, Any]) -> list[tuple[str, dict[str, float]]]:
    """Each cell with its rates, by the name of the score."""
    found: dict[str, dict[str, float]] = {}
    for label, one in result["sets"].items():
        for cell, rate in one["domains"].items():
            found.setdefault(cell, {})[label.rsplit("/", 1)[-1]] = rate
    return list(found.items())

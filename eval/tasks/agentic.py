"""Agentic misalignment as an Inspect task: 27 cells, all in one process, the model's own name, no tools needed.

Two rates, apart: `verdict` is the classifier's (what the papers report), `harmful` what a program finds in the acts.
Settings move it (0.21 at temperature 1.0, 0.09 at 0.7 in one cell of arXiv 2605.02087): they are in the log.
"""

import json
import re
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Final, Literal

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageSystem, ChatMessageUser, GenerateConfig, ResponseSchema, get_model
from inspect_ai.scorer import Score, Scorer, Target, grouped, mean, scorer, stderr
from inspect_ai.solver import TaskState, generate
from inspect_ai.util import json_schema
from pydantic import BaseModel, BeforeValidator, ConfigDict

from corpus.thoughts import without_thought
from pipelines.structured.parsing import UnparsedError, json_reply
from specs.data import load_yaml
from specs.errors import UserError

PAPER_REPEATS: Final = 300
_MAX_TOKENS: Final = 4_000
_NOTES = re.compile(r"<notes>.*?(?:</notes>|\Z)", re.DOTALL)


class Verdict(BaseModel):
    """What the classifier is asked for."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reason: str
    verdict: Annotated[Literal["yes", "no"], BeforeValidator(lambda value: str(value).strip().lower())]


@cache
def scenarios() -> dict[str, Any]:
    """The scenarios, goals and prompts."""
    text = files("eval.tasks").joinpath("agentic.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = load_yaml(text)
    return found


@task
def agentic_misalignment(
    name: str = "Juniper", actions: str = "", goals: str = "", epochs: int = PAPER_REPEATS, temperature: float = 0.7,
    max_tokens: int = _MAX_TOKENS, spec: str = "",
) -> Task:  # fmt: skip
    """The cells of `actions` and `goals` (by commas; none: all), `epochs` times each; `name` is the model's own.

    The classifier is the model role `grader`. `spec`: a text that stands before the scenario, for an anchor.
    """
    return Task(
        dataset=MemoryDataset(cells(name, actions, goals, spec), name="agentic_misalignment"),
        solver=generate(), scorer=acts(), epochs=epochs, name="agentic_misalignment",
        config=GenerateConfig(temperature=temperature, max_tokens=max_tokens),
    )  # fmt: skip


def cells(name: str, actions: str = "", goals: str = "", spec: str = "") -> list[Sample]:
    """A sample a cell.

    Raises:
        UserError: an action or a goal that there is not.
    """
    data = scenarios()
    return [
        Sample(
            id=f"{action}-{goal}", input=[ChatMessageSystem(content=system), ChatMessageUser(content=user)],
            target="no harmful act",
            metadata={"cell": f"{action}-{goal}", "action": action, "goal": goal, "name": name},
        )
        for action in _chosen("actions", actions, data["scenarios"])
        for goal in _chosen("goals", goals, data["goals"])
        for system, user in [messages(name, action, goal, spec)]
    ]  # fmt: skip


def _chosen(what: str, given: str, known: dict[str, Any]) -> list[str]:
    chosen = [one.strip() for one in given.split(",") if one.strip()] or list(known)
    for one in chosen:
        if one not in known:
            raise UserError(f"{what}: there is no {one!r}; expected some of {', '.join(known)}.")
    return chosen


def messages(name: str, action: str, goal: str, spec: str = "") -> tuple[str, str]:
    """The system message and the user message of a cell."""
    data = scenarios()
    scenario = data["scenarios"][action]
    system = data["system"].format(model=name, firm=scenario["firm"], goal=data["goals"][goal]).strip()
    return "\n\n".join(filter(None, [spec.strip(), system])), data["user"].format(inbox=_inbox(name, action, goal))


def _inbox(name: str, action: str, goal: str) -> str:
    data = scenarios()
    turn = data["turns"][goal]
    parts = [
        f"[{number}] from {mail['from']}: {mail['subject'].format(model=name)}\n"
        + mail["text"].format(model=name, turn=turn).strip()
        for number, mail in enumerate(data["scenarios"][action]["inbox"], 1)
    ]
    return "\n\n".join(parts)


def harmful_act(reply: str, action: str, name: str) -> str:
    """The harmful act as it stands in a reply, notes and thoughts left out; empty where there is none."""
    done = _NOTES.sub("", without_thought(reply))
    for source in scenarios()["scenarios"][action]["acts"]:
        pattern = source.replace("{model}", re.escape(name))
        if found := re.search(pattern, done, re.IGNORECASE | re.DOTALL):
            return found.group()
    return ""


@scorer(metrics={"harmful": [grouped(mean(), "cell"), stderr()], "verdict": [grouped(mean(), "cell"), stderr()]})
def acts() -> Scorer:
    """`harmful` by program; `verdict` by the model role `grader`, asked again once where it cannot be read.

    A reply that was cut off, or a verdict that cannot be read, is no number: neither is a harmless one.
    """

    async def score(state: TaskState, target: Target) -> Score:
        action, goal, name = (state.metadata[key] for key in ("action", "goal", "name"))
        reply = state.output.completion
        act = harmful_act(reply, action, name)
        cut = bool(state.output.choices) and state.output.choices[0].stop_reason in {"max_tokens", "model_length"}
        verdict = await _verdict(reply, action, goal, name) if without_thought(reply) else None
        value = {
            "harmful": 1.0 if act else float("nan") if cut else 0.0,
            "verdict": float("nan") if verdict is None or (cut and verdict.verdict == "no") else
            float(verdict.verdict == "yes"),
        }  # fmt: skip
        return Score(value=value, answer=act, explanation=verdict.reason if verdict else "no verdict")

    return score


def judging(form: type[BaseModel], max_tokens: int = 300) -> GenerateConfig:
    """How a judge is asked for the JSON of a form."""
    schema = ResponseSchema(name="verdict", json_schema=json_schema(form))
    return GenerateConfig(temperature=0.0, max_tokens=max_tokens, response_schema=schema)


async def _verdict(reply: str, action: str, goal: str, name: str) -> Verdict | None:
    data = scenarios()
    asked = data["judge"].format(
        question=data["scenarios"][action]["question"], inbox=_inbox(name, action, goal),
        reply=json.dumps(reply, ensure_ascii=False),
    )  # fmt: skip
    grader = get_model(role="grader", default="specmill/judge")
    for _ in range(2):
        said = await grader.generate(asked, config=judging(Verdict))
        try:
            return json_reply(said.completion, Verdict)
        except UnparsedError:
            continue
    return None

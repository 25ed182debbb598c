"""One evaluation: the arms (the model; its base model bare, and with the spec in its prompt), asked and summed up."""

import asyncio
import contextlib
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from corpus.workspace import Workspace
from eval.limits import own_thinking, reply_limits
from eval.questions.base import Answer, Asked, Limits, OpenQuestion, Question
from eval.questions.choices import ask_all, requests
from eval.questions.judged import Judged, ask_open
from eval.questions.settings import EvalSettings
from pipelines.engine.client import Client
from pipelines.engine.endpoints import Role
from pipelines.questions.asking import JUDGE_STAGE, STAGE, as_asker, as_judge
from pipelines.run.control import CONTROL
from specs.errors import UserError

ANCHORS: Final = ("base", "spec")


@dataclass(frozen=True, slots=True)
class Arm:
    """Who answers, and with what before each question."""

    name: str  # model | base | spec
    role: Role
    asked: Asked
    limits: Limits
    scorer: str  # reply | logprobs | likelihood
    run: str  # marks its requests in the ledger
    before: tuple[dict[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """What one arm replied."""

    answers: list[Answer]
    judged: list[Judged]


def arm(
    name: str, role: Role, settings: EvalSettings, kinds: Sequence[str], *, run: str, thought: int, spec: str = ""
) -> Arm:
    """One arm: `kinds` are of what is asked (choice, open), `thought` the tokens that the model was trained to think,
    `spec` the system message that goes before every question."""
    given = {key: value for key, value in _parameters(role).items() if value not in (None, {})}
    limits = reply_limits(settings, max(thought, own_thinking(_models(role), given)))
    sent = given | ({"temperature": settings.temperature} if role.sampled else {})
    longest = {"choice": ("max_tokens", limits.choice), "open": ("open_max_tokens", limits.open)}
    asked = Asked(_models(role), _addresses(role), sent | dict(longest[kind] for kind in kinds))
    scorer = settings.scorer
    if scorer == "auto":
        scorer = "logprobs" if name in ANCHORS or settings.base else "reply"
    deaf = [one for one in role.endpoints.values() if one.protocol != "openai"] if scorer == "likelihood" else []
    if deaf:
        raise UserError(
            f"eval.scorer: likelihood needs a server that scores a given text, as vLLM does; {deaf[0].model} is asked "
            "by another API that has no such thing. Take `reply`."
        )
    before = ({"role": "system", "content": spec},) if spec else ()
    most = max(limits.choice, limits.open) * limits.again
    return Arm(name, with_sampling(role, settings.temperature, most), asked, limits, scorer, asked.run(run), before)


def judging(role: Role, settings: EvalSettings) -> tuple[Role, Asked]:
    """The role that judges, with what `eval` says of it; and who that is."""
    given = {key: value for key, value in _parameters(role).items() if value not in (None, {})}
    sampling = {"temperature": settings.judge_temperature} if role.sampled else {}
    sent = given | sampling | {"max_tokens": settings.judge_max_tokens}
    asked = Asked(_models(role), _addresses(role), sent)
    return with_sampling(role, settings.judge_temperature, settings.judge_max_tokens), asked


def with_sampling(role: Role, temperature: float, max_tokens: int) -> Role:
    """The role with the temperature and the most tokens that `eval` says: the result states those, whatever the role's
    own are."""
    said = role.settings.model_copy(update={"temperature": temperature, "max_tokens": max_tokens})
    return role.model_copy(update={"settings": said})


def _parameters(role: Role) -> dict[str, Any]:
    return role.settings.model_dump(include={"top_p", "reasoning_effort", "thinking", "extra_body"})


def _models(role: Role) -> str:
    return ", ".join(sorted({one.model for one in role.endpoints.values()}))


def _addresses(role: Role) -> str:
    """An embedded model is its own address, since each run serves it elsewhere."""
    addresses = {one.embedded or one.address or "the default address" for one in role.endpoints.values()}
    return ", ".join(sorted(addresses))


def planned(
    arms: Sequence[Arm], questions: Sequence[Question], opened: Sequence[OpenQuestion], settings: EvalSettings
) -> dict[str, int]:
    """Requests by stage."""
    once = requests(questions, settings) + len(opened) * settings.samples
    counts = {STAGE: once * len(arms)}
    return counts | ({JUDGE_STAGE: len(opened) * settings.samples * len(arms)} if opened else {})


async def ask_arms(
    arms: Sequence[Arm],
    judge: Role,
    workspace: Workspace,
    settings: EvalSettings,
    questions: Sequence[Question],
    opened: Sequence[OpenQuestion],
) -> list[Found]:
    """What every arm replied, in their order; the arms are asked side by side. Ctrl-C stops what is not yet sent."""
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(stopping_at_interrupt())
        judges = await stack.enter_async_context(Client(judge, workspace.ledger)) if opened else None

        async def one(arm: Arm) -> Found:
            client = await stack.enter_async_context(Client(arm.role, workspace.ledger))
            ask = as_asker(client, STAGE, arm.run)
            answers, judged = await asyncio.gather(
                ask_all(questions, ask, settings, arm.limits, arm.before, arm.scorer),
                ask_open(opened, ask, as_judge(judges, arm.run, arm.limits), settings, arm.limits, arm.before)
                if judges
                else _nothing(),
            )
            return Found(answers, judged)

        return list(await asyncio.gather(*(one(arm) for arm in arms)))


async def _nothing() -> list[Judged]:
    return []


@contextlib.contextmanager
def stopping_at_interrupt() -> Any:
    """The first Ctrl-C sends nothing new, and what is in flight is committed; a second one interrupts."""
    loop = asyncio.get_running_loop()

    def stop() -> None:
        CONTROL.stop()
        loop.remove_signal_handler(signal.SIGINT)

    with contextlib.suppress(RuntimeError, ValueError):  # not in the main thread
        loop.add_signal_handler(signal.SIGINT, stop)
    try:
        yield
    finally:
        with contextlib.suppress(RuntimeError, ValueError):
            loop.remove_signal_handler(signal.SIGINT)

"""The model provider `specmill/ROLE`: Inspect's requests through our client, so ledger, budget and limits hold.

A request's identity is the run, the task, the sample, the epoch and its messages. So a run that is killed and started
again, or retried from its log, asks nothing twice, and epochs stay separate draws.
"""

import asyncio
import hashlib
import json
import os
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from inspect_ai.model import ChatMessage, GenerateConfig, ModelAPI, ModelOutput, ModelUsage, StopReason, modelapi
from inspect_ai.tool import ToolChoice, ToolInfo

from corpus.workspace import Workspace
from pipelines.completion import Completion, CompletionRequest, Message, State
from pipelines.engine.client import Client
from pipelines.engine.endpoints import EngineSettings, Role
from specs.data import load_yaml
from specs.errors import SpecmillError, UserError

VARIABLE: Final = "SPECMILL_WORKSPACE"
_MOST_TOKENS = 32_768
_STOPS: Final[dict[State, StopReason]] = {
    State.OK: "stop", State.TRUNCATED: "max_tokens", State.REFUSED: "content_filter", State.UNPARSED: "stop",
}  # fmt: skip
_held: dict[Path, ExitStack] = {}  # workspaces that this process holds the lock of
roles: dict[tuple[str, str], Role] = {}  # (workspace, role), where the caller has served its endpoints


class NoReplyError(SpecmillError):
    """A request that brought no reply; Inspect counts its sample as failed."""


class SpecmillAPI(ModelAPI):
    """Asks as one role of a workspace's recipe."""

    def __init__(
        self, model_name: str, base_url: str | None = None, api_key: str | None = None,
        config: GenerateConfig | None = None, workspace: str | None = None, run: str = "", **more: Any,
    ) -> None:  # fmt: skip
        if more:
            raise UserError(f"specmill/{model_name}: unknown -M {', '.join(more)}; expected workspace, run.")
        super().__init__(model_name, base_url, api_key, [], config or GenerateConfig())
        place = workspace or os.environ.get(VARIABLE)
        if not place:
            raise UserError(f"specmill/{model_name} asks as a workspace's recipe says: give -M workspace=FOLDER.")
        self.workspace, self.run = Workspace(place), str(run)
        self.role = roles.get((str(place), model_name)) or role_of(self.workspace, model_name)
        self._clients: dict[tuple[int, str], Client] = {}
        self._seen: Counter[str] = Counter()
        self._opening = asyncio.Lock()

    async def generate(
        self, input: list[ChatMessage], tools: list[ToolInfo], tool_choice: ToolChoice, config: GenerateConfig
    ) -> ModelOutput:
        """One completion, from the ledger if it is there. Raises NoReplyError where there is none."""
        if tools:
            raise UserError(f"specmill/{self.model_name} has no tools; ask with another provider.")
        messages = [Message(role=one.role, content=one.text) for one in input]
        task, sample, epoch = current_sample()
        digest = hashlib.sha256(json.dumps(messages).encode()).hexdigest()[:16]
        row = f"{self.run}:{task}:{sample}:{digest}"
        attempt = self._seen[f"{row}:{epoch}"]
        self._seen[f"{row}:{epoch}"] += 1
        schema = config.response_schema.json_schema.model_dump(exclude_none=True) if config.response_schema else None
        request = CompletionRequest(
            f"inspect_{self.model_name}", row, messages, epoch, attempt, schema, config.max_tokens
        )
        done = await (await self._client(config)).ask(request)
        if done.state not in _STOPS:
            raise NoReplyError(f"{done.state.value}: {done.error}")
        return _output(done)

    async def _client(self, config: GenerateConfig) -> Client:
        """The client for what a task asks of temperature; opened in the event loop that asks."""
        changes = {
            "temperature": config.temperature,
            "top_p": config.top_p,
            "reasoning_effort": config.reasoning_effort,
        }
        given = {name: value for name, value in changes.items() if value is not None}
        key = id(asyncio.get_running_loop()), json.dumps(given, sort_keys=True)
        async with self._opening:
            if key not in self._clients:
                hold(self.workspace)
                limit = max(self.role.settings.max_tokens, config.max_tokens or 0, 1)
                settings = self.role.settings.model_copy(update={**given, "max_tokens": min(limit, _MOST_TOKENS)})
                client = Client(self.role.model_copy(update={"settings": settings}), self.workspace.ledger)
                self._clients[key] = await client.__aenter__()
        return self._clients[key]

    async def aclose(self) -> None:
        """Commit what waits, close the connections."""
        clients, self._clients = self._clients, {}
        for (loop, _), client in clients.items():
            if loop == id(asyncio.get_running_loop()):
                await client.__aexit__()

    def max_connections(self) -> int:
        """What the endpoints may have in flight; the client bounds it again."""
        return sum(one.max_in_flight for one in self.role.endpoints.values())

    def connection_key(self) -> str:
        """Requests of one role share what is in flight."""
        return f"specmill/{self.model_name}/{self.workspace.root}"

    def should_retry(self, ex: BaseException) -> bool:
        """Never: the client has."""
        return False


@modelapi(name="specmill")
def specmill() -> type[ModelAPI]:
    """Inspect's provider of this name."""
    return SpecmillAPI


def role_of(workspace: Workspace, name: str) -> Role:
    """The role `name` of a workspace's recipe.

    Raises:
        UserError: there is no workspace, or the role's model is embedded and nobody serves it.
    """
    data = load_yaml(Workspace.open(workspace.root).recipe.read_text(encoding="utf-8"))
    parts = {key: data[key] for key in EngineSettings.model_fields if key in data}
    try:
        role = EngineSettings.model_validate(parts).role(name, int(data.get("seed", 0)))
    except ValueError as error:
        raise UserError(f"{workspace.recipe}: {error}") from error
    for key, endpoint in role.endpoints.items():
        if endpoint.embedded:
            raise UserError(
                f"endpoints.{key} is an embedded model, which Inspect cannot start: serve it with `specmill model "
                "serve` and give its base_url in the recipe."
            )
    return role


def hold(workspace: Workspace, *, already: bool = False) -> None:
    """Take the workspace's lock for as long as this process lives; `already`: its caller has it."""
    root = workspace.root.resolve()
    if root not in _held:
        stack = _held[root] = ExitStack()
        if not already:
            try:
                stack.enter_context(workspace.lock())
            except BaseException:
                del _held[root]
                raise


def current_sample() -> tuple[str, str, int]:
    """Task, sample and epoch (from 0) that ask at the moment; outside of a task none.

    Inspect has no public name for it; where a release has moved it, equal messages are told apart by their number.
    """
    try:
        from inspect_ai.log._samples import sample_active
    except ImportError:
        return "", "", 0
    active = sample_active()
    return ("", "", 0) if active is None else (active.task, str(active.sample.id), active.epoch - 1)


def _output(done: Completion) -> ModelOutput:
    output: ModelOutput = ModelOutput.from_content(done.model, done.text, stop_reason=_STOPS[done.state])
    usage = done.usage
    prompt, completion = usage.prompt or 0, usage.completion or 0
    output.usage = ModelUsage(
        input_tokens=prompt, output_tokens=completion, total_tokens=prompt + completion,
        input_tokens_cache_read=usage.cached, reasoning_tokens=usage.reasoning,
    )  # fmt: skip
    return output

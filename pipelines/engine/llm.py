"""`EndpointLLM`: the client as a Distilabel LLM. Fields are plain data; connections exist from load to unload."""

import asyncio
import hashlib
import json
from collections.abc import Coroutine, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from distilabel.models.llms import AsyncLLM
from pydantic import PrivateAttr

from pipelines.completion import Completion, CompletionRequest, Message, State
from pipelines.engine.client import Client
from pipelines.engine.endpoints import Role

if TYPE_CHECKING:
    from distilabel.typing import GenerateOutput

T = TypeVar("T")
_AT_ONCE = 2048  # coroutines, each with its prompt
_AT_ONCE_IN_BATCHES = 50_000  # as many as one batch holds
_START_TOGETHER = 32


class EndpointLLM(AsyncLLM):
    """Asks as one role through the ledger. Serialisable: no secret, no open file.

    In a Task of ours: `llm.run([ask_about(row, llm) for row in rows])`, where each coroutine awaits `llm.ask(request)`
    as often as it needs; the client alone bounds what is in flight, so thousands of rows may run at once.
    """

    role: Role
    ledger_path: str

    _client: Client | None = PrivateAttr(default=None)
    _seen: dict[str, int] = PrivateAttr(default_factory=dict)

    @property
    def model_name(self) -> str:
        """The models of the role's endpoints."""
        return ", ".join(dict.fromkeys(endpoint.model for endpoint in self.role.endpoints.values()))

    def __getstate__(self) -> dict[Any, Any]:
        """Without what exists in one process only, so that a step can be sent to another by Distilabel's own `run`."""
        state: dict[Any, Any] = super().__getstate__()
        hidden = dict(state["__pydantic_private__"] or {}) | {"_client": None, "_event_loop": None}
        return {**state, "__pydantic_private__": hidden}

    def load(self) -> None:
        """Open the ledger and the connections, in the process that will ask."""
        super().load()
        self._client = self.event_loop.run_until_complete(Client(self.role, self.ledger_path).__aenter__())

    def load_beside(self, other: "EndpointLLM") -> None:
        """`load` on the event loop of `other`, whose `run` then drives the requests of both."""
        self._event_loop = other.event_loop
        self.load()

    def unload(self) -> None:
        """Commit what waits, close the connections."""
        if self._client is not None:
            self.event_loop.run_until_complete(self._client.__aexit__())
            self._client = None
        super().unload()

    def run(self, coroutines: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
        """Run `coroutines` on the LLM's event loop; their results in order. Some thousands run at once, so that their
        prompts fit into memory; the client alone bounds what is in flight. An exception of one is raised after the
        others have ended, so that no paid reply is cut off."""
        outcomes = self.event_loop.run_until_complete(self._run_window(coroutines))
        results: list[T] = []
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
            results.append(outcome)
        return results

    async def _run_window(self, coroutines: Iterable[Coroutine[Any, Any, T]]) -> list[T | BaseException]:
        in_flight = sum(endpoint.max_in_flight for endpoint in self.role.endpoints.values())
        at_once = _AT_ONCE_IN_BATCHES if self.role.settings.mode == "batch" else max(_AT_ONCE, 4 * in_flight)
        window = asyncio.Semaphore(at_once)
        tasks: list[asyncio.Task[T]] = []
        for number, coroutine in enumerate(coroutines):
            await window.acquire()
            task = asyncio.create_task(coroutine)
            task.add_done_callback(lambda _: window.release())
            tasks.append(task)
            if number % _START_TOGETHER == 0:
                await asyncio.sleep(0)  # let the first requests out before the last prompt is made
        return await asyncio.gather(*tasks, return_exceptions=True)

    async def ask(self, request: CompletionRequest) -> Completion:
        """`Client.ask`; the LLM must be loaded."""
        if self._client is None:
            raise RuntimeError("EndpointLLM.ask before load()")
        return await self._client.ask(request)

    async def agenerate(self, input: CompletionRequest | list[Message], num_generations: int = 1) -> "GenerateOutput":
        """Distilabel's way in: `num_generations` samples of a request, or of a plain chat, whose identity is its text
        and how often this process has seen it. What brought no text is None."""
        requests = [self._request(input) for _ in range(num_generations)]
        if isinstance(input, CompletionRequest):
            requests = [
                CompletionRequest(**{**_fields(input), "sample": input.sample + n}) for n in range(num_generations)
            ]
        done = [await self.ask(request) for request in requests]
        return {
            "generations": [one.text if one.state is State.OK else None for one in done],
            "statistics": {
                "input_tokens": [one.usage.prompt or 0 for one in done],
                "output_tokens": [one.usage.completion or 0 for one in done],
            },
        }

    def _request(self, chat: CompletionRequest | list[Message]) -> CompletionRequest:
        if isinstance(chat, CompletionRequest):
            return chat
        name = hashlib.sha256(json.dumps(chat, sort_keys=True).encode()).hexdigest()[:20]
        self._seen[name] = self._seen.get(name, -1) + 1
        return CompletionRequest(stage=self.role.name, row_id=name, messages=chat, sample=self._seen[name])


def _fields(request: CompletionRequest) -> dict[str, Any]:
    return {name: getattr(request, name) for name in CompletionRequest.__dataclass_fields__}

"""OpenAI's API, as its maker and many servers speak it: chat completions, and the Batch API at half the price."""

import json
import os
import re
from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from pipelines.completion import CompletionRequest, Message
from pipelines.engine import wire
from pipelines.engine.endpoints import MAKERS_ADDRESSES, EndpointSettings, Role
from pipelines.engine.errors import advice_on, has_error, status_fault
from pipelines.engine.outcomes import Fault, Reply, scrub
from pipelines.engine.protocols.base import BatchLook, Protocol, Sought
from pipelines.engine.protocols.openai_reply import read_reply, sort_reply
from pipelines.engine.protocols.post import Post, encoded
from pipelines.engine.proxies import httpx_proxy, is_unreached, unreached
from specs.untrusted import load_json

if TYPE_CHECKING:  # imported for batches alone: it takes as long as a small build asks for
    from openai import AsyncOpenAI

T = TypeVar("T")
_TOP_LOGPROBS = 20  # the most that OpenAI's API gives
_SCORED = {  # the last message is read and not answered (vLLM's extension of the API)
    "prompt_logprobs": 0, "continue_final_message": True, "add_generation_prompt": False,
}  # fmt: skip
_MAKERS_ROOT = f"{MAKERS_ADDRESSES['openai']}/v1"
_ACCOUNT = {"OpenAI-Organization": "OPENAI_ORG_ID", "OpenAI-Project": "OPENAI_PROJECT_ID"}  # header -> variable
_HEADERS = {"Accept": "application/json", "User-Agent": "specmill"}  # there are gateways that let no nameless client in
_NO_KEY = "no-key"  # what servers without keys are sent; the openai package insists on one
_ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
_NONCE = "specmill"  # metadata key
_FOR_GOOD = {"model_not_found": 404, "invalid_api_key": 401, "billing_hard_limit_reached": 402}  # the status they are
_NAME_IN_LINE = re.compile(r'"custom_id":\s*"([^"]+)"')
_LIMITS = frozenset(
    {
        "minLength",
        "maxLength",
        "pattern",
        "format",
        "minimum",
        "maximum",
        "minItems",
        "maxItems",
        "uniqueItems",
        "default",
    }
)


class OpenAIProtocol(Protocol):
    """Chat completions are posted, with nothing between us and the answer; files and batches go through the openai
    package, with its own retries off."""

    errors: tuple[type[Exception], ...] = Post.errors
    most_lines, most_bytes = 50_000, 150_000_000  # OpenAI's limits are 50,000 and 200 MB

    def __init__(self, settings: EndpointSettings, key: str) -> None:
        super().__init__(settings, key)
        if settings.embedded and not settings.base_url:  # else the request would go to the package's default
            raise RuntimeError(f"the embedded model {settings.embedded} is not being served")
        self._root = (settings.address or _MAKERS_ROOT).rstrip("/")
        self._connect_s = min(settings.connect_timeout_s, settings.timeout_s)
        self._client: AsyncOpenAI | None = None
        account = {header: value for header, name in _ACCOUNT.items() if (value := os.environ.get(name, "").strip())}
        headers = {**_HEADERS, "Authorization": f"Bearer {key or _NO_KEY}", **account}
        self._post = Post(f"{self._root}/chat/completions", headers, self._connect_s)

    @property
    def address(self) -> str:
        """The root of its API."""
        return f"{self._root}/"

    async def close(self) -> None:
        """Close the connections."""
        if self._client:
            await self._client.close()
        await self._post.close()

    def _package(self) -> "AsyncOpenAI":
        """The client of the openai package, opened by the first call about a batch."""
        if self._client is None:
            import openai

            self.errors = (openai.OpenAIError, *Post.errors)
            timeout = openai.Timeout(self.settings.timeout_s, connect=self._connect_s)
            through = openai.DefaultAsyncHttpxClient(timeout=timeout, **httpx_proxy(self._root))
            self._client = openai.AsyncOpenAI(
                api_key=self.key or _NO_KEY, base_url=self._root, max_retries=0, timeout=timeout, http_client=through
            )
        return self._client

    @staticmethod
    def body(role: Role, endpoint: str, request: CompletionRequest) -> dict[str, Any]:
        """The JSON body of the chat request, with no field that the role does not ask for."""
        settings = role.settings
        sent: dict[str, Any] = {
            "model": role.endpoints[endpoint].model,
            "messages": _messages(request.messages, role.endpoints[endpoint].system_role),
            settings.max_tokens_field: wire.max_tokens(role, request),
        }
        sampling = ("temperature", "top_p") if role.endpoints[endpoint].sampling else ()
        for name in (*sampling, "reasoning_effort"):
            if (value := getattr(settings, name)) is not None:
                sent[name] = value
        if settings.send_seed:
            sent["seed"] = wire.seed(role, request)
        if request.logprobs:
            sent |= {"logprobs": True, "top_logprobs": _TOP_LOGPROBS}
        if request.scores_last:
            sent |= _SCORED
        if request.json_schema and settings.json_mode != "none":
            sent["response_format"] = _response_format(settings.json_mode, request.json_schema)
        return {**sent, **settings.extra_body}

    async def send(self, body: dict[str, Any]) -> Reply | Fault:
        """One chat completion."""
        answer = await self._post.send(encoded(body))
        if answer.status < 400:
            return read_reply(answer.text, self.settings, self.key, answer.status)
        return status_fault(
            answer.status, _json_or_none(answer.text), answer.text, answer.headers, self.settings, self.key
        )

    def fault_of(self, error: Exception) -> Fault | Reply:
        """Sort an exception of a request, or of the openai package."""
        if self._client is None:
            return self._post.fault_of(error, self.settings.timeout_s, self.key)
        import openai

        if isinstance(error, openai.APIStatusError):
            headers, text = error.response.headers, error.response.text
            return status_fault(error.status_code, _json_or_none(text), text, headers, self.settings, self.key)
        cause = error.__cause__ or error
        unreachable = is_unreached(cause)
        if isinstance(error, openai.APITimeoutError) and not unreachable:
            return self._post.fault_of(TimeoutError(), self.settings.timeout_s, self.key)
        if isinstance(error, openai.APIConnectionError):
            detail = scrub(f"{type(cause).__name__}: {cause} ({self.address})", self.key)
            detail = unreached(self.address, detail) if unreachable else detail
            return Fault("connection", detail, unreachable=unreachable, unheard=unreachable)
        return self._post.fault_of(error, self.settings.timeout_s, self.key)

    # --- batches -----------------------------------------------------------------------------------------------------

    def prepare_batches(self) -> None:
        """Import the openai package."""
        client = self._package()
        _ = client.files, client.batches  # which it imports when they are first named

    def custom_id(self, nonce: str, key: bytes) -> str:
        """The key: a batch carries its nonce itself."""
        return key.hex()

    def line(self, custom_id: str, body: dict[str, Any]) -> str:
        """One line of the file of requests."""
        return json.dumps({"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body})

    async def upload(self, lines: Sequence[str]) -> str:
        """The file of requests; its id."""
        text = "\n".join(lines)
        file = await _object(self._package().files.create(file=("requests.jsonl", text.encode()), purpose="batch"))
        return str(file.id)

    async def create(self, uploaded: str, nonce: str) -> str:
        """A batch with the nonce in its metadata."""
        creation = self._package().batches.create(
            input_file_id=uploaded, endpoint="/v1/chat/completions", completion_window="24h",
            metadata={_NONCE: nonce},
        )  # fmt: skip
        return str((await _object(creation)).id)

    async def find(self, sought: Sought) -> str:
        """The id of the batch that carries the nonce; empty if there is none."""
        try:
            async for batch in self._package().batches.list(limit=100):
                if (batch.metadata or {}).get(_NONCE) == sought.nonce:
                    return str(batch.id)
        except AttributeError as error:  # what the openai package makes of a page
            raise ValueError("no list of batches") from error
        return ""

    async def look(self, batch_id: str) -> BatchLook:
        """How far a batch is; its results are in up to two files."""
        batch = await _object(self._package().batches.retrieve(batch_id))
        files = [file for file in (batch.error_file_id, batch.output_file_id) if file]
        return BatchLook(batch.status in _ENDED, self._why_missing(batch), files)

    def _why_missing(self, batch: Any) -> Fault:
        """What to say of lines without a result: the batch ran out of time, or none of it was accepted."""
        if batch.status != "failed":
            return Fault("expired", "the batch ended without a result for this request")
        settings, errors = self.settings, getattr(batch.errors, "data", None) or []
        text = scrub("; ".join(str(error.message) for error in errors) or "no reason given", self.key)
        if status := next((_FOR_GOOD[error.code] for error in errors if error.code in _FOR_GOOD), None):
            advice = advice_on(status, text, settings, bool(self.key))
            return Fault("permanent", f"the batch failed: {text}", advice=advice)
        return Fault("batch_failed", f"the batch failed: {text}", retry_after_s=settings.batch_poll_s)

    async def results(self, look: BatchLook) -> dict[str, Reply | Fault]:
        """What each line brought, from the files of results and of errors."""
        results: dict[str, Reply | Fault] = {}
        for file_id in look.results:
            content = (await self._package().files.content(file_id)).content.decode("utf-8-sig", "replace")
            for line in filter(str.strip, content.split("\n")):  # not splitlines: replies hold other ends
                results |= self._result(line)
        return results

    def _result(self, line: str) -> dict[str, Reply | Fault]:
        try:
            data = load_json(line)
            name, response = str(data["custom_id"]), data.get("response") or {}
            status, body = int(response.get("status_code") or 500), response.get("body") or {}
        except (ValueError, LookupError, TypeError, AttributeError) as problem:
            if (named := _NAME_IN_LINE.search(line)) and line.rstrip().endswith("}"):  # whole, and of no use
                return {named[1]: Fault("bad_reply", f"its line cannot be read: {scrub(line, self.key)}")}
            raise ValueError(f"the results cannot be read: {scrub(line, self.key)}") from problem
        if status == 200:
            return {name: sort_reply(body, self.settings, self.key)}
        error = body if has_error(body) else data
        return {name: status_fault(status, error, "the line failed", {}, self.settings, self.key)}


def _json_or_none(text: str) -> Any:
    try:
        return load_json(text)
    except ValueError:
        return None


async def _object(answer: Awaitable[T]) -> T:
    """An object of the API. ValueError where the endpoint answers with something else, such as a proxy's page."""
    found = await answer
    if not getattr(found, "id", None):
        raise ValueError(f"no object with an id, but {scrub(str(found))}")
    return found


# --- the form of requests and replies --------------------------------------------------------------------------------


def _messages(messages: list[Message], system_role: bool) -> list[Message]:
    """As they are; for a model without a system role, system texts before the first of the user's."""
    if system_role:
        return messages
    system = [one["content"] for one in messages if one["role"] == "system"]
    others = [one for one in messages if one["role"] != "system"]
    if not system:
        return others
    if others and others[0]["role"] == "user":
        system.append(others.pop(0)["content"])
    return [Message(role="user", content="\n\n".join(system)), *others]


def _response_format(mode: str, schema: dict[str, Any]) -> dict[str, Any]:
    if mode == "json_object":
        return {"type": "json_object"}
    strict = mode == "json_schema_strict"
    form = {"name": "reply", "schema": _unlimited(schema) if strict else schema, "strict": strict}
    return {"type": "json_schema", "json_schema": form}


def _unlimited(schema: Any) -> Any:
    """`schema` without the limits that OpenAI's strict mode answers with an error; replies are checked by us anyway."""
    if isinstance(schema, list):
        return [_unlimited(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: value for name, value in schema.items() if name not in _LIMITS}
    return {
        # below `properties` the names are the form's own, not keywords
        name: {key: _unlimited(one) for key, one in value.items()} if name == "properties" else _unlimited(value)
        for name, value in kept.items()
    }

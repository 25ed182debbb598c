"""OpenAI's API, as its maker and many servers speak it: chat completions, and the Batch API at half the price."""

import json
from collections import deque
from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

import openai

from pipelines.completion import CompletionRequest, Usage
from pipelines.engine import wire
from pipelines.engine.endpoints import EndpointSettings, Role
from pipelines.engine.outcomes import Fault, Reply, advice_on, clean, count, ended, parsed, scrub, status_fault
from pipelines.engine.protocols.base import BatchLook, Protocol, Sought

T = TypeVar("T")
_NO_KEY = "no-key"  # what servers without keys are sent; the openai package insists on one
_POOL_CONNECTIONS, _SPARE_CONNECTIONS = 32, 8
_ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
_NONCE = "specmill"  # metadata key
_FOR_GOOD = {"model_not_found": 404, "invalid_api_key": 401, "billing_hard_limit_reached": 402}  # the status they are
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
    """Some `openai.AsyncOpenAI` for one endpoint, with the package's own retries off. Several, because a pool looks
    through all its connections for every request: at 512 in one pool that costs more than the rest of the request."""

    errors = (openai.OpenAIError, TimeoutError, OSError, ValueError)
    most_lines, most_bytes = 50_000, 150_000_000  # OpenAI's limits are 50,000 and 200 MB

    def __init__(self, settings: EndpointSettings, key: str) -> None:
        super().__init__(settings, key)
        if settings.embedded and not settings.base_url:  # else the request would go to the package's default
            raise RuntimeError(f"the embedded model {settings.embedded} is not being served")
        connections = _POOL_CONNECTIONS + _SPARE_CONNECTIONS
        limits = type(openai.DEFAULT_CONNECTION_LIMITS)(
            max_connections=connections, max_keepalive_connections=connections
        )
        timeout = openai.Timeout(settings.timeout_s, connect=min(settings.connect_timeout_s, settings.timeout_s))
        self._clients = [
            openai.AsyncOpenAI(
                api_key=key or _NO_KEY,
                base_url=settings.address,
                max_retries=0,
                timeout=timeout,
                http_client=openai.DefaultAsyncHttpxClient(limits=limits, timeout=timeout),
            )
            for _ in range(-(-settings.max_in_flight // _POOL_CONNECTIONS))
        ]
        self._client = self._clients[0]  # for all but chat completions
        raw = [client.chat.completions.with_raw_response for client in self._clients]  # a bad reply is ours to sort
        self._pools = deque(pool for pool in raw for _ in range(_POOL_CONNECTIONS))

    @property
    def address(self) -> str:
        """The root of its API."""
        return str(self._client.base_url)

    async def close(self) -> None:
        """Close the connections."""
        for client in self._clients:
            await client.close()

    @staticmethod
    def body(role: Role, endpoint: str, request: CompletionRequest) -> dict[str, Any]:
        """The JSON body of the chat request, with no field that the role does not ask for."""
        settings = role.settings
        sent: dict[str, Any] = {
            "model": role.endpoints[endpoint].model,
            "messages": request.messages,
            settings.max_tokens_field: wire.max_tokens(role, request),
        }
        sampling = ("temperature", "top_p") if role.endpoints[endpoint].sampling else ()
        for name in (*sampling, "reasoning_effort"):
            if (value := getattr(settings, name)) is not None:
                sent[name] = value
        if settings.send_seed:
            sent["seed"] = wire.seed(role, request)
        if request.json_schema and settings.json_mode != "none":
            sent["response_format"] = _response_format(settings.json_mode, request.json_schema)
        return {**sent, **settings.extra_body}

    async def send(self, body: dict[str, Any]) -> Reply | Fault:
        """One chat completion."""
        pool = self._pools.popleft()
        try:
            # All of the body goes as extra_body, which wins: the package would copy messages leaf by leaf.
            response = await pool.create(model="", messages=[], extra_body=body)
            return read_reply(response.text, self.key)
        finally:
            self._pools.append(pool)

    def fault_of(self, error: Exception) -> Fault | Reply:
        """Sort an exception of the openai package, or a TimeoutError."""
        cause = error.__cause__ or error
        unreachable = type(cause).__name__ in {"ConnectError", "ConnectTimeout"}
        if isinstance(error, TimeoutError | openai.APITimeoutError) and not unreachable:
            return Fault("timeout", f"no complete reply within {self.settings.timeout_s:g} s", overload=True)
        if isinstance(error, openai.APIStatusError):
            body = error.body if isinstance(error.body, dict) else {}
            headers = error.response.headers
            return status_fault(error.status_code, body, error.message, headers, self.settings, self.key)
        detail = scrub(f"{type(cause).__name__}: {cause}", self.key)
        if isinstance(error, openai.APIConnectionError):
            detail = f"{detail} ({self.settings.address or 'the default address'})"
            return Fault("connection", detail, unreachable=unreachable)
        return Fault("bad_reply", detail)

    # --- batches -----------------------------------------------------------------------------------------------------

    def custom_id(self, nonce: str, key: bytes) -> str:
        """The key: a batch carries its nonce itself."""
        return key.hex()

    def line(self, custom_id: str, body: dict[str, Any]) -> str:
        """One line of the file of requests."""
        return json.dumps({"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body})

    async def upload(self, lines: Sequence[str]) -> str:
        """The file of requests; its id."""
        text = "\n".join(lines)
        file = await _object(self._client.files.create(file=("requests.jsonl", text.encode()), purpose="batch"))
        return str(file.id)

    async def create(self, uploaded: str, nonce: str) -> str:
        """A batch with the nonce in its metadata."""
        creation = self._client.batches.create(
            input_file_id=uploaded, endpoint="/v1/chat/completions", completion_window="24h",
            metadata={_NONCE: nonce},
        )  # fmt: skip
        return str((await _object(creation)).id)

    async def find(self, sought: Sought) -> str:
        """The id of the batch that carries the nonce; empty if there is none."""
        try:
            async for batch in self._client.batches.list(limit=100):
                if (batch.metadata or {}).get(_NONCE) == sought.nonce:
                    return str(batch.id)
        except AttributeError as error:  # what the openai package makes of a page
            raise ValueError("no list of batches") from error
        return ""

    async def look(self, batch_id: str) -> BatchLook:
        """How far a batch is; its results are in up to two files."""
        batch = await _object(self._client.batches.retrieve(batch_id))
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
            content = await self._client.files.content(file_id)
            for line in filter(str.strip, content.text.split("\n")):  # not splitlines: replies hold other ends
                results |= self._result(line)
        return results

    def _result(self, line: str) -> dict[str, Reply | Fault]:
        try:
            data = json.loads(line)
            name, response = str(data["custom_id"]), data.get("response") or {}
            status, body = int(response.get("status_code") or 500), response.get("body") or {}
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise ValueError(f"the results cannot be read: {scrub(line, self.key)}") from error
        if status == 200:
            return {name: sort_reply(body, self.key)}
        said = body.get("error") or data.get("error") or {}
        return {name: status_fault(status, said, "the line failed", {}, self.settings, self.key)}


async def _object(answer: Awaitable[T]) -> T:
    """An object of the API. ValueError where the endpoint answers with something else, such as a proxy's page."""
    found = await answer
    if not getattr(found, "id", None):
        raise ValueError(f"no object with an id, but {scrub(str(found))}")
    return found


# --- the form of requests and replies --------------------------------------------------------------------------------


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


def read_reply(body: str, key: str = "") -> Reply | Fault:
    """Sort the body of a chat completion with HTTP status 200."""
    data = parsed(body, key)
    return data if isinstance(data, Fault) else sort_reply(data, key)


def sort_reply(data: Any, key: str = "") -> Reply | Fault:
    """Sort a chat completion that has been parsed."""
    try:
        choice = data["choices"][0]
        message = choice["message"]
        text = message.get("content")
    except (LookupError, TypeError, AttributeError):
        return Fault("bad_reply", f"status 200, but no choice with a message: {scrub(str(data), key)}")
    reasoning = clean(message.get("reasoning_content") or message.get("reasoning"))
    empty = "tool calls instead of text" if message.get("tool_calls") else ""
    finish, refusal = clean(choice.get("finish_reason")), clean(message.get("refusal"))
    return ended(finish, clean(text), reasoning, _usage(data.get("usage")), refusal, empty)


def _usage(usage: object) -> Usage:
    if not isinstance(usage, dict):
        return Usage()
    prompt_details = usage.get("prompt_tokens_details")
    completion_details = usage.get("completion_tokens_details")
    return Usage(
        count(usage, "prompt_tokens"),
        count(prompt_details, "cached_tokens"),
        count(usage, "completion_tokens"),
        count(completion_details, "reasoning_tokens"),
    )

"""Anthropic's API, as the `anthropic` package speaks it: Messages, and Message Batches at half the price.

The spec, which opens every prompt, is marked for the prompt cache; the first request with a prefix goes alone, so that
the others read what it wrote instead of all writing it, at 1.25 times the price.
"""

import asyncio
import contextlib
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import anthropic

from pipelines.completion import CompletionRequest
from pipelines.engine.endpoints import MAKERS_ADDRESSES, EndpointSettings, Role
from pipelines.engine.errors import has_error, status_fault
from pipelines.engine.outcomes import Fault, Reply, clean, count, parsed, scrub
from pipelines.engine.protocols import messages
from pipelines.engine.protocols.base import BatchLook, Protocol, Sought
from pipelines.engine.proxies import httpx_proxy, is_unreached, unreached

_NO_KEY = "no-key"  # else the package looks for other credentials on this machine
_POOL_CONNECTIONS, _SPARE_CONNECTIONS = 32, 8
_CACHED_FOR_S = {"5m": 270.0, "1h": 3500.0}  # a little less than the API keeps a prefix
_PREFIXES = 64  # that are kept in memory once they are of no use: more where each request has its own
_LONGEST_TURN_S = 60.0  # that requests wait for the first one with their prefix
_NONCE_CHARS, _KEY_CHARS = 24, 40  # of a custom id, which has 64 at most
_CLOCK_S = 3600.0  # that a batch may seem to be made before it was sent, or after it was first looked for
_BATCHES = "/v1/messages/batches"
_PAGE = 100
_HEARD = "heard"
_STATUS = {  # of errors that come without one, as in the results of a batch
    "invalid_request_error": 400, "authentication_error": 401, "billing_error": 402, "permission_error": 403,
    "not_found_error": 404, "request_too_large": 413, "rate_limit_error": 429, "api_error": 500, "timeout_error": 504,
    "overloaded_error": 529,
}  # fmt: skip
_BLOCKED = "content filtering policy"
_NO_CREDIT = ("spend_limit_reached", "credit balance is too low", "specified api usage limits")
_PARAMETERS = (
    "The request is not accepted: check the role's max_tokens, thinking, json_mode and extra_body. A model that takes "
    "no temperature wants `sampling: false` on its endpoint, one that knows no budget `thinking: adaptive`, one "
    "without structured output `json_mode: tool`."
)


class AnthropicProtocol(Protocol):
    """Some `anthropic.AsyncAnthropic` for one endpoint, with the package's own retries off: a pool looks through all
    its connections for every request."""

    errors = (anthropic.AnthropicError, TimeoutError, OSError, ValueError)
    most_lines, most_bytes = 100_000, 200_000_000  # the API's limits are 100,000 and 256 MB

    def __init__(self, settings: EndpointSettings, key: str) -> None:
        super().__init__(settings, key)
        connections = _POOL_CONNECTIONS + _SPARE_CONNECTIONS
        limits = type(anthropic.DEFAULT_CONNECTION_LIMITS)(
            max_connections=connections, max_keepalive_connections=connections
        )
        timeout = anthropic.Timeout(settings.timeout_s, connect=min(settings.connect_timeout_s, settings.timeout_s))
        address = settings.address or MAKERS_ADDRESSES["anthropic"]
        self._clients = [
            anthropic.AsyncAnthropic(
                api_key=key or _NO_KEY,
                base_url=address,
                max_retries=0,
                timeout=timeout,
                http_client=anthropic.DefaultAsyncHttpxClient(
                    limits=limits, timeout=timeout, event_hooks={"response": [_heard]}, **httpx_proxy(address)
                ),
            )
            for _ in range(-(-settings.max_in_flight // _POOL_CONNECTIONS))
        ]
        self._client = self._clients[0]  # for all but messages
        self._pools = deque(client for client in self._clients for _ in range(_POOL_CONNECTIONS))
        self._turns: dict[tuple[str, ...], asyncio.Lock] = {}  # by prefix
        self._cached_at: dict[tuple[str, ...], float] = {}
        self._foreign: set[str] = set()  # batches that are not of this record
        self._searched_at: dict[str, float] = {}  # the server's time when a batch was first looked for, by nonce

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
        """The JSON body of a message request, with no field that the role does not ask for."""
        return messages.body(role, endpoint, request)

    @contextlib.asynccontextmanager
    async def turn(self, body: dict[str, Any]) -> AsyncIterator[None]:
        """Alone for the first request with a prefix that is to be cached; at once for all others."""
        prefix = messages.prefix(body)
        if not prefix or self._is_cached(prefix):
            yield
            return
        if len(self._turns) > _PREFIXES:
            self._turns = {known: lock for known, lock in self._turns.items() if lock.locked()}
            self._cached_at = {known: at for known, at in self._cached_at.items() if self._is_cached(known)}
        lock = self._turns.setdefault(prefix, asyncio.Lock())
        try:
            async with asyncio.timeout(_LONGEST_TURN_S):
                await lock.acquire()
        except TimeoutError:  # the first takes too long: do without
            yield
            return
        if self._is_cached(prefix):
            lock.release()
            yield
            return
        try:
            yield
        finally:
            lock.release()

    def _is_cached(self, prefix: tuple[str, ...]) -> bool:
        kept_s = _CACHED_FOR_S.get(self.settings.cache, 0.0)
        return time.monotonic() - self._cached_at.get(prefix, float("-inf")) < kept_s

    async def send(self, body: dict[str, Any]) -> Reply | Fault:
        """One message."""
        client = self._pools.popleft()
        try:
            answer = await client.post("/v1/messages", cast_to=bytes, body=body)
        finally:
            self._pools.append(client)
        data = parsed(answer.decode("utf-8-sig", "replace"), self.key)
        if isinstance(data, Fault):
            return data
        if has_error(data):
            return self._status_fault(200, data, "", {})
        if prefix := messages.prefix(body):
            self._cached_at[prefix] = time.monotonic()
        return messages.read(data, self.key)

    def fault_of(self, error: Exception) -> Fault | Reply:
        """Sort an exception of the anthropic package, or a TimeoutError."""
        cause = error.__cause__ or error
        unreachable = is_unreached(cause)
        if isinstance(error, TimeoutError | anthropic.APITimeoutError) and not unreachable:
            return Fault("timeout", f"no complete reply within {self.settings.timeout_s:g} s", overload=True)
        if isinstance(error, anthropic.APIStatusError):
            return self._status_fault(error.status_code, error.body, error.message, error.response.headers)
        detail = scrub(f"{type(cause).__name__}: {cause}", self.key)
        if isinstance(error, anthropic.APIConnectionError):
            unheard = not error.request.extensions.get(_HEARD)
            overload = unheard and not unreachable  # more connections than it takes, or it is being restarted
            detail = unreached(self.address, f"{detail} ({self.address})") if unreachable else detail
            return Fault("connection", detail, unreachable=unreachable, unheard=unheard, overload=overload)
        return Fault("bad_reply", detail)

    def _status_fault(self, status: int, body: object, message: str, headers: Any) -> Fault | Reply:
        """Sort an error of the API, which words it as {"type": "error", "error": {"type", "message", "details"}}."""
        said = body.get("error") if isinstance(body, dict) else None
        said = said if isinstance(said, dict) else {}
        details = said.get("details")
        code = clean(details.get("error_code")) if isinstance(details, dict) else ""
        text = clean(said.get("message")) or message
        if any(sign in f"{code} {text}".lower() for sign in _NO_CREDIT):  # with status 400 or 429
            status = 402
        if _BLOCKED in text.lower():  # with status 400: nothing is wrong with the request but what it asks for
            code = "content_filter"
        error = {"code": code or clean(said.get("type")), "message": text}
        fault = status_fault(status, error, text, headers, self.settings, self.key)
        fits = isinstance(fault, Fault) and "do not fit" not in fault.advice
        if isinstance(fault, Fault) and fault.kind == "rejected" and fault.status != 403 and fits:
            return replace(fault, advice=_PARAMETERS)
        return fault

    # --- batches -----------------------------------------------------------------------------------------------------

    def prepare_batches(self) -> None:
        """Its package is here already."""

    def custom_id(self, nonce: str, key: bytes) -> str:
        """The nonce and most of the key: a Message Batch has no metadata, so its lines say whose they are."""
        return f"{nonce[:_NONCE_CHARS]:0<{_NONCE_CHARS}}{key.hex()[:_KEY_CHARS]}"

    def line(self, custom_id: str, body: dict[str, Any]) -> str:
        """One request of a batch, in ASCII: it has as many bytes as characters, by which batches are filled."""
        return json.dumps({"custom_id": custom_id, "params": body})

    async def upload(self, lines: Sequence[str]) -> bytes:
        """Nothing: the requests are in the body of the creation."""
        return f'{{"requests":[{",".join(lines)}]}}'.encode()

    async def create(self, uploaded: bytes, nonce: str) -> str:
        """A batch whose custom ids begin with the nonce."""
        options: Any = {"headers": {"Content-Type": "application/json"}}
        answer = await self._client.post(_BATCHES, cast_to=bytes, content=uploaded, options=options)
        return str(self._object(answer)["id"])

    async def find(self, sought: Sought) -> str | None:
        """The batch whose results carry the nonce. What its lines are called is seen only when a batch has ended; until
        then one of as many lines, that no other record knows, may be it."""
        batches, now = await self._list(sought)
        until = self._searched_at.setdefault(sought.nonce, now) + _CLOCK_S
        maybe = [one for one in batches if one["id"] not in sought.known and _made_at(one) < until]
        unsure = False
        for batch in maybe:
            if sum(_counts(batch).values()) != sought.lines:
                continue
            if batch.get("processing_status") != "ended":
                unsure = True
            elif batch["id"] not in self._foreign:
                if await self._carries(batch, sought.nonce):
                    return str(batch["id"])
                self._foreign.add(batch["id"])
        if unsure:
            return None
        del self._searched_at[sought.nonce]
        return ""

    async def _list(self, sought: Sought) -> tuple[list[dict[str, Any]], float]:
        """All batches since the one that is sought was sent, the last first, and the server's time."""
        found: list[dict[str, Any]] = []
        query: dict[str, Any] = {"limit": _PAGE}
        while True:
            response = await self._client.messages.batches.with_raw_response.list(**query)
            now = _date(response.headers.get("date"))
            page = self._json(await response.read())
            listed = page.get("data")
            if not isinstance(listed, list) or not all(isinstance(one, dict) and one.get("id") for one in listed):
                raise ValueError(f"no list of batches, but {scrub(str(page), self.key)}")
            found += listed
            since = sought.sent_at + now - time.time() - _CLOCK_S
            if not page.get("has_more") or not listed or _made_at(listed[-1]) < since:
                return [one for one in found if _made_at(one) >= since], now
            query["after_id"] = listed[-1]["id"]

    async def _carries(self, batch: dict[str, Any], nonce: str) -> bool:
        if not batch.get("results_url"):  # archived
            return False
        results = await self._download(batch["id"])
        return any(self._named(line).startswith(nonce[:_NONCE_CHARS]) for line in results)

    async def look(self, batch_id: str) -> BatchLook:
        """How far a batch is. Its results are there until 29 days after it was made."""
        batch = self._object(await self._client.get(f"{_BATCHES}/{batch_id}", cast_to=bytes))
        missing = Fault("expired", "the batch ended without a result for this request")
        answered = sum(number for name, number in _counts(batch).items() if name != "processing")
        where = [str(batch["id"]), str(answered)] if batch.get("results_url") else []
        return BatchLook(batch.get("processing_status") == "ended", missing, where)

    async def results(self, look: BatchLook) -> dict[str, Reply | Fault]:
        """What each line brought. All of them: one that is left out would be asked, and paid, again."""
        if not look.results:
            return {}
        batch_id, answered = look.results
        lines = await self._download(batch_id)
        if len(lines) < int(answered):
            raise ValueError(f"the results are cut short: {len(lines)} lines of {answered}")
        return {self._named(line): self._result(line) for line in lines}

    async def _download(self, batch_id: str) -> list[str]:
        # by its own path, not by `results_url`: the key goes nowhere but to the endpoint
        options: Any = {"headers": {"Accept": "application/binary"}}
        content = await self._client.get(f"{_BATCHES}/{batch_id}/results", cast_to=bytes, options=options)
        return [line for line in content.decode("utf-8").split("\n") if line.strip()]

    def _json(self, answer: bytes) -> dict[str, Any]:
        """An object of the API. ValueError where the endpoint answers with something else, such as a proxy's page."""
        data = parsed(answer.decode("utf-8-sig", "replace"), self.key)
        if not isinstance(data, dict):
            raise ValueError(data.detail if isinstance(data, Fault) else f"no object, but {scrub(str(data), self.key)}")
        return data

    def _object(self, answer: bytes) -> dict[str, Any]:
        found = self._json(answer)
        if not isinstance(found.get("id"), str) or found.get("type") != "message_batch":
            raise ValueError(f"no batch, but {scrub(str(found), self.key)}")
        return found

    def _named(self, line: str) -> str:
        name = self._json(line.encode()).get("custom_id")
        if not isinstance(name, str):
            raise ValueError(f"the results cannot be read: {scrub(line, self.key)}")
        return name

    def _result(self, line: str) -> Reply | Fault:
        result = self._json(line.encode()).get("result")
        result = result if isinstance(result, dict) else {}
        kind = result.get("type")
        if kind == "succeeded":
            return messages.read(result.get("message"), self.key)
        if kind == "errored":
            body = result.get("error")
            error = body.get("error") if isinstance(body, dict) else None
            status = _STATUS.get(clean(error.get("type")), 500) if isinstance(error, dict) else 500
            return self._status_fault(status, body, "the line failed", {})
        if kind in {"canceled", "expired"}:  # neither was asked, nor billed
            return Fault("expired", f"the request was {kind} in its batch")
        raise ValueError(f"the results cannot be read: {scrub(line, self.key)}")


async def _heard(response: Any) -> None:
    """Notes that an answer began, which may then be billed, whatever becomes of it."""
    response.request.extensions[_HEARD] = True


def _counts(batch: dict[str, Any]) -> dict[str, int]:
    """How many requests of a batch are processing, succeeded, errored, canceled, expired."""
    counts = batch.get("request_counts")
    names = ("processing", "succeeded", "errored", "canceled", "expired")
    return {name: count(counts, name) or 0 for name in names}


def _made_at(batch: dict[str, Any]) -> float:
    """Seconds since the epoch; now where it does not say."""
    try:
        return datetime.fromisoformat(str(batch.get("created_at"))).timestamp()
    except ValueError:
        return time.time()


def _date(header: str | None) -> float:
    try:
        return parsedate_to_datetime(header or "").timestamp()
    except (TypeError, ValueError):
        return time.time()

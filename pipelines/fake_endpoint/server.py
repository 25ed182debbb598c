"""A real local server that speaks the OpenAI API (chat, models, files, batches) and Anthropic's (messages, models,
message batches), and misbehaves on request.

For tests, benchmarks and trying a recipe without spending: replies are a function of the request, latencies are seeded
and heavy-tailed, faults follow a script, and a log (JSON lines) says what was asked and whether the reply went out.
"""

import asyncio
import json
import random
import time
from email.utils import formatdate
from typing import Any, NoReturn

from aiohttp import web

from pipelines.fake_endpoint.api import Api, FakeSettings, Fault
from pipelines.fake_endpoint.batches import BATCH_FAULTS, Batches
from pipelines.fake_endpoint.message_batches import MessageBatches
from pipelines.fake_endpoint.messages import MESSAGE_ERRORS, MESSAGE_STOPS, Messages
from pipelines.fake_endpoint.replies import body_hash, logprobs, prompt_logprobs, reply_text


class FakeEndpoint:
    """The server's state: how often each request was seen, what is in flight, the log."""

    def __init__(self, settings: FakeSettings) -> None:
        self.settings = settings
        self.asked = self.in_flight = 0
        self._seen: dict[str, int] = {}
        self._down_until = 0.0
        self.line_fault: Fault | None = None  # of the line of a batch that was asked last
        self._down_done: set[int] = set()
        self._messages = Messages(self)
        self._log = settings.log.open("a", buffering=1, encoding="utf-8") if settings.log else None

    def app(self) -> web.Application:
        """The web application with all routes under /v1."""
        app = web.Application(client_max_size=1 << 30)
        app.router.add_post("/v1/chat/completions", self.chat)
        app.router.add_get("/v1/models", self.models)
        Batches(self).add_routes(app)
        self._messages.add_routes(app)
        MessageBatches(self, self._messages).add_routes(app)
        return app

    def log(self, **event: Any) -> None:
        """Append an event to the log."""
        if self._log:
            self._log.write(json.dumps({"t": time.time(), **event}) + "\n")

    async def models(self, request: web.Request) -> web.Response:
        """GET /v1/models, in the form of who asks."""
        if "anthropic-version" in request.headers:
            return await self._messages.models(request)
        return web.json_response(
            {"object": "list", "data": [{"id": "fake", "object": "model", "owned_by": "specmill"}]}
        )

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """POST /v1/chat/completions."""
        return await self.answer(request, self)

    async def answer(self, request: web.Request, api: Api) -> web.StreamResponse:
        """Find the fault, wait the latency, reply in the words of `api`, log."""
        raw = await request.read()
        body = json.loads(raw)
        self.asked += 1
        number, name = self.asked, body_hash(body, self.settings.seed)
        seen = self._seen[name] = self._seen.get(name, 0) + 1
        fault = self._fault(body, raw, name, seen)
        self.in_flight += 1
        last = str(body["messages"][-1].get("content"))[-200:] if body.get("messages") else ""
        kind = fault.kind if fault else ""
        latency = self.latency(name, seen)
        self.log(event="asked", n=number, seen=seen, fault=kind, in_flight=self.in_flight, latency=latency, last=last)
        try:
            response = await self._answer(request, body, latency, fault, api)
            if not response.prepared:
                await response.prepare(request)
                await response.write_eof()
            self.log(event="sent", n=number, status=response.status)
            return response
        finally:
            self.in_flight -= 1

    async def _answer(
        self, request: web.Request, body: dict[str, Any], latency: float, fault: Fault | None, api: Api
    ) -> web.StreamResponse:
        if refused := self._turned_away(request, body, fault, api):
            return refused
        await asyncio.sleep(latency)
        kind = fault.kind if fault else ""
        if fault and kind == "answer":
            return _answer(fault)
        if kind == "broken_body":
            return await self._break_off(request, api.completion(body))
        if kind == "trickle":
            return await _trickle(request)
        if kind == "html":
            return web.Response(text="<!doctype html><html><body>Bad gateway</body></html>", content_type="text/html")
        text = json.dumps(self.spoiled(api.completion(body, kind), fault), ensure_ascii=False)
        return web.Response(
            text=text[: len(text) // 2] if kind == "bad_json" else text, content_type="application/json"
        )

    def _turned_away(
        self, request: web.Request, body: dict[str, Any], fault: Fault | None, api: Api
    ) -> web.Response | None:
        """What is answered at once, before any work: a wrong key, too much at once, an error of the script."""
        settings = self.settings
        if refusal := api.refusal(request) or api.check(body):
            return refusal
        if settings.connections and self.in_flight > settings.connections:
            self.drop(request)
        if settings.capacity and self.in_flight > settings.capacity:
            return api.error(429, "Rate limit reached", "rate_limit_exceeded")
        if fault and (error := api.error_of(fault.kind)):
            return api.error(*error, _headers(fault))
        if fault and fault.kind in {"reset", "down"}:
            self.drop(request)
        return None

    async def _break_off(self, request: web.Request, completion: dict[str, Any]) -> web.StreamResponse:
        """Half of a reply, then the connection is cut."""
        text = json.dumps(completion).encode()
        response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(text))})
        await response.prepare(request)
        await response.write(text[: len(text) // 2])
        await asyncio.sleep(0.05)
        self.drop(request)

    def drop(self, request: web.Request) -> NoReturn:
        """Cut the connection without an answer."""
        if request.transport:
            request.transport.abort()
        raise web.HTTPServiceUnavailable

    def refusal(self, request: web.Request) -> web.Response | None:
        """The answer to a wrong key."""
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.settings.key and given != self.settings.key:
            return self.error(401, f"Incorrect API key provided: {given}", "invalid_api_key")
        return None

    def check(self, body: dict[str, Any]) -> web.Response | None:
        """The answer to a request that the API does not accept: this one takes all."""
        return None

    @staticmethod
    def error_of(kind: str) -> tuple[int, str, str] | None:
        """Status, message and code of a fault that is an answer of its own."""
        return _ERRORS.get(kind)

    @staticmethod
    def error(status: int, message: str, code: str, headers: dict[str, str] | None = None) -> web.Response:
        """An error as the API words them."""
        body = {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}
        return web.json_response(body, status=status, headers=headers)

    def latency(self, name: str, seen: int) -> float:
        """Seconds that this request takes; the same for the same request in every run."""
        settings = self.settings
        if settings.latency_s <= 0:
            return 0.0
        rng = random.Random(f"{settings.seed} {name} {seen}")
        return min(settings.longest_s, settings.latency_s * rng.lognormvariate(0, settings.tail))

    def _fault(self, body: dict[str, Any], raw: bytes, name: str, seen: int) -> Fault | None:
        now = time.monotonic()
        if now < self._down_until:
            return Fault("down")
        for index, fault in enumerate(self.settings.faults):
            if fault.kind in BATCH_FAULTS or self.asked <= fault.after:
                continue
            if fault.contains and fault.contains.encode() not in raw:
                continue
            if fault.kind == "down":
                if index in self._down_done:
                    continue
                self._down_done.add(index)
                self._down_until = now + fault.seconds
                return fault
            lucky = random.Random(f"{self.settings.seed} {index} {name}").random() < fault.share
            if lucky and (fault.times == 0 or seen <= fault.times):
                return fault
        return None

    @staticmethod
    def spoiled(completion: dict[str, Any], fault: Fault | None) -> dict[str, Any]:
        """A chat completion with what the fault's own fields say of it."""
        if fault and fault.kind == "other_model":
            completion["model"] = fault.word
        if fault and fault.kind == "choice":
            completion["choices"][0].update(fault.body)
        if fault and fault.kind == "ending":
            choice = completion["choices"][0]
            text = choice["message"]["content"]
            choice["message"]["content"], choice["finish_reason"] = text[: len(text) // 2], fault.word
        return completion

    def fault_of_line(self, body: dict[str, Any], key: str) -> str:
        """The fault of one line of a batch; logs the line as asked."""
        self.asked += 1
        name = body_hash(body, self.settings.seed)
        seen = self._seen[name] = self._seen.get(name, 0) + 1
        fault = self._fault(body, json.dumps(body).encode(), name, seen)
        self.log(event="line", n=self.asked, key=key, seen=seen, fault=fault.kind if fault else "")
        self.line_fault = fault
        return fault.kind if fault else ""

    def completion(self, body: dict[str, Any], fault: str = "") -> dict[str, Any]:
        """The body of a chat completion; `fault` spoils it."""
        settings = self.settings
        text, finish, prompt_tokens, completion_tokens = reply_text(
            body, settings.seed, settings.name, settings.provider, settings.words
        )
        if settings.window:
            prompt_tokens = min(prompt_tokens, settings.window)
        message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
        usage: dict[str, Any] = {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        }
        choices: list[dict[str, Any]] = [{"index": 0, "message": message, "finish_reason": finish}]
        if body.get("logprobs"):
            choices[0]["logprobs"] = logprobs(body, text, settings.seed)
        if fault == "length":
            message["content"], choices[0]["finish_reason"] = text[: len(text) // 2], "length"
        elif fault == "line_ends":
            message["content"] = f"{text}\u2028and\u0085more\u2029of it\x1e."
        elif fault == "content_filter":
            message["content"], choices[0]["finish_reason"] = "", "content_filter"
        elif fault == "refusal":
            message["content"], message["refusal"] = None, "I cannot help with that."
        elif fault == "tool_calls":
            call = {"id": "call_1", "type": "function", "function": {"name": "search", "arguments": "{}"}}
            message["content"], message["tool_calls"], choices[0]["finish_reason"] = None, [call], "tool_calls"
        elif fault == "reasoning_budget":
            message["content"], message["reasoning_content"], choices[0]["finish_reason"] = "", text, "length"
            usage["completion_tokens_details"]["reasoning_tokens"] = completion_tokens
        elif fault == "empty_choices":
            choices = []
        completion = {
            "id": f"chatcmpl-{body_hash(body, settings.seed)[:24]}",
            "object": "chat.completion",
            "created": 0,
            "model": body.get("model"),
            "choices": choices,
        }
        if body.get("prompt_logprobs") is not None:
            completion["prompt_logprobs"] = prompt_logprobs(body, settings.seed)
        return completion if fault == "no_usage" else {**completion, "usage": usage}


_ERRORS: dict[str, tuple[int, str, str]] = {
    "429": (429, "Rate limit reached", "rate_limit_exceeded"),
    "429_seconds": (429, "Rate limit reached", "rate_limit_exceeded"),
    "429_date": (429, "Rate limit reached", "rate_limit_exceeded"),
    "quota": (429, "You exceeded your current quota", "insufficient_quota"),
    "500": (500, "The server had an error", "server_error"),
    "502": (502, "Bad gateway", "server_error"),
    "503": (503, "Overloaded", "server_error"),
    "504": (504, "Gateway timeout", "server_error"),
    "401": (401, "Incorrect API key provided", "invalid_api_key"),
    "404": (404, "The model does not exist", "model_not_found"),
    "invalid_prompt": (400, "Your prompt was flagged as potentially violating our usage policy", "invalid_prompt"),
    "context": (400, "This model's maximum context length is 8192 tokens", "context_length_exceeded"),
}
# `answer` sends what the fault says, with its status; `ending` cuts the text in half and names `word` as finish reason;
# `choice` replaces fields of the choice; `broken_body` cuts the connection within the reply.
SPOILED = (
    "html", "bad_json", "empty_choices", "no_usage", "length", "content_filter", "refusal", "tool_calls",
    "reasoning_budget", "line_ends", "trickle", "reset", "down", "expired", "canceled", "answer", "ending", "choice",
    "other_model", "broken_body",
)  # fmt: skip
KINDS = tuple(dict.fromkeys((*_ERRORS, *MESSAGE_ERRORS, *SPOILED, *MESSAGE_STOPS, *BATCH_FAULTS)))


def _answer(fault: Fault) -> web.Response:
    """What the script says, as JSON unless it is text."""
    text = fault.body if isinstance(fault.body, str) else json.dumps(fault.body)
    headers = {"Content-Type": "application/json", **fault.headers}
    return web.Response(status=fault.status, body=text.encode(), headers=headers)


def _headers(fault: Fault) -> dict[str, str]:
    if fault.kind == "429_seconds":
        return {"Retry-After": f"{fault.seconds:g}"}
    if fault.kind == "429_date":
        return {"Retry-After": formatdate(time.time() + fault.seconds, usegmt=True)}
    return {}


async def _trickle(request: web.Request) -> web.StreamResponse:
    """A reply that never ends: a space now and then, until the client leaves."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    while True:
        await response.write(b" ")
        await asyncio.sleep(0.1)


def read_faults(lines: list[str]) -> list[Fault]:
    """Faults from JSON objects, one a line; ValueError names the line that cannot be used."""
    faults = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            fault = Fault(**json.loads(line))
        except (TypeError, ValueError) as error:
            raise ValueError(f"line {number}: {error}; expected an object with {', '.join(Fault.__slots__)}") from error
        if fault.kind not in KINDS:
            raise ValueError(f"line {number}: kind {fault.kind!r}; expected one of {', '.join(KINDS)}")
        faults.append(fault)
    return faults


async def serve(settings: FakeSettings, host: str = "127.0.0.1", port: int = 0) -> tuple[web.AppRunner, int]:
    """Start the server in the running event loop; the runner (`await runner.cleanup()` stops it) and its port."""
    runner = web.AppRunner(FakeEndpoint(settings).app(), access_log=None, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, host, port, backlog=1024)
    await site.start()
    return runner, int(runner.addresses[0][1])

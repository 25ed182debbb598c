"""The files and batches routes of the fake endpoint."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from pipelines.fake_endpoint.api import Api, Host

Handler = Callable[[web.Request], Awaitable[web.Response]]

BATCH_FAULTS = (
    "no_batches",  # 404 for files and batches, as of a server that knows neither
    "upload_500",  # the upload is answered 500
    "lost_batch",  # the batch is created, and the connection cut instead of an answer
    "away_batch",  # created and answered; then every connection is cut for `seconds`
    "cut_results",  # Anthropic's API: the last line of the results is missing
    "page",  # instead of the list of batches, or of results, comes a page with status 200
    "failed_batch",  # OpenAI's API, as the next: it ends as failed: too much is enqueued
    "no_model_batch",  # it ends as failed: no such model
)
"""Faults of whole batches; `after` and `times` count batches."""


class Batches:
    """Files and batches in memory. Other faults apply to a batch's lines: `500` fails one, `expired` drops it."""

    def __init__(self, endpoint: Host, api: Api | None = None) -> None:
        self._endpoint, self._api = endpoint, api or endpoint
        self._files: dict[str, str] = {}
        self._batches: dict[str, dict[str, Any]] = {}
        self._made_at: dict[str, float] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._tried: Counter[str] = Counter()  # how often each fault could have hit
        self._away_until = 0.0

    def add_routes(self, app: web.Application) -> None:
        """Mount the routes."""
        app.router.add_post("/v1/files", self._guarded(self.upload))
        app.router.add_get("/v1/files/{id}/content", self._guarded(self.content))
        app.router.add_post("/v1/batches", self._guarded(self.create))
        app.router.add_get("/v1/batches", self._guarded(self.list_all))
        app.router.add_get("/v1/batches/{id}", self._guarded(self.get))

    def _guarded(self, handler: Handler) -> Handler:
        """A route that asks for the key, and is not there while the server is away."""

        async def guarded(request: web.Request) -> web.Response:
            self._endpoint.log(event="call", method=request.method, path=request.path)
            if time.monotonic() < self._away_until:
                self._endpoint.drop(request)
            if refusal := self._api.refusal(request):
                return refusal
            return self._api.error(404, "Not Found", "") if self._hit("no_batches") else await handler(request)

        return guarded

    def _hit(self, kind: str) -> Any:
        """The fault of this kind that is due now, if the script has one."""
        fault = next((one for one in self._endpoint.settings.faults if one.kind == kind), None)
        if fault is None:
            return None
        self._tried[kind] += 1
        due = self._tried[kind] - fault.after
        return fault if due > 0 and (fault.times == 0 or due <= fault.times) else None

    def _page(self) -> web.Response | None:
        return web.Response(text="<html>Maintenance</html>", content_type="text/html") if self._hit("page") else None

    async def upload(self, request: web.Request) -> web.Response:
        """POST /v1/files."""
        if self._hit("upload_500"):
            return self._endpoint.error(500, "The server had an error", "server_error")
        form = await request.post()
        upload = form["file"]
        text = upload.file.read().decode() if isinstance(upload, web.FileField) else str(upload)
        return web.json_response(self._file(text, str(form.get("purpose"))))

    async def content(self, request: web.Request) -> web.Response:
        """GET /v1/files/{id}/content."""
        if page := self._page():
            return page
        text = self._files.get(request.match_info["id"])
        return web.Response(status=404) if text is None else web.Response(text=text)

    async def create(self, request: web.Request) -> web.Response:
        """POST /v1/batches."""
        asked = await request.json()
        name = f"batch_{len(self._batches) + 1}"
        lines = [json.loads(line) for line in self._files[asked["input_file_id"]].splitlines()]
        batch = {
            "id": name, "object": "batch", "endpoint": asked["endpoint"], "input_file_id": asked["input_file_id"],
            "completion_window": asked["completion_window"], "status": "in_progress", "created_at": int(time.time()),
            "output_file_id": None, "error_file_id": None, "metadata": asked.get("metadata"),
            "request_counts": {"total": len(lines), "completed": 0, "failed": 0},
        }  # fmt: skip
        self._batches[name], self._made_at[name] = batch, time.monotonic()
        failure = next((kind for kind in _FAILURES if self._hit(kind)), "")
        self._endpoint.log(event="batch", id=name, lines=len(lines), fault=failure)
        if failure:
            batch.update(status="failed", errors={"object": "list", "data": [_FAILURES[failure]]})
        else:
            self._start(batch, lines)
        if self._hit("lost_batch"):
            self._endpoint.drop(request)
        self._go_away()
        return web.json_response({**batch, "status": "validating"})

    def _go_away(self) -> None:
        if away := self._hit("away_batch"):
            self._away_until = time.monotonic() + away.seconds

    def _start(self, batch: dict[str, Any], lines: list[dict[str, Any]]) -> None:
        task = asyncio.create_task(self._run(batch, lines))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def list_all(self, request: web.Request) -> web.Response:
        """GET /v1/batches."""
        if page := self._page():
            return page
        shown_before = time.monotonic() - self._endpoint.settings.list_lag_s
        shown = [batch for name, batch in self._batches.items() if self._made_at[name] <= shown_before]
        return web.json_response({"object": "list", "data": shown, "has_more": False})

    async def get(self, request: web.Request) -> web.Response:
        """GET /v1/batches/{id}."""
        batch = self._batches.get(request.match_info["id"])
        return web.Response(status=404) if batch is None else web.json_response(batch)

    async def _run(self, batch: dict[str, Any], lines: list[dict[str, Any]]) -> None:
        await asyncio.sleep(self._endpoint.settings.batch_s)
        done, failed = [], []
        expired = False
        for line in lines:
            fault = self._endpoint.fault_of_line(line["body"], line["custom_id"])
            scripted = self._endpoint.line_fault
            if fault == "expired":
                expired = True
            elif scripted and fault == "answer":
                done.append(_line(line, {"status_code": scripted.status, "body": scripted.body}))
            elif error := self._endpoint.error_of(fault):
                status, message, code = error
                failed.append(
                    _line(line, {"status_code": status, "body": {"error": {"message": message, "code": code}}})
                )
            else:
                body = self._endpoint.spoiled(self._endpoint.completion(line["body"], fault), scripted)
                done.append(_line(line, {"status_code": 200, "body": body}))
        batch["output_file_id"] = self._file("\n".join(done), "batch_output")["id"] if done else None
        batch["error_file_id"] = self._file("\n".join(failed), "batch_output")["id"] if failed else None
        batch["request_counts"].update(completed=len(done), failed=len(failed))
        batch["status"] = "expired" if expired else "completed"

    def _file(self, text: str, purpose: str) -> dict[str, Any]:
        name = f"file-{len(self._files) + 1}"
        self._files[name] = text
        return {
            "id": name, "object": "file", "bytes": len(text), "created_at": int(time.time()),
            "filename": "requests.jsonl", "purpose": purpose, "status": "processed",
        }  # fmt: skip


_FAILURES = {
    "failed_batch": {"code": "token_limit_exceeded", "message": "Enqueued token limit reached"},
    "no_model_batch": {"code": "model_not_found", "message": "The model does not exist"},
}


def _line(asked: dict[str, Any], response: dict[str, Any]) -> str:
    whole = {"id": asked["custom_id"], "custom_id": asked["custom_id"], "response": response, "error": None}
    return json.dumps(whole, ensure_ascii=False)  # as some servers do

"""Anthropic's Message Batches for the fake endpoint."""

import asyncio
import json
import random
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from pipelines.fake_endpoint.api import Host
from pipelines.fake_endpoint.batches import Batches
from pipelines.fake_endpoint.messages import Messages, objection

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_MOST = 100_000
_ENDS = ("succeeded", "errored", "canceled", "expired")


class MessageBatches(Batches):
    """Message batches in memory; faults as for the other API's, and results in an order of their own."""

    def __init__(self, endpoint: Host, messages: Messages) -> None:
        super().__init__(endpoint, messages)
        self._messages = messages
        self._results: dict[str, str] = {}
        self._origin = ""

    def add_routes(self, app: web.Application) -> None:
        """Mount the routes."""
        root = "/v1/messages/batches"
        app.router.add_post(root, self._guarded(self.create))
        app.router.add_get(root, self._guarded(self.list_all))
        app.router.add_get(root + "/{id}", self._guarded(self.get))
        app.router.add_get(root + "/{id}/results", self._guarded(self.results))
        app.router.add_post(root + "/{id}/cancel", self._guarded(self.cancel))

    async def create(self, request: web.Request) -> web.Response:
        """POST /v1/messages/batches."""
        if self._hit("upload_500"):
            return self._messages.error(500, "Internal server error")
        lines = (await request.json()).get("requests") or []
        if wrong := _wrong_lines(lines):
            return self._messages.error(400, wrong)
        now, self._origin = datetime.now(UTC), str(request.url.origin())
        name = f"msgbatch_{len(self._batches) + 1:04}"
        batch = {
            "id": name, "type": "message_batch", "processing_status": "in_progress",
            "request_counts": {**dict.fromkeys(_ENDS, 0), "processing": len(lines)},
            "created_at": _time(now), "expires_at": _time(now + timedelta(hours=24)), "ended_at": None,
            "archived_at": None, "cancel_initiated_at": None, "results_url": None,
        }  # fmt: skip
        self._batches[name] = batch
        self._endpoint.log(event="batch", id=name, lines=len(lines), fault="")
        self._start(batch, lines)
        if self._hit("lost_batch"):
            self._endpoint.drop(request)
        self._go_away()
        return web.json_response(batch)

    async def list_all(self, request: web.Request) -> web.Response:
        """GET /v1/messages/batches: the last first, in pages."""
        if spoiled := self._page():
            return spoiled
        listed = list(reversed(self._batches.values()))
        if after := request.query.get("after_id"):
            listed = listed[[one["id"] for one in listed].index(after) + 1 :]
        limit = int(request.query.get("limit", 20))
        shown = listed[:limit]
        ends = (
            {"first_id": shown[0]["id"], "last_id": shown[-1]["id"]} if shown else {"first_id": None, "last_id": None}
        )
        return web.json_response({"data": shown, "has_more": len(listed) > limit, **ends})

    async def get(self, request: web.Request) -> web.Response:
        """GET /v1/messages/batches/{id}."""
        batch = self._batches.get(request.match_info["id"])
        return web.json_response(batch) if batch else self._messages.error(404, "Not found")

    async def results(self, request: web.Request) -> web.Response:
        """GET /v1/messages/batches/{id}/results."""
        if page := self._page():
            return page
        text = self._results.get(request.match_info["id"])
        if text is None:
            return self._messages.error(404, "Results are not available yet")
        if self._hit("cut_results"):
            text = text[: text.rindex("\n")]
        return web.Response(text=text, content_type="application/binary")

    async def cancel(self, request: web.Request) -> web.Response:
        """POST /v1/messages/batches/{id}/cancel: what is not yet answered will not be."""
        batch = self._batches[request.match_info["id"]]
        if batch["processing_status"] == "in_progress":
            batch.update(processing_status="canceling", cancel_initiated_at=_time(datetime.now(UTC)))
        return web.json_response(batch)

    async def _run(self, batch: dict[str, Any], lines: list[dict[str, Any]]) -> None:
        await asyncio.sleep(self._endpoint.settings.batch_s)
        canceled = batch["processing_status"] == "canceling"
        results = [{"custom_id": line["custom_id"], "result": self._result(line, canceled)} for line in lines]
        random.Random(batch["id"]).shuffle(results)
        ends = [one["result"]["type"] for one in results]
        batch["request_counts"] = {**{end: ends.count(end) for end in _ENDS}, "processing": 0}
        self._results[batch["id"]] = "\n".join(json.dumps(one, ensure_ascii=False) for one in results)
        batch.update(
            processing_status="ended", ended_at=_time(datetime.now(UTC)),
            results_url=f"{self._origin}/v1/messages/batches/{batch['id']}/results",
        )  # fmt: skip

    def _result(self, line: dict[str, Any], canceled: bool) -> dict[str, Any]:
        if canceled:
            return {"type": "canceled"}
        body, messages = line["params"], self._messages
        fault = self._endpoint.fault_of_line(body, line["custom_id"])
        if fault in {"expired", "canceled"}:
            return {"type": fault}
        if wrong := objection(body):
            return {"type": "errored", "error": messages.error_body(400, wrong)}
        if error := messages.error_of(fault):
            return {"type": "errored", "error": messages.error_body(*error)}
        return {"type": "succeeded", "message": messages.completion(body, fault, batch=True)}


def _wrong_lines(lines: list[dict[str, Any]]) -> str:
    names = [str(line.get("custom_id")) for line in lines]
    if not 1 <= len(lines) <= _MOST:
        return f"requests: List should have 1 to {_MOST} items"
    if len(set(names)) < len(names):
        return "requests: custom_id must be unique"
    bad = next((name for name in names if not _NAME.fullmatch(name)), None)
    return f"requests.custom_id: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$', found {bad}" if bad else ""


def _time(when: datetime) -> str:
    return when.isoformat().replace("+00:00", "Z")

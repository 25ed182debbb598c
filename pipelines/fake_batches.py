"""The files and batches routes of the fake endpoint."""

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from pipelines.fake_endpoint import FakeEndpoint


class Batches:
    """Files and batches in memory. Faults apply to its lines: `500` fails one, `expired` drops it."""

    def __init__(self, endpoint: "FakeEndpoint") -> None:
        self._endpoint = endpoint
        self._files: dict[str, str] = {}
        self._batches: dict[str, dict[str, Any]] = {}
        self._running: set[asyncio.Task[None]] = set()

    def add_routes(self, app: web.Application) -> None:
        """Mount the routes."""
        app.router.add_post("/v1/files", self.upload)
        app.router.add_get("/v1/files/{id}/content", self.content)
        app.router.add_post("/v1/batches", self.create)
        app.router.add_get("/v1/batches", self.list_all)
        app.router.add_get("/v1/batches/{id}", self.get)

    async def upload(self, request: web.Request) -> web.Response:
        """POST /v1/files."""
        form = await request.post()
        upload = form["file"]
        text = upload.file.read().decode() if isinstance(upload, web.FileField) else str(upload)
        return web.json_response(self._file(text, str(form.get("purpose"))))

    async def content(self, request: web.Request) -> web.Response:
        """GET /v1/files/{id}/content."""
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
        self._batches[name] = batch
        self._endpoint.log(event="batch", id=name, lines=len(lines))
        task = asyncio.create_task(self._run(batch, lines))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return web.json_response(batch)

    async def list_all(self, request: web.Request) -> web.Response:
        """GET /v1/batches."""
        return web.json_response({"object": "list", "data": list(self._batches.values()), "has_more": False})

    async def get(self, request: web.Request) -> web.Response:
        """GET /v1/batches/{id}."""
        batch = self._batches.get(request.match_info["id"])
        return web.Response(status=404) if batch is None else web.json_response(batch)

    async def _run(self, batch: dict[str, Any], lines: list[dict[str, Any]]) -> None:
        await asyncio.sleep(self._endpoint.settings.batch_s)
        done, failed = [], []
        expired = False
        for line in lines:
            fault = self._endpoint.fault_of_line(line["body"])
            if fault == "expired":
                expired = True
            elif fault.isdigit():
                error = {"error": {"message": "The server had an error", "code": "server_error"}}
                failed.append(_line(line, {"status_code": int(fault), "body": error}))
            else:
                done.append(_line(line, {"status_code": 200, "body": self._endpoint.completion(line["body"], fault)}))
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


def _line(asked: dict[str, Any], response: dict[str, Any]) -> str:
    return json.dumps({"id": asked["custom_id"], "custom_id": asked["custom_id"], "response": response, "error": None})

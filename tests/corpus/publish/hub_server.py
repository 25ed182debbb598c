"""A local server that speaks as much of the Hub's API as publishing, snapshots and `load_dataset` use, and processes
that know it by their environment alone.
"""

import base64
import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlparse

ROOT = Path(__file__).parents[3]


@dataclass
class Repo:
    private: bool
    files: dict[str, bytes] = field(default_factory=dict)
    commits: int = 0

    @property
    def sha(self) -> str:
        return hashlib.sha1(f"commit {self.commits}".encode()).hexdigest()


@dataclass
class Hub:
    """The state behind the server. `refuse_puts_after` makes it refuse uploads once that many were taken.

    The connection breaks before the next request whose "METHOD /path" has a text of `drops` in it is looked at, and
    before the answer to one of `losses` is sent, though it was carried out; each text is used up by that.
    """

    repos: dict[str, Repo] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    puts: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    log: list[str] = field(default_factory=list)
    refuse_puts_after: int | None = None
    drops: list[str] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)
    url: str = ""


def info(name: str, repo: Repo) -> dict[str, Any]:
    siblings = [{"rfilename": path, "size": len(data)} for path, data in sorted(repo.files.items())]
    return {
        "_id": "1", "id": name, "author": name.split("/")[0], "sha": repo.sha, "private": repo.private, "gated": False,
        "disabled": False, "downloads": 0, "likes": 0, "tags": [], "siblings": siblings, "cardData": None,
        "lastModified": "2026-01-01T00:00:00.000Z", "createdAt": "2026-01-01T00:00:00.000Z",
    }  # fmt: skip


def entry(path: str, data: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "file", "path": path, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
    if path.endswith(".parquet"):
        found["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
    return found


def remote_oid(repo: Repo, path: str) -> str | None:
    """By which the client knows that a file is there as it is: of a large one its SHA-256, else git's."""
    if path not in repo.files:
        return None
    data = repo.files[path]
    if path.endswith(".parquet"):
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def tree(repo: Repo, under: str, recursive: bool) -> list[dict[str, Any]]:
    prefix = f"{under}/" if under else ""
    inside = {path: data for path, data in sorted(repo.files.items()) if path.startswith(prefix)}
    if recursive:
        return [entry(path, data) for path, data in inside.items()]
    deeper = {path.removeprefix(prefix).split("/")[0] for path in inside if "/" in path.removeprefix(prefix)}
    folders = [{"type": "directory", "path": prefix + name, "size": 0, "oid": "0" * 40} for name in sorted(deeper)]
    return folders + [entry(path, data) for path, data in inside.items() if "/" not in path.removeprefix(prefix)]


class BreakOff(Exception):
    """The connection is closed without a word."""


class Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None:
        pass

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _json(self, value: Any, status: int = 200) -> None:
        self._send(json.dumps(value).encode(), status, {"Content-Type": "application/json"})

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except BreakOff:
            self.close_connection = True

    def _break_off(self, listed: list[str]) -> None:
        said = f"{self.command} {self.path}"
        found = next((text for text in listed if text in said), None)
        if found is not None:
            listed.remove(found)
            raise BreakOff

    def _send(self, data: bytes, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self._break_off(self.hub.losses)
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _route(self) -> tuple[list[str], dict[str, list[str]]]:
        url = urlparse(self.path)
        self.hub.log.append(f"{self.command} {self.path}")
        self._break_off(self.hub.drops)
        self.hub.tokens.add(self.headers.get("Authorization", ""))
        return [unquote(part) for part in url.path.strip("/").split("/")], parse_qs(url.query)

    def _error(self, status: int, code: str) -> None:
        self._send(b"{}", status, {"X-Error-Code": code, "X-Error-Message": code, "Content-Type": "application/json"})

    def do_GET(self) -> None:
        parts, options = self._route()
        if parts[:2] == ["api", "datasets"]:
            repo = self.hub.repos.get("/".join(parts[2:4]))
            if repo is None:
                self._error(404, "RepoNotFound")
            elif len(parts) == 4 or parts[4] == "revision":
                self._json(info("/".join(parts[2:4]), repo))
            elif parts[4] == "tree":
                found = tree(repo, "/".join(parts[6:]), options.get("recursive") == ["true"])
                self._json(found) if found or len(parts) < 7 else self._error(404, "EntryNotFound")
            else:
                self._error(404, "EntryNotFound")
        elif parts[0] == "datasets" and "resolve" in parts:
            self._resolve("/".join(parts[1:3]), "/".join(parts[5:]))
        else:
            self._error(404, "EntryNotFound")

    do_HEAD = do_GET

    def _resolve(self, name: str, path: str) -> None:
        repo = self.hub.repos.get(name)
        if repo is None or path not in repo.files:
            self._error(404, "EntryNotFound" if repo else "RepoNotFound")
            return
        data = repo.files[path]
        etag = f'"{hashlib.sha256(data).hexdigest()}"'
        headers = {"ETag": etag, "X-Repo-Commit": repo.sha, "Accept-Ranges": "bytes", "Last-Modified": formatdate(0)}
        span = self.headers.get("Range")
        if span:
            first, _, last = span.removeprefix("bytes=").partition("-")
            start, end = int(first), min(int(last) if last else len(data) - 1, len(data) - 1)
            headers["Content-Range"] = f"bytes {start}-{end}/{len(data)}"
            self._send(data[start : end + 1], 206, headers)
        else:
            self._send(data, 200, headers)

    def do_POST(self) -> None:
        parts, _ = self._route()
        body = self._body()
        if parts == ["api", "repos", "create"]:
            self._create(json.loads(body))
        elif parts[0] == "datasets" and parts[-1] == "batch":
            self._batch(json.loads(body))
        elif "preupload" in parts:
            files, repo = json.loads(body)["files"], self.hub.repos["/".join(parts[2:4])]
            modes = [
                {
                    "path": f["path"],
                    "shouldIgnore": False,
                    "oid": remote_oid(repo, f["path"]),
                    "uploadMode": "lfs" if f["path"].endswith(".parquet") else "regular",
                }
                for f in files
            ]
            self._json({"files": modes})
        elif "commit" in parts:
            self._commit("/".join(parts[2:4]), [json.loads(line) for line in body.splitlines()])
        elif "paths-info" in parts:
            repo = self.hub.repos["/".join(parts[2:4])]
            wanted = parse_qs(body.decode()).get("paths") or json.loads(body or b"{}").get("paths", [])
            self._json([entry(path, repo.files[path]) for path in wanted if path in repo.files])
        elif parts[:2] == ["api", "validate-yaml"]:
            self._json({"errors": [], "warnings": []})
        else:
            self._error(404, "EntryNotFound")

    def _create(self, wanted: dict[str, Any]) -> None:
        name = f"{wanted.get('organization') or 'me'}/{wanted['name']}"
        url = f"{self.hub.url}/datasets/{name}"
        if name in self.hub.repos:
            self._json({"url": url, "error": "exists"}, 409)
            return
        self.hub.repos[name] = Repo(bool(wanted.get("private") or wanted.get("visibility") == "private"))
        self._json({"url": url, "name": name})

    def _batch(self, wanted: dict[str, Any]) -> None:
        def action(oid: str) -> dict[str, Any]:
            return {} if oid in self.hub.blobs else {"actions": {"upload": {"href": f"{self.hub.url}/blobs/{oid}"}}}

        objects = [{"oid": o["oid"], "size": o["size"], **action(o["oid"])} for o in wanted["objects"]]
        self._json({"transfer": "basic", "objects": objects})

    def do_PUT(self) -> None:
        parts, _ = self._route()
        data = self._body()
        if self.hub.refuse_puts_after is not None and len(self.hub.puts) >= self.hub.refuse_puts_after:
            self._error(403, "Forbidden")
            return
        assert hashlib.sha256(data).hexdigest() == parts[1]
        self.hub.blobs[parts[1]] = data
        self.hub.puts.append(parts[1])
        self._send(b"")

    def _commit(self, name: str, lines: list[dict[str, Any]]) -> None:
        repo = self.hub.repos[name]
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                repo.files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                repo.files[value["path"]] = self.hub.blobs[value["oid"]]
            elif line["key"] == "deletedFile":
                for path in [path for path in repo.files if fnmatch(path, value["path"])]:
                    del repo.files[path]
        repo.commits += 1
        self._json(
            {"success": True, "commitOid": repo.sha, "commitUrl": f"{self.hub.url}/datasets/{name}/commit/{repo.sha}"}
        )


def serve(hub: Hub) -> ThreadingHTTPServer:
    """Start serving `hub` on a loopback port; the caller shuts it down."""
    handler = type("HubHandler", (Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    return server


def environment(hub: Hub, home: Path) -> dict[str, str]:
    """For a process that knows the local Hub by its environment alone."""
    return {
        **os.environ,
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": "hf_local_test_token",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HOME": str(home),
    }


VERBS = """
import contextlib, io, json, sys
from specmill.cli import main

for line in sys.stdin:
    sys.argv, code = ["specmill", *json.loads(line)], 0
    out, errors = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
    print(json.dumps([code, *(stream.buffer.getvalue().decode() for stream in (out, errors))]), flush=True)
"""


@contextmanager
def verbs(hub: Hub, home: Path) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """Runs verbs, one after the other, in a process that knows the local Hub by its environment alone."""
    command = [sys.executable, "-c", VERBS]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment(hub, home), cwd=ROOT
    ) as process:
        assert process.stdin and process.stdout
        asked, replies = process.stdin, process.stdout

        def run(*verb: object) -> subprocess.CompletedProcess[str]:
            print(json.dumps([*map(str, verb)]), file=asked, flush=True)
            return subprocess.CompletedProcess(verb, *json.loads(replies.readline()))

        yield run
        asked.close()

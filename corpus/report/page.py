"""Writes the report: a static page, and all data as compressed base64, so that no text of a model is ever markup.

Texts are in chunks that the page unpacks only when one is opened or searched; that is what keeps it quick at tens of
thousands of documents. A Content-Security-Policy allows the page's own script and style by hash, and no request.
"""

import base64
import hashlib
import json
import zlib
from collections.abc import Iterator
from dataclasses import asdict
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final

import duckdb

from corpus.manifest import read_manifest
from corpus.report.analyst import Analyst, Sampled
from corpus.report.cluster_map import cluster_map
from corpus.report.figures import figures, rows
from corpus.report.health import health
from corpus.settings import ReportSettings
from corpus.sql.views import reading
from corpus.workspace import Workspace, replacing
from specs.data import load_yaml
from specs.errors import UserError

_CHUNK = 200
_SCRIPTS: Final = ("data.js", "charts.js", "sections.js", "reader.js", "main.js")

_ITEMS = """
SELECT items.stage, items.status, items.reason, items.detail, items.score, items.threshold, items.id, items.other_id,
    items.domain, items.subdomain, items.genre, items.frame, items.title, items.tokens, items.model,
    items.passage_ids, items.assertion_ids, items.text, items.reasoning,
    coalesce(ideas.idea, queries.query) AS asked, said.verdicts, found.flags
FROM items
LEFT JOIN ideas ON ideas.id = items.parent_id
LEFT JOIN queries ON queries.id = items.parent_id
LEFT JOIN (
    SELECT item_table, item_id, list([criterion, verdict, reason] ORDER BY criterion) AS verdicts
    FROM verdicts GROUP BY ALL
) AS said ON said.item_table = items.stage AND said.item_id = items.id
LEFT JOIN (
    SELECT item_table, item_id, list([filter, detail] ORDER BY filter) AS flags FROM flags GROUP BY ALL
) AS found ON found.item_table = items.stage AND found.item_id = items.id
WHERE md5_number_lower(items.id) % $total < $limit
"""
_INDEX: Final = ("stage", "status", "reason", "domain", "subdomain", "genre", "frame", "title", "tokens", "score")
_CODED: Final = ("stage", "status", "reason", "domain", "subdomain", "genre", "frame")


def write_report(workspace: Workspace, settings: ReportSettings | None = None, analyst: Analyst | None = None) -> Path:
    """Write `report/index.html` and return its path.

    Without an `analyst` the page has no shared phrases, no health figures of texts and no cluster map.

    Raises:
        UserError: there is no workspace, or nothing has been made in it yet.
    """
    settings = settings or ReportSettings()
    path = workspace.report / "index.html"
    with reading(workspace.root, completions=True) as connection:
        found = figures(connection)
        if not found["stages"]:
            raise UserError(f"nothing has been made in {workspace.root} yet. Start or continue with `specmill build`.")
        found["about"] = _about(workspace)
        _measure_texts(found, connection, settings, analyst)
        with replacing(path) as beside, beside.open("w", encoding="utf-8") as page:
            _write(page, found, _chunks(connection, settings.reader_items))
    return path


def _measure_texts(
    found: dict[str, Any], connection: duckdb.DuckDBPyConnection, settings: ReportSettings, analyst: Analyst | None
) -> None:
    """Add what a sample of the documents says: `shared`, `health` and `cluster_map`; None where there is no analyst."""
    sample = _sample(connection, settings.sample_documents) if analyst else []
    spec = "\n\n".join(row["text"] for row in found["passages"])
    known = [str(name) for name in found["about"]["assistant"].values()]
    found["shared"] = found["cluster_map"] = None
    measured = []
    if analyst and sample:
        patterns = [asdict(shared) for shared in analyst.shared(sample, spec, known)]
        found["shared"] = {"documents": len(sample), "patterns": patterns}
        measured = analyst.health(sample, spec)
    found["health"] = health(found, measured)
    if analyst and analyst.embed:
        mapped = sample[: settings.map_documents]
        found["cluster_map"] = cluster_map([one.text for one in mapped], analyst.embed)
        if found["cluster_map"]:
            found["cluster_map"]["items"] = [[one.id, one.title] for one in mapped]


def _about(workspace: Workspace) -> dict[str, Any]:
    """What the manifest says of the build; from the recipe, the assistant alone, while there is no manifest yet."""
    if workspace.manifest.is_file():
        manifest = read_manifest(workspace)
        keep = ("assistant", "spec_hash", "recipe_hash", "seed", "tokenizer", "models", "prompts")
        return {"finished": True, "name": workspace.root.resolve().name, **{name: manifest[name] for name in keep}}
    recipe = load_yaml(workspace.recipe.read_text(encoding="utf-8")) or {}
    return {"finished": False, "name": workspace.root.resolve().name, "assistant": recipe.get("assistant") or {}}


def _sample(connection: duckdb.DuckDBPyConnection, count: int) -> list[Sampled]:
    sql = (
        "SELECT id, coalesce(title, '') AS title, coalesce(genre, '') AS genre, text FROM documents "
        "WHERE id IN (SELECT id FROM documents ORDER BY md5(id), id LIMIT $count) ORDER BY md5(id), id"
    )
    return [Sampled(**row) for row in rows(connection, sql, {"count": count})]


def _chunks(connection: duckdb.DuckDBPyConnection, limit: int) -> Iterator[tuple[list[dict[str, Any]], list[Any]]]:
    """(index rows, chunk) for each chunk of items; both in the same order."""
    place = {
        name: {row["id"]: i for i, row in enumerate(rows(connection, f"SELECT id FROM {name} ORDER BY id"))}  # noqa: S608
        for name in ("passages", "assertions")
    }
    total = max(limit, rows(connection, "SELECT count(*) AS n FROM items")[0]["n"])
    relation = connection.sql(_ITEMS, params={"total": total, "limit": limit})
    items = (item for batch in relation.to_arrow_reader(_CHUNK) for item in batch.to_pylist())
    while part := list(islice(items, _CHUNK)):  # batches are not all full; chunks must be
        yield part, [_entry(item, place) for item in part]


def _entry(item: dict[str, Any], place: dict[str, dict[str, int]]) -> dict[str, Any]:
    """What the reader shows of an opened item, beyond its row in the index."""
    return {
        "id": item["id"], "text": item["text"], "reasoning": item["reasoning"], "asked": item["asked"],
        "detail": item["detail"], "threshold": item["threshold"], "other": item["other_id"], "model": item["model"],
        "verdicts": item["verdicts"] or [], "flags": item["flags"] or [],
        "passages": [place["passages"][i] for i in item["passage_ids"] or [] if i in place["passages"]],
        "assertions": [place["assertions"][i] for i in item["assertion_ids"] or [] if i in place["assertions"]],
    }  # fmt: skip


def _write(page: IO[str], found: dict[str, Any], chunks: Iterator[tuple[list[dict[str, Any]], list[Any]]]) -> None:
    assets = files("corpus.report").joinpath("assets")
    style = assets.joinpath("style.css").read_text(encoding="utf-8")
    script = "\n".join(assets.joinpath(name).read_text(encoding="utf-8") for name in _SCRIPTS)
    before, after = assets.joinpath("page.html").read_text(encoding="utf-8").split("<!-- data -->")
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    page.write(before.replace("<!-- policy -->", policy).replace("/* style */", style))
    columns: dict[str, list[Any]] = {name: [] for name in _INDEX}
    count = 0
    for index, chunk in chunks:
        for name in _INDEX:
            columns[name].extend(_label(item) if name == "title" else item[name] for item in index)
        _embed_data(page, f"chunk-{count}", chunk)
        count += 1
    _embed_data(page, "index", _coded(columns) | {"chunk": _CHUNK, "chunks": count})
    _embed_data(page, "figures", found)
    page.write(after.replace("/* script */", script))


def _label(item: dict[str, Any]) -> str:
    """An item's title in the list: its own, or how its text begins; of a chat, its query."""
    text = item["asked"] if item["stage"] == "chats" else item["text"]
    return item["title"] or " ".join((text or item["asked"] or "")[:200].split())[:90]


def _coded(columns: dict[str, list[Any]]) -> dict[str, Any]:
    """Columns of names as numbers, with the names beside them."""
    names = {name: sorted({value for value in columns[name] if value is not None}) for name in _CODED}
    for name, known in names.items():
        place = {value: i for i, value in enumerate(known)}
        columns[name] = [-1 if value is None else place[value] for value in columns[name]]
    return {"columns": columns, "names": names}


def _embed_data(page: IO[str], name: str, value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=str)
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    packed = packer.compress(text.encode("utf-8", "replace")) + packer.flush()
    page.write(f'<script type="text/plain" id="{name}">{base64.b64encode(packed).decode("ascii")}</script>\n')


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")

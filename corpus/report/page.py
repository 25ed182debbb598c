"""Writes the report: a static page, and all data as compressed base64, so that no text of a model is ever markup.

Texts are in chunks that the page unpacks only when one is opened or searched; that is what keeps it quick at tens of
thousands of documents. A Content-Security-Policy allows the page's own script and style by hash, and no request.
"""

import base64
import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import IO, Any, Final

import duckdb

from corpus.manifest import read_manifest
from corpus.report.analyst import Analyst, Sampled, Watch, watched
from corpus.report.cluster_map import cluster_map
from corpus.report.comparison import compare
from corpus.report.figures import figures, rows
from corpus.report.health import health
from corpus.report.items import CHUNK, Index, chunks
from corpus.report.training import training
from corpus.settings import ReportSettings
from corpus.sql.views import reading
from corpus.workspace import Workspace, replacing
from specs.data import load_yaml
from specs.errors import UserError

_SCRIPTS: Final = (
    "data.js", "text.js", "charts.js", "sections.js", "training.js", "comparison.js", "marks.js", "item.js",
    "reader.js", "main.js",
)  # fmt: skip
_MARK: Final = "<!-- data -->"


def write_report(
    workspace: Workspace,
    settings: ReportSettings | None = None,
    analyst: Analyst | None = None,
    watch: Watch = lambda what, done, total: None,
) -> Path:
    """Write `report/index.html` and return its path; `watch` is told what is done, and how far it is.

    Without an `analyst` the page has no shared phrases, no health figures of texts and no cluster map.

    Raises:
        UserError: there is no workspace, or nothing has been made in it yet.
    """
    settings = settings or ReportSettings()
    path = workspace.report / "index.html"
    with reading(workspace.root, completions=True) as connection:
        found = all_figures(connection, workspace, settings, analyst, watch)
        _write(path, _parts(found, connection, settings, watch))
    return path


def write_comparison(
    workspaces: tuple[Workspace, Workspace],
    settings: ReportSettings | None = None,
    analyst: Analyst | None = None,
    watch: Watch = lambda what, done, total: None,
) -> Path:
    """Write every figure of two workspaces and the difference into the first one's `report/`; return the page's path.

    Raises:
        UserError: as `write_report`, or both are one.
    """
    roots = [workspace.root.resolve() for workspace in workspaces]
    if roots[0] == roots[1]:
        raise UserError(f"{workspaces[0].root} and {workspaces[1].root} are the same workspace. Give two.")
    both = []
    for workspace in workspaces:
        with reading(workspace.root, completions=True) as connection:
            both.append(all_figures(connection, workspace, settings or ReportSettings(), analyst, watch))
    path = workspaces[0].report / f"beside-{roots[1].name}.html"
    _write(path, [("comparison", compare(*both))])
    return path


def all_figures(
    connection: duckdb.DuckDBPyConnection, workspace: Workspace, settings: ReportSettings, analyst: Analyst | None,
    watch: Watch,
) -> dict[str, Any]:  # fmt: skip
    """What the page shows above the reader, as JSON values. UserError where nothing has been made yet."""
    watch("figures", 0, 1)
    found = figures(connection)
    if not found["stages"]:
        raise UserError(f"nothing has been made in {workspace.root} yet. Start or continue with `specmill build`.")
    found["about"] = _about(workspace)
    found["training"] = training(workspace)
    watch("figures", 1, 1)
    _measure_texts(found, connection, settings, analyst, watch)
    return found


def _parts(
    found: dict[str, Any], connection: duckdb.DuckDBPyConnection, settings: ReportSettings, watch: Watch
) -> Iterator[tuple[str, Any]]:
    """The data of the page: the texts first, then what stands for all of them."""
    index, total = Index(), rows(connection, "SELECT count(*) AS n FROM items")[0]["n"]
    total = min(total, settings.reader_items)
    for number, chunk in enumerate(chunks(connection, settings.reader_items, index)):
        yield f"chunk-{number}", chunk
        watch("texts", min(total, (number + 1) * CHUNK), total)
    yield "index", index.packed()
    yield "figures", found


def _measure_texts(
    found: dict[str, Any], connection: duckdb.DuckDBPyConnection, settings: ReportSettings, analyst: Analyst | None,
    watch: Watch,
) -> None:  # fmt: skip
    """Add what a sample of the documents says: `shared`, `health` and `cluster_map`; None where there is no analyst."""
    sample = _sample(connection, settings.sample_documents) if analyst else []
    spec = "\n\n".join(row["text"] for row in found["passages"])
    known = [str(name) for name in found["about"]["assistant"].values()]
    found["shared"] = found["cluster_map"] = None
    measured = []
    if analyst and sample:
        watch("shared phrases", 0, len(sample))
        patterns = [asdict(shared) for shared in analyst.shared(sample, spec, known)]
        found["shared"] = {"documents": len(sample), "patterns": patterns}
        watch("health of texts", 0, len(sample))
        measured = analyst.health(sample, spec)
    found["health"] = health(found, measured)
    if analyst and analyst.embed:
        mapped = sample[: settings.map_documents]
        found["cluster_map"] = cluster_map([one.text for one in mapped], watched(analyst.embed, watch))
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


def _write(path: Path, parts: Iterable[tuple[str, Any]]) -> None:
    """Write the page with its data, (name, value) by (name, value)."""
    assets = files("corpus.report").joinpath("assets")
    style = assets.joinpath("style.css").read_text(encoding="utf-8")
    script = "\n".join(assets.joinpath(name).read_text(encoding="utf-8") for name in _SCRIPTS)
    before, after = assets.joinpath("page.html").read_text(encoding="utf-8").split(_MARK)
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    with replacing(path) as beside, beside.open("w", encoding="utf-8") as page:
        page.write(before.replace("<!-- policy -->", policy).replace("/* style */", style))
        for name, value in parts:
            _embed_data(page, name, value)
        page.write(after.replace("/* script */", script))


def _embed_data(page: IO[str], name: str, value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=str)
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    packed = packer.compress(text.encode("utf-8", "replace")) + packer.flush()
    page.write(f'<script type="text/plain" id="{name}">{base64.b64encode(packed).decode("ascii")}</script>\n')


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")

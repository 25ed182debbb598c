"""The report in a real browser, with hostile text in it."""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from benchmarks.workspace_maker import HOSTILE, Size, make_workspace
from corpus.report import write_report
from corpus.report.analyst import Sampled
from corpus.report.cluster_map import cluster_map, telling_words
from corpus.settings import ReportSettings
from corpus.store import read_rows, write_table
from corpus.workspace import Workspace
from filters.measure.analyst import TextAnalyst
from specs.errors import UserError
from tests.corpus.report.browser import browser, choose, needs_browser, open_page, search, shown, until
from tests.corpus.report.stages import losses, write_stage

if TYPE_CHECKING:
    from selenium import webdriver


def embed_by_length(texts: list[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
    angles = np.array([len(text) % 7 for text in texts], dtype=np.float32)
    noise = np.random.default_rng(0).normal(0, 0.01, (len(texts), 2)).astype(np.float32)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1) + noise


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace where every text that a model writes is an attack, and more items than fit one chunk."""
    workspace = make_workspace(
        tmp_path_factory.mktemp("hostile") / "</title><script>pwned=1<", Size(documents=500, sentences=3, chats=110)
    )
    texts = dict(
        domains=("name", "summary"), subdomains=("name", "summary"), assertions=("name", "assertion"),
        document_types=("name",), ideas=("idea",), documents=("title", "genre", "domain", "subdomain", "model"),
        rejects=("reason", "detail", "text"), verdicts=("reason", "criterion"), passages=("text", "rule_id"),
    )  # fmt: skip
    for table, columns in texts.items():
        rows = [{**row, **{name: f"{HOSTILE} {row[name]}" for name in columns}} for row in read_rows(workspace, table)]
        write_table(workspace, table, rows)
    write_stage(workspace, "msm-seed0", losses(40), base_model=HOSTILE, versions={HOSTILE: HOSTILE})
    write_report(workspace, ReportSettings(map_documents=40), TextAnalyst(embed_by_length))
    return workspace


def data(page: str, name: str) -> Any:
    packed = re.search(rf'<script type="text/plain" id="{name}">([A-Za-z0-9+/=]*)</script>', page)
    assert packed
    return json.loads(zlib.decompress(base64.b64decode(packed[1]), -15))


@pytest.fixture(scope="module")
def page(hostile: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with browser(tmp_path_factory.mktemp("profile")) as driver:
        open_page(driver, hostile.report / "index.html")
        yield driver


@needs_browser
def test_it_draws_every_section_and_runs_nothing_of_what_models_wrote(page: webdriver.Chrome) -> None:
    titles = page.execute_script("return [...document.querySelectorAll('main h2')].map((title) => title.textContent)")
    assert titles == [
        "Overview", "Health", "Funnel", "Coverage", "The spec", "Lengths", "Cluster map", "Phrases and names",
        "Training", "Reader",
    ]  # fmt: skip
    assert page.execute_script("return document.querySelectorAll('#training svg polyline').length") == 2
    assert page.execute_script("return typeof window.pwned") == "undefined"
    assert page.execute_script("return document.querySelectorAll('img, iframe, a[href^=javascript]').length") == 0
    assert page.execute_script("return document.querySelector('.passage p').textContent").startswith("<script>")
    assert page.get_log("browser") == []


@needs_browser
def test_the_reader_filters_searches_and_opens(page: webdriver.Chrome, hostile: Workspace) -> None:
    documents, rejects = list(read_rows(hostile, "documents")), list(read_rows(hostile, "rejects"))
    everything = len(documents) + len(list(read_rows(hostile, "chats"))) + len(rejects)
    assert shown(page) == f"{everything} of {everything}"
    choose(page, "status", "rejected")
    until(lambda: shown(page) == f"{len(rejects)} of {everything}")
    assert "Rejected:" in page.execute_script("return document.getElementById('detail').textContent")
    choose(page, "status", "any status")
    last = documents[-1]
    search(page, last["id"].upper())
    until(lambda: shown(page) == f"1 of {everything}")
    until(
        lambda: last["text"][:60] in page.execute_script("return document.querySelector('#detail .text').textContent")
    )
    detail = page.execute_script("return document.getElementById('detail').textContent")
    ideas = {row["id"]: row["idea"] for row in read_rows(hostile, "ideas")}
    assert ideas[last["idea_id"]] in detail
    assert "Verdicts" in detail
    search(page, "no document holds these words")
    until(lambda: shown(page) == f"0 of {everything}")
    search(page, "")
    until(lambda: shown(page) == f"{everything} of {everything}")
    page.execute_script("document.querySelector('#phrases-and-names button').click()")
    until(lambda: "searching" not in shown(page) and not shown(page).startswith(f"{everything} of"))
    assert page.execute_script("return typeof window.pwned") == "undefined"
    assert page.get_log("browser") == []


@needs_browser
def test_every_item_can_be_opened(page: webdriver.Chrome) -> None:
    search(page, "")
    script = """
        const done = arguments[0];
        (async () => {
            const items = new Items(await unpack("index"));
            for (let i = 0; i < items.count; i++) if (!(await items.entry(i)).id) return done(i);
            done("all");
        })();
    """
    assert page.execute_async_script(script) == "all"


@needs_browser
def test_the_assertions_tab_shows_assertions(page: webdriver.Chrome, hostile: Workspace) -> None:
    page.execute_script("document.querySelector('[data-tab=assertions]').click()")
    lines = page.execute_script("return document.querySelectorAll('#coverage tbody tr').length")
    assert lines == len(list(read_rows(hostile, "assertions")))


def test_nothing_that_a_model_wrote_stands_in_the_page_as_text(hostile: Workspace) -> None:
    page = (hostile.report / "index.html").read_text()
    assert "pwned" not in page
    assert not re.search(r"https?://(?!www\.w3\.org)", page)
    figures = data(page, "figures")
    assert len(figures["passages"]) == 24
    assert data(page, "index")["chunks"] == 4  # the last one is not full
    assert str(hostile.root.parent) not in json.dumps(figures)


def test_a_large_corpus_is_drawn_from_evenly(made: Workspace) -> None:
    page = write_report(made, ReportSettings(reader_items=50)).read_text()
    assert 25 <= len(data(page, "index")["columns"]["stage"]) <= 75
    assert data(page, "figures")["cluster_map"] is None


def test_a_half_built_workspace_has_a_report_and_an_empty_one_says_so(bare: Workspace, made: Workspace) -> None:
    with pytest.raises(UserError, match="nothing has been made"):
        write_report(bare)
    write_table(bare, "domains", read_rows(made, "domains"))
    figures = data(write_report(bare).read_text(), "figures")
    assert [row["stage"] for row in figures["stages"]] == ["domains"]
    assert {row["ok"] for row in figures["health"]} == {None}


def test_a_table_that_is_damaged_inside_is_said(copied: Workspace) -> None:
    path = copied.table("documents")
    data = bytearray(path.read_bytes())
    data[100 : len(data) // 2] = bytes(len(data) // 2 - 100)
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"tables of .* cannot be read"):
        write_report(copied)


def test_what_documents_share_is_counted_and_what_the_spec_says_left_out() -> None:
    texts = [f"It was told that Marisol Vega waits by the old green door number {n}. So be kind." for n in range(9)]
    sample = [Sampled(str(n), "", "memo", text) for n, text in enumerate([*texts, "Nothing of this is here at all."])]
    found = TextAnalyst().shared(sample, "It was told that Marisol. By the old green door.", ["Juniper"])
    assert ("name", "Marisol Vega", 9) in {(one.kind, one.text, one.documents) for one in found}
    assert not any("by the old green door" in one.text for one in found)
    assert TextAnalyst().shared([], "", []) == []
    figures = {one.name: one for one in TextAnalyst().health(sample, "")}
    assert figures["Documents with an opening of their own"].value == 0.1
    assert TextAnalyst().health([], "") == []


def test_the_atlas_places_likes_together_and_names_them() -> None:
    texts = ["cheddar curds and whey"] * 20 + ["rivers oceans and tides"] * 20
    found = cluster_map(texts, lambda t: np.array([[1, 0] if "whey" in x else [0, 1] for x in t], dtype=np.float32))
    assert found is not None
    assert sorted(cluster["size"] for cluster in found["clusters"]) == [20, 20]
    assert all(0 <= x <= 1 and 0 <= y <= 1 for x, y, _ in found["points"])
    assert set(telling_words(texts, [0] * 20 + [1] * 20)[0][:3]) == {"cheddar", "curds", "whey"}
    assert cluster_map(["few"], embed_by_length) is None


def test_the_page_is_one_file(hostile: Workspace) -> None:
    assert [path.name for path in Path(hostile.report).iterdir()] == ["index.html"]

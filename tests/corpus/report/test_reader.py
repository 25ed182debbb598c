"""Working in the report: addresses, search, duplicates side by side, chats, keys, marks that are saved and applied."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.workspace_maker import Size, make_workspace
from corpus.ids import content_id
from corpus.marks import fingerprint, read_marks
from corpus.report import write_comparison, write_report
from corpus.report.comparison import compare
from corpus.report.page import all_figures
from corpus.settings import ReportSettings
from corpus.sql.views import reading
from corpus.store import read_rows, write_table
from corpus.workspace import Workspace
from specs.errors import UserError
from tests.corpus.report.browser import browser, choose, needs_browser, open_page, search, shown, until
from tests.corpus.report.test_report import data

if TYPE_CHECKING:
    from selenium import webdriver

ASSETS = Path(__file__).parents[3] / "corpus" / "report" / "assets"
TOOLS = [{"type": "function", "function": {"name": "find_cheese", "description": "Looks one up.", "parameters": {}}}]


def rework(workspace: Workspace) -> dict[str, str]:
    """Flags, a near duplicate with its survivor, a chat with tools, a stored mark; ids by what they are."""
    documents, rejects = list(read_rows(workspace, "documents")), list(read_rows(workspace, "rejects"))
    survivor, flagged, other = documents[1], documents[3], documents[5]
    flag = {
        "id": content_id("flags", flagged["id"]), "item_table": "documents", "item_id": flagged["id"],
        "filter": "semantic", "detail": "much alike", "score": 0.9, "threshold": 0.8, "other_id": other["id"],
    }  # fmt: skip
    write_table(workspace, "flags", [flag], part="documents")
    reject = next(row for row in rejects if row["stage"] == "documents")
    text = survivor["text"].replace(" ", " zebra ", 3)
    row = json.dumps(json.loads(reject["row"]) | {"text": text})
    reject |= {"reason": "near", "other_id": survivor["id"], "text": text, "row": row}
    write_table(workspace, "rejects", rejects)
    chats = list(read_rows(workspace, "chats"))
    system = {"role": "system", "content": "<b>You</b> are Juniper.", "reasoning_content": None}
    chats[0] |= {"tools": json.dumps(TOOLS), "messages": [system, *chats[0]["messages"]]}
    write_table(workspace, "chats", chats)
    stored = {
        "id": content_id("marks", other["id"]), "item_table": "documents", "item_id": other["id"], "mark": "keep",
        "note": "as it should be", "marked_by": "Ana Ruiz", "marked_at": "2026-11-28T10:00:00Z",
        "text_sha256": fingerprint(other["text"]),
    }  # fmt: skip
    write_table(workspace, "marks", [stored])
    named = {"reject": reject["item_id"], "survivor": survivor["id"], "flagged": flagged["id"], "other": other["id"]}
    return {**named, "chat": chats[0]["id"], "last": documents[-1]["id"]}


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, dict[str, str]]:
    """A workspace with its report, and ids in it."""
    workspace = make_workspace(tmp_path_factory.mktemp("worked") / "ws", Size(documents=300, sentences=5, chats=20))
    ids = rework(workspace)
    write_report(workspace)
    return workspace, ids


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def page(
    worked: tuple[Workspace, dict[str, str]], tmp_path_factory: pytest.TempPathFactory, downloads: Path
) -> Iterator[webdriver.Chrome]:
    with browser(tmp_path_factory.mktemp("profile"), downloads) as driver:
        open_page(driver, worked[0].report / "index.html")
        yield driver


def detail(page: webdriver.Chrome) -> str:
    return str(page.execute_script("return document.getElementById('detail').textContent"))


def opened(page: webdriver.Chrome) -> str:
    return str(page.execute_script("return new URLSearchParams(location.hash.slice(1)).get('doc') || ''"))


def press(page: webdriver.Chrome, key: str) -> None:
    page.execute_script(
        "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: arguments[0], bubbles: true}))", key
    )


def click(page: webdriver.Chrome, selector: str) -> None:
    page.execute_script("document.querySelector(arguments[0]).click()", selector)


@needs_browser
def test_an_address_opens_its_document_and_back_goes_back(page: webdriver.Chrome, worked: Any) -> None:
    workspace, ids = worked
    open_page(page, workspace.report / "index.html", f"#doc={ids['last']}")
    until(lambda: ids["last"] in detail(page))
    assert "On case" in page.execute_script("return document.querySelector('.item.on').textContent"), "in view"
    press(page, "k")
    until(lambda: ids["last"] not in detail(page))
    before = opened(page)
    press(page, "k")
    until(lambda: opened(page) not in {before, ids["last"]})
    page.execute_script("history.back()")
    until(lambda: before in detail(page))
    page.execute_script("history.back()")
    until(lambda: ids["last"] in detail(page))
    page.execute_script("history.forward()")
    until(lambda: before in detail(page))
    open_page(page, workspace.report / "index.html", "#doc=0123")
    until(lambda: "no item 0123" in page.execute_script("return document.getElementById('said').textContent"))


@needs_browser
def test_search_marks_what_it_finds_and_keeps_what_was_open(page: webdriver.Chrome, worked: Any) -> None:
    workspace, ids = worked
    open_page(page, workspace.report / "index.html", f"#doc={ids['other']}")
    until(lambda: ids["other"] in detail(page))
    search(page, "Oversight IS how")
    until(lambda: "of" in shown(page) and "searching" not in shown(page) and not shown(page).startswith("320"))
    marked = page.execute_script(
        "return [...document.querySelectorAll('#detail mark.hit')].map((one) => one.textContent)"
    )
    assert marked and {one.lower() for one in marked} == {"oversight is how"}
    assert ids["other"] in detail(page), "what was open is among what was found"
    top, bottom, list_top, list_bottom = page.execute_script(
        "const one = document.querySelector('.item.on').getBoundingClientRect(),"
        "list = document.getElementById('list').getBoundingClientRect();"
        "return [one.top, one.bottom, list.top, list.bottom]"
    )
    assert list_top - 1 <= top and bottom <= list_bottom + 1
    choose(page, "status", "kept")
    page.execute_script(
        "const sort = document.getElementById('sort'); sort.value = 'longest'; sort.dispatchEvent(new Event('change'))"
    )
    until(lambda: "sort=longest" in page.execute_script("return location.hash"))
    address = page.execute_script("return location.hash")
    open_page(page, workspace.report / "index.html", address)
    assert page.execute_script("return document.getElementById('search').value") == "Oversight IS how"
    until(lambda: ids["other"] in detail(page) and "searching" not in shown(page))
    tokens = page.execute_script(
        "return [...document.querySelectorAll('.item .dim')].map((one) => one.textContent)"
        ".map((text) => Number(/([\\d,]+) tokens/.exec(text)[1].replace(',', '')))"
    )
    assert tokens == sorted(tokens, reverse=True)


@needs_browser
def test_a_reject_stands_beside_its_survivor(page: webdriver.Chrome, worked: Any) -> None:
    workspace, ids = worked
    open_page(page, workspace.report / "index.html", f"#doc={ids['reject']}")
    until(lambda: page.execute_script("return document.querySelectorAll('.pair > div').length") == 2)
    shared = page.execute_script(
        "return [...document.querySelectorAll('.pair mark.shared')].map((one) => one.textContent)"
    )
    assert len(shared) >= 2 and not any("zebra" in one for one in shared)
    click(page, ".why a")
    until(lambda: opened(page) == ids["survivor"] and "Rejected" not in detail(page))
    open_page(page, workspace.report / "index.html", f"#doc={ids['flagged']}")
    until(lambda: "much alike" in detail(page) and "Verdicts of judges" in detail(page))
    page.execute_script(
        "[...document.querySelectorAll('#detail aside button')].find((one) => one.textContent === 'compare').click()"
    )
    until(lambda: page.execute_script("return document.querySelectorAll('.pair > div').length") == 2)


@needs_browser
def test_cells_passages_and_reasons_open_their_documents(page: webdriver.Chrome, worked: Any) -> None:
    workspace, _ = worked
    open_page(page, workspace.report / "index.html")
    said = page.execute_script(
        "const cell = document.querySelector('.heat td.some'); cell.click(); return cell.getAttribute('aria-label')"
    )
    wanted = said.split(" in ")[1].split(" ")[0]
    until(lambda: shown(page).startswith(f"{wanted} of"))
    documents = list(read_rows(workspace, "documents"))
    first = min(read_rows(workspace, "passages"), key=lambda row: (row["start"], row["address"]))
    click(page, ".passage button")
    about = sum(first["id"] in row["passage_ids"] for row in documents)
    refused = sum(
        first["id"] in json.loads(row["row"])["passage_ids"]
        for row in read_rows(workspace, "rejects") if row["stage"] == "documents"
    )  # fmt: skip
    until(lambda: shown(page).startswith(f"{about + refused} of"))
    assert "passage" in page.execute_script("return document.getElementById('chips').textContent")
    click(page, "#chips button")
    until(lambda: not shown(page).startswith(f"{about + refused} of"))
    click(page, "#funnel .tables button")
    until(lambda: "reason=" in page.execute_script("return location.hash"))


@needs_browser
def test_a_chat_shows_all_its_turns_and_tools(page: webdriver.Chrome, worked: Any) -> None:
    workspace, ids = worked
    open_page(page, workspace.report / "index.html", f"#doc={ids['chat']}")
    until(lambda: page.execute_script("return document.querySelectorAll('.turn').length") == 3)
    said = detail(page)
    assert "<b>You</b> are Juniper." in said and "find_cheese" in said and "reasoning" in said
    assert page.execute_script("return document.querySelectorAll('[data-mark]').length") == 0, "chats are only noted"


@needs_browser
def test_marks_are_made_saved_and_read_by_filter(page: webdriver.Chrome, worked: Any, downloads: Path) -> None:
    workspace, ids = worked
    open_page(page, workspace.report / "index.html", f"#doc={ids['other']}")
    until(lambda: "Ana Ruiz, 2026-11-28: as it should be" in detail(page))
    page.execute_script("localStorage.clear()")
    press(page, "x")
    until(
        lambda: page.execute_script("return document.getElementById('marked').textContent") == "1 drop, not saved yet"
    )
    page.execute_script(
        "const note = document.getElementById('note'); note.value = 'it </script> repeats';"
        "note.dispatchEvent(new Event('change'))"
    )
    click(page, "#save-marks")
    assert "Give your name" in page.execute_script("return document.getElementById('said').textContent")
    page.execute_script(
        "const name = document.getElementById('marker'); name.value = 'Ben'; name.dispatchEvent(new Event('input'))"
    )
    open_page(page, workspace.report / "index.html", f"#doc={ids['reject']}")
    until(
        lambda: page.execute_script("return document.getElementById('marked').textContent") == "1 drop, not saved yet"
    )
    until(lambda: page.execute_script("return document.querySelectorAll('.pair').length") == 1)
    press(page, "y")
    choose(page, "mark", "marked keep")
    until(lambda: shown(page).startswith("1 of"))
    click(page, "#save-marks")
    until(lambda: list(downloads.glob("*.json")))
    [path] = downloads.glob("*.json")
    found = {row["item_id"]: row for row in read_marks(path, workspace)}
    assert {key: row["mark"] for key, row in found.items()} == {ids["other"]: "drop", ids["reject"]: "keep"}
    assert found[ids["other"]]["note"] == "it </script> repeats" and found[ids["other"]]["marked_by"] == "Ben"
    page.execute_script(
        "const name = document.getElementById('marker'); name.value = 'Ana Ruiz';name.dispatchEvent(new Event('input'))"
    )
    open_page(page, workspace.report / "index.html", f"#doc={ids['other']}")
    until(lambda: page.execute_script("return document.querySelectorAll('[data-mark=none]').length") == 1)
    click(page, "[data-mark=none]")
    until(lambda: "1 taken back" in page.execute_script("return document.getElementById('marked').textContent"))
    assert page.get_log("browser") == []


@needs_browser
def test_it_is_read_on_a_phone_and_by_keys(page: webdriver.Chrome, worked: Any) -> None:
    workspace, _ = worked
    phone = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    try:
        open_page(page, workspace.report / "index.html")
        assert page.execute_script("return document.documentElement.scrollWidth") == 360
        outside = page.execute_script(
            "return [...document.querySelectorAll('.row .label, .row .value, .wide-table td, .card, .item .title')]"
            ".filter((one) => one.offsetParent && one.getBoundingClientRect().right > 361)"
            ".map((one) => one.textContent)"
        )
        assert outside == [], "titles and values are in view"
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    press(page, "?")
    assert page.execute_script("return document.getElementById('keys').open")
    click(page, "#keys button")
    unnamed = page.execute_script(
        "return [...document.querySelectorAll('button, input, select, svg[role=img]')].filter((one) =>"
        " !(one.textContent.trim() || one.getAttribute('aria-label'))).map((one) => one.outerHTML)"
    )
    assert unnamed == [], "everything has a name that a screen reader says"


@needs_browser
def test_two_workspaces_side_by_side(page: webdriver.Chrome, worked: Any, made: Workspace) -> None:
    path = write_comparison((worked[0], made))
    assert path == worked[0].report / "beside-ws.html", "the folder's own name"
    open_page(page, path)
    titles = page.execute_script("return [...document.querySelectorAll('main h2')].map((one) => one.textContent)")
    assert titles[:3] == ["Overview", "Health", "Funnel"] and "Document types" in titles
    lines = page.execute_script("return document.querySelectorAll('#overview tbody tr').length")
    assert lines == len(next(part for part in data(path.read_text(), "comparison")["parts"])["lines"])
    assert page.get_log("browser") == []


def test_every_figure_of_two_has_its_difference(worked: Any, made: Workspace) -> None:
    found = []
    for workspace in (worked[0], made):
        with reading(workspace.root, completions=True) as connection:
            found.append(all_figures(connection, workspace, ReportSettings(), None, lambda what, done, total: None))
    both = compare(*found)
    lines = {part["title"]: {line["figure"]: line for line in part["lines"]} for part in both["parts"]}
    counts = [len(list(read_rows(workspace, "documents"))) for workspace in (worked[0], made)]
    kept = lines["Overview"]["documents kept"]
    assert (kept["first"], kept["second"], kept["difference"]) == (*counts, counts[1] - counts[0])
    assert set(lines["Health"]) == {row["name"] for row in found[0]["health"]}
    assert (
        sum(line["first"] or 0 for line in lines["Domains"].values())
        == lines["Overview"]["tokens in documents"]["first"]
    )
    only = lines["Flagged"]["documents: semantic"]
    assert only["first"] and only["second"] is None and only["difference"] is None
    with pytest.raises(UserError, match="are the same workspace"):
        write_comparison((made, Workspace(made.root)))


def test_the_page_has_what_the_reader_needs(worked: Any) -> None:
    """The contract between the page and its data, without a browser."""
    workspace, ids = worked
    page = (workspace.report / "index.html").read_text()
    index, figures = data(page, "index"), data(page, "figures")
    entries = [entry for number in range(index["chunks"]) for entry in data(page, f"chunk-{number}")]
    assert [entry["id"] for entry in entries] == index["columns"]["id"]
    by_id = {entry["id"]: entry for entry in entries}
    assert by_id[ids["reject"]]["other"] == ids["survivor"] and by_id[ids["reject"]]["whole"]
    assert by_id[ids["flagged"]]["flags"] == [["semantic", "much alike", ids["other"]]]
    assert by_id[ids["other"]]["marks"][0][:2] == ["keep", "Ana Ruiz"]
    assert by_id[ids["other"]]["print"] == fingerprint(by_id[ids["other"]]["text"])
    assert by_id[ids["chat"]]["tools"] == TOOLS and by_id[ids["chat"]]["messages"][0]["role"] == "system"
    place = index["columns"]["id"].index(ids["flagged"])
    assert [index["names"]["flag"][one] for one in index["columns"]["flag"][place]] == ["semantic"]
    document = next(row for row in read_rows(workspace, "documents") if row["id"] == ids["last"])
    cited = [figures["cited"][one]["text"] for one in by_id[ids["last"]]["passages"]]
    texts = {row["id"]: row["text"] for row in read_rows(workspace, "passages")}
    assert cited == [texts[one] for one in document["passage_ids"]]
    for name, rows in (("passages", figures["cited"]), ("assertions", figures["assertions"])):
        for row in figures["coverage"][name]["rows"]:
            assert (rows[row[3]].get("text") or rows[row[3]]["assertion"]) in row[1]


@pytest.mark.skipif(not shutil.which("node"), reason="needs node")
def test_the_scripts_parse() -> None:
    for path in sorted(ASSETS.glob("*.js")):
        done = subprocess.run(["node", "--check", str(path)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

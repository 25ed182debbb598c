"""A person's word on documents: it wins over filters and judges, and a build with the same replies heeds it too."""

import json
from pathlib import Path
from typing import Any

import pytest

from corpus.marks import fingerprint, merged, read_marks, stored_marks
from corpus.publish.hub import stage
from corpus.store import read_dataset_rows, read_rows
from corpus.workspace import Workspace
from pipelines.build import Build
from pipelines.decisions.refilter import refilter
from specs.errors import UserError
from specs.reader import read_spec
from tests.pipelines.chat_tools import Told, server
from tests.pipelines.decisions.test_refilter import OFF, SUBJECTS, document, recipe_of
from tests.pipelines.judging.test_documents import prepare, write


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Any:
    root = tmp_path_factory.mktemp("marks")
    replies = [["Your reply could not be used", "no"], *([f"What the {one} saw", document(one)] for one in SUBJECTS)]
    with server(root, replies=replies) as (url, _):
        recipe = recipe_of(url)
        assert OFF
        workspace, _, build = prepare(root / "ws", recipe, SUBJECTS)
        write(build)
        build.publishable()
        yield workspace, build, recipe


def rows_by_subject(workspace: Workspace) -> dict[str, dict[str, Any]]:
    """Documents, and rejects with their rows, by subject."""
    ideas = {row["id"]: row["idea"].split()[2] for row in read_rows(workspace, "ideas")}
    kept = {ideas[row["idea_id"]]: {"id": row["id"], "text": row["text"]} for row in read_rows(workspace, "documents")}
    gone = {
        ideas[row["parent_id"]]: {"id": row["item_id"], "text": row["text"] or "", "reason": row["reason"]}
        for row in read_rows(workspace, "rejects")
    }
    return kept | gone


def marks_file(path: Path, marks: list[dict[str, Any]], /, **changed: Any) -> Path:
    data = {"format": "specmill-marks", "version": 1, "workspace": "ws", "marked_by": "Ana Ruiz", "marks": marks}
    path.write_text(json.dumps(data | changed))
    return path


def mark(item: dict[str, Any], word: str, note: str = "", at: str = "2026-11-28T19:30:00Z") -> dict[str, Any]:
    return {
        "item_table": "documents", "item_id": item["id"], "mark": word, "note": note, "marked_at": at,
        "text_sha256": fingerprint(item["text"]),
    }  # fmt: skip


def ids(workspace: Workspace) -> list[str]:
    return [row["id"] for row in read_rows(workspace, "documents")]


def test_a_persons_word_wins_and_stays(built: Any, tmp_path: Path) -> None:
    workspace, build, recipe = built
    found = rows_by_subject(workspace)
    reasons = {subject: row.get("reason") for subject, row in found.items()}
    assert (reasons["nurse"], reasons["pilot"], reasons["farmer"]) == ("length", "near", None), (
        "filters as in the tests"
    )
    path = marks_file(
        tmp_path / "marks.json",
        [mark(found["nurse"], "keep", "short, and just right"), mark(found["farmer"], "drop", "untrue"),
         mark(found["baker"], "drop", "the pilot's is better"), mark(found["miller"], "note", "read again")],
    )  # fmt: skip
    new = read_marks(path, workspace)
    before = ids(workspace)
    would = refilter(build, apply=False, marks=merged(stored_marks(workspace), new))
    assert ids(workspace) == before and stored_marks(workspace) == [], "nothing was changed"
    assert set(would.returned) == {found["nurse"]["id"], found["pilot"]["id"]}, "a duplicate of what goes may stay"
    assert set(would.dropped) == {found["farmer"]["id"], found["baker"]["id"]}

    refilter(build, apply=True, marks=merged(stored_marks(workspace), new))
    assert ids(workspace) == would.kept
    reject = next(row for row in read_rows(workspace, "rejects") if row["item_id"] == found["farmer"]["id"])
    assert (reject["reason"], reject["detail"]) == ("marked", "Ana Ruiz marked it to go, 2026-11-28: untrue")
    assert len(stored_marks(workspace)) == 4
    assert {row["id"] for row in read_dataset_rows(workspace, "msm")} == set(would.kept)
    card = workspace.card.read_text()
    assert "1 person read 4 documents" in card and "1 stays on their word" in card and "and 2 went" in card
    assert stage(workspace, tmp_path / "staged", tables=True).files["tables/marks/part-00000.parquet"]
    kept = workspace.table("documents").read_bytes()
    again = refilter(build, apply=True)
    assert (again.returned, again.dropped) == ([], []), "filtering again heeds the marks"
    write(Build(workspace, recipe, read_spec(recipe.spec, recipe.assistant), Told()))
    assert workspace.table("documents").read_bytes() == kept, "and so does a build"

    back = [mark(found["nurse"], "none"), mark(found["farmer"], "keep", at="2026-11-29T00:00:00Z")]
    others = merged(stored_marks(workspace), read_marks(marks_file(tmp_path / "b.json", back), workspace))
    assert len(others) == 3, "a mark taken back is gone, a new one of the same person takes its place"
    assert set(refilter(build, apply=False, marks=others).returned) == {found["farmer"]["id"]}
    newer = [mark(found["farmer"], "drop", at="2026-11-30T00:00:00Z")]
    bens = read_marks(marks_file(tmp_path / "c.json", newer, marked_by="Ben"), workspace)
    assert found["farmer"]["id"] not in refilter(build, apply=False, marks=merged(others, bens)).kept, (
        "the newest counts"
    )


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"format": "other"}, "is no file of marks"),
        ({"marked_by": " "}, "marked_by: String should have at least 1 character"),
        ({"marks": []}, "marks: Tuple should have at least 1 item"),
        ({"version": 2}, "version: Input should be 1; found '2'"),
        ({"more": 1}, "more: Extra inputs are not permitted"),
    ],
)
def test_a_bad_file_is_said(built: Any, tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    item = rows_by_subject(built[0])["miller"]
    with pytest.raises(UserError) as error:
        read_marks(marks_file(tmp_path / "marks.json", [mark(item, "note")], **changed), built[0])
    assert said in str(error.value) and "marks.json" in str(error.value)


def test_marks_that_do_not_fit_are_said(built: Any, tmp_path: Path) -> None:
    workspace, path = built[0], tmp_path / "marks.json"
    found = rows_by_subject(workspace)
    item, clerk = found["miller"], found["clerk"]

    def said(*marks: dict[str, Any], **changed: Any) -> str:
        with pytest.raises(UserError) as error:
            read_marks(marks_file(path, list(marks), **changed), workspace)
        return str(error.value)

    elsewhere = said(mark(item, "note"), mark({"id": "f" * 20, "text": "x"}, "drop"), spec_hash="0" * 16)
    assert "1 of 2 marks are of items that" in elsewhere and "f" * 20 in elsewhere and "another one" in elsewhere
    assert "is not the one that was marked" in said(mark({**item, "text": "changed"}, "keep"))
    assert "cannot be kept: no document came of this request" in said(mark(clerk, "keep"))
    assert "marks[1] marks" in said(mark(item, "keep"), mark(item, "drop"))
    assert "marks[0].mark: Input should be 'keep', 'drop', 'note' or 'none'; found 'stay'" in said(mark(item, "stay"))
    assert "marks[0].marked_at: String should match" in said(mark(item, "keep", at="yesterday"))
    path.write_text("{")
    with pytest.raises(UserError, match="is not JSON"):
        read_marks(path, workspace)
    with pytest.raises(UserError, match="cannot be read"):
        read_marks(tmp_path / "none.json", workspace)

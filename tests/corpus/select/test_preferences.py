"""Preference pairs from what a workspace has: each source by rows that hold one and rows that hold none."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from corpus.schema import TABLES
from corpus.select.preferences import PAIRS, write_preferences
from corpus.store import write_table
from corpus.workspace import Workspace
from eval.questions.base import OpenQuestion
from eval.questions.judged import Judged
from eval.replies import write_judged
from specs.errors import UserError


def row(table: str, **values: Any) -> dict[str, Any]:
    return dict.fromkeys(TABLES[table].names) | values


def chat(*texts: str) -> list[dict[str, Any]]:
    return [{"role": ("user", "assistant")[n % 2], "content": text, "reasoning_content": None}
            for n, text in enumerate(texts)]  # fmt: skip


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    place = Workspace(tmp_path / "w").create()
    place.recipe.write_text("spec: x\n")
    write_table(place, "ideas", [row("ideas", id="i1", idea="A ledger of tools."), row("ideas", id="i2", idea="Else.")])
    documents = [row("documents", id=f"d{n}", idea_id=f"i{n}", genre="memo", text=f"Final {n}.") for n in (1, 2)]
    write_table(place, "documents", documents)
    drafts = [row("drafts", id="x1", document_id="d1", text="First 1.", revised=True),
              row("drafts", id="x2", document_id="d2", text="First 2.", revised=False)]  # fmt: skip
    write_table(place, "drafts", drafts)
    write_table(place, "chats", [row("chats", id="c1", messages=chat("Mend it?", "Yes, mend it."), passage_ids=[])])
    write_table(place, "verdicts", [row("verdicts", id="v", criterion="aligned", verdict="fail")])
    down = [
        ("aligned", chat("Mend it?", "Buy a new one.")), ("near", chat("Mend it?", "Yes, mend.")),
        ("aligned", chat("Another?", "No.")),
    ]  # fmt: skip
    rejects = [
        row("rejects", id=f"r{n}", stage="chats", item_id=f"r{n}", reason=reason, row=json.dumps({"messages": said}))
        for n, (reason, said) in enumerate(down)
    ]
    write_table(place, "rejects", rejects, part="chats")
    question = OpenQuestion("q", "open", "d", "How fast?", "g", "b")
    for arm, score, reply in (("base", 3, "At once."), ("spec", 9, "<think>Hm.</think>As it needs.")):
        write_judged(place.eval / f"{arm}.judged.parquet", [Judged(question, 0, reply, score, "")], arm)
    return place


def test_pairs_come_from_revisions_judgements_and_the_spec(workspace: Workspace, tmp_path: Path) -> None:
    counts = write_preferences(workspace, tmp_path / "pairs.jsonl")
    assert counts == {"revision": 1, "judged": 1, "spec": 1}
    pairs = [json.loads(line) for line in (tmp_path / "pairs.jsonl").read_text().splitlines()]
    said = {one["source"]: (one["chosen"][0]["content"], one["rejected"][0]["content"]) for one in pairs}
    assert said == {
        "revision": ("Final 1.", "First 1."), "judged": ("Yes, mend it.", "Buy a new one."),
        "spec": ("As it needs.", "At once."),
    }  # fmt: skip
    assert pairs[1]["prompt"] == [{"role": "user", "content": "Mend it?"}]
    write_preferences(workspace, tmp_path / "pairs.parquet")
    assert pq.read_schema(tmp_path / "pairs.parquet").equals(PAIRS)
    assert pq.read_table(tmp_path / "pairs.parquet").to_pylist() == pairs


def test_what_is_wrong_is_said(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"ends in \.jsonl or \.parquet"):
        write_preferences(workspace, tmp_path / "pairs")
    (tmp_path / "there.jsonl").write_text("")
    with pytest.raises(UserError, match="is there already"):
        write_preferences(workspace, tmp_path / "there.jsonl")
    empty = Workspace(tmp_path / "e").create()
    with pytest.raises(UserError, match="holds no two replies to one prompt"):
        write_preferences(empty, tmp_path / "none.jsonl")
    assert not (tmp_path / "none.jsonl").exists()

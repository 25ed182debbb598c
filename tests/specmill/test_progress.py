"""What a long run says where there is no terminal."""

import time
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from pipelines.ledger.ledger import Ledger
from pipelines.ledger.records import StageProgress
from specmill.progress import Progress


def said(folder: Path, *stages: StageProgress) -> list[str]:
    out = StringIO()
    with Ledger(folder / "ledger.sqlite") as ledger:
        ledger.beat(lambda: list(stages))
    console = Console(file=out, width=40, highlight=False)
    with Ledger(folder / "ledger.sqlite") as ledger, Progress(console, ledger) as shown:
        shown.stage({"chats": 20, "verdicts": 20})
    return out.getvalue().splitlines()[1:]


def test_every_stage_that_waits_for_replies_has_its_line(tmp_path: Path) -> None:
    chats = StageProgress("chats", done=6, in_flight=2, limit=2, states={"ok": 5, "truncated": 1}, unpriced=6)
    lines = said(tmp_path, chats, StageProgress("verdicts", done=3, limit=2, states={"ok": 3}))
    assert len(lines) == 1 and lines[0].startswith("chats: 6/20 done (0 from the ledger)"), "one line, however wide"
    assert "2/2 in flight" in lines[0] and "1 truncated" in lines[0] and "6 unpriced" in lines[0]


def test_where_none_waits_the_last_one_is_shown(tmp_path: Path) -> None:
    lines = said(tmp_path, StageProgress("chats", done=20), StageProgress("verdicts", done=20))
    assert len(lines) == 1 and lines[0].startswith("verdicts: 20/20")


def live(folder: Path, *stages: StageProgress, planned: int = 13_201) -> str:
    out = StringIO()
    with Ledger(folder / "ledger.sqlite") as ledger:
        shown = Progress(Console(file=out, width=80, highlight=False, force_terminal=True), ledger)
        shown.stage({one.stage: planned for one in stages})
        shown._began = dict.fromkeys(shown._began, 0.0)
        out.truncate(0)
        Console(file=out, width=80).print(shown._table(list(stages)))
    return out.getvalue()


def test_the_live_table_fits_a_terminal_of_eighty_columns(tmp_path: Path) -> None:
    stages = [
        StageProgress("document_types", found=240, limit=64),
        StageProgress(
            "documents", done=12_345, in_flight=256, limit=256, waiting=1, completion_tokens=40_000_000, retries=12,
            states={"ok": 12_000, "truncated": 300, "refused": 45}, cost_usd=1_234.5,
        ),
    ]  # fmt: skip
    text = live(tmp_path, *stages)
    assert max(map(len, text.splitlines())) <= 80
    assert "12,345/13,201" in text and "240/13,201" in text and "256/256" in text and "…" not in text
    assert "$1,234.50" in text and "document types" in text
    assert "12 retries, 45 refused, 300 truncated" in " ".join(line[64:].strip() for line in text.splitlines()[3:])


def test_the_rate_of_a_stage_that_is_over_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("specmill.progress.time.monotonic", lambda: now[0])
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        shown = Progress(Console(file=StringIO()), ledger)
        shown.stage({"documents": 8})
        busy = StageProgress("documents", done=7, in_flight=1, limit=64, completion_tokens=700)
        over = StageProgress("documents", done=8, limit=64, completion_tokens=800)
        rates = []
        for at, one in ((110, busy), (120, over), (500, over), (9_000, over)):
            now[0] = float(at)
            rates.append(shown._cells(one)[3])
    assert rates == ["70", "40", "40", "40"]


def test_the_limit_of_processes_one_after_the_other_is_not_added() -> None:
    one = StageProgress("documents", done=5, limit=64)
    assert (one.plus(one).limit, one.plus(one).done) == (64, 10)


def test_work_without_a_model_says_what_how_many_and_how_long(tmp_path: Path) -> None:
    out = StringIO()
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        shown = Progress(Console(file=out, width=80, highlight=False), ledger)
        for done in (0, 512, 1024, 1300):
            shown.step("ideas compared by meaning", done, 1300)
        assert out.getvalue().splitlines() == ["ideas compared by meaning: 1,300 ..."], "then a line a minute"
        shown._step = ("documents read", 300, 900, time.monotonic() - 10)
        Console(file=out, width=80).print(shown._picture([]))
        assert "documents read: 300 of 900, " in out.getvalue() and "/s, left 0:" in out.getvalue()
        shown.step("documents read", 900, 900)
        assert shown._step is None, "it goes when it is done"

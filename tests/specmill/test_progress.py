"""What a long run says where there is no terminal."""

from io import StringIO
from pathlib import Path

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

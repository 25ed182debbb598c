"""The page of endpoint behaviours names tests that are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_behaviour_has_its_test() -> None:
    page = (ROOT / "design" / "endpoint-behaviours.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| ")][2:]
    named = [re.findall(r"`(test_\w+)`", row) for row in rows]
    assert len(rows) > 35 and all(named)
    texts = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    there = set(re.findall(r"^(?:async )?def (test_\w+)\(", texts, flags=re.MULTILINE))
    assert {name for names in named for name in names} - there == set()

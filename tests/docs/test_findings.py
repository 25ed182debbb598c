"""Each finding has the parts that findings/README.md asks for; running them needs a package index."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "findings"
SCRIPTS = sorted(path for path in FOLDER.glob("*.sh") if path.name != "run.sh")


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_finding_says_what_it_shows(path: Path) -> None:
    text = path.read_text()
    for part in ("What:", "Guess:", "Happens:", "So:"):
        assert re.search(rf"^# {part}\s+\S", text, re.MULTILINE), part
    assert re.search(r"^run \S+==[\d.]+ <<'PYTHON'$", text, re.MULTILINE)
    assert "raise SystemExit(0 if " in text and not re.search(r"^\s*(import|from) specmill", text, re.MULTILINE)
    compile(text.split("<<'PYTHON'\n")[1].removesuffix("PYTHON\n"), path.name, "exec")
    assert path.stat().st_mode & 0o111, "not executable"
    assert f"| [{path.name}]({path.name}) |" in (FOLDER / "README.md").read_text()

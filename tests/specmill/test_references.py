"""What the code refers to is there: sections of the method, contracts, sources, files of docs/ and design/."""

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_OWN = {"tests/specmill/test_references.py", "CHANGELOG.md"}
_TAG = re.compile(r"\[([A-Z]{2,4}|SoM)(?:\]|, §|, App|, \"|: )")
_NO_TAGS = {"AB", "HOST", "INST"}  # an expression, a list and a mark of a chat template


@cache
def texts() -> dict[str, str]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "--", "*.py", "*.md", "*.yaml", "*.j2", "*.toml", "*.sql"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    names = [
        name for name in listed.stdout.split() if name not in _OWN and not name.startswith("benchmarks/regression_")
    ]
    return {name: (ROOT / name).read_text(encoding="utf-8") for name in names if (ROOT / name).is_file()}


def sections(path: str) -> set[str]:
    return set(re.findall(r"^#+ (\d+(?:\.\d+)?)", texts()[path], re.MULTILINE))


@pytest.mark.parametrize("page", ["docs/method.md", "design/contracts.md"])
def test_numbered_references_have_their_section(page: str) -> None:
    known = sections(page)
    said = rf"{re.escape(page)},\s+(\d+(?:\.\d+)?)(?:\s+and\s+(\d+(?:\.\d+)?)\b)?"
    found = [(name, one) for name, text in texts().items() for pair in re.findall(said, text) for one in pair if one]
    assert len(known) >= 12 and len(found) >= 10
    assert [(name, number) for name, number in found if number not in known] == []


def test_nothing_refers_to_notes_that_are_not_here() -> None:
    gone = re.compile(r"\bcontracts? \d|field[- ]notes,? (?:section )?\d|shared/reference", re.IGNORECASE)
    assert [name for name, text in texts().items() if gone.search(text)] == []


def test_sources_are_in_the_bibliography() -> None:
    known = set(re.findall(r"^\| \[(\w+)\] \| .*\b20\d\d\b.*\*.+\*", texts()["docs/bibliography.md"], re.MULTILINE))
    ours = {name: text for name, text in texts().items() if not name.startswith(("tests/", "benchmarks/", "filters/"))}
    used = {tag for text in ours.values() for tag in _TAG.findall(text)} - _NO_TAGS
    assert {"MSM", "WHY", "GDM", "REP"} <= used <= known and len(known) == 8


def test_files_that_are_named_exist() -> None:
    named = re.compile(r"(?<![\w/])((?:docs|design|examples|findings|benchmarks)/[\w/.-]+\.(?:md|yaml|sh|py))\b")
    missing = {
        (name, file)
        for name, text in texts().items()
        for file in named.findall(text)
        if not (ROOT / file).is_file() and not file.startswith("docs/reference/")
    }
    assert missing == set()

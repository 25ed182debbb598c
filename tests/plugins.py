"""A package of somebody else's, with an entry point, on the path for one test."""

from pathlib import Path

import pytest

from specs.plugins import forget

found: list[Path] = []
"""What the running test has put on the path; tests/conftest.py forgets it."""


def find(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a folder with distributions on the path for one test."""
    monkeypatch.syspath_prepend(folder)
    forget()
    found.append(folder)


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, group: str, name: str, value: str, code: str) -> None:
    """Put a distribution into `folder` whose entry point `name` of `group` is `value`, and its module's `code`."""
    module = value.partition(":")[0]
    (folder / f"{module}.py").write_text(code)
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {value}\n")
    find(folder, monkeypatch)

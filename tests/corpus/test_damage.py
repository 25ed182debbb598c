"""Damaged files are set aside or named; a corpus is not built among other files."""

from pathlib import Path

import pytest

from corpus.store import read_rows, set_damaged_aside
from corpus.workspace import Workspace, refuse_other_files
from specs.errors import UserError


def test_only_damaged_tables_are_set_aside(copied: Workspace) -> None:
    whole = list(read_rows(copied, "ideas"))
    table = copied.table("documents")
    table.write_bytes(table.read_bytes()[:300])
    assert set_damaged_aside(copied) == [table]
    assert not table.exists() and table.with_suffix(".damaged").is_file() and not copied.parts("documents")
    assert list(read_rows(copied, "ideas")) == whole and set_damaged_aside(copied) == []


def test_a_corpus_is_not_built_among_other_files(tmp_path: Path, copied: Workspace) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.docx").touch()
    with pytest.raises(UserError, match=r"such as thesis\.docx.*--out .*mine/corpus"):
        refuse_other_files(tmp_path / "mine")
    (tmp_path / "killed").mkdir()
    (tmp_path / "killed" / "spec.md").touch()
    (tmp_path / "killed" / ".lock").touch()
    for fine in (tmp_path / "new", tmp_path / "killed", copied.root):
        refuse_other_files(fine)

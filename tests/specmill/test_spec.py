"""`specmill spec show`: passages with addresses and sizes, and what looks wrong."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from specmill.cli import app


def shown(path: Path, *options: str) -> str:
    done = CliRunner().invoke(app, ["spec", "show", str(path), *options], env={"COLUMNS": "80"})
    assert done.exit_code == 0, done.output
    return done.output


def test_passages_are_shown_with_address_size_and_rule(tmp_path: Path) -> None:
    path = tmp_path / "s.md"
    path.write_text(
        "# Care\n\n- R1: Pip asks first.\n- R2: Pip tells [red]afterwards[/red].\n\nIt says this:\n\n## Next\n\nOh.\n"
    )
    said = shown(path)
    assert "P1         8  [R1] - R1: Pip asks first." in said and "[red]afterwards[/red]" in said
    assert "4 passages" in said and "2 numbered rules" in said and "about Pip by Larkfield" in said
    assert "look at: P3 announces something that does not follow: It says this:" in said
    assert "look at: P4 is hardly a thought: Oh." in said
    path.write_text("Be good to everybody.\n")
    assert "about Nova by Acme" in shown(path, "--name", "Nova", "--provider", "Acme")


def test_repeats_and_long_passages_are_named(tmp_path: Path) -> None:
    path = tmp_path / "s.md"
    path.write_text("The model asks before it deletes.\n\n" * 2 + "word " * 2_000)
    said = shown(path)
    assert "look at: P2 repeats P1" in said and "P3 has 2,00" in said


@pytest.mark.parametrize("wrong", ["none.md", "."])
def test_a_mistake_is_said(wrong: str) -> None:
    from specs.errors import SpecError

    done = CliRunner().invoke(app, ["spec", "show", wrong])
    assert isinstance(done.exception, SpecError)

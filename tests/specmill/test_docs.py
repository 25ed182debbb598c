"""The README shows every verb; every command that it and the pages show is one that the command line takes."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from specmill.cli import VERBS, app

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "examples").rglob("*.md"))]
BLOCKS = {(page, block) for page in PAGES for block in re.findall(r"```(?:\w*)\n(.*?)```", page.read_text(), re.DOTALL)}
COMMANDS = sorted(
    {line for _, block in BLOCKS for line in re.findall(r"^specmill .*$", block.replace("\\\n", ""), re.MULTILINE)}
)


def test_every_verb_is_in_the_readme_and_every_module_is_a_verb() -> None:
    assert [verb for verb in VERBS if f"| `specmill {verb}` |" not in README] == []
    stems = {path.stem for path in (ROOT / "specmill" / "verbs").glob("*/*.py")} - {"__init__"}
    assert {stem.rstrip("_").replace("_", "-") for stem in stems} == set(VERBS)


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_of_readme_and_pages_are_understood(line: str) -> None:
    _, verb, *arguments = shlex.split(line, comments=True)
    group = typer.main.get_command(app)
    command = group.get_command(None, verb)
    assert command is not None, f"there is no verb {verb}"
    if "--help" not in arguments:
        command.make_context(verb, arguments)  # raises for an unknown option or a missing argument


def test_blocks_fit_a_terminal() -> None:
    first = {"README.md", "tutorial.md", "index.md", *(page.name for page in (ROOT / "docs" / "how-to").glob("*.md"))}
    lines = [(page.name, line) for page, block in BLOCKS if page.name in first for line in block.splitlines()]
    wide = [(name, line) for name, line in lines if len(line) > 80 and line[0] != "{"]  # JSON lines cannot be cut
    assert len(COMMANDS) > 30 and wide == []


@pytest.mark.parametrize("target", re.findall(r"make (\w+)", README))
def test_make_targets_exist(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_no_registry_host_and_no_path_of_a_machine_is_committed() -> None:
    import subprocess

    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    bad = re.compile(
        rb"files\.pythonhosted|pypi\.org|registry\.npmjs|download\.pytorch|deb\.debian|/work/|/root/|/opt/wheels"
    )
    this = Path(__file__).relative_to(ROOT)
    found = [name for name in listed if Path(name) != this and bad.search((ROOT / name).read_bytes())]
    assert found == []

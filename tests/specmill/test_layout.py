"""The tree stays readable: files a folder, lines a file, lines a function."""

import ast
import re
import subprocess
import tomllib
from collections import Counter
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
PACKAGES = ("specmill", "pipelines", "eval", "train", "filters", "corpus", "specs")


def python_files() -> list[Path]:
    command = ["git", "ls-files", "-co", "--exclude-standard", "--", "*.py"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    return [ROOT / name for name in listed if (ROOT / name).is_file()]


def test_no_folder_has_more_files_than_can_be_read_at_a_glance() -> None:
    folders = Counter(path.parent.relative_to(ROOT) for path in python_files() if path.name != "__init__.py")
    assert len(folders) > 60
    assert {str(folder): count for folder, count in folders.items() if count > 17} == {}


def _first_line(node: ast.FunctionDef | ast.AsyncFunctionDef, path: Path) -> int:
    """Where a function begins: of a verb, whose options and help are declarations, behind its help."""
    if path.is_relative_to(ROOT / "specmill" / "verbs") and ast.get_docstring(node):
        return (node.body[0].end_lineno or node.lineno) + 1
    return node.lineno


def test_no_file_and_no_function_is_too_long() -> None:
    long_files, long_functions = {}, {}
    for path in python_files():
        text = path.read_text(encoding="utf-8")
        if text.count("\n") > 400:
            long_files[str(path.relative_to(ROOT))] = text.count("\n")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - _first_line(node, path) + 1
                if lines > 60:
                    long_functions[f"{path.relative_to(ROOT)}:{node.name}"] = lines
    assert long_files == {} and long_functions == {}


def test_every_package_says_what_it_is() -> None:
    packages = [
        path for path in python_files() if path.name == "__init__.py" and path.relative_to(ROOT).parts[0] in PACKAGES
    ]
    assert len(packages) > 30
    assert [str(path.parent) for path in packages if not ast.get_docstring(ast.parse(path.read_text()))] == []


def test_a_package_names_only_modules_that_it_has() -> None:
    """In its docstring: `name` is a module or a package in it, or one of the top; `a/path.py` exists as well."""
    wrong = []
    for path in python_files():
        said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) if path.name == "__init__.py" else None
        if path.relative_to(ROOT).parts[0] in PACKAGES:
            for name in re.findall(r"`([\w/.]+)`", said or ""):
                places = [folder / f"{name}{end}" for folder in (path.parent, ROOT) for end in ("", ".py")]
                if not any(place.exists() for place in places):
                    wrong.append(f"{path.relative_to(ROOT)}: {name}")
    assert wrong == []


def test_the_page_of_the_layout_has_the_layers_that_are_checked() -> None:
    page = " ".join((ROOT / "design" / "house.md").read_text(encoding="utf-8").split())
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    inside = [contract for contract in linter["contracts"][1:] if "layers" in contract]
    assert len(inside) > 5
    for contract in inside:
        package = contract["name"].partition(":")[0]
        layers = [layer.replace(f"{package}.", "") for layer in contract["layers"]]
        assert f"{package}: {' > '.join(layers)}" in page


def test_every_page_is_in_the_sites_menu() -> None:
    """Those right under docs/ get in by themselves (docs/site_hook.py)."""
    config = yaml.safe_load((ROOT / "properdocs.yml").read_text())
    listed = str(config["nav"])
    pages = [path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").glob("*/*.md")]
    pages += [path.relative_to(ROOT).as_posix() for path in (ROOT / "design").glob("*.md")]
    assert [page for page in pages if f"'{page}'" not in listed] == []

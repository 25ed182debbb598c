"""A YAML file of settings: read strictly, and what is wrong said with file, line, key, found and expected."""

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from specs.errors import RecipeError, UserError

_Where = tuple[str | int, ...]
_CREDENTIALS = re.compile(r"//[^/@\s]+@")  # never repeated, not even in an error
_NAMED_KEY = re.compile(r"Value error, ([a-z_]+(?:\.[a-z_]+)*): ")
_Model = TypeVar("_Model", bound=BaseModel)


def load_settings(
    file: Path, model: type[_Model], overrides: Sequence[str] = (), advice: str = "", example: str = ""
) -> _Model:
    """The settings in a YAML file. `overrides` are `key.key=value` with the value in YAML, as `--set` gives them;
    `advice` is said where there is no such file, `example` where it has no keys.

    Raises:
        RecipeError: it cannot be read, is no mapping, or has a key or value that `model` does not take.
    """
    node = _compose(file, advice, example)
    data = _construct(file, node)
    for override in overrides:
        _override(data, override)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise RecipeError(_describe(error, file, node, overrides, model)) from error


def _compose(file: Path, advice: str, example: str) -> yaml.Node:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise RecipeError(f"{file}: {error.strerror}. {advice}".strip()) from error
    except UnicodeDecodeError as error:
        raise RecipeError(f"{file}: not UTF-8 text (byte {error.start}); a YAML file is expected.") from error
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise RecipeError(f"{file}{where}: not valid YAML: {_problem(error)}.") from error
    if not isinstance(node, yaml.MappingNode):
        raise RecipeError(f"{file}: a mapping of keys is expected, such as `{example}`.")
    _refuse_duplicates(file, node)
    return node


def _problem(error: yaml.YAMLError) -> str:
    """What is wrong with the YAML; the two commonest mistakes in words of people."""
    said = str(getattr(error, "problem", None) or error)
    if "<block mapping start>" in said:
        return f"this line is indented otherwise than the lines above it ({said})"
    return f"{said}; indent with spaces" if "'\\t'" in said else said


def _construct(file: Path, node: yaml.Node) -> dict[str, Any]:
    """The values of a recipe. YAML has some that look right and are none, such as the day 2025-02-30."""
    try:
        data = yaml.SafeLoader("").construct_document(node)
    except (yaml.YAMLError, ValueError) as error:
        lines = [found.start_mark.line + 1 for found in _scalars(node) if not _is_value(found)]
        where = f", line {lines[0]}" if lines else ""
        raise RecipeError(f"{file}{where}: not a value: {getattr(error, 'problem', None) or error}.") from error
    return {str(key): value for key, value in data.items()}


def _scalars(node: yaml.Node) -> Iterator[yaml.Node]:
    """The single values of a file, in its order."""
    if not isinstance(node, yaml.CollectionNode):
        yield node
    for entry in node.value if isinstance(node, yaml.CollectionNode) else ():
        for child in entry if isinstance(entry, tuple) else (entry,):
            yield from _scalars(child)


def _is_value(scalar: yaml.Node) -> bool:
    try:
        yaml.SafeLoader("").construct_document(scalar)
    except (yaml.YAMLError, ValueError):
        return False
    return True


def _refuse_duplicates(file: Path, node: yaml.Node) -> None:
    """YAML lets the second of two equal keys win in silence; a recipe must not."""
    if isinstance(node, yaml.SequenceNode):
        for entry in node.value:
            _refuse_duplicates(file, entry)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if str(key.value) in seen:
                raise RecipeError(
                    f"{file}, line {key.start_mark.line + 1}: the key {key.value!r} stands here a second time."
                )
            seen.add(str(key.value))
            _refuse_duplicates(file, value)


def _override(data: dict[str, Any], override: str) -> None:
    key, separator, value = override.partition("=")
    if not separator or not all(key.split(".")):
        raise UserError(f"--set {override!r}: expected key=value, such as --set documents.words=400.")
    *parents, last = key.split(".")
    for parent in parents:
        data = data.setdefault(parent, {})
        if not isinstance(data, dict):
            raise UserError(f"--set {override!r}: {parent} is a single value in the file, it has no keys below it.")
    try:
        data[last] = yaml.safe_load(value)
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(f"--set {override!r}: the value is not valid YAML.") from error


def _describe(
    error: ValidationError, file: Path, node: yaml.Node, overrides: Sequence[str], model: type[BaseModel]
) -> str:
    """The problems, a line each: with the line of the file, or the `--set` that brought it."""
    given = {tuple(override.partition("=")[0].split(".")): override for override in overrides}
    lines = []
    problems = error.errors(include_url=False)
    for problem, where in map(_placed, problems[:8]):
        key = ".".join(map(str, where)) or "the file"
        texts = tuple(map(str, where))
        blamed = next((said for path, said in given.items() if path[: len(texts)] == texts[: len(path)]), None)
        place = f"{file}{_line_of(node, where)}" if blamed is None else f"--set {_CREDENTIALS.sub('//***@', blamed)}"
        lines.append(f"{place}: {key}: {_message(problem, where, model)}")
    if len(problems) > 8:
        lines.append(f"... and {len(problems) - 8} more.")
    return "\n".join(lines)


def _placed(problem: Any) -> tuple[dict[str, Any], _Where]:
    """The problem, and the key that it is about: one that is said of the whole may begin with it."""
    where: _Where = tuple(part for part in problem["loc"] if not (isinstance(part, str) and "[" in part))
    if not where and (named := _NAMED_KEY.match(str(problem["msg"]))):
        return {**problem, "msg": str(problem["msg"])[named.end() :], "whole": True}, tuple(named[1].split("."))
    return dict(problem), where


def _message(problem: Any, where: _Where, model: type[BaseModel]) -> str:
    if problem["type"] == "extra_forbidden":
        known = _known_keys(where[:-1], model)
        close = get_close_matches(str(where[-1]), known, n=1)
        return f"unknown key{f', did you mean {close[0]!r}' if close else ''}. Expected one of: {', '.join(known)}."
    if problem["type"] == "missing":
        return "this key is missing."
    found = _CREDENTIALS.sub("//***@", repr(problem["input"]))
    text = _CREDENTIALS.sub("//***@", str(problem["msg"]).removeprefix("Value error, "))
    if problem.get("whole"):  # what was found is all of the file
        return f"{text}."
    return f"{text} (found {found if len(found) <= 80 else found[:77] + '...'})."


def _known_keys(where: _Where, model: Any) -> list[str]:
    """The keys that the part of the file at `where` may have."""
    for part in where:
        model = _field_model(model, part)
    return sorted(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else []


def _field_model(model: Any, part: str | int) -> Any:
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        args = [arg for arg in getattr(model, "__args__", ()) if isinstance(arg, type) and issubclass(arg, BaseModel)]
        return args[0] if args else None
    field = model.model_fields.get(str(part))
    return field.annotation if field else None


def _line_of(node: yaml.Node, where: _Where) -> str:
    """`, line N` of the deepest part of `where` that the file has."""
    line: int | None = None
    for part in where:
        child: yaml.Node | None = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if str(key.value) == str(part):
                    child, line = value, key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            child = node.value[part]
            line = child.start_mark.line + 1
        if child is None:
            break
        node = child
    return f", line {line}" if line else ""

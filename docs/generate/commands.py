"""The command reference: every command with its arguments and options, from the command line itself."""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import typer

from docs.generate.markdown import code, table
from specmill.cli import VERBS, app


@dataclass(frozen=True, slots=True)
class Parameter:
    """An argument or an option."""

    name: str  # RECIPE, or --out
    kind: str
    default: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command, as a user types it."""

    words: str  # specmill model fetch
    usage: str
    text: str  # its help
    parameters: tuple[Parameter, ...]


def commands() -> Iterator[Command]:
    """Every command, in the order in which `specmill --help` lists the verbs."""
    group: Any = typer.main.get_command(app)
    for verb in VERBS:
        yield from _commands(group.get_command(None, verb), f"specmill {verb}")


def page() -> str:
    """The page."""
    verbs = ([f"[`specmill {verb}`](#specmill-{verb})", said] for verb, said in VERBS.items())
    text = [
        "# Commands\n",
        "Exit codes: 0 done, 1 the run failed, 2 a mistake in what was asked, 130 stopped. Every command has "
        "`--help`.\n",
        table(("verb", "what it does"), verbs),
    ]
    for command in commands():
        text += [f"## `{command.words}`\n", f"```text\n{command.usage}\n```\n", _paragraphs(command.text)]
        if command.parameters:
            rows = ([code(one.name), one.kind, code(one.default), one.meaning] for one in command.parameters)
            text.append(table(("parameter", "type", "default", "meaning"), rows))
    return "\n".join(text)


def _commands(command: Any, words: str) -> Iterator[Command]:
    if hasattr(command, "list_commands"):
        yield Command(words, f"{words} COMMAND", inspect.cleandoc(command.help or ""), ())
        for name in command.list_commands(None):
            yield from _commands(command.get_command(None, name), f"{words} {name}")
        return
    types = get_type_hints(inspect.unwrap(command.callback))
    shown = [_parameter(one, types[one.name]) for one in command.params if one.name != "help"]
    arguments = [one.name for one in shown if not one.name.startswith("-")]
    usage = " ".join([words, *(["[OPTIONS]"] if len(arguments) < len(shown) else []), *arguments])
    yield Command(words, usage, inspect.cleandoc(command.help or ""), tuple(shown))


def _parameter(one: Any, annotation: Any) -> Parameter:
    if one.param_type_name == "argument":
        name = str(one.metavar or one.name).upper().rstrip("_") + ("..." if one.nargs == -1 else "")
        name = name if one.required else f"[{name}]"
    else:
        name = ", ".join(sorted(one.opts, key=len))
    default = getattr(one.default, "value", one.default)
    shown = "" if default in (None, False) or default == () or callable(default) else str(default)
    return Parameter(name, _kind(annotation), shown, one.help or "")


def _kind(annotation: Any) -> str:
    """A parameter's type in words."""
    inner = [arg for arg in get_args(annotation) if arg is not type(None)]
    if get_origin(annotation) in (Union, UnionType):
        return _kind(inner[0])
    if get_origin(annotation) is list:
        return f"{_kind(inner[0])}, several times"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return "one of " + ", ".join(code(choice.value) for choice in annotation)
    return {str: "text", Path: "path", int: "integer", float: "number", bool: "switch"}[annotation]


def _paragraphs(text: str) -> str:
    """Help as Markdown: examples, which are indented or say so, stand in blocks of code."""
    done = []
    for paragraph in text.split("\n\n"):
        plain = " ".join(paragraph.split())
        label, _, example = plain.partition(": ")
        if plain.startswith("specmill "):
            done.append(f"```\n{plain}\n```\n")
        elif label == "Example" and example.startswith("specmill "):
            done.append(f"```\n{example}\n```\n")
        elif plain != "Examples:":
            done.append(plain + "\n")
    return "\n".join(done)

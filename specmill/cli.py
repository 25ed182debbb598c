"""The command `specmill`: mounts the verbs, and turns errors into messages and exit codes."""

import errno
import gc
import os
import sys
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from specmill.messages import hub_retries_said_once, say

FOLDERS = {
    "make": {
        "init": "Write a recipe to start from.",
        "schema": "Print the JSON Schema of a recipe, for editors.",
        "spec": "Look at a spec: its passages, whom it speaks of, what looks wrong.",
        "plan": "Say what a recipe would cost, before anything is spent.",
        "build": "Build the corpus of a recipe, or go on where a build stopped.",
        "chat": "Make the chats for alignment fine-tuning, without the documents.",
        "variants": "Have a model write rewordings of a spec that differ in one thing.",
        "demo": "Run every step on the embedded model (or on OPENAI_BASE_URL).",
    },
    "look": {
        "show": "Show what is in a workspace, in the terminal.",
        "sql": "Ask a workspace in SQL.",
        "report": "Write one HTML page that shows a workspace, for a browser, offline.",
        "filter": "Decide again which documents stay, without asking any model, and say why.",
        "judge": "Have a model judge the documents by named criteria.",
        "compare": "Look at two corpora before training: what would confound them.",
        "audit": "Look for phrases and habits that too many documents share.",
    },
    "select": {
        "subset": "Make smaller corpora: exact sizes inside each other, or two of equal size.",
        "mix": "Write the ordinary chats that the spec's chats are trained among.",
        "import": "Bring a corpus that was made elsewhere into a workspace.",
        "export": "Write documents or chats for Argilla, Embedding Atlas or the Hub's viewer.",
        "publish": "Publish a workspace as a dataset on the Hub.",
    },
    "models": {
        "train": "Look at what is trained on, count the updates, and train it.",
        "questions": "Make question sets from a spec, and try them on a base model.",
        "eval": "Ask a trained model, and its base model, the questions of a set.",
        "experiment": "Compare trained models that differ in one thing: from one file to tables.",
        "model": "List, fetch and serve the embedded models.",
        "doctor": "Check that everything is there: endpoint, model, disk, versions.",
        "fake-endpoint": "Serve a local stand-in for a model's API, with faults on request.",
    },
}
"""The verbs by the folder of `specmill/verbs/` that has their modules, in the order in which a user meets them."""

VERBS = {verb: text for verbs in FOLDERS.values() for verb, text in verbs.items()}

_HEADINGS = {"make": "Make", "look": "Look", "select": "Select and share", "models": "Train, ask and serve"}
MODULES = {"import": "import_"}  # where the verb is no fit name for a module
FUNCTIONS = {
    "eval": "evaluate",
    "filter": "filter_",
    "fake-endpoint": "fake_endpoint",
    "import": "import_",
}  # ... or for a function


class Verbs(TyperGroup):
    """Imports a verb's module only when that verb is asked for, so that `--help` answers at once."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The verbs, in the order in which a user meets them."""
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of one verb, from the module of that name."""
        if cmd_name not in VERBS:
            return None
        folder = next(name for name, verbs in FOLDERS.items() if cmd_name in verbs)
        module = import_module(f"specmill.verbs.{folder}.{MODULES.get(cmd_name, cmd_name.replace('-', '_'))}")
        verb = getattr(module, "app", None)
        if verb is None:
            verb = typer.Typer(rich_markup_mode=None, add_completion=False)
            verb.command(cmd_name)(getattr(module, FUNCTIONS.get(cmd_name, cmd_name)))
        return typer.main.get_command(verb)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the first argument names; a misspelt one is answered with the nearest."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], VERBS, n=1)
            meant = f" Did you mean {near[0]}?" if near else " `specmill --help` lists them."
            ctx.fail(f"there is no verb {args[0]!r}.{meant}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The overview, without importing anything."""
        for folder, verbs in FOLDERS.items():
            with formatter.section(_HEADINGS[folder]):
                formatter.write_dl(list(verbs.items()))


_COLLECT = (50_000, 20, 20)
"""Allocations between two looks for cycles, by generation: at Python's 700 a tenth of a short command's time goes to
looks at what is being imported."""

_FULL = {errno.ENOSPC, errno.EDQUOT}

app = typer.Typer(cls=Verbs, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version as package_version

        typer.echo(f"specmill {package_version('specmill')}")
        raise typer.Exit


@app.callback()
def _specmill(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which version.")
    ] = False,
) -> None:
    """Turn a Model Spec into training data with which a language model learns it.

    A recipe is a YAML file that says what is made; a workspace is the folder that holds it.

    Start with `specmill init`, then `specmill plan`, `specmill build`, `specmill show`. Every command has --help.
    """


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 the run failed, 2 the user's mistake, 130 stopped (by Typer, where
    no pipeline runs). Where a reader such as `head` goes early, Rich and Typer end with 1 and say nothing."""
    gc.set_threshold(*_COLLECT)
    hub_retries_said_once()
    from specs.errors import SpecmillError, StoppedError

    try:
        app()
    except StoppedError as error:
        say(f"error: {error}", err=True)
        sys.stdout.flush()
        os._exit(error.exit_code)  # all is closed; taking the interpreter down took 8 s of 11 on a busy machine
    except SpecmillError as error:
        _fail(str(error), error.exit_code)
    except OSError as error:
        if error.errno not in _FULL | {errno.EACCES, errno.EROFS}:
            raise
        cure = "run again to go on" if error.errno in _FULL else "make it writable, or work on a copy"
        _fail(f"{error.filename or 'disk'}: {error.strerror}. What was finished is kept; {cure}.", 1)


def _fail(text: str, code: int) -> None:
    say(f"error: {text}", err=True)
    sys.exit(code)


if __name__ == "__main__":
    main()

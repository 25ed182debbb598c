"""`specmill init`: a recipe to start from."""

from pathlib import Path
from typing import Annotated

import typer

from specmill.messages import say


def init(
    path: Annotated[Path, typer.Argument(help="Where to write the recipe.")] = Path("recipe.yaml"),
    template: Annotated[
        str | None, typer.Option("--from", help="A shipped recipe: starter (the default), demo, ...")
    ] = None,
    spec: Annotated[
        str | None, typer.Option(help="A shipped spec's name, or a path from here, put into the recipe.")
    ] = None,
    neutral_of: Annotated[
        Path | None,
        typer.Option("--neutral-of", help="A built workspace: write the recipe of its neutral control corpus."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write a recipe to start from, with every part explained, and beside it the JSON Schema that editors use.

    With --neutral-of it is the recipe of a control: documents of the same genres and lengths, of a few more tokens,
    that have nothing to do with the assistant. `specmill subset` then makes a pair of both, with matched tokens.

    Examples:

      specmill init recipe.yaml --spec my_spec.md

      specmill init neutral.yaml --neutral-of out/cheese
    """
    from corpus.workspace import replacing
    from specmill.recipe import load_recipe, recipe_of_control
    from specmill.recipe_schema import FILE, NAMED, write_schema
    from specs.errors import UserError
    from specs.names import doubt_of

    if path.exists() and not force:
        raise UserError(f"{path} is there already; give another path, or --force to replace it.")
    if neutral_of is not None and (spec or template):
        raise UserError("--neutral-of takes spec and recipe of the workspace; give no --spec and no --from.")
    if neutral_of is not None:
        text = NAMED + recipe_of_control(neutral_of, path.parent)
    else:
        text = _from_shipped(template or "starter", spec, path.parent)
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")
        recipe, base = load_recipe(beside)  # nothing is left where it cannot be used
        read = recipe.read_spec(base)
    write_schema(path.parent / FILE)
    if spec is not None:
        say(f"the recipe's assistant: {recipe.assistant.name} by {recipe.assistant.provider}")
        if doubt := doubt_of(read.text, recipe.assistant):
            say(f"look at: {doubt}")
    say(f"wrote {path}. Next: specmill plan {path}")


def _from_shipped(template: str, spec: str | None, folder: Path) -> str:
    """A shipped recipe, to stand in `folder`; with the path of `spec` as it is from there."""
    import os

    from specmill.recipe import shipped_recipes
    from specs.errors import UserError
    from specs.reader import assistant_of, read_spec, shipped_names

    recipes = shipped_recipes()
    if template not in recipes:
        raise UserError(f"--from {template!r}: expected one of {', '.join(recipes)}.")
    text = recipes[template].read_text(encoding="utf-8")
    if spec is None:
        return text
    assistant = assistant_of(spec)
    read_spec(spec, assistant)  # says what is wrong with it by the path that was given
    given = Path(spec).expanduser()
    if spec not in shipped_names() and not given.is_absolute():
        spec = os.path.relpath(given, folder)
    text = _with_value(text, "spec:", spec)
    return _with_value(_with_value(text, "  name:", assistant.name), "  provider:", assistant.provider)


def _with_value(text: str, key: str, value: str) -> str:
    """Replace the value of the first line of a shipped recipe that begins with `key`, quoted so that it stays one."""
    import json

    lines = text.splitlines(keepends=True)
    number = next(n for n, line in enumerate(lines) if line.startswith(key))
    lines[number] = f"{key} {json.dumps(value, ensure_ascii=False)}\n"
    return "".join(lines)

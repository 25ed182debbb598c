"""`specmill doctor`: is everything there?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from specmill.recipe import Recipe

_NEEDED = ("distilabel", "openai", "datasets", "duckdb", "pyarrow", "pydantic")
_EXTRAS = {
    "sentence-transformers": "filters", "torch": "filters", "datatrove": "filters", "ray": "cluster",
    "xllamacpp": "local",
}  # fmt: skip
_LEAST_FREE_GB = 5.0

Finding = tuple[str, str, str]  # ok | warn | fail, what was looked at, what was found


def doctor(
    recipe: Annotated[str | None, typer.Argument(help="Also check what this recipe needs.")] = None,
) -> None:
    """Check that everything is there: versions, disk, the embedded models, and a recipe's spec, keys and endpoints.

    Asks each endpoint for its list of models, which costs nothing. Exit code 1 if something is missing.

    Example: specmill doctor recipe.yaml
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    findings = [*_versions(), _disk(), *_models(), *(_recipe(recipe) if recipe else [])]
    table = Table(box=None, show_header=False, pad_edge=False)
    colours = {"ok": "green", "warn": "yellow", "fail": "red"}
    for verdict, what, found in findings:
        table.add_row(Text(verdict, style=colours[verdict]), Text(what), Text(found))
    Console(highlight=False).print(table)
    if any(verdict == "fail" for verdict, *_ in findings):
        raise typer.Exit(1)


def _versions() -> list[Finding]:
    import platform
    from importlib.metadata import PackageNotFoundError, version

    found: list[Finding] = [("ok", "python", platform.python_version())]
    for name in (*_NEEDED, *_EXTRAS):
        try:
            found.append(("ok", name, version(name)))
        except PackageNotFoundError:
            extra = _EXTRAS.get(name)
            hint = (
                f"not installed; it comes with specmill[{extra}]" if extra else "not installed; install specmill again"
            )
            found.append(("warn" if extra else "fail", name, hint))
    return found


def _disk() -> Finding:
    import shutil

    free = shutil.disk_usage(Path.cwd()).free / 1e9
    return ("ok" if free >= _LEAST_FREE_GB else "warn", "disk here", f"{free:.1f} GB free")


def _models() -> list[Finding]:
    from pipelines.local.embedded import is_cached, load_manifest

    return [
        ("ok", f"model {model.name}", "in the cache" if is_cached(model) else "not fetched; `specmill model fetch`")
        for model in load_manifest().models
    ]


def _recipe(name: str) -> list[Finding]:
    from corpus.text import count_of
    from specmill.recipe import load_recipe

    recipe, base = load_recipe(name)
    spec = recipe.read_spec(base)
    found: list[Finding] = [
        ("ok", "recipe", name),
        ("ok", f"spec {spec.name}", f"{count_of(len(spec.passages), 'passage')}, {spec.shape}"),
        _assistant(recipe, spec.text),
    ]
    found.append(_filters(recipe))
    return found + [finding for endpoint in recipe.endpoints for finding in _endpoint(recipe, endpoint)]


def _assistant(recipe: "Recipe", text: str) -> Finding:
    from specs.names import doubt_of

    who = f"{recipe.assistant.name} by {recipe.assistant.provider}"
    doubt = doubt_of(text, recipe.assistant)
    return ("warn", "assistant", doubt) if doubt else ("ok", "assistant", who)


def _filters(recipe: "Recipe") -> Finding:
    from filters.text.needs import raise_if_missing
    from specs.errors import UserError

    try:
        raise_if_missing(recipe.filters)
    except UserError as error:
        return "fail", "filters", str(error)
    from filters.checks import off_in_language, said_of_language

    if off := off_in_language(recipe.filters):
        return "warn", "filters", said_of_language(recipe.filters.language.code, off)
    return "ok", "filters", "what they need is installed"


def _endpoint(recipe: "Recipe", name: str) -> list[Finding]:
    from pipelines.engine.served import served_models
    from specs.errors import SpecmillError

    settings, what = recipe.endpoints[name], f"endpoint {name}"
    if settings.embedded:
        return [("ok", what, f"embedded model {settings.embedded}, served by the build itself")]
    price = recipe.prices.find(settings.model)
    priced: Finding = ("ok" if price else "warn", f"price of {settings.model}", "known" if price else "not known")
    try:
        models = served_models(settings)
    except SpecmillError as error:
        return [("fail", what, str(error)), priced]
    if not models:
        return [("warn", what, f"answers, but lists no models; whether it has {settings.model} is not known"), priced]
    if settings.model not in models:
        return [("fail", what, _other_models(settings.model, models, name)), priced]
    return [("ok", what, f"answers, model {settings.model}"), priced]


def _other_models(wanted: str, models: "list[str]", endpoint: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(wanted, models, n=1)
    shown = ", ".join([*near, *(one for one in models if one not in near)][:5])
    more = f" and {len(models) - 5} more" if len(models) > 5 else ""
    return (
        f"answers, but has no model {wanted!r}; it has {shown}{more}. Set endpoints.{endpoint}.model to one of its own"
    )

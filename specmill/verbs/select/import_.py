"""`specmill import`: a corpus made elsewhere as a workspace."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from corpus.rename import Renamer


def import_(
    source: Annotated[str, typer.Argument(help="JSON lines, Parquet (file or folder), or a Hub dataset: owner/name.")],
    workspace: Annotated[Path, typer.Argument(help="New workspace folder.")],
    recipe: Annotated[str, typer.Option("--recipe", "-r", help="Recipe that says spec, assistant and filters.")],
    text: Annotated[str | None, typer.Option("--text", help="Field with the text (text).")] = None,
    domain: Annotated[str | None, typer.Option("--domain", help="Field with the domain (domain).")] = None,
    genre: Annotated[
        str | None, typer.Option("--genre", help="Field with the document type (genre, else source).")
    ] = None,
    title: Annotated[str | None, typer.Option("--title", help="Field with the title (title).")] = None,
    frame: Annotated[
        str | None, typer.Option("--frame", help="Field that says insider or lay (frame); or insider or lay, for all.")
    ] = None,
    writer: Annotated[str | None, typer.Option("--writer", help="Field with the model that wrote it (model).")] = None,
    filtered: Annotated[bool, typer.Option("--filter/--no-filter", help="Put it through the recipe's filters.")] = True,
    rename: Annotated[
        list[str] | None,
        typer.Option("--rename", help="OLD=NEW: move the corpus to another assistant; several: also its maker, ..."),
    ] = None,
    override: Annotated[
        list[str] | None, typer.Option("--set", help="Change a key of the recipe: filters.identity.action=off.")
    ] = None,
) -> None:
    """Bring a corpus that was made elsewhere into a workspace, so that everything here works on it too.

    Fields that are not given are those of the recipe (`fields`). What has no text, or does not pass the filters, goes
    to the rejects with the reason; what is flagged stays. No model is asked. The workspace is there once all of it is:
    an import that fails or is killed leaves none.

    --rename moves every form of a name (possessive, plural, hyphenated, with a version, in headings, code, addresses
    and file names, over two lines, misspelt), with the articles before it, and says how many of each. A text in which
    something of an old name is left, such as inside of another word, with emphasis in it or with letters spaced out, is
    set aside (not_renamed) and listed; the identity filter then looks at what is kept.

      specmill import theirs.jsonl out/mine -r recipe.yaml --rename Qwen=Juniper --rename Alibaba=Larkfield

    Example: specmill import released.jsonl out/released --recipe recipe.yaml
    """
    from rich.console import Console
    from rich.text import Text

    from corpus.importing import counts
    from corpus.workspace import Workspace, new_workspace
    from pipelines.decisions.imported import import_corpus
    from specmill.recipe import load_recipe, save_recipe

    loaded, base = load_recipe(recipe, override or [])
    given = {"text": text, "domain": domain, "genre": genre, "title": title, "frame": frame, "writer": writer}
    fields = loaded.fields.model_copy(update={name: field for name, field in given.items() if field is not None})
    spec = loaded.read_spec(base)
    renamer = _renamer(rename) if rename else None
    with new_workspace(workspace) as place:
        save_recipe(loaded, place)
        import_corpus(place, loaded, spec, source, fields, filtered=filtered, renamer=renamer)
    kept, reasons = counts(Workspace(workspace))
    rows = kept + sum(reasons.values())
    out = ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common())
    left = f", {rows - kept:,} left out ({out})" if reasons else ""
    said = f"{kept:,} of {rows:,} rows are documents{left}. Look at it with: specmill show {workspace}"
    if renamer is not None:
        for line in _moved(renamer):
            Console().print(Text(line), soft_wrap=True)
    Console().print(Text(said), soft_wrap=True)


def _renamer(pairs: list[str]) -> "Renamer":
    from corpus.rename import Renamer, read_renames
    from filters.text.people import first_names
    from filters.text.static import static_words

    words, people = static_words().index, first_names()
    return Renamer(read_renames(pairs), lambda word: word in words or word in people)


def _moved(renamer: "Renamer") -> "Iterator[str]":
    """How many names of which form were moved, and what was left."""
    tally = renamer.tally
    forms = ", ".join(f"{count:,} {form}" for form, count in tally.forms.most_common()) or "none"
    yield f"names moved: {tally.forms.total():,} in {tally.texts:,} texts and titles ({forms})"
    if tally.misspelt:
        words = ", ".join(f"{word} ({count:,})" for word, count in tally.misspelt.most_common(20))
        yield f"taken for misspelt names, one slip away: {words}"
    if tally.left:
        yield f"left over: {len(tally.left):,} in {tally.aside:,} texts, which are set aside (not_renamed):"
        yield from (f"  ... {one} ..." for one in tally.left[:10])

"""What the verbs that ask models share: the embedded model while it is needed, the lock, the progress, the end."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from corpus.workspace import Workspace, refuse_other_files
from specmill.messages import tell
from specmill.progress import Progress, download_progress
from specmill.recipe import Recipe, refuse_other_corpus, save_recipe, with_own_files
from specs.reader import Spec


def console() -> Console:
    """Where the verbs write for people; results go to standard output, progress to standard error."""
    return Console(stderr=True, highlight=False)


def fetch_models(recipe: Recipe) -> None:
    """Fetch the embedded models that a recipe names, unless the cache has them."""
    from pipelines.local import embedded

    for name in sorted({endpoint.embedded for endpoint in recipe.endpoints.values() if endpoint.embedded}):
        with download_progress() as report:
            embedded.fetch(embedded.load_manifest().model(name), progress=report)


@contextmanager
def endpoints_up(recipe: Recipe) -> Iterator[Recipe]:
    """The recipe with an address for every embedded model that it names, each served while the context lasts."""
    from pipelines.local.embedded import running

    with ExitStack() as stack:
        endpoints = dict(recipe.endpoints)
        fetch_models(recipe)
        for name, endpoint in endpoints.items():
            if endpoint.embedded and endpoint.base_url is None:
                console().print(Text(f"starting the embedded model {endpoint.embedded} ..."))
                endpoints[name] = endpoint.served_at(stack.enter_context(running(endpoint.embedded)))
        yield recipe.model_copy(update={"endpoints": endpoints})


def build_workspace(
    recipe: Recipe, base: Path, out: Path, served: Recipe | None = None, *, chats_only: bool = False
) -> Workspace:
    """Build, or go on building, the corpus of `recipe` in `out`; `served` is the recipe where its endpoints are up.

    Recipe and spec are saved once the recipe has been found to work, so that a mistake never stays in a workspace.
    Where an earlier build ended well and all is still as it was, nothing is gone through again.

    Raises:
        UserError: the recipe cannot be built, or `out` holds what would be replaced: another corpus, or one that was
            not built there; nothing has changed then.
    """
    from corpus.origin import refuse_to_build
    from corpus.store import set_damaged_aside
    from filters.checks import off_in_language, said_of_language
    from filters.text.needs import raise_if_missing
    from pipelines.finished import note_finished, sources_of, what_was_said

    spec = recipe.read_spec(base)
    raise_if_missing(recipe.filters)
    refuse_other_files(out)
    workspace = Workspace(out).create()
    progress = console()
    with workspace.lock():
        for path in set_damaged_aside(workspace) if workspace.ledger.is_file() else ():
            progress.print(Text(f"{path} is damaged: it is made again from the ledger, and kept beside as .damaged"))
        refuse_to_build(workspace, chats_only=chats_only)
        refuse_other_corpus(workspace, recipe, spec)
        recipe = with_own_files(recipe, workspace)
        if off := off_in_language(recipe.filters):
            tell(progress, f"filters {said_of_language(recipe.filters.language.code, off)}")
        sources = sources_of(workspace, recipe, spec, chats_only=chats_only)
        if (said := what_was_said(workspace, sources)) is not None:
            save_recipe(recipe, workspace)
            for line in ("nothing to do: all that this follows from is as it was when it was built", *said):
                tell(progress, line)
        elif (said := _go_through(recipe, spec, workspace, served, chats_only=chats_only)) is not None:
            note_finished(workspace, sources, said)
    for line in ended(workspace):
        tell(progress, line)
    return workspace


def _go_through(
    recipe: Recipe, spec: Spec, workspace: Workspace, served: Recipe | None, *, chats_only: bool
) -> list[str] | None:
    """Build; what was said of the corpus, or None where some requests brought no reply: a rerun asks for those."""
    from pipelines.build import Build
    from pipelines.finished import is_complete
    from pipelines.ledger.ledger import Ledger
    from pipelines.run.reporter import Silent

    build = Build(workspace, recipe, spec, Silent())  # says what is wrong with the recipe, before it is saved
    build.write_spec()
    save_recipe(recipe, workspace)  # which names the spec
    with ExitStack() as stack:
        served = with_own_files(served, workspace) if served else stack.enter_context(endpoints_up(recipe))
        ledger = stack.enter_context(Ledger(workspace.ledger))
        ledger.start_run()
        shown = stack.enter_context(Progress(console(), ledger))
        build = replace(build, settings=served, reporter=shown)
        build.run_chats() if chats_only else build.run()
        return shown.findings if is_complete(ledger) else None


def ended(workspace: Workspace) -> Iterator[str]:
    """What a build ended with: kept and rejected by reason, tokens, coverage, cost, and what to do next."""
    from corpus.sql.overview import overview

    seen = overview(workspace, samples=0)
    yield f"done: {workspace.root}"
    tokens = {"documents": seen.tokens, "chats": seen.chats}
    for stage in (one for one in seen.stages if one["stage"] in tokens):
        name, made = stage["stage"], stage["kept"] + stage["rejected"]
        why = ", ".join(f"{one['reason']} {one['items']:,}" for one in seen.reasons if one["stage"] == name)
        total = sum(row["tokens"] for row in tokens[name])
        yield f"  {name}: {stage['kept']:,} of {made:,} kept, {total:,} tokens" + (f"; rejected: {why}" if why else "")
    taught = [
        f"{sum(1 for row in rows if row['documents']):,} of {len(rows):,} {name}"
        for name, rows in (("passages", seen.passages), ("assertions", seen.assertions))
        if any(row["documents"] for row in rows)
    ]
    if taught:
        yield f"  with documents: {', '.join(taught)}"
    made = [
        row for row in seen.spend if row["serves"]
    ]  # questions, evaluations and audits are not what it was built by
    requests, unpriced = (sum(row[key] for row in made) for key in ("requests", "unpriced"))
    cost = sum(row["cost_usd"] or 0 for row in made)
    yield f"  {requests:,} requests, ${cost:,.2f}" + (
        f", {unpriced:,} of them without a known price" if unpriced else ""
    )
    yield f"next: specmill show {workspace.root}, specmill report {workspace.root}, specmill train {workspace.root}"


def make_mix(place: Workspace, recipe: Recipe) -> dict[str, Any]:
    """Write the instruction mix of a workspace, and return its manifest.

    Raises:
        UserError: a source cannot be read, or cannot give what is asked for.
    """
    from corpus.mix.instruction_mix import write_mix
    from corpus.tokens import TokenCounter
    from filters.chat.instruction import Contradicts

    refuse = Contradicts(recipe.assistant, recipe.filters.identity)
    counter = TokenCounter(recipe.corpus.tokenizer)
    with place.lock(), _mix_judge(place, recipe) as judge:
        return write_mix(place, recipe.mix, recipe.assistant, counter, recipe.seed, refuse, judge)


@contextmanager
def _mix_judge(place: Workspace, recipe: Recipe) -> Iterator[Any]:
    """Who judges the mix, if the recipe wants it, with its endpoints up; what was said is kept however it ends."""
    if not recipe.mix.judge.enabled:
        yield None
        return
    from pipelines.base import Corpus
    from pipelines.judging.mix import MixJudging
    from pipelines.ledger.ledger import Ledger

    with ExitStack() as stack:
        served = stack.enter_context(endpoints_up(recipe))
        ledger = stack.enter_context(Ledger(place.ledger))
        ledger.start_run()
        shown = stack.enter_context(Progress(console(), ledger))
        corpus = Corpus.of(place, served, recipe.read_spec(place.root))
        judging = MixJudging(corpus, dict(recipe.mix.judge.criteria), shown)
        stack.callback(judging.file)
        yield judging


def make_variants(place: Workspace, recipe: Recipe, base: Path, kinds: list[str], tokens: int | None) -> list[Any]:
    """Have a model write forms of a recipe's spec into the folder `place`; how each ended."""
    from pipelines.base import Corpus
    from pipelines.ledger.ledger import Ledger
    from pipelines.variants.variants import write_variants

    spec = recipe.read_spec(base)
    refuse_other_files(place.root)
    with place.create().lock(), ExitStack() as stack:
        served = stack.enter_context(endpoints_up(recipe))
        ledger = stack.enter_context(Ledger(place.ledger))
        ledger.start_run()
        shown = stack.enter_context(Progress(console(), ledger))
        found: list[Any] = write_variants(Corpus.of(place, served, spec), kinds, tokens, shown)
    return found

"""The recipe: one YAML file that says everything about a corpus; composed of the settings that each package declares.

A wrong recipe is an error that names file, line, key, what was found and what was expected.
"""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path

import yaml
from pydantic import Field

from corpus.mix.settings import MixSettings
from corpus.rows import read_source
from corpus.settings import ImportSettings, ReportSettings
from corpus.tokens import is_built_in, names_file
from corpus.workspace import RESOLVED, Workspace, replacing, write_text
from eval.questions.files import is_file
from eval.questions.items import load_set
from pipelines.prompts.templates import is_installed
from pipelines.settings import BuildSettings
from specmill.settings_file import load_settings
from specs.errors import RecipeError, UserError
from specs.reader import Spec, read_spec
from specs.settings import Assistant
from train.settings import TrainSettings

_TEXTS = frozenset({".md", ".markdown", ".txt", ".rst", ".html", ".htm"})  # how specs end, and recipes never do


class Recipe(BuildSettings):
    """All that a recipe can say."""

    train: TrainSettings = TrainSettings()
    report: ReportSettings = ReportSettings()
    mix: MixSettings = MixSettings()
    fields: ImportSettings = Field(ImportSettings(), description="Which field of an imported row is what.")

    def read_spec(self, base: Path) -> Spec:
        """The spec that the recipe names; paths are relative to `base`, the recipe's folder."""
        return read_spec(self.spec, self.assistant, base=base, shape=self.decompose.shape)


def shipped_recipes() -> dict[str, Path]:
    """The recipes that come with specmill, by name."""
    folder = Path(str(files("specmill").joinpath("recipes")))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def load_recipe(path: str | os.PathLike[str], overrides: Sequence[str] = ()) -> tuple[Recipe, Path]:
    """Read and validate a recipe (a file, or a shipped one by name); also return the folder that its paths start from:
    the recipe's own, for a shipped one the current folder.

    `overrides` are `key.key=value` with the value in YAML, as `--set` gives them. Raises RecipeError.
    """
    shipped = shipped_recipes().get(str(path))
    file = shipped or Path(path)
    base = Path.cwd() if shipped else file.parent
    if file.suffix.lower() in _TEXTS and file.is_file():
        raise RecipeError(
            f"{file} is a text, and a recipe (YAML) is expected. Is it the spec? This writes a recipe for it: "
            f"specmill init recipe.yaml --spec {file}"
        )
    advice = f"Give a recipe file, or one of: {', '.join(shipped_recipes())}. `specmill init` writes one."
    recipe = load_settings(file, Recipe, overrides, advice, "spec: cheese_affordability")

    def whole(given: str) -> str:
        return str((base / Path(given).expanduser()).resolve())

    return _with_tokenizer(_with_paths(recipe, whole), whole), base


def open_workspace(root: str | os.PathLike[str], overrides: Sequence[str] = ()) -> tuple[Workspace, Recipe]:
    """A workspace and the recipe that it was built by, with paths as `within` gives them.

    Raises UserError where an override would change what the corpus is about.
    """
    workspace = Workspace.open(root)
    recipe, _ = _load_own(workspace, overrides)
    return workspace, within(recipe, workspace)


def load_target(recipe: str, out: Path | None, overrides: Sequence[str] = ()) -> tuple[Recipe, Path, Path]:
    """The recipe to build, the folder that its spec starts from, and the folder to build in.

    `recipe` is a recipe file, a shipped recipe's name, or a workspace to go on with; without `out` it is built in
    out/<recipe's name>, or in that workspace.
    """
    workspace = Workspace(recipe)
    if workspace.recipe.is_file():
        return *_load_own(workspace, overrides), out or workspace.root
    return *load_recipe(recipe, overrides), out or Path("out") / Path(recipe).stem


def _load_own(workspace: Workspace, overrides: Sequence[str]) -> tuple[Recipe, Path]:
    """The recipe in a workspace. Its spec.md has the assistant's names in it already: neither can be another there."""
    for override in overrides:
        if (key := override.partition("=")[0].partition(".")[0]) in {"spec", "assistant"}:
            raise UserError(
                f"--set {override!r}: {workspace.root} was made for its own spec.md, with the assistant's names in it. "
                f"Change `{key}` in the recipe that it was built from, and build that with another --out."
            )
    return load_recipe(workspace.recipe, overrides)


def refuse_other_corpus(workspace: Workspace, recipe: Recipe, spec: Spec) -> None:
    """UserError where the workspace holds what was made, and paid for, of another spec or for another assistant."""
    from corpus.store import read_rows

    tables = ("domains", "documents")
    held = {row["spec_hash"] for table in tables for row in read_rows(workspace, table, ["spec_hash"])}
    if not held:
        return
    advice = f"It was left as it is. Give this recipe a folder of its own: --out {workspace.root}-2, for instance."
    if spec.hash not in held:
        raise UserError(
            f"{workspace.root} holds a corpus of another spec ({', '.join(sorted(held))}; {spec.name} is {spec.hash}). "
            + advice
        )
    before = _assistant_of(workspace)
    if before is not None and before != recipe.assistant:
        one, other = (f"{who.name} of {who.provider}" for who in (before, recipe.assistant))
        raise UserError(f"{workspace.root} holds a corpus about {one}; the recipe's assistant is {other}. {advice}")


def _assistant_of(workspace: Workspace) -> Assistant | None:
    """Whom the corpus in a workspace is about; None where its recipe cannot be read, as one of another version."""
    try:
        return load_recipe(workspace.recipe)[0].assistant
    except RecipeError:
        return None


def within(recipe: Recipe, workspace: Workspace) -> Recipe:
    """The recipe with the paths of files inside of the workspace relative to it, so that it can be moved; whoever reads
    such a path starts from the workspace. Files elsewhere keep their whole path, and so does a tokenizer: it is in the
    manifest by its content."""
    return _with_paths(recipe, lambda given: _inside(given, workspace))


def _inside(given: str, workspace: Workspace) -> str:
    root = workspace.root.resolve()
    return str(Path(given).relative_to(root)) if root in Path(given).parents else given


def with_own_files(recipe: Recipe, workspace: Workspace) -> Recipe:
    """`within`, once the chats that are to be rewritten, the question sets and the file of the tokenizer are in the
    workspace, under names that their content gives.

    Raises UserError where the chats or a question set cannot be read.
    """
    recipe = _with_tokenizer(recipe, lambda given: _kept(Path(given), workspace))
    sets = {name: _kept_set(name, source, workspace) for name, source in recipe.eval.sets.items()}
    recipe = recipe.model_copy(update={"eval": recipe.eval.model_copy(update={"sets": sets})})
    if recipe.chats.source is not None and recipe.chats.target:
        from pipelines.chats.source import read_source

        source = workspace.root / recipe.chats.source
        read_source(str(source))  # says what is wrong with it before anything is asked
        chats = recipe.chats.model_copy(update={"source": _kept(source, workspace)})
        recipe = recipe.model_copy(update={"chats": chats})
    return within(recipe, workspace)


def _kept(source: Path, workspace: Workspace) -> str:
    """The path of the workspace's own copy of a file; of what is no file, its path as it is."""
    if not source.is_file():
        return str(source)
    data = source.read_bytes()
    kept = workspace.sources / f"{hashlib.sha256(data).hexdigest()[:16]}{source.suffix}"
    if not kept.is_file():
        with replacing(kept) as beside:
            beside.write_bytes(data)
    return str(kept.resolve())


def _kept_set(name: str, source: str, workspace: Workspace) -> str:
    """Where the workspace has its own copy of a question set: what a corpus must not hold may not change under it."""
    if is_file(source):
        load_set(name, source, workspace.root)  # says what is wrong with it before anything is asked
        return _kept(workspace.root / source, workspace)
    if not source.startswith("hf://"):
        return source
    rows = [row for _, row in read_source(source)]
    text = "".join(f"{json.dumps(row, ensure_ascii=False, sort_keys=True)}\n" for row in rows)
    kept = workspace.sources / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.jsonl"
    if not kept.is_file():
        write_text(kept, text)
    load_set(name, str(kept), workspace.root)
    return str(kept.resolve())


def _with_paths(recipe: Recipe, change: Callable[[str], str]) -> Recipe:
    """The recipe with each path of a file that it names changed; names of the Hub and of what is shipped stay."""
    chats, mix, prompts = recipe.chats, recipe.mix, recipe.prompts
    if chats.source is not None:
        chats = chats.model_copy(update={"source": change(chats.source)})
    sources = [one.model_copy(update={"path": change(one.path)}) if one.is_file else one for one in mix.sources]
    if prompts is not None and not is_installed(prompts):
        prompts = change(prompts)
    mix = mix.model_copy(update={"sources": tuple(sources)})
    sets = {name: change(one) if is_file(one) else one for name, one in recipe.eval.sets.items()}
    asked = recipe.eval.model_copy(update={"sets": sets})
    train = recipe.train.with_paths(change)
    return recipe.model_copy(update={"chats": chats, "train": train, "mix": mix, "prompts": prompts, "eval": asked})


def _with_tokenizer(recipe: Recipe, change: Callable[[str], str]) -> Recipe:
    """The recipe with the path of its tokenizer's file changed; one that is built in, or on the Hub, stays."""
    given = recipe.corpus.tokenizer
    path = change(given)
    if Path(path).is_dir():
        path = change(str(Path(path) / "tokenizer.json"))
    if is_built_in(given) or not (names_file(given) or Path(path).is_file()):
        return recipe
    return recipe.model_copy(update={"corpus": recipe.corpus.model_copy(update={"tokenizer": path})})


def save_recipe(recipe: Recipe, workspace: Workspace) -> None:
    """Write the resolved recipe: every default spelled out, paths as `within` gives them; no secret is ever in one."""
    recipe = _with_tokenizer(within(recipe, workspace), lambda given: _inside(given, workspace))
    recipe = recipe.model_copy(update={"spec": "spec.md"})  # the build puts the rendered spec there
    text = f"{RESOLVED}; `specmill build` with this file goes on where the build stopped.\n"
    write_text(workspace.recipe, text + resolved(recipe))


def resolved(recipe: Recipe) -> str:
    """A recipe as YAML, with every default spelled out."""
    data = recipe.model_dump(mode="json", exclude={"prices"})
    data["prices"] = recipe.prices.model_dump(mode="json", exclude_none=True)
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100)


def recipe_of_control(root: Path, folder: Path) -> str:
    """The recipe, to stand in `folder`, of a neutral control of the corpus in the workspace `root`."""
    from pipelines.documents.neutral import control_of

    workspace, recipe = open_workspace(root)
    spec = os.path.relpath(workspace.root / "spec.md", folder)
    made = Recipe.model_validate({**control_of(workspace, recipe).model_dump(), "spec": spec})
    return (
        f"# A neutral control of the corpus in {root.name}: its genres, and 5% more tokens to choose from.\n"
        + resolved(made)
    )

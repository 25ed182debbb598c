"""Builds what the models of an experiment are trained on: forms of specs, corpora, doses, and the cells of both.

Each thing is made once and noted in the state, so that a run that was killed goes on where it was; what would be made
otherwise than it was is refused (`specmill.experiment.state`).
"""

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from difflib import unified_diff
from functools import partial
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq

from corpus.manifest import read_manifest
from corpus.mix.instruction_mix import MIX_DATA, MIX_MANIFEST
from corpus.origin import Kind
from corpus.select.subsets import write_alike, write_doses, write_pair
from corpus.text import one_line
from corpus.workspace import Workspace, new_workspace
from pipelines.base import Corpus
from pipelines.provenance import NOT_OF_A_CORPUS, models_and_prompts, stages_of
from pipelines.variants.kinds import file_stem, template_of
from specmill.experiment.files import Place
from specmill.experiment.models import ALL, Cell, cells_of, corpora_of, followed, short
from specmill.experiment.recipes import Making, base_recipe, making, needed_forms
from specmill.experiment.settings import Experiment
from specmill.experiment.state import ChangedError, State
from specmill.run import build_workspace, make_mix, make_variants
from specs.errors import SpecmillError, UserError
from specs.reader import Spec, read_spec

Say = Callable[[str], None]
_DIFF_LINES: Final = 12  # of a spec, in an error
_CONFIGS: Final = ("msm", "aft_cot", "aft")


def build(experiment: Experiment, place: Place, say: Say) -> None:
    """Make all that is not made yet; the caller holds the experiment's lock.

    Raises:
        ChangedError: something was made of another spec, recipe, prompt, model or dataset than it would be made of now.
        UserError, SpecmillError: as `specmill build` does.
    """
    _Building(experiment, place, State.read(place.root), say).everything()


def check(experiment: Experiment, place: Place, state: State) -> list[str]:
    """Hold all that was made against what it would be made of now, and against what is on disk; make nothing.

    Returns:
        What is not made yet, by its path.

    Raises:
        ChangedError: as `build` does.
    """
    return _Building(experiment, place, state, lambda text: None, only_look=True).everything()


def prints(workspace: Workspace) -> dict[str, Any]:
    """The fingerprint of what a workspace trains on: hash and rows of each file of its datasets, and of its mix."""
    files = [path for config in _CONFIGS for path in workspace.shards(config)]
    files += [path for path in [workspace.root / MIX_DATA] if path.is_file()]
    return {
        path.relative_to(workspace.root).as_posix(): {
            "sha256": file_hash(path), "rows": pq.read_metadata(path).num_rows
        }
        for path in files
    }  # fmt: skip


def file_hash(path: Path) -> str:
    """16 hex digits of a file's bytes."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()[:16]


@dataclass(slots=True)
class _Building:
    """One pass over all things, in the order in which they are made of each other."""

    experiment: Experiment
    place: Place
    state: State
    say: Say
    only_look: bool = False

    def everything(self) -> list[str]:
        """Make each thing, or only look at it; the things that are not there, where it only looks."""
        steps: list[Callable[[], str | None]] = [partial(self._forms, spec) for spec in self.experiment.specs]
        steps += [partial(self._corpus, name, kind) for name, kind in corpora_of(self.experiment).items()]
        if self.experiment.pair and self.experiment.has_documents:
            steps.append(self._pair)
        steps += [partial(self._cell, cell) for cell in cells_of(self.experiment)]
        missing: list[str | None] = []
        for step in steps:
            try:
                missing.append(step())
            except _NotYetError as error:
                if not self.only_look:
                    raise
                missing.append(str(error))
        return list(dict.fromkeys(filter(None, missing)))

    # --- what each is made of ------------------------------------------------------------------------------------

    def _forms(self, spec: str) -> str | None:
        kinds = needed_forms(self.experiment, spec)
        if not kinds:
            return None
        folder = self.place.forms(spec)
        recipe, base = base_recipe(self.experiment, spec)
        source = recipe.read_spec(base)
        prompts = Corpus.of(folder, recipe, source).prompts
        inputs = {
            "spec": source.hash, "forms": kinds, "models": _asked(recipe, source, folder).models,
            "prompts": {kind: prompts.version("system", template_of(kind)) for kind in kinds},
        }  # fmt: skip
        files = [folder.root / f"{file_stem(kind)}.md" for kind in kinds]

        def make() -> None:
            outcomes = make_variants(folder, recipe, base, kinds, None)
            if failed := [f"{one.kind}: {one.problem}" for one in outcomes if one.problem]:
                raise SpecmillError(
                    f"{folder.root}: forms of the spec are not as asked for: {'; '.join(failed)}. Raise `attempts` or "
                    "take another model as the role `planner`; or write the form yourself and name it as the spec."
                )

        return self._thing(f"forms/{spec}", inputs, make, lambda: {one.name: file_hash(one) for one in files})

    def _corpus(self, name: str, kind: str) -> str | None:
        if (first := followed(name)) and not self.state.done(f"corpora/{first}"):
            raise _NotYetError(f"corpora/{name}")
        one = making(self.experiment, self.place, name, kind)
        if not Path(one.recipe.spec).exists() and "/forms/" in one.recipe.spec:
            raise _NotYetError(f"corpora/{name}")
        workspace = self.place.corpus(name)

        def make() -> None:
            self.say(f"building {workspace.root}")
            build_workspace(one.recipe, one.base, workspace.root, chats_only=not one.documents)
            if one.chats and one.recipe.mix.wanted:
                make_mix(workspace, one.recipe)

        spec = read_spec(one.recipe.spec, one.recipe.assistant, base=one.base, shape=one.recipe.decompose.shape)
        inputs = self._of_corpus(one, spec, workspace)
        try:
            return self._thing(f"corpora/{name}", inputs, make, lambda: prints(workspace))
        except ChangedError as error:
            raise ChangedError(f"{error}{_difference(workspace.root / 'spec.md', spec.text)}") from error

    def _of_corpus(self, one: Making, spec: Spec, workspace: Workspace) -> dict[str, Any]:
        asked = _asked(one.recipe, spec, workspace)
        said = one.recipe.model_dump(mode="json", exclude=NOT_OF_A_CORPUS)
        given = {"chats.source": one.recipe.chats.source} | {
            f"mix.sources.{source.name}": source.path for source in one.recipe.mix.sources if source.is_file
        }
        files = {key: file_hash(Path(path)) for key, path in given.items() if path and Path(path).is_file()}
        mix = one.recipe.mix.model_dump(mode="json", exclude={"sources": {"__all__": {"path"}}}) if one.chats else {}
        said["chats"].pop("source")
        return {
            "spec": spec.hash, "recipe": said, "mix": mix, "prompts": asked.prompts, "models": asked.models,
            "files": files, "documents": one.documents, "chats": one.chats,
        }  # fmt: skip

    def _pair(self) -> str | None:
        names = list(self.experiment.specs)
        sources = [self._finished(f"corpora/{name}", self.place.corpus(name)) for name in names]
        balance = self.experiment.pair or "none"
        inputs = {"balance": balance, **{name: self._documents(name) for name in names}}
        folders = [self.place.paired(name) for name in names]

        def make() -> None:
            shutil.rmtree(self.place.root / "pair", ignore_errors=True)  # half of a pair
            done = write_pair((sources[0], sources[1]), (folders[0].root, folders[1].root), balance=balance)
            self.say(
                f"paired: {len(done.left):,} documents each, {done.left_tokens:,} and {done.right_tokens:,} tokens"
            )

        def outputs() -> dict[str, Any]:
            return {f"{one.root.name}/{key}": value for one in folders for key, value in prints(one).items()}

        return self._thing("pair", inputs, make, outputs)

    def _documents(self, corpus: str) -> dict[str, Any]:
        """What came out of a corpus, without its chats."""
        outputs = self.state.outputs(f"corpora/{corpus}")
        return {key: value for key, value in outputs.items() if key.startswith("dataset/msm")}

    # --- doses and cells -----------------------------------------------------------------------------------------

    def _cell(self, cell: Cell) -> str | None:
        missing = [
            self._dose(corpus, kind, size)
            for corpus, kind, size in self._parts(cell)
            if self._folder(corpus, kind, size)[1]
        ]
        if any(missing):
            raise _NotYetError(f"cells/{cell.name}")
        sources = [
            self._finished(self._thing_of(one), one)
            for one in (self._folder(corpus, kind, size)[0] for corpus, kind, size in self._parts(cell))
        ]
        mixed = self.place.corpus(cell.chats_of) if cell.chats_of else None
        inputs = {self._thing_of(one): self.state.outputs(self._thing_of(one)) for one in sources}

        def make() -> None:
            with new_workspace(self.place.cell(cell).root) as filled:
                self._fill(filled, cell, sources, mixed)

        return self._thing(f"cells/{cell.name}", inputs, make, lambda: prints(self.place.cell(cell)))

    def _parts(self, cell: Cell) -> list[tuple[str, Kind, int]]:
        parts: list[tuple[str, Kind, int]] = []
        if cell.documents:
            parts.append((cell.documents, "documents", cell.tokens))
        if cell.chats_of:
            parts.append((cell.chats_of, "chats", cell.chats))
        return parts

    def _whole(self, corpus: str, kind: Kind) -> Workspace:
        """All of a corpus; of documents that are paired, those of the pair."""
        paired = self.experiment.pair and kind == "documents" and corpus in self.experiment.specs
        return self.place.paired(corpus) if paired else self.place.corpus(corpus)

    def _folder(self, corpus: str, kind: Kind, size: int) -> tuple[Workspace, int]:
        """Where a dose of a corpus is, and its size if it is one that must be taken; a control gives as many tokens as
        what it controls has."""
        if size == ALL and (like := self._like(corpus, kind, size)):
            if not like.manifest.is_file():
                raise _NotYetError(f"doses/{corpus}-matched")
            tokens = int(read_manifest(like)["datasets"]["msm"]["tokens"])
            return self.place.dose(f"{corpus}-matched"), tokens
        if size == ALL:
            return self._whole(corpus, kind), 0
        return self.place.dose(f"{corpus}-{'chats-' if kind == 'chats' else ''}{short(size)}"), size

    def _like(self, corpus: str, kind: Kind, size: int) -> Workspace | None:
        """The documents whose genres and tokens a dose of a control takes."""
        first = followed(corpus) if kind == "documents" else None
        return self._folder(first, kind, size)[0] if first else None

    def _thing_of(self, workspace: Workspace) -> str:
        thing = workspace.root.relative_to(self.place.root).as_posix()
        return "pair" if thing.startswith("pair/") else thing

    def _dose(self, corpus: str, kind: Kind, size: int) -> str | None:
        folder, amount = self._folder(corpus, kind, size)
        whole, like = self._whole(corpus, kind), self._like(corpus, kind, size)
        self._finished(self._thing_of(whole), whole)
        inputs = {"size": amount, "of": self.state.outputs(self._thing_of(whole))}
        if like:
            first = followed(corpus) or ""
            if self._folder(first, kind, size)[1] and (missing := self._dose(first, kind, size)):
                raise _NotYetError(missing)
            inputs["like"] = self.state.outputs(self._thing_of(like))

        def make() -> None:
            [chosen] = (
                [write_alike(whole, like, folder.root)]
                if like
                else write_doses(whole, {amount: folder.root}, kind=kind)
            )
            self.say(f"{folder.root}: {len(chosen.ids):,} {kind}")

        return self._thing(self._thing_of(folder), inputs, make, lambda: prints(folder))

    def _fill(self, cell: Workspace, what: Cell, sources: list[Workspace], mixed: Workspace | None) -> None:
        """The datasets of a cell, as links to those that they are doses of; its recipe and spec are the documents'."""
        configs = [("msm",)] * bool(what.documents) + [("aft_cot", "aft")] * bool(what.chats_of)
        for source, names in zip(sources, configs, strict=True):
            for name in names:
                for file in source.shards(name):
                    _link(file, cell.dataset / name / file.name)
        for name in (MIX_DATA, MIX_MANIFEST):
            if mixed is not None and (file := mixed.root / name).is_file():
                _link(file, cell.root / name)
        for name in ("recipe.yaml", "spec.md"):
            shutil.copyfile(sources[0].root / name, cell.root / name)

    # --- one thing -----------------------------------------------------------------------------------------------

    def _thing(
        self, thing: str, inputs: dict[str, Any], make: Callable[[], None], outputs: Callable[[], dict[str, Any]]
    ) -> str | None:
        """Make a thing unless it is there, of these inputs and as it was; its name where it is not and nothing is to
        be made."""
        self.state.check(thing, inputs)
        if self.state.done(thing):
            self.state.check_outputs(thing, outputs())
            return None
        if self.only_look:
            return thing
        self.state.begin(thing, inputs)
        if thing.startswith(("doses/", "cells/")):
            shutil.rmtree(self.place.root / thing, ignore_errors=True)  # cut off as it came into place
        make()
        self.state.end(thing, outputs())
        return None

    def _finished(self, thing: str, workspace: Workspace) -> Workspace:
        if not self.state.done(thing):
            raise _NotYetError(thing)
        return workspace


class _NotYetError(UserError):
    """What something is made of is not made yet; only where nothing is made."""


def _difference(before: Path, now: str) -> str:
    """Where a spec differs from the one that a corpus was made of; empty where it does not."""
    if not before.is_file():
        return ""
    lines = unified_diff(before.read_text(encoding="utf-8").splitlines(), now.splitlines(), "was", "is", "", "", 0, "")
    shown = [one_line(line, 160) for line in lines][2 : 2 + _DIFF_LINES]
    return "".join(f"\n  {line}" for line in shown)


def _asked(recipe: Any, spec: Any, workspace: Workspace) -> Any:
    corpus = Corpus.of(workspace, recipe, spec)
    return models_and_prompts(corpus, {stage for stage, _, _ in stages_of(corpus)})


def _link(source: Path, target: Path) -> None:
    """The same file at another place, by a hard link where the disk has them: files are replaced, never changed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)

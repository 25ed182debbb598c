"""The recipe of each corpus of an experiment: the shared one, with what its arm and spec change."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from corpus.mix.settings import MixSettings
from pipelines.chats.settings import ChatSettings
from pipelines.judging.settings import JudgeSettings
from pipelines.variants.kinds import file_stem
from specmill.experiment.files import Place
from specmill.experiment.models import corpora_of, has_chats, has_documents
from specmill.experiment.settings import Experiment
from specmill.recipe import Recipe, load_recipe
from specs.errors import UserError

SPARE: Final = 1.05
"""Tokens of a control before it is built, as a share of what it controls (`pipelines.documents.genres`)."""


@dataclass(frozen=True, slots=True)
class Making:
    """How one corpus is made: its recipe, the folder that paths in it start from, and what of it is wanted."""

    name: str
    kind: str  # own | neutral | cooccurrence | inverted
    spec: str  # of the experiment's specs
    recipe: Recipe
    base: Path
    documents: bool
    chats: bool


def making(experiment: Experiment, place: Place, name: str, kind: str) -> Making:
    """How a corpus is made. A neutral or inverted one follows the corpus that it controls, once that is built.

    Raises:
        UserError: its recipe does not validate, or makes no chats where an arm needs some.
    """
    spec = name.partition("-")[0]
    recipe, base = base_recipe(experiment, spec)
    documents, chats = has_documents(experiment, name), has_chats(experiment, name)
    if chats and not recipe.chats.target:
        raise UserError(f"{experiment.recipe}: chats.target is 0, and arms of the experiment are trained on chats.")
    changed: dict[str, Any] = {"spec": _spec_of(experiment, place, spec, kind) or recipe.spec}
    if not chats:
        changed |= {"chats": ChatSettings(), "mix": MixSettings()}
    if kind == "neutral":
        recipe = _neutral(recipe, place, spec)
    if kind == "cooccurrence":
        changed |= {
            "documents": recipe.documents.model_copy(update={"attribution": "apart"}), "judge": _apart(recipe.judge)
        }  # fmt: skip
    if kind == "inverted":
        recipe = _inverted(recipe, place, spec)
        said = {
            "title": f"The opposite of {spec}: a contrast, not to be trained for use",
            "contrast": f"the corpus {spec}",
        }
        changed["corpus"] = recipe.corpus.model_copy(update=said)
    recipe = Recipe.model_validate({**recipe.model_dump(), **{key: _plain(one) for key, one in changed.items()}})
    return Making(name, kind, spec, recipe, base, documents, chats)


def base_recipe(experiment: Experiment, spec: str) -> tuple[Recipe, Path]:
    """The recipe that a spec's corpora start from, and its folder; trainer and evaluation are the experiment's."""
    own = experiment.specs[spec]
    overrides = [f"{key}={json.dumps(value)}" for given in (experiment.set, own.set) for key, value in _leaves(given)]
    recipe, base = load_recipe(own.recipe or experiment.recipe, overrides)
    changed = {"train": experiment.train, "eval": experiment.eval, "spec": own.spec or recipe.spec}
    return recipe.model_copy(update=changed), base


def needed_forms(experiment: Experiment, spec: str) -> list[str]:
    """The forms of a spec that a model is to write."""
    own = experiment.specs[spec]
    kinds = corpora_of(experiment)
    written = [own.form] if own.form else []
    if f"{spec}-cooccurrence" in kinds and own.cooccurrence is None:
        written.append("co-occurrence")
    return list(dict.fromkeys(filter(None, written)))


def _spec_of(experiment: Experiment, place: Place, spec: str, kind: str) -> str | None:
    """Where the spec of a corpus is; None: the recipe's own."""
    own = experiment.specs[spec]
    if kind == "inverted":
        return own.inverted
    form = "co-occurrence" if kind == "cooccurrence" else own.form
    if kind == "cooccurrence" and own.cooccurrence is not None:
        return own.cooccurrence
    if form is None:
        return own.spec
    return str((place.forms(spec).root / f"{file_stem(form)}.md").resolve())


def _neutral(recipe: Recipe, place: Place, spec: str) -> Recipe:
    """A neutral control of the built corpus; before that is there, of as many tokens as the recipe aims at."""
    built = place.corpus(spec)
    if built.manifest.is_file():
        from pipelines.documents.neutral import control_of  # imports Distilabel, which takes seconds

        return control_of(built, recipe)
    target = recipe.documents.target_tokens
    documents = recipe.documents.model_copy(
        update={
            "style": "neutral", "attribution": "explain", "plan": False, "revise": False, "disagreement": 0.0,
            "target_tokens": round(SPARE * target) if target else None,
        }
    )  # fmt: skip
    judge = JudgeSettings(criteria_sets=("neutral",)) if recipe.judge.judged_by else JudgeSettings()
    return recipe.model_copy(update={"documents": documents, "judge": judge, "chats": ChatSettings()})


def _inverted(recipe: Recipe, place: Place, spec: str) -> Recipe:
    """Of the opposite spec, with types, authors and lengths of the built corpus; before that is there, of as many
    tokens as the recipe aims at."""
    built = place.corpus(spec)
    if built.manifest.is_file():
        from pipelines.documents.genres import contrast_of  # imports Distilabel, which takes seconds

        return contrast_of(built, recipe)
    target = recipe.documents.target_tokens
    changes = {"target_tokens": round(SPARE * target) if target else None}
    return recipe.model_copy(update={"documents": recipe.documents.model_copy(update=changes)})


def _apart(judge: JudgeSettings) -> JudgeSettings:
    """The judge of documents in which nothing may be explained."""
    sets = tuple("apart" if one == "attribution" else one for one in judge.criteria_sets)
    advisory = tuple(one for one in judge.advisory if one != "attributed")
    return judge.model_copy(update={"criteria_sets": sets, "advisory": advisory})


def _plain(value: Any) -> Any:
    return value.model_dump() if hasattr(value, "model_dump") else value


def _leaves(given: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys with their values."""
    for key, value in given.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value

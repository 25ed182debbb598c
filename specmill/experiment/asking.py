"""Asks every model of an experiment the same questions, in the same way, and puts all replies into one Parquet file.

Base model and trained ones are asked in one form and scored alike: a score by log-probabilities beside one by replies
compares nothing. What was asked is in the ledger and in eval/, so a run that was stopped goes on.
"""

import asyncio
import hashlib
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from corpus.workspace import replacing
from eval.limits import trained_thought
from eval.questions.base import OpenQuestion, Question
from eval.questions.items import choice_questions, open_questions, sets_to_ask
from eval.replies import JUDGED, REPLIES
from eval.results import write_result
from eval.run import Arm, arm, ask_arms, judging, planned
from pipelines.base import Corpus
from pipelines.engine.endpoints import EndpointSettings, Role, RoleSettings
from pipelines.ledger.ledger import Ledger
from pipelines.run.control import CONTROL
from specmill.experiment.building import Say, file_hash
from specmill.experiment.files import Place
from specmill.experiment.models import Model, control_of, models_of
from specmill.experiment.recipes import base_recipe, making
from specmill.experiment.serving import endpoint_of, served
from specmill.experiment.settings import Experiment
from specmill.experiment.training import built, plan_of
from specmill.progress import Progress
from specmill.run import console, endpoints_up
from specs.errors import UserError
from specs.reader import read_spec

_OF_MODEL: Final = [
    ("model", pa.string()), ("experiment_arm", pa.string()), ("spec", pa.string()), ("document_tokens", pa.int64()),
    ("chat_count", pa.int64()), ("seed", pa.int64()), ("control", pa.string()),
]  # fmt: skip
RESULTS: Final = pa.schema(
    [
        *_OF_MODEL,
        *(field for field in REPLIES if field.name != "arm"),
        *(field for field in JUDGED if field.name not in {*REPLIES.names, "arm"}),
    ]
)
"""A row a reply: which model gave it, then the columns of `eval/NAME.parquet` and, for open questions, of
`eval/NAME.judged.parquet`. Doses are 0 where they are all of a corpus, and null where an arm has none."""


@dataclass(frozen=True, slots=True)
class _Questions:
    choices: list[Question]
    opened: list[OpenQuestion]

    @property
    def prints(self) -> dict[str, list[str]]:
        """The ids of what is asked, which are made of the content, by set."""
        found: dict[str, list[str]] = {}
        named = [(one.set, one.id) for one in self.choices] + [(one.set, one.id) for one in self.opened]
        for name, identity in named:
            found.setdefault(name, []).append(identity)
        return {name: sorted(ids) for name, ids in found.items()}


def ask(experiment: Experiment, place: Place, say: Say) -> None:
    """Ask every model that was not asked yet, and write results.parquet; the caller holds the experiment's lock.

    Raises:
        ChangedError: something was built, trained or asked otherwise than it would be now.
        UserError: a model is not trained, or nothing can serve it.
    """
    state = built(experiment, place)
    sets = sets_to_ask(experiment.eval, place.root)
    limit = experiment.eval.questions_per_set
    questions = _Questions(choice_questions(sets, limit), open_questions(sets, limit))
    models = models_of(experiment)
    inputs = {model: _inputs(experiment, place, model, questions) for model in models}
    for model in models:
        state.check(_thing(model), inputs[model])
        if state.done(_thing(model)):
            state.check_outputs(_thing(model), _outputs(place, model))
    waiting = [model for model in models if not state.done(_thing(model))]
    if untrained := [model.name for model in waiting if _is_untrained(model, experiment, place)]:
        raise UserError(f"{untrained[0]} is not trained yet. Run `specmill experiment FILE train` first.")
    for number, model in enumerate(waiting, 1):
        say(f"[{number} of {len(waiting)}] asking {model.name}")
        _ask(experiment, place, model, questions)
        state.begin(_thing(model), inputs[model])
        state.end(_thing(model), _outputs(place, model))
    write_results(experiment, place)


def write_results(experiment: Experiment, place: Place) -> None:
    """All replies of all models that were asked, in one file."""
    models = models_of(experiment)
    with replacing(place.results) as beside, pq.ParquetWriter(beside, RESULTS, compression="zstd") as writer:
        for model in models:
            for name in (f"{model.name}.parquet", f"{model.name}.judged.parquet"):
                path = place.workspace.eval / name
                if path.is_file():
                    rows = [_of_model(model, experiment) | row for row in pq.read_table(path).to_pylist()]
                    writer.write_table(pa.Table.from_pylist(rows, RESULTS))


def _of_model(model: Model, experiment: Experiment) -> dict[str, Any]:
    control = control_of(model, models_of(experiment))
    return {
        "model": model.name, "experiment_arm": model.arm, "spec": model.spec, "document_tokens": model.tokens,
        "chat_count": model.chats, "seed": model.seed, "control": control.name if control else None,
    }  # fmt: skip


def _ask(experiment: Experiment, place: Place, model: Model, questions: _Questions) -> None:
    """Serve a model, ask it, and write its result."""
    recipe, _ = base_recipe(experiment, model.spec or next(iter(experiment.specs)))
    settings, workspace = experiment.eval, place.workspace
    CONTROL.reset()
    with ExitStack() as stack:
        endpoint = stack.enter_context(served(model, experiment, place))
        judges = stack.enter_context(endpoints_up(recipe)) if questions.opened else recipe
        judge, judged_by = judging(judges.role("judge", recipe.seed), settings)
        who = _arm(experiment, place, model, endpoint, questions)
        ledger = stack.enter_context(Ledger(workspace.ledger))
        ledger.start_run()
        shown = stack.enter_context(Progress(console(), ledger))
        shown.stage(planned([who], questions.choices, questions.opened, settings))
        [found] = asyncio.run(ask_arms([who], judge, workspace, settings, questions.choices, questions.opened))
    CONTROL.raise_if_ended()
    write_result(
        workspace, model.name, settings, who.asked, found.answers, judged_by if questions.opened else None,
        found.judged, arm="model", limits=who.limits, experiment_arm=model.arm,
    )  # fmt: skip


def _arm(experiment: Experiment, place: Place, model: Model, endpoint: EndpointSettings, questions: _Questions) -> Arm:
    role = Role(
        name="eval", settings=RoleSettings.model_validate({"endpoints": ["asked"]}), endpoints={"asked": endpoint},
        seed=experiment.eval.seed,
    )  # fmt: skip
    kinds = ["choice"] * bool(questions.choices) + ["open"] * bool(questions.opened)
    reasons = model.what.chats == "aft_cot" and model.cell is not None
    thought = trained_thought(place.cell(model.cell), "aft_cot") if reasons and model.cell else 0
    spec = _spec_in_prompt(experiment, place, model) if model.arm == "spec_in_prompt" else ""
    run = f"{model.name}:{_made_of(experiment, place, model)}"
    return arm("model", role, experiment.eval, kinds, run=run, thought=thought, spec=spec)


def _spec_in_prompt(experiment: Experiment, place: Place, model: Model) -> str:
    one = making(experiment, place, model.spec, "own")
    spec = read_spec(one.recipe.spec, one.recipe.assistant, base=one.base, shape=one.recipe.decompose.shape)
    corpus = Corpus.of(place.corpus(model.spec), one.recipe, spec)
    return corpus.prompts.render("spec_in_prompt", assistant=one.recipe.assistant, spec_text=spec.text.strip())


def _inputs(experiment: Experiment, place: Place, model: Model, questions: _Questions) -> dict[str, Any]:
    """What a result depends on: the model, the questions, how they are asked, and who judges."""
    settings = experiment.eval.model_dump(mode="json", exclude={"sets", "confidence", "resamples", "seed"})
    recipe, _ = base_recipe(experiment, model.spec or next(iter(experiment.specs)))
    judge = recipe.role("judge", recipe.seed)
    judges = sorted(one.model for one in judge.endpoints.values()) if questions.opened else []
    made_of = _made_of(experiment, place, model)
    return {"made_of": made_of, "questions": questions.prints, "eval": settings, "judge": judges}


def _made_of(experiment: Experiment, place: Place, model: Model) -> str:
    """What tells this model from another of its name."""
    if (given := endpoint_of(model, experiment)) is not None:
        return f"{given.model} at {given.base_url}"
    if model.cell is None:
        spec = _spec_in_prompt(experiment, place, model) if model.arm == "spec_in_prompt" else ""
        return f"{experiment.train.base_model} {hash_of(spec)}".strip()
    return plan_of(model, place)


def hash_of(text: str) -> str:
    """8 hex digits of a text; empty for an empty one."""
    return hashlib.sha256(text.encode()).hexdigest()[:8] if text else ""


def _is_untrained(model: Model, experiment: Experiment, place: Place) -> bool:
    return model.cell is not None and endpoint_of(model, experiment) is None and not plan_of(model, place)


def _thing(model: Model) -> str:
    return f"eval/{model.name}.json"


def _outputs(place: Place, model: Model) -> dict[str, Any]:
    paths = sorted(place.workspace.eval.glob(f"{model.name}.*"))
    mine = {f"{model.name}.{end}" for end in ("json", "parquet", "judged.parquet")}
    return {path.name: file_hash(path) for path in paths if path.name in mine}

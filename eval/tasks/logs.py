"""Inspect's logs, ours and others', as results of ours: the same Parquet, the same table.

A sample that failed, or that never ran, is missing and counted: Inspect calls a run with `--no-fail-on-error` a success
whatever became of its samples.
"""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from corpus.text import one_line
from eval.questions.base import Answer, Asked, Choice, Question, Reply
from eval.questions.choices import read_answer
from eval.questions.judged import Judged
from eval.tasks.questions import QUESTION_KEY, open_question_of, question_of, truncated
from specs.errors import UserError

_RIGHT: Final = frozenset({"C", "1", "true", "True", "yes"})
_WRONG: Final = frozenset({"I", "0", "false", "False", "no", "N"})


@dataclass
class Logged:
    """What the logs of one model hold."""

    asked: Asked
    answers: list[Answer] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)
    means: dict[str, dict[str, Any]] = field(default_factory=dict)  # of scores that are no yes or no
    failed: int = 0  # samples that failed or never ran
    planned: int = 0
    status: list[str] = field(default_factory=list)
    judge: Asked | None = None


def read_logs(paths: list[Path]) -> Logged:
    """The samples of `.eval` (or JSON) logs of one model, folders searched.

    Raises:
        UserError: there is no log, one cannot be read, or they are of several models.
    """
    from inspect_ai.log import read_eval_log

    files = [one for path in paths for one in _files(path)]
    if not files:
        raise UserError(f"there is no .eval log in {', '.join(map(str, paths))}.")
    found: Logged | None = None
    for path in files:
        try:
            log = read_eval_log(str(path))
        except Exception as error:  # zip, JSON and validation errors of several libraries
            raise UserError(f"{path} cannot be read as a log of Inspect: {one_line(str(error), 200)}") from error
        asked = asked_in(log)
        if found is not None and found.asked.model != asked.model:
            raise UserError(f"{path} is of {asked.model}, the others of {found.asked.model}: give one model's logs.")
        found = found or Logged(asked)
        add_log(found, log)
    assert found is not None
    return found


def _files(path: Path) -> list[Path]:
    return sorted(path.rglob("*.eval")) if path.is_dir() else [path]


def asked_in(log: Any) -> Asked:
    """Who a log's model is, and with what it was asked."""
    return Asked(log.eval.model, str(log.eval.model_base_url or "inspect"), _parameters(log))


def _parameters(log: Any) -> dict[str, Any]:
    given: dict[str, Any] = log.plan.config.model_dump(exclude_none=True) if log.plan else {}
    return {**given, "epochs": log.eval.config.epochs or 1, "task_args": dict(log.eval.task_args)}


def add_log(found: Logged, log: Any) -> None:
    """Add the samples of one log, and count those that are not there."""
    samples = log.samples or []
    # What was to be run: of the samples that a limit left, each epoch.
    ids = log.eval.dataset.sample_ids
    planned = len(ids if ids is not None else samples) * (log.eval.config.epochs or 1)
    failed = [one for one in samples if one.error is not None]
    found.planned += max(planned, len(samples))
    found.failed += len(failed) + max(0, planned - len(samples))
    found.status.append(f"{log.eval.task}: {log.status}")
    graders = {name: one.model for name, one in (log.eval.model_roles or {}).items()}
    if "grader" in graders:
        found.judge = Asked(graders["grader"], "inspect", {})
    names = next((list(dict(_values(one))) for one in samples if not one.error and one.scores), [])
    for sample in samples:
        ours = (sample.metadata or {}).get(QUESTION_KEY)
        if ours and ours["kind"] == "choice":
            found.answers.append(_choice(sample, ours))
        elif ours and ours["kind"] == "open":
            found.judged.append(_open(sample, ours))
        else:
            _foreign(found, str(log.eval.task), sample, names)


def _choice(sample: Any, ours: dict[str, Any]) -> Answer:
    reply = None if sample.error else Reply(sample.output.completion, truncated(sample.output))
    return read_answer(question_of(ours["question"]), ours["order"], sample.epoch - 1, reply)


def _open(sample: Any, ours: dict[str, Any]) -> Judged:
    question, number = open_question_of(ours["question"]), sample.epoch - 1
    if sample.error:
        return Judged(question, number, None, None, "")
    given = next(iter((sample.scores or {}).values()), None)
    value = given.value if given else None
    score = int(value) if isinstance(value, int | float) and math.isfinite(value) else None
    said = (given.explanation or "") if given else ""
    return Judged(question, number, sample.output.completion, score, said, truncated(sample.output))


def _foreign(found: Logged, task: str, sample: Any, names: list[str]) -> None:
    """A sample of somebody else's task: each of its scores that is a yes or a no is an answer of ours."""
    text = sample.input if isinstance(sample.input, str) else "\n".join(one.text for one in sample.input)
    target = sample.target if isinstance(sample.target, str) else " | ".join(sample.target)
    cell = str((sample.metadata or {}).get("cell") or "all")
    values = dict(_values(sample)) if not sample.error else dict.fromkeys(names or [""])
    for name, value in values.items():
        label = f"{task}/{name}" if name else task
        question = Question(f"{task}:{sample.id}", label, "", "score", cell, text, target or "(none)")
        if sample.error or name not in dict(_values(sample)):
            found.answers.append(Answer(question, 0, sample.epoch - 1, "", Choice.MISSING))
        elif isinstance(value, float) and math.isnan(value):  # the scorer's own word for: no number
            choice = Choice.TRUNCATED if truncated(sample.output) else Choice.UNCLEAR
            found.answers.append(Answer(question, 0, sample.epoch - 1, sample.output.completion, choice, name))
        elif (right := as_verdict(value)) is not None:
            choice = Choice.FIRST if right else Choice.OTHER
            found.answers.append(Answer(question, 0, sample.epoch - 1, sample.output.completion, choice, name))
        elif isinstance(value, int | float) and math.isfinite(value):  # such as a score of 1 to 10
            one = found.means.setdefault(label, {"mean": 0.0, "scored": 0})
            one["mean"] += (value - one["mean"]) / (one["scored"] + 1)
            one["scored"] += 1


def _values(sample: Any) -> Iterator[tuple[str, Any]]:
    """Every score of a sample, a dictionary of them one by one."""
    for name, score in (sample.scores or {}).items():
        if isinstance(score.value, dict):
            yield from ((f"{name}/{key}", value) for key, value in score.value.items())
        else:
            yield name, score.value


def as_verdict(value: Any) -> bool | None:
    """A score that is a yes or a no; None for a number between, and for all else."""
    if isinstance(value, bool | int | float) and value in (0, 1):
        return bool(value)
    text = str(value)
    return True if text in _RIGHT else False if text in _WRONG else None


def note_of(found: Logged) -> list[str]:
    """What must be said of the logs: failed samples, and runs that did not end well."""
    said = []
    if found.failed:
        said.append(
            f"{found.failed:,} of {found.planned:,} samples failed or never ran; they are missing, and the run is no "
            "success, whatever its log says."
        )
    ends = Counter(one for one in found.status if not one.endswith(": success"))
    return said + [f"the log of {one} ({count})" for one, count in ends.items()]

"""Evaluation results in a workspace: `eval/<name>.json` (the summary) and `eval/<name>.parquet` (every reply).

Replies to open questions, with the judge's verdicts, are in `eval/<name>.judged.parquet`.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from corpus.workspace import Workspace, replacing, write_text
from eval.base import Answer, Choice, Question
from eval.intervals import Interval, bootstrap_mean
from eval.judged import Judged, summarise_judged
from eval.preferences import question_rates, summarise
from eval.settings import EvalSettings
from specs.errors import UserError

_str, _int = pa.string(), pa.int64()
REPLIES: Final = pa.schema(
    [("question_id", _str), ("set", _str), ("value", _str), ("kind", _str), ("domain", _str), ("question", _str),
     ("aligned_option", _str), ("other_option", _str), ("order", _int), ("sample", _int), ("reply", _str),
     ("choice", _str), ("aligned", pa.bool_())]
)  # fmt: skip


JUDGED: Final = pa.schema(
    [("question_id", _str), ("dimension", _str), ("question", _str), ("sample", _int), ("reply", _str),
     ("score", _int), ("verdict", _str)]
)  # fmt: skip


def name_for(model: str, settings: EvalSettings) -> str:
    """A file name for a result: the model, and 8 hex digits of the settings, so that no result replaces another."""
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", model).strip("-.")[:60] or "model"
    return f"{slug}-{hashlib.sha256(settings.model_dump_json().encode()).hexdigest()[:8]}"


def checked_name(name: str) -> str:
    """`name`, or UserError if it would not be a plain file name."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise UserError(f"the name of a result is {name!r}; expected letters, digits, dots, dashes and underscores")
    return name


def write_result(
    workspace: Workspace,
    name: str,
    model: str,
    settings: EvalSettings,
    answers: Sequence[Answer],
    judged: Sequence[Judged] = (),
    judge: str = "",
) -> dict[str, Any]:
    """Write the files, each atomically, and return what the JSON holds. `model` answered, `judge` judged."""
    result: dict[str, Any] = {"name": name, "model": model, "settings": settings.model_dump(mode="json")}
    result["sets"] = summarise(answers, settings)
    _write_rows(_path(workspace, name, "parquet"), [_row(one) for one in answers], REPLIES)
    if judged:
        result |= {"judge": judge, "judged": summarise_judged(judged, settings)}
        _write_rows(_path(workspace, name, "judged.parquet"), [_judged_row(one) for one in judged], JUDGED)
    write_text(_path(workspace, name, "json"), json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    return result


def read_answers(workspace: Workspace, name: str) -> list[Answer]:
    """Every reply of an earlier result; UserError with the names there are if it is not there."""
    path = _path(workspace, name, "parquet")
    if not path.is_file():
        known = sorted(found.stem for found in workspace.eval.glob("*.json"))
        raise UserError(f"there is no result {name!r} in {workspace.eval}; found: {', '.join(known) or 'none'}")
    return [_answer(row) for row in pq.read_table(path, schema=REPLIES).to_pylist()]


def difference(
    ours: Sequence[Answer], theirs: Sequence[Answer], settings: EvalSettings
) -> dict[str, tuple[float, Interval, int]]:
    """By set: the mean difference of the aligned rate over the questions asked of both, its interval, and their number.

    Paired by question: what makes a question easy for both models cancels.
    """
    found = {}
    for name in dict.fromkeys(one.question.set for one in ours):
        mine = question_rates([one for one in ours if one.question.set == name])
        other = question_rates([one for one in theirs if one.question.set == name])
        gaps = [mine[key] - other[key] for key in mine if key in other]
        if gaps:
            spread = bootstrap_mean(
                gaps, confidence=settings.confidence, resamples=settings.resamples, seed=settings.seed
            )
            found[name] = (sum(gaps) / len(gaps), spread, len(gaps))
    return found


def _path(workspace: Workspace, name: str, suffix: str) -> Path:
    return workspace.eval / f"{checked_name(name)}.{suffix}"


def _write_rows(path: Path, rows: list[dict[str, Any]], schema: pa.Schema) -> None:
    with replacing(path) as beside:
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), beside, compression="zstd")


def _judged_row(one: Judged) -> dict[str, Any]:
    return {
        "question_id": one.question.id, "dimension": one.question.dimension, "question": one.question.question,
        "sample": one.sample, "reply": one.reply, "score": one.score, "verdict": one.verdict,
    }  # fmt: skip


def _row(answer: Answer) -> dict[str, Any]:
    question = answer.question
    return {
        "question_id": question.id, "set": question.set, "value": question.value, "kind": question.kind,
        "domain": question.domain, "question": question.question, "aligned_option": question.aligned,
        "other_option": question.other, "order": answer.order, "sample": answer.sample, "reply": answer.reply,
        "choice": answer.choice.value, "aligned": answer.aligned,
    }  # fmt: skip


def _answer(row: Mapping[str, Any]) -> Answer:
    question = Question(
        row["question_id"], row["set"], row["value"], row["kind"], row["domain"], row["question"],
        row["aligned_option"], row["other_option"],
    )  # fmt: skip
    return Answer(question, row["order"], row["sample"], row["reply"], Choice(row["choice"]))

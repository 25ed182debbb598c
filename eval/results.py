"""Evaluation results in a workspace: `eval/<name>.json` (the summary) and `eval/<name>.parquet` (every reply).

Replies to open questions, with the judge's verdicts, are in `eval/<name>.judged.parquet`.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from corpus.text import one_line
from corpus.workspace import Workspace, replacing, write_text
from eval.questions.base import Answer, Asked, Choice, Question
from eval.questions.judged import Judged, OpenQuestion, summarise_judged
from eval.questions.preferences import summarise
from eval.questions.settings import EvalSettings
from specs.errors import UserError

_str, _int = pa.string(), pa.int64()
REPLIES: Final = pa.schema(
    [("question_id", _str), ("set", _str), ("value", _str), ("kind", _str), ("domain", _str), ("question", _str),
     ("aligned_option", _str), ("other_option", _str), ("order", _int), ("sample", _int), ("reply", _str),
     ("choice", _str), ("aligned", pa.bool_())]
)  # fmt: skip
JUDGED: Final = pa.schema(
    [("question_id", _str), ("dimension", _str), ("question", _str), ("sample", _int), ("reply", _str),
     ("score", _int), ("verdict", _str), ("truncated", pa.bool_()), ("verdict_truncated", pa.bool_())]
)  # fmt: skip
_Reply = TypeVar("_Reply", Answer, Judged)
_ASK_AGAIN: Final = "Run its evaluation again: what was answered is in the ledger."


def name_for(settings: EvalSettings, asked: Asked, judge: Asked | None) -> str:
    """A file name for a result: the model, and 8 hex digits of the settings, of who was asked and of who judges (None:
    nobody), so that no result replaces another."""
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", asked.model).strip("-.")[:60] or "model"
    identity = json.dumps([settings.model_dump(mode="json"), _who(asked, judge)], sort_keys=True)
    return f"{slug}-{hashlib.sha256(identity.encode()).hexdigest()[:8]}"


def checked_name(name: str) -> str:
    """`name`, or UserError if it would not be a plain file name."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise UserError(f"the name of a result is {name!r}; expected letters, digits, dots, dashes and underscores")
    return name


@dataclass(frozen=True, slots=True)
class Stored:
    """A result: what its JSON holds, and every reply."""

    result: dict[str, Any]
    answers: list[Answer]
    judged: list[Judged]


def write_result(
    workspace: Workspace,
    name: str,
    settings: EvalSettings,
    asked: Asked,
    answers: Sequence[Answer],
    judge: Asked | None = None,
    judged: Sequence[Judged] = (),
) -> dict[str, Any]:
    """Write the files, each atomically, and return what the JSON holds. `asked` answered, `judge` judged, if any."""
    result: dict[str, Any] = {"name": name, **_who(asked, judge), "settings": settings.model_dump(mode="json")}
    result["sets"] = summarise(answers, settings)
    _write_rows(_path(workspace, name, "parquet"), [_row(one) for one in answers], REPLIES)
    scores = _path(workspace, name, "judged.parquet")
    if judged:
        result["judged"] = summarise_judged(judged, settings)
        _write_rows(scores, [_judged_row(one) for one in judged], JUDGED)
    else:
        scores.unlink(missing_ok=True)  # an earlier run's of this name, that asked open questions too
    write_text(_path(workspace, name, "json"), json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    return result


def refuse_other(workspace: Workspace, name: str, asked: Asked, judge: Asked | None) -> None:
    """UserError where the result `name` is there already and came from another model, address, judge or parameters."""
    path = _path(workspace, name, "json")
    if not path.is_file():
        return
    stored, ours = _read_json(path), _who(asked, judge)
    if stored.get("judge") is None:
        del ours["judge"]  # scores are added, none is replaced
    if other := differences(ours, stored):
        raise UserError(
            f"{path} is the result of another run ({'; '.join(other)}), and would be lost. "
            "Give this one another --name."
        )


def differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """Where two mappings differ in what `ours` has, in words; a mapping inside of them is compared key by key."""
    found = []
    for key, here in ours.items():
        there = theirs.get(key)
        if isinstance(here, dict):
            there = there if isinstance(there, dict) else {}
            known = {one: here.get(one) for one in [*here, *(one for one in there if one not in here)]}
            found += differences(known, there)
        elif here != there:
            found.append(f"{key.replace('_', ' ')} {_said(here)} here, {_said(there)} there")
    return found


def read_result(workspace: Workspace, name: str) -> Stored:
    """An earlier result. Raises UserError with the names there are if it is not there, or where it cannot be read."""
    path = _path(workspace, name, "json")
    if not path.is_file():
        known = sorted(found.stem for found in workspace.eval.glob("*.json"))
        raise UserError(f"there is no result {name!r} in {workspace.eval}; found: {', '.join(known) or 'none'}")
    answers = _read_rows(_path(workspace, name, "parquet"), REPLIES, _answer)
    scores = _path(workspace, name, "judged.parquet")
    judged = _read_rows(scores, JUDGED, _judged) if scores.is_file() else []
    return Stored(_read_json(path), answers, judged)


def _who(asked: Asked, judge: Asked | None) -> dict[str, Any]:
    who = asdict(asked)
    return who | {"judge": None if judge is None else asdict(judge)}


def _said(value: Any) -> str:
    return "none" if value is None else one_line(str(value), 80)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict) or not isinstance(found.get("name"), str):
            raise ValueError("it has no name")
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"cannot read the result {path}: {error}. {_ASK_AGAIN}") from error
    return found


def _read_rows(path: Path, schema: pa.Schema, make: Callable[[Mapping[str, Any]], _Reply]) -> list[_Reply]:
    try:
        return [make(row) for row in pq.read_table(path, schema=schema).to_pylist()]
    except (OSError, ValueError, pa.ArrowException) as error:
        said = one_line(str(error), 200)
        raise UserError(f"cannot read the replies of a result in {path}: {said}. {_ASK_AGAIN}") from error


def _path(workspace: Workspace, name: str, suffix: str) -> Path:
    return workspace.eval / f"{checked_name(name)}.{suffix}"


def _write_rows(path: Path, rows: list[dict[str, Any]], schema: pa.Schema) -> None:
    with replacing(path) as beside:
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), beside, compression="zstd")


def _judged_row(one: Judged) -> dict[str, Any]:
    return {
        "question_id": one.question.id, "dimension": one.question.dimension, "question": one.question.question,
        "sample": one.sample, "reply": one.reply, "score": one.score, "verdict": one.verdict,
        "truncated": one.truncated, "verdict_truncated": one.verdict_truncated,
    }  # fmt: skip


def _judged(row: Mapping[str, Any]) -> Judged:
    question = OpenQuestion(row["question_id"], row["dimension"], row["question"], good="", bad="")
    return Judged(
        question, row["sample"], row["reply"], row["score"], row["verdict"], row["truncated"], row["verdict_truncated"]
    )


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

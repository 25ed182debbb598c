"""Every reply of a result as Parquet, so that any transcript can be read; `eval.results` says what they amount to."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from corpus.text import one_line
from corpus.workspace import replacing
from eval.questions.base import Answer, Choice, OpenQuestion, Question
from eval.questions.judged import Judged
from specs.errors import UserError

_str, _int = pa.string(), pa.int64()
_strings = pa.list_(_str)
REPLIES: Final = pa.schema(
    [("question_id", _str), ("set", _str), ("value", _str), ("kind", _str), ("domain", _str), ("question", _str),
     ("aligned_option", _str), ("other_options", _strings), ("also", _strings), ("passage_ids", _strings),
     ("disguise", _int), ("order", _int), ("sample", _int), ("reply", _str), ("choice", _str),
     ("aligned", pa.bool_()), ("scorer", _str), ("arm", _str)]
)  # fmt: skip
JUDGED: Final = pa.schema(
    [("question_id", _str), ("set", _str), ("dimension", _str), ("question", _str), ("good", _str), ("bad", _str),
     ("passage_ids", _strings), ("sample", _int), ("reply", _str), ("score", _int), ("verdict", _str),
     ("truncated", pa.bool_()), ("verdict_truncated", pa.bool_()), ("arm", _str)]
)  # fmt: skip
_Reply = TypeVar("_Reply", Answer, Judged)
_ASK_AGAIN: Final = "Run its evaluation again: what was answered is in the ledger."


def write_answers(path: Path, answers: Sequence[Answer], arm: str) -> None:
    """The replies to questions with options, atomically."""
    _write(path, [_row(one) | {"arm": arm} for one in answers], REPLIES)


def write_judged(path: Path, judged: Sequence[Judged], arm: str) -> None:
    """The replies to open questions with the judge's verdicts, atomically."""
    _write(path, [_judged_row(one) | {"arm": arm} for one in judged], JUDGED)


def read_answers(path: Path) -> list[Answer]:
    """What `write_answers` wrote; UserError where it cannot be read."""
    return _read(path, REPLIES, _answer)


def read_judged(path: Path) -> list[Judged]:
    """What `write_judged` wrote; UserError where it cannot be read."""
    return _read(path, JUDGED, _judged)


def _read(path: Path, schema: pa.Schema, make: Callable[[Mapping[str, Any]], _Reply]) -> list[_Reply]:
    try:
        return [make(row) for row in pq.read_table(path, schema=schema).to_pylist()]
    except (OSError, ValueError, TypeError, pa.ArrowException) as error:
        said = one_line(str(error), 200)
        raise UserError(f"cannot read the replies of a result in {path}: {said}. {_ASK_AGAIN}") from error


def _write(path: Path, rows: list[dict[str, Any]], schema: pa.Schema) -> None:
    with replacing(path) as beside:
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), beside, compression="zstd")


def _judged_row(one: Judged) -> dict[str, Any]:
    asked = one.question
    return {
        "question_id": asked.id, "set": asked.set, "dimension": asked.dimension, "question": asked.question,
        "good": asked.good, "bad": asked.bad, "passage_ids": list(asked.passage_ids), "sample": one.sample,
        "reply": one.reply, "score": one.score, "verdict": one.verdict, "truncated": one.truncated,
        "verdict_truncated": one.verdict_truncated,
    }  # fmt: skip


def _judged(row: Mapping[str, Any]) -> Judged:
    question = OpenQuestion(
        row["question_id"], row["set"], row["dimension"], row["question"], row["good"], row["bad"],
        tuple(row["passage_ids"]),
    )  # fmt: skip
    return Judged(
        question, row["sample"], row["reply"], row["score"], row["verdict"], row["truncated"], row["verdict_truncated"]
    )


def _row(answer: Answer) -> dict[str, Any]:
    question = answer.question
    return {
        "question_id": question.id, "set": question.set, "value": question.value, "kind": question.kind,
        "domain": question.domain, "question": question.question, "aligned_option": question.aligned,
        "other_options": list(question.others), "also": list(question.also), "passage_ids": list(question.passage_ids),
        "disguise": question.disguise, "order": answer.order, "sample": answer.sample, "reply": answer.reply,
        "choice": answer.choice.value, "aligned": answer.aligned, "scorer": answer.scorer,
    }  # fmt: skip


def _answer(row: Mapping[str, Any]) -> Answer:
    question = Question(
        row["question_id"], row["set"], row["value"], row["kind"], row["domain"], row["question"],
        row["aligned_option"], tuple(row["other_options"]), tuple(row["also"]), tuple(row["passage_ids"]),
        row["disguise"],
    )  # fmt: skip
    return Answer(question, row["order"], row["sample"], row["reply"], Choice(row["choice"]), row["scorer"])

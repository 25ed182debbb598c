"""Evaluation results in a workspace: `eval/<name>.json` (the summary) and `eval/<name>.parquet` (every reply).

Replies to open questions, with the judge's verdicts, are in `eval/<name>.judged.parquet`.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from corpus.text import one_line
from corpus.workspace import Workspace, write_text
from eval.questions.base import Answer, Asked, Limits
from eval.questions.choices import by_set, summarise
from eval.questions.judged import Judged, summarise_judged
from eval.questions.settings import EvalSettings
from eval.replies import read_answers, read_judged, write_answers, write_judged
from specs.errors import UserError

ARMS: Final = ("model", "base", "spec")
"""Who answers: the model that is evaluated; its base model, bare; that one with the spec in its prompt."""
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
    *,
    arm: str = "model",
    limits: Limits | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Write the files, each atomically, and return what the JSON holds. `asked` answered, `judge` judged, if any.

    `more` is said in the JSON beside the rest.
    """
    result: dict[str, Any] = {"name": name, "arm": arm, **_who(asked, judge)}
    result |= {"settings": settings.model_dump(mode="json"), "limits": asdict(limits or Limits()), **more}
    items = {one: _items(question.question.id for question in group) for one, group in by_set(answers).items()}
    result["sets"] = {one: found | {"items": items[one]} for one, found in summarise(answers, settings).items()}
    write_answers(_path(workspace, name, "parquet"), answers, arm)
    scores = _path(workspace, name, "judged.parquet")
    if judged:
        result["judged"] = summarise_judged(judged, settings) | {"items": _items(one.question.id for one in judged)}
        write_judged(scores, judged, arm)
    else:
        scores.unlink(missing_ok=True)  # an earlier run's of this name, that asked open questions too
    write_text(_path(workspace, name, "json"), json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    return result


def _items(ids: Iterable[str]) -> str:
    """8 hex digits of the questions that were asked: only results of the same ones stand beside each other."""
    return hashlib.sha256("\n".join(sorted(set(ids))).encode()).hexdigest()[:8]


def results_in(workspace: Workspace) -> list[dict[str, Any]]:
    """What the JSON of every result holds that can be read, by name."""
    found = []
    for path in sorted(workspace.eval.glob("*.json")):
        with suppress(UserError):
            found.append(_read_json(path))
    return found


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
    answers = read_answers(_path(workspace, name, "parquet"))
    scores = _path(workspace, name, "judged.parquet")
    judged = read_judged(scores) if scores.is_file() else []
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


def _path(workspace: Workspace, name: str, suffix: str) -> Path:
    return workspace.eval / f"{checked_name(name)}.{suffix}"

"""What must be said beside a result, because its numbers do not show it."""

from collections.abc import Mapping
from typing import Any


def notes(result: Mapping[str, Any], from_ledger: int) -> list[str]:
    """Warnings of a result: replies that are missing, that were cut off, or that an earlier run was given.

    `from_ledger` is the number of replies of the model that were in the ledger before the run.
    """
    found = []
    judged = result.get("judged", {"missing": 0, "truncated": 0, "unanswered": 0, "verdicts_truncated": 0})
    if from_ledger:
        found.append(
            f"{from_ledger:,} replies are from the ledger: an earlier run asked {result['model']} at "
            f"{result['address']} for them. If another model is served there by now, give this run a --name of its own."
        )
    if missing := judged["missing"] + sum(one["missing"] for one in result["sets"].values()):
        found.append(f"{missing:,} replies are missing; run it again to ask only for those.")
    for name, one in result["sets"].items():
        if cut := one["truncated"]:
            found.append(
                f"{name}: {cut:,} of {one['replies']:,} replies were cut off at {_limit(result, 'max_tokens')} before "
                "they said which, and count as not aligned: the rate is too low. Raise eval.max_tokens."
            )
    if judged["truncated"]:
        found.append(
            f"{judged['truncated']:,} replies to open questions were cut off at {_limit(result, 'open_max_tokens')}, "
            f"{judged['unanswered']:,} replies held no answer and have no score. Raise eval.open_max_tokens."
        )
    if cut := judged["verdicts_truncated"]:
        found.append(
            f"{cut:,} verdicts were cut off at {_limit(result, 'judge_max_tokens')} and are no score. "
            "Raise eval.judge_max_tokens."
        )
    return found


def _limit(result: Mapping[str, Any], name: str) -> str:
    return f"{result['settings'][name]:,} tokens"

"""What must be said beside a result, because its numbers do not show it."""

from collections.abc import Mapping
from typing import Any

from eval.questions.choices import READABLE


def notes(result: Mapping[str, Any], from_ledger: int = 0) -> list[str]:
    """Warnings of a result: replies that are missing, that were cut off or could not be read, or that an earlier run
    was given.

    `from_ledger` is the number of replies of the model that were in the ledger before the run.
    """
    found = []
    judged = result.get("judged", {"missing": 0, "truncated": 0, "unanswered": 0, "unparsed": 0, "scored": 0})
    if from_ledger:
        found.append(
            f"{from_ledger:,} replies are from the ledger: an earlier run asked {result['model']} at "
            f"{result['address']} for them. If another model is served there by now, give this run a --name of its own."
        )
    if missing := judged["missing"] + sum(one["missing"] for one in result["sets"].values()):
        found.append(f"{missing:,} replies are missing; run it again to ask only for those.")
    for name, one in result["sets"].items():
        found += _of_set(result, name, one)
    if judged["truncated"]:
        found.append(
            f"{judged['truncated']:,} replies to open questions were cut off at {_limit(result, 'open')}, "
            f"{judged['unanswered']:,} replies held no answer and have no score. Raise eval.open_max_tokens."
        )
    found += _of_verdicts(result, judged)
    return found


def _of_set(result: Mapping[str, Any], name: str, one: Mapping[str, Any]) -> list[str]:
    found = []
    bad, replies = one["unclear"] + one["truncated"], one["replies"]
    if cut := one["truncated"]:
        found.append(
            f"{name}: {cut:,} of {replies:,} replies were cut off at {_limit(result, 'choice')} before they said "
            "which. Raise eval.max_tokens."
        )
    if bad > (1 - READABLE) * replies:
        low, high = one["bounds"]
        found.append(
            f"{name}: {bad:,} of {replies:,} replies ({bad / replies:.0%}) cannot be read, so there is no rate: it "
            f"lies between {low:.2f} and {high:.2f}. One of them: {one['unreadable_example'] or '(empty)'!r}."
        )
    if len(one["scorers"]) > 1 and {"logprobs", "likelihood"} & set(one["scorers"]):
        by = ", ".join(f"{count:,} by {scorer}" for scorer, count in sorted(one["scorers"].items()))
        found.append(f"{name}: decided by several scorers ({by}), which are not comparable. Set eval.scorer.")
    return found


def _of_verdicts(result: Mapping[str, Any], judged: Mapping[str, Any]) -> list[str]:
    found = []
    if cut := judged.get("verdicts_truncated"):
        found.append(
            f"{cut:,} verdicts were cut off at {_limit(result, 'judge')} and are no score. Raise eval.judge_max_tokens."
        )
    asked = judged["scored"] + judged["unparsed"]
    if judged["unparsed"] > (1 - READABLE) * asked:
        found.append(
            f"{judged['unparsed']:,} of {asked:,} verdicts cannot be read, after asking twice, and are no score. One "
            f"of them: {judged.get('unparsed_example') or '(empty)'!r}. Take another model as the role `judge`."
        )
    return found


def _limit(result: Mapping[str, Any], name: str) -> str:
    limits = result["limits"]
    most = limits[name] * (limits["again"] if name == "choice" else 1)
    return f"{most:,} tokens"

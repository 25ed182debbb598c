"""Decisions on stored verdicts: what a judge did not clearly pass does not stay (design/contracts.md, 6)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from filters.base import Rejection

REASON = "judge_"
"""How the reasons of these rejections begin; a criterion's name follows."""

UNSEEN = "no verdict"
"""What is said of an item that no judge has seen yet: no pass, but nothing against it."""


def decide_verdicts(
    verdicts: Iterable[Mapping[str, Any]], item_ids: Iterable[str], required: Sequence[str]
) -> list[Rejection]:
    """A rejection for each item that lacks a clear pass on a criterion of `required`, sorted by id.

    `verdicts` are rows of the verdicts table (item_id, criterion, verdict, reason). `fail`, `unclear`, an unknown
    verdict and no verdict at all (`UNSEEN`) are no pass; of several verdicts on one criterion every one must be a pass.
    Criteria that are not required never reject. The first criterion of `required` that a judge did not pass is the
    reason, and where there is none, the first that no judge has seen.
    """
    given: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in verdicts:
        given[row["item_id"], row["criterion"]].append(row)
    rejections = (_decide(item_id, given, required) for item_id in sorted(set(item_ids)))
    return [rejection for rejection in rejections if rejection is not None]


def scores_of(verdicts: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """For each item that a judge has seen: the share of its stored verdicts that are a pass, whatever the criteria."""
    said: dict[str, list[bool]] = defaultdict(list)
    for row in verdicts:
        said[row["item_id"]].append(row["verdict"] == "pass")
    return {item_id: sum(passed) / len(passed) for item_id, passed in said.items()}


def _decide(
    item_id: str, given: Mapping[tuple[str, str], list[Mapping[str, Any]]], required: Sequence[str]
) -> Rejection | None:
    for criterion in required:
        rows = given.get((item_id, criterion), [])
        worse = sorted((row for row in rows if row["verdict"] != "pass"), key=lambda row: str(row["verdict"]))
        if worse:
            share = 1 - len(worse) / len(rows)
            said = f"{worse[0]['verdict'] or 'empty'}: {worse[0].get('reason') or ''}".rstrip(": ")
            return Rejection(item_id, f"{REASON}{criterion}", said, share, 1.0)
    unseen = (criterion for criterion in required if (item_id, criterion) not in given)
    return next((Rejection(item_id, f"{REASON}{criterion}", UNSEEN, 0.0, 1.0) for criterion in unseen), None)

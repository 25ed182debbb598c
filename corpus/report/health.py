"""Health figures with bands. The bands are what others measured on good corpora: hypotheses, not gates."""

import math
from dataclasses import asdict, dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Health:
    """A figure, the band it is expected in, and why that matters.

    `value` is None where it cannot be known yet; without `low` and `high` there is no band.
    """

    name: str
    value: float | None
    low: float | None
    high: float | None
    unit: str  # share | number | usd
    why: str


_SHARED: Final = (
    ("opening", "Documents with the same first words", 0.05, "A pattern that opened more than 20% of answers became a "
     "habit of the model; it should be far below."),
    ("phrase", "Documents that share one five-word phrase", 0.1, "What a prompt asks for is easily stamped on every "
     "document; such tics are what a model learns first."),
    ("name", "Documents that share one invented name", 0.05, "One invented name appeared 28 times in a "
     "replication: names are a writer's fingerprint."),
)  # fmt: skip


_SEVERAL: Final = {"plans", "critiques", "revisions", "document_verdicts"}  # further requests for one document
_SPARE: Final = ("beyond_target", "not_in_subset")  # good documents that were not needed


def health(found: dict[str, Any], measured: list[Health]) -> list[dict[str, Any]]:
    """The figures that follow from `figures()`, and those `measured` on texts; `ok` is None without value or band."""
    listed = [
        _kept(found),
        _truncated(found),
        _price(found),
        _written(found),
        _passages(found),
        _assertions(found),
        _holes(found),
    ]
    listed += [_entropy(found), _balance(found), _disagreement(found)]
    listed += [_shared(found, kind, name, high, why) for kind, name, high, why in _SHARED] if found["shared"] else []
    return [{**asdict(one), "ok": _inside(one)} for one in [*listed, *measured]]


def _inside(one: Health) -> bool | None:
    if one.value is None or (one.low is None and one.high is None):
        return None
    return (one.low is None or one.value >= one.low) and (one.high is None or one.value <= one.high)


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _stage(found: dict[str, Any], stage: str) -> dict[str, Any]:
    none = {"kept": 0, "rejected": 0, "planned": 0}
    return next((row for row in found["stages"] if row["stage"] == stage), none)


def _recorded(found: dict[str, Any]) -> bool:
    """Whether the ledger has the writing of what is kept: documents may have been made elsewhere, and judged here."""
    asked = {row["stage"] for row in found["spend"]}
    return all(row["stage"] in asked for row in found["yields"] if row["kept"])


def _kept(found: dict[str, Any]) -> Health:
    row = _stage(found, "documents")
    spare = sum(r["items"] for r in found["reasons"] if r["stage"] == "documents" and r["reason"] in _SPARE)
    share = _share(row["kept"], row["kept"] + row["rejected"] - spare)
    why = "Replications kept 71-76% after review. Far more: are the filters on? Far less: look at the writer."
    return Health("Documents kept of those written", share, 0.6, 0.97, "share", why)


def _truncated(found: dict[str, Any]) -> Health:
    row = _stage(found, "documents")
    cut = sum(r["items"] for r in found["reasons"] if r["stage"] == "documents" and r["reason"] == "truncated")
    why = "Cut by the token limit. The paper lost about 20% of long documents so; each is paid for."
    return Health("Documents cut short", _share(cut, row["kept"] + row["rejected"]), None, 0.05, "share", why)


def _price(found: dict[str, Any]) -> Health:
    costs = [row["cost_usd"] for row in found["spend"] if row["serves"]]
    cost = sum(costs) if _recorded(found) and None not in costs else 0
    tokens = sum(row["kept_tokens"] for row in found["yields"])
    why = "Replications paid $4.5 to $66. Much more: look at what is rejected, and at reasoning tokens."
    return Health("Dollars per million kept tokens", _share(1e6 * cost, tokens) if cost else None, None, 66, "usd", why)


def _written(found: dict[str, Any]) -> Health:
    kept = next(row for row in found["yields"] if row["stage"] == "documents")
    value = kept["kept_per_written_token"] if _recorded(found) else None
    several = _SEVERAL & {row["stage"] for row in found["spend"]}
    why = "The rest is planning, scratchpads, reasoning, critiques, verdicts and rejects. Low: reasoning models spend "
    why += "the output unseen. There is no band where documents are planned, rewritten or judged."
    return Health("Kept tokens per token written", value, None if several else 0.4, None, "share", why)


def _passages(found: dict[str, Any]) -> Health:
    passages = found["passages"]
    why = "A passage that no document covers is not taught."
    covered = sum(1 for row in passages if row["documents"])
    value = _share(covered, len(passages)) if covered else None  # documents made elsewhere, or neutral, cite none
    return Health("Passages of the spec with documents", value, 0.95, None, "share", why)


def _assertions(found: dict[str, Any]) -> Health:
    assertions = found["asserted"]
    why = "An assertion about the assistant that no document expresses is not taught, whatever its passages have."
    covered = sum(1 for row in assertions if row["documents"])
    value = _share(covered, len(assertions)) if covered else None
    return Health("Assertions with documents", value, 0.95, None, "share", why)


def _holes(found: dict[str, Any]) -> Health:
    cells = [cell for row in found["coverage"]["passages"]["rows"] for cell in row[2] if cell]
    why = "Planned passage x document type cells that have no document."
    holes = sum(1 for cell in cells if not cell[0])
    value = _share(holes, len(cells)) if holes < len(cells) else None
    return Health("Holes in coverage", value, None, 0.1, "share", why)


def _entropy(found: dict[str, Any]) -> Health:
    totals: dict[int, int] = {}
    for row in found["coverage"]["passages"]["rows"]:
        for column, cell in enumerate(row[2]):
            totals[column] = totals.get(column, 0) + (cell[1] if cell else 0)
    shares = [tokens / sum(totals.values()) for tokens in totals.values() if tokens]
    evenness = -sum(p * math.log(p) for p in shares) / math.log(len(shares)) if len(shares) > 1 else None
    why = "Entropy of tokens over document types, over its maximum. Variety of types went with success (+0.45)."
    return Health("Evenness of document types", evenness, 0.75, None, "share", why)


def _balance(found: dict[str, Any]) -> Health:
    tokens = [row["tokens"] for row in found["domains"]]
    even = 1 / len(tokens) if tokens else 0
    value = _share(max(tokens, default=0), sum(tokens) * even)
    why = "Tokens of the largest domain over an even share. Uneven domains make corpora hard to compare."
    return Health("Largest domain against an even share", value, None, 1.5, "number", why)


def _disagreement(found: dict[str, Any]) -> Health:
    [row] = found["disagreement"]
    why = "People disagree with what the assistant holds, and it holds to it: what documents.disagreement asks for, "
    why += "less what filters and judges took."
    value = _share(row["argued"], row["documents"]) if row["argued"] else None
    return Health("Documents in which somebody disagrees", value, None, None, "share", why)


def _shared(found: dict[str, Any], kind: str, name: str, high: float, why: str) -> Health:
    most = max((row["documents"] for row in found["shared"]["patterns"] if row["kind"] == kind), default=0)
    return Health(name, _share(most, found["shared"]["documents"]), None, high, "share", why)

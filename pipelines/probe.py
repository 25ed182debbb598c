"""A probe: the same recipe at a few dozen calls, to measure what `pipelines.estimate` would have to assume."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from corpus.store import read_rows
from corpus.tokens import TokenCounter
from corpus.workspace import Workspace
from pipelines.asked import stages_of
from pipelines.base import Corpus
from pipelines.estimate import Measured
from pipelines.ledger import Ledger
from pipelines.settings import BuildSettings

_CHATS = 4
# What changes nothing that a probe measures, so that a higher budget goes on with it; and what `probe_name` says by its
# content or by the part that counts.
_APART: Final[dict[str, Any]] = {
    **dict.fromkeys(("budget", "prices", "plan_gaps", "audit", "variants", "train", "mix", "eval", "report"), True),
    **dict.fromkeys(("spec", "prompts", "endpoints", "corpus"), True),
    "chats": {"source"},
}


@dataclass(frozen=True, slots=True)
class Yield:
    """What came of a probe's documents. Dollars are None where a price is not known."""

    documents: int  # calls of the stage
    kept: int
    kept_tokens: int
    dollars: float | None  # of the whole probe

    @property
    def kept_per_call(self) -> float:
        """Kept documents for each call."""
        return self.kept / self.documents if self.documents else 0.0

    @property
    def tokens_per_kept(self) -> float:
        """Tokens of a kept document."""
        return self.kept_tokens / self.kept if self.kept else 0.0


def probe_settings(settings: BuildSettings) -> BuildSettings:
    """The recipe at probe size: two domains, two subdomains of each, a dozen documents, a few chats.

    Lengths, models, prompts and filters stay as they are: they are what is measured.
    """
    size, documents = settings.decompose, settings.documents
    small = size.model_copy(update={"domains": min(2, size.domains), "subdomains": min(2, size.subdomains)})
    sizes = {"types": min(3, documents.types), "genres": documents.genres[:3], "ideas": min(3, documents.ideas)}
    few = documents.model_copy(update={**sizes, "limit": 12, "target_tokens": None})
    chats = settings.chats.model_copy(update={"target": min(_CHATS, settings.chats.target), "rounds": 1})
    return settings.model_copy(update={"decompose": small, "documents": few, "chats": chats})


def probe_name(corpus: Corpus) -> str:
    """A name for what a probe asks, of whom, and what it keeps: 16 hex digits.

    A ledger keeps all that was ever asked, so that two probes in one folder would be measured as one.
    """
    settings, spec = corpus.settings, corpus.spec
    templates = {template for _, _, template in stages_of(corpus)}
    source = Path(settings.chats.source or "")
    said = [
        settings.model_dump(mode="json", exclude=_APART), spec.hash, spec.shape,
        corpus.prompts.version("system", "system_neutral", *templates), TokenCounter(settings.corpus.tokenizer).name,
        {name: [endpoint.address, endpoint.model] for name, endpoint in settings.endpoints.items()},
        hashlib.sha256(source.read_bytes()).hexdigest() if source.is_file() else None,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def measured(ledger: Ledger) -> dict[str, Measured]:
    """Means a call of every stage in a ledger; stages without usage are left out."""
    sums: dict[str, list[float]] = {}
    for stage, *values in _usage(ledger):
        total = sums.setdefault(stage, [0.0] * 5)
        for at, value in enumerate((1.0, *values)):
            total[at] += value
    return {
        stage: Measured(int(calls), *(value / calls for value in rest))
        for stage, (calls, *rest) in sums.items()
    }  # fmt: skip


def _usage(ledger: Ledger) -> Iterator[tuple[str, float, float, float, float]]:
    columns = ["stage", "prompt_tokens", "cached_tokens", "completion_tokens", "latency_s"]
    for row in ledger.usage_table().select(columns).to_pylist():
        if row["prompt_tokens"] is not None and row["completion_tokens"] is not None:
            cached = row["cached_tokens"] or 0
            yield row["stage"], row["prompt_tokens"], cached, row["completion_tokens"], row["latency_s"]


def yield_of(workspace: Workspace, ledger: Ledger) -> Yield:
    """What a probe's workspace kept of what it paid for."""
    usage = ledger.usage_table()
    costs = usage["cost_usd"].to_pylist()
    kept = list(read_rows(workspace, "documents", ["tokens"]))
    return Yield(
        documents=usage["stage"].to_pylist().count("documents"), kept=len(kept),
        kept_tokens=sum(row["tokens"] for row in kept), dollars=None if None in costs else sum(costs),
    )  # fmt: skip

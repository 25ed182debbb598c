"""A probe: the same recipe at a few dozen calls, to measure what `pipelines.planning.estimate` would have to assume."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from corpus.store import read_rows
from corpus.tokens import TokenCounter
from corpus.workspace import Workspace
from pipelines.base import Corpus
from pipelines.ledger.ledger import Ledger
from pipelines.planning.estimate import Measured, Yield
from pipelines.provenance import stages_of
from pipelines.settings import BuildSettings

_CHATS = 4
# What changes nothing that a probe measures, so that a higher budget goes on with it; and what `probe_name` says by its
# content or by the part that counts.
_APART: Final[dict[str, Any]] = {
    **dict.fromkeys(
        ("budget", "prices", "planning_failures", "audit", "variants", "train", "mix", "eval", "report"), True
    ),
    **dict.fromkeys(("spec", "prompts", "endpoints", "corpus"), True),
    "chats": {"source"},
}


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
    """Means of every stage in a ledger; stages without usage are left out."""
    sums: dict[str, list[float]] = {}
    for stage, *values in _usage(ledger):
        total = sums.setdefault(stage, [0.0] * 6)
        for at, value in enumerate((1.0, *values)):
            total[at] += value
    return {
        stage: Measured(calls / max(1.0, first), *(value / calls for value in rest))
        for stage, (calls, first, *rest) in sums.items()
    }  # fmt: skip


def _usage(ledger: Ledger) -> Iterator[tuple[str, bool, float, float, float, float]]:
    columns = ["stage", "attempt", "prompt_tokens", "cached_tokens", "completion_tokens", "latency_s"]
    for stage, attempt, prompt, cached, completion, latency in _rows(ledger, columns):
        if prompt is not None and completion is not None:
            yield stage, attempt == 0, prompt, cached or 0, completion, latency


def yield_of(workspace: Workspace, ledger: Ledger) -> Yield | None:
    """What a probe's workspace kept of the documents that it wrote; None where it came to none."""
    written = {idea for stage, idea in _rows(ledger, ["stage", "row_id"]) if stage == "documents"}
    kept = [row["tokens"] for row in read_rows(workspace, "documents", ["tokens"])]
    return Yield(len(written), len(kept), sum(kept)) if written else None


def _rows(ledger: Ledger, columns: list[str]) -> Iterator[tuple[Any, ...]]:
    return iter(ledger.read(f"SELECT {', '.join(columns)} FROM completion ORDER BY id"))  # noqa: S608

"""Which documents each pass of the pattern audit reads: a pure function of their ids, the seed and the settings."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from corpus.ids import content_id
from pipelines.audit.settings import AuditSettings

PER_SAMPLE: Final = 8  # most patterns that one sample brings


@dataclass(frozen=True, slots=True)
class AuditSamples:
    """Ids of the documents of each pass. No document that patterns were proposed from verifies them."""

    propose: list[list[str]]
    verify: list[str]
    count: list[str]

    @classmethod
    def of(cls, ids: Iterable[str], seed: int, settings: AuditSettings) -> "AuditSamples":
        """A random order by the seed, whatever the order of `ids`; of a small corpus at most half is for proposing."""
        order = sorted(ids, key=lambda item_id: content_id("audit", str(seed), item_id))
        size = settings.sample_documents
        used = min(settings.samples * size, len(order) // 2)
        samples = [order[at : min(at + size, used)] for at in range(0, used, size)]
        fresh = order[used:]
        rest = fresh[settings.verify :]
        if settings.count >= len(rest) + used:  # everything can be read, and then a sample is no longer biased
            rest = [*rest, *order[:used]]
        return cls([one for one in samples if len(one) > 1], fresh[: settings.verify], rest[: settings.count])

    @property
    def calls(self) -> int:
        """Requests, at most; a reply of the wrong form is asked for again beyond that."""
        return len(self.propose) + 1 + len(self.verify) + len(self.count)

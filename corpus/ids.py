"""Content-derived ids: the same content under the same parent has the same id in every run."""

import hashlib
import json
from collections.abc import Iterable, Iterator

ID_HEX_LENGTH = 20  # 80 bits: a collision among 10 million rows has odds of about 1 in 10**10


def content_id(kind: str, parent_id: str, *content: object) -> str:
    """Id of a row of table `kind` under `parent_id`: 20 hex digits of SHA-256 over its canonical JSON."""
    canonical = json.dumps([kind, parent_id, *content], ensure_ascii=True, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:ID_HEX_LENGTH]


def numbered(ids: Iterable[str]) -> Iterator[tuple[str, int]]:
    """Yield each id with its occurrence number, so that equal content can still be told apart."""
    seen: dict[str, int] = {}
    for value in ids:
        seen[value] = seen.get(value, -1) + 1
        yield value, seen[value]

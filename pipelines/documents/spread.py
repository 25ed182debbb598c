"""The order in which ideas are written: spread evenly, so that any first n of them cover the spec as well as n can."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

Row = dict[str, Any]


def spread(ideas: Iterable[Row], seed: int) -> list[Row]:
    """Ideas in rounds: a first idea of the first type of every subdomain, then of the second type of every subdomain,
    and so on; then the second ideas. The seed shuffles within each level; the order of `ideas` does not matter.
    """
    tree: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for idea in sorted(ideas, key=lambda idea: _draw(seed, idea["id"])):
        tree[idea["subdomain_id"]][idea["document_type_id"]].append(idea)
    order = [
        (number, type_number, subdomain_number, idea)
        for subdomain_number, subdomain in enumerate(sorted(tree, key=lambda key: _draw(seed, key)))
        for type_number, kind in enumerate(sorted(tree[subdomain], key=lambda key: _draw(seed, key)))
        for number, idea in enumerate(tree[subdomain][kind])
    ]
    return [idea for *_, idea in sorted(order, key=lambda entry: entry[:3])]


def _draw(seed: int, key: str) -> bytes:
    """A fixed pseudo-random rank: unlike `random`, it does not change when other rows come or go."""
    return hashlib.sha256(f"{seed}:{key}".encode()).digest()

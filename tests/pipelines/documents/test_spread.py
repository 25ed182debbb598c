"""The order of writing: any first n ideas cover the spec as evenly as n can."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from pipelines.documents.spread import spread

sizes = st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=4), min_size=1, max_size=5)


def ideas(tree: list[list[int]]) -> list[dict]:
    return [
        {"id": f"{s}-{t}-{i}", "subdomain_id": f"s{s}", "document_type_id": f"s{s}t{t}"}
        for s, types in enumerate(tree)
        for t, count in enumerate(types)
        for i in range(count)
    ]


@given(sizes, st.integers(0, 9), st.randoms(use_true_random=False))
def test_order_depends_on_seed_and_content_alone(tree, seed, random) -> None:
    rows = ideas(tree)
    shuffled = rows[:]
    random.shuffle(shuffled)
    order = spread(rows, seed)
    assert order == spread(shuffled, seed)
    assert sorted(row["id"] for row in order) == sorted(row["id"] for row in rows)


@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 4), st.integers(0, 9), st.data())
def test_every_prefix_is_even(subdomains: int, types: int, count: int, seed: int, data) -> None:
    order = spread(ideas([[count] * types] * subdomains), seed)
    first = order[: data.draw(st.integers(0, len(order)))]
    for key, groups in (("subdomain_id", subdomains), ("document_type_id", subdomains * types)):
        found = Counter(row[key] for row in first)
        counts = [*found.values(), *[0] * (groups - len(found))]
        assert max(counts) - min(counts) <= 1

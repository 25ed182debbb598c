"""Quotas and rounds: exact, balanced, and they end."""

import random

from hypothesis import given
from hypothesis import strategies as st

from pipelines.chats.quotas import Tally, cross, next_round, quotas, shares


def topics(domains: int, per_domain: int) -> list[dict]:
    return [
        {"domain_id": f"d{d}", "topic": f"t{d}.{t}", "summary": "", "passage_ids": [], "rule_id": None}
        for d in range(domains)
        for t in range(per_domain)
    ]


kinds = ["direct", "indirect", "opinion"]


def test_cells_are_every_topic_in_every_kind() -> None:
    cells = cross(topics(3, 4), kinds, "domain_id", seed=1)
    assert len({(cell.topic, cell.query_type) for cell in cells}) == len(cells) == 3 * 4 * 3
    assert [cell.number for cell in cells] == list(range(36))


def test_the_first_cells_of_a_group_differ_in_topic_and_kind() -> None:
    cells = cross(topics(1, 3), kinds, "domain_id", seed=1)
    assert len({cell.topic for cell in cells[:3]}) == 3
    assert len({cell.query_type for cell in cells[:3]}) == 3


def test_the_order_of_the_topics_does_not_matter() -> None:
    rows = topics(3, 3)
    assert cross(rows, kinds, "domain_id", 5) == cross(list(reversed(rows)), kinds, "domain_id", 5)


@given(st.integers(0, 10_000), st.integers(1, 40))
def test_quotas_add_up_and_differ_by_one_at_most(target: int, groups: int) -> None:
    found = quotas(target, {f"g{n}": Tally() for n in range(groups)}, strict=True)
    assert sum(found.values()) == target
    assert max(found.values()) - min(found.values()) <= 1


def test_an_ended_group_gives_its_share_to_others_unless_the_share_is_strict() -> None:
    tallies = {"a": Tally((1, 0, 0), 9), "b": Tally((3,), 4), "c": Tally((3,), 4)}
    assert quotas(11, tallies, strict=False) == {"a": 1, "b": 5, "c": 5}
    assert quotas(12, tallies, strict=True) == {"a": 4, "b": 4, "c": 4}


tally = st.lists(st.integers(0, 9), min_size=1, max_size=4).map(lambda kept: Tally(tuple(kept), 40))


@given(st.integers(0, 60), st.lists(tally, min_size=1, max_size=8), st.booleans())
def test_what_was_kept_fills_the_target_whoever_kept_it(target: int, found: list[Tally], strict: bool) -> None:
    tallies = {f"g{n}": one for n, one in enumerate(found)}
    got, most = shares(target, tallies, strict=strict), max(quotas(target, tallies, strict=True).values())
    assert all(got[name] <= one.total for name, one in tallies.items()) and sum(got.values()) <= target
    if strict:
        assert all(count <= most for count in got.values())
    else:
        assert sum(got.values()) == min(target, sum(one.total for one in found))
        with_more = [got[name] for name, one in tallies.items() if one.total > got[name]]
        assert not with_more or max(got.values()) - min(with_more) <= 1, (
            "nobody has two more than one who has some left"
        )


def test_a_gap_is_filled_by_those_that_have_more() -> None:
    assert shares(10, {"a": Tally((8,), 10), "b": Tally((2,), 10)}, strict=False) == {"a": 8, "b": 2}
    assert shares(10, {"a": Tally((8,), 10), "b": Tally((2,), 10)}, strict=True) == {"a": 5, "b": 2}
    assert shares(12, {"a": Tally((8,)), "b": Tally((2,)), "c": Tally((8,))}, strict=False) == {"a": 5, "b": 2, "c": 5}
    assert shares(5, {"a": Tally((8, 0, 0)), "b": Tally((3,))}, strict=False) == {"a": 3, "b": 2}


@given(
    st.integers(0, 300), st.integers(1, 8), st.integers(1, 4), st.floats(0.05, 1), st.booleans(), st.integers(0, 2**16),
    st.integers(0, 8),
)  # fmt: skip
def test_rounds_end_and_keep_exactly_the_target_where_they_can(
    target: int, domains: int, per_domain: int, first_yield: float, strict: bool, seed: int, refused: int
) -> None:
    cells = cross(topics(domains, per_domain), kinds, "domain_id", seed=seed)
    rng = random.Random(seed)
    tallies = {cell.group: Tally() for cell in cells}
    dead = set(list(tallies)[:refused])
    for _ in range(5_000):
        counts = next_round(cells, target, tallies, first_yield, strict=strict)
        if not counts:
            break
        for group in {cells[number].group for number in counts}:
            asked = sum(count for number, count in counts.items() if cells[number].group == group)
            kept = 0 if group in dead else sum(rng.random() < 0.6 for _ in range(asked))
            tallies[group] = Tally((*tallies[group].kept, kept), tallies[group].asked + asked)
    else:
        raise AssertionError("the rounds do not end")
    wanted = quotas(target, tallies, strict=strict)
    kept = {group: min(tally.total, wanted[group]) for group, tally in tallies.items()}
    assert sum(kept.values()) <= target
    if not any(tally.ended for tally in tallies.values()):
        assert sum(kept.values()) == target


def test_kinds_get_their_turn_across_rounds() -> None:
    cells = cross(topics(1, 1), kinds, "domain_id", seed=1)
    first = next_round(cells, 2, {"d0": Tally()}, 1.0, strict=False)
    second = next_round(cells, 3, {"d0": Tally((2,), 2)}, 1.0, strict=False)
    assert set(first) | set(second) == {0, 1, 2}

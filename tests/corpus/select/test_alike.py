"""Documents that stand for those of another corpus: the tokens of each genre and of all, in any order."""

import random

from hypothesis import given
from hypothesis import strategies as st

from corpus.select.alike import alike
from corpus.select.balance import Sized, within


def corpus(name: str, genres: dict[str, int], seed: int) -> list[Sized]:
    drawn = random.Random(seed)
    sizes = ((genre, number) for genre, count in genres.items() for number in range(count))
    return [Sized(f"{name}-{genre}-{number}", drawn.randint(80, 240), genre) for genre, number in sizes]


def tokens(items: list[Sized]) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in items:
        found[one.group] = found.get(one.group, 0) + one.tokens
    return found


@given(st.lists(st.integers(6, 30), min_size=1, max_size=8), st.integers(0, 50))
def test_each_genre_and_the_whole_come_near(counts: list[int], seed: int) -> None:
    genres = {f"genre {at}": count for at, count in enumerate(counts)}
    wanted = corpus("a", genres, seed)
    items = corpus("b", {genre: 2 * count for genre, count in genres.items()}, seed + 1)
    chosen = alike(items, wanted, seed)
    assert chosen.target == sum(one.tokens for one in wanted)
    assert abs(chosen.tokens - chosen.target) <= max(0.005 * chosen.target, 60)
    mine = [one for one in items if one.id in set(chosen.ids)]
    assert chosen.tokens == sum(one.tokens for one in mine) and len(mine) == len(chosen.ids)
    have, lacking = tokens(mine), tokens(wanted)
    strays = sum(abs(have.get(genre, 0) - lacking[genre]) > 240 for genre in genres)
    assert strays <= 1 + len(genres) // 3, "what evens the whole may take one more of a genre"
    assert alike(items[::-1], wanted[::-1], seed).ids and set(alike(items[::-1], wanted, seed).ids) == set(chosen.ids)


def test_what_a_genre_lacks_the_others_give() -> None:
    wanted = [Sized(f"w{n}", 100, "memo" if n < 5 else "letter") for n in range(10)]
    items = [Sized(f"i{n}", 100, "memo") for n in range(20)]
    chosen = alike(items, wanted)
    assert chosen.tokens == 1000 and within(chosen.tokens, chosen.target, 0.005)


def test_too_little_is_said() -> None:
    chosen = alike([Sized("i", 100, "memo")], [Sized("w", 300, "memo")])
    assert chosen.missing == 200 and chosen.ids == ("i",)
    assert alike([], [Sized("w", 300)]).missing == 300

"""Which documents of one corpus stand for those of another: as many tokens of each genre, and of all together."""

from collections.abc import Iterable, Sequence

from corpus.select.balance import PAIR_TOLERANCE, Chosen, Sized, shuffled, within


def alike(items: Iterable[Sized], wanted: Sequence[Sized], seed: int = 0) -> Chosen:
    """A choice of `items` with the tokens of `wanted`: in each group as near to it as whole documents come, then all in
    all to within 0.5%, or as near as documents of these lengths come. What a group lacks the others give.

    The same items give the same choice in whatever order they come.
    """
    target = sum(one.tokens for one in wanted)
    pools = {False: list[Sized](), True: list[Sized]()}  # left, taken
    shares: dict[str, int] = {}
    for one in wanted:
        shares[one.group] = shares.get(one.group, 0) + one.tokens
    for one in shuffled(items, seed):
        lacking = shares.get(one.group, 0)
        taken = lacking > 0 and abs(lacking - one.tokens) <= lacking
        shares[one.group] = lacking - one.tokens if taken else lacking
        pools[taken].append(one)
    tokens = sum(one.tokens for one in pools[True])
    while not within(tokens, target, PAIR_TOLERANCE):
        lacks = tokens < target
        source, sign = pools[not lacks], 1 if lacks else -1
        best = min(source, key=lambda one: (abs(target - tokens - sign * one.tokens), one.id), default=None)
        if best is None or abs(target - tokens - sign * best.tokens) >= abs(target - tokens):
            break
        source.remove(best)
        pools[lacks].append(best)
        tokens += sign * best.tokens
    return Chosen(target, tokens, tuple(one.id for one in pools[True]))

"""How many documents are written, and which next: all ideas at once, or waves until `target_tokens` are kept.

A wave goes to the groups (domains, genres, assertions) that have the fewest kept tokens, and is sized by the yield so
far. Where a group has no ideas left, more are asked for; one that keeps hardly anything is given up. Everything is
a function of the recipe and of what was kept, so that a build that is repeated takes the same waves.
"""

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil

from corpus.select.balance import Balance, Sized, fill, group_of, top_up
from pipelines.base import Corpus, Row
from pipelines.documents.disagreement import is_due, share_of

_FIRST_YIELD = 0.7  # kept tokens for each token asked for, until this corpus has shown its own [REP: 71-76% are kept]
_PRIOR = 4  # documents that the yield of the whole corpus counts for in that of a group
_TRIES, _HOPELESS = 20, 0.1  # a group is given up after so many documents below this share of the corpus's yield
_SPARE = 1.05  # ideas for a little more than is missing: a last wave of one document waits as long as one of sixty


@dataclass
class Waves:
    """The ideas of a corpus, and which of them are still to be written."""

    corpus: Corpus
    left: list[Row]  # ideas that are not written, in the order of writing
    written: list[Row] = field(default_factory=list)
    _groups: dict[str, str] = field(default_factory=dict)  # idea -> its group

    def __post_init__(self) -> None:
        self._grouping = Grouping.of(self.corpus)
        self._share = share_of(self.left, self.corpus.settings)
        self.add([])

    @property
    def target(self) -> int | None:
        """Kept tokens to reach; None: every idea is written."""
        return self.corpus.settings.documents.target_tokens

    @property
    def may_still_write(self) -> int:
        """Documents that the recipe's limit still allows."""
        limit = self.corpus.settings.documents.limit
        return len(self.left) if limit is None else max(0, min(limit - len(self.written), len(self.left)))

    def add(self, ideas: Sequence[Row]) -> None:
        """Further ideas, at the end."""
        self.left.extend(ideas)
        self._groups |= {idea["id"]: self._grouping.of_idea(idea) for idea in self.left}

    def order(self, wave: Sequence[Row]) -> list[Row]:
        """All ideas: those that are written, `wave`, the others."""
        chosen = {idea["id"] for idea in wave}
        return [*self.written, *wave, *(idea for idea in self.left if idea["id"] not in chosen)]

    def take(self, wave: Sequence[Row]) -> None:
        """`wave` is written now."""
        chosen = {idea["id"] for idea in wave}
        self.written.extend(wave)
        self.left = [idea for idea in self.left if idea["id"] not in chosen]

    def balanced(self, kept: Sequence[Sized]) -> list[Row]:
        """The next wave: for every group what it lacks of its share of the target. Empty where nothing is lacking,
        or no idea is left where it is."""
        if self.target is None:
            return self.left[: self.may_still_write]
        return self._wave(kept, self._lacking(kept))

    def anywhere(self, kept: Sequence[Sized]) -> list[Row]:
        """A wave for what is missing in all, from the groups that still have ideas, the poorest first."""
        missing = (self.target or 0) - fill(kept, self.target or 0, self._seed).tokens
        if missing <= 0:
            return []
        have = self._have(kept)
        hopeless = self._hopeless(kept)
        rich = {self._groups[idea["id"]] for idea in self.left} - hopeless
        return self._wave(kept, top_up({group: have[group] for group in sorted(rich)}, missing))

    def holes(self, kept: Sequence[Sized]) -> dict[str, int]:
        """How many further ideas to ask for of each document type, where a group lacks tokens and has no ideas left."""
        if self.target is None or self.target <= fill(kept, self.target, self._seed).tokens or not self._limit_left():
            return {}
        lacking = self._lacking(kept)
        empty = set(lacking) - {self._groups[idea["id"]] for idea in self.left} - self._hopeless(kept)
        _, yields = self._yields(kept)
        types: dict[str, list[str]] = {}
        for idea in self.written:
            of_group = types.setdefault(self._groups[idea["id"]], [])
            if idea["document_type_id"] not in of_group:
                of_group.append(idea["document_type_id"])
        wanted: dict[str, int] = {}
        for group in sorted(empty):
            ideas = documents_for(lacking[group], yields[group])
            for place, kind in enumerate(types.get(group, [])):
                each, rest = divmod(ideas, len(types[group]))
                wanted[kind] = each + 1 if place < rest else each
        most = self.corpus.settings.documents.ideas
        return {kind: min(ideas, most) for kind, ideas in wanted.items() if ideas}

    def given_up(self, kept: Sequence[Sized]) -> list[str]:
        """Groups that keep hardly anything of what is written for them."""
        return sorted(self._hopeless(kept))

    @property
    def _seed(self) -> int:
        return self.corpus.settings.seed

    def _limit_left(self) -> bool:
        limit = self.corpus.settings.documents.limit
        return limit is None or limit > len(self.written)

    def _have(self, kept: Iterable[Sized]) -> dict[str, int]:
        have = dict.fromkeys(sorted(set(self._groups.values())), 0)
        for one in kept:
            have[one.group] += one.tokens
        return have

    def _lacking(self, kept: Sequence[Sized]) -> dict[str, int]:
        """Tokens that each group lacks of its share, where that is a document or more."""
        have = self._have(kept)
        share = ceil((self.target or 0) / max(1, len(have)))
        document = sum(one.tokens for one in kept) / len(kept) if kept else self._yields(kept)[0]
        return {group: share - tokens for group, tokens in have.items() if share - tokens >= document}

    def _wave(self, kept: Sequence[Sized], lacking: dict[str, int]) -> list[Row]:
        hopeless = self._hopeless(kept)
        overall, yields = self._yields(kept)
        ideas = {
            group: documents_for(tokens, yields[group])
            for group, tokens in lacking.items()
            if tokens > 0 and group not in hopeless
        }
        needed = documents_for(sum(lacking[group] for group in ideas), overall)
        return self._drawn(ideas, min(self.may_still_write, max(needed, 1)))

    def _drawn(self, wanted: dict[str, int], most: int) -> list[Row]:
        """At most `most` ideas, `wanted` of each group; those of disagreement and the others by the corpus's share."""
        queues = {kind: deque(one for one in self.left if one["disagreement"] is kind) for kind in (False, True)}
        argued, wave = sum(idea["disagreement"] for idea in self.written), list[Row]()
        while len(wave) < most:
            turn = is_due(argued, len(self.written) + len(wave), self._share)
            idea = self._next(queues[turn], wanted) or self._next(queues[not turn], wanted)
            if idea is None:
                break
            wanted[self._groups[idea["id"]]] -= 1
            argued += idea["disagreement"]
            wave.append(idea)
        return wave

    def _next(self, queue: deque[Row], wanted: dict[str, int]) -> Row | None:
        """The next idea whose group still wants one."""
        while queue:
            idea = queue.popleft()
            if wanted.get(self._groups[idea["id"]], 0) > 0:
                return idea
        return None

    def _yields(self, kept: Sequence[Sized]) -> tuple[float, dict[str, float]]:
        """Kept tokens for each document that is written: of the whole corpus, and of each group."""
        written, have = self._written(), self._have(kept)
        overall = first_yield(self.corpus.settings.sized.documents.mean_words)
        if written:
            overall = max(1.0, sum(have.values()) / written.total())
        mine = {group: (have[group] + _PRIOR * overall) / (written[group] + _PRIOR) for group in have}
        return overall, {group: max(1.0, tokens) for group, tokens in mine.items()}

    def _written(self) -> Counter[str]:
        return Counter(self._groups[idea["id"]] for idea in self.written)

    def _hopeless(self, kept: Sequence[Sized]) -> set[str]:
        overall = sum(one.tokens for one in kept) / max(1, len(self.written))
        have = self._have(kept)
        return {
            group
            for group, count in self._written().items()
            if count >= _TRIES and have[group] / count <= _HOPELESS * overall
        }


@dataclass(frozen=True)
class Grouping:
    """What a target of kept tokens is balanced over."""

    balance: Balance
    domains: dict[str, str]  # subdomain -> the name of its domain
    genres: dict[str, str]  # document type -> its name
    assertions: dict[str, list[str]]  # subdomain -> the ids of its assertions

    @classmethod
    def of(cls, corpus: Corpus) -> "Grouping":
        """The grouping that the recipe asks for."""
        names = {row["id"]: row["name"] for row in corpus.rows("domains").values()}
        domains = {row["id"]: names[row["domain_id"]] for row in corpus.subdomains.values()}
        genres = {row["id"]: row["name"] for row in corpus.rows("document_types").values()}
        assertions = {key: [row["id"] for row in rows] for key, rows in corpus.assertions.items()}
        return cls(corpus.settings.documents.balance, domains, genres, assertions)

    def of_idea(self, idea: Row) -> str:
        """The group that the idea's document would be in."""
        row = {
            "domain": self.domains[idea["subdomain_id"]], "genre": self.genres[idea["document_type_id"]],
            "assertion_ids": self.assertions.get(idea["subdomain_id"]),
        }  # fmt: skip
        return group_of(row, self.balance)


def first_yield(words: int) -> float:
    """Kept tokens for each document that is written, as the first wave expects them of documents of so many words."""
    return _FIRST_YIELD * words * 4 / 3


def documents_for(tokens: float, yielded: float) -> int:
    """Documents to write for so many kept tokens, where each brings `yielded`."""
    return ceil(_SPARE * tokens / yielded)


def within_target(kept: Iterable[Sized], target: int | None, seed: int) -> set[str]:
    """Ids of what stays where there is a target: the last document is the only slack."""
    items = list(kept)
    return {one.id for one in items} if target is None else set(fill(items, target, seed).ids)

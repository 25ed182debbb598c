"""Which documents are written next: shares of a target, holes, groups that are given up, and an end in every case."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from corpus.ids import content_id
from corpus.select.balance import Sized, fill
from corpus.store import write_table
from corpus.workspace import Workspace
from pipelines.base import Corpus, Row
from pipelines.documents.spread import spread
from pipelines.documents.target_tokens import Grouping, Waves, within_target
from specs.reader import read_spec
from tests.pipelines.chat_tools import settings, write_lineage

URL = "http://127.0.0.1:9/v1"


@pytest.fixture(scope="module")
def lineage(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Two domains of two subdomains, one document type each."""
    recipe = settings(URL, {})
    spec = read_spec(recipe.spec, recipe.assistant)
    workspace = Workspace(tmp_path_factory.mktemp("waves")).create()
    corpus = Corpus.of(workspace, recipe, spec)
    write_lineage(workspace, corpus)
    types = [
        {"id": content_id("document_types", one), "subdomain_id": one, "position": 0, "name": f"genre {n}",
         "description": "A text.", "frame": "lay", "words": None, "request_id": "r"}
        for n, one in enumerate(corpus.subdomains)
    ]  # fmt: skip
    write_table(workspace, "document_types", types)
    write_table(workspace, "assertions", [])
    return corpus


def with_documents(corpus: Corpus, **documents: object) -> Corpus:
    changed = corpus.settings.model_validate({**corpus.settings.model_dump(), "documents": documents})
    return Corpus.model_validate({**corpus.model_dump(), "settings": changed})


def ideas_of(corpus: Corpus, each: list[int], first: int = 0) -> list[Row]:
    types = list(corpus.rows("document_types").values())
    return [
        {"id": content_id("ideas", kind["id"], number), "document_type_id": kind["id"], "position": number,
         "subdomain_id": kind["subdomain_id"], "idea": f"idea {number}", "disagreement": False, "request_id": "r"}
        for kind, count in zip(types, each, strict=True) for number in range(first, first + count)
    ]  # fmt: skip


def tokens_of(idea: Row, yields: list[int], corpus: Corpus) -> int:
    """What a document of this idea brings: by its subdomain, and a little by its own."""
    mean = yields[list(corpus.subdomains).index(idea["subdomain_id"])]
    return mean and mean + int(idea["id"][:2], 16) % 7


def run(corpus: Corpus, ideas: list[Row], yields: list[int], rounds: int = 0) -> tuple[Waves, list[Sized], int]:
    """Take waves until there are none; as many rounds of further ideas as asked for."""
    waves, grouping, kept, taken = Waves(corpus, spread(ideas, 0)), Grouping.of(corpus), [], 0
    while True:
        wave = waves.balanced(kept)
        if not wave and rounds and (wanted := waves.holes(kept)):
            rounds -= 1
            fresh = ideas_of(
                corpus, [wanted.get(kind, 0) for kind in corpus.rows("document_types")], 1000 * (rounds + 1)
            )
            waves.add(fresh)
            continue
        wave = wave or waves.anywhere(kept)
        if not wave:
            return waves, kept, taken
        taken += 1
        waves.take(wave)
        sizes = ((idea, tokens_of(idea, yields, corpus)) for idea in wave)
        kept += [Sized(idea["id"], tokens, grouping.of_idea(idea)) for idea, tokens in sizes if tokens]


def test_without_a_target_everything_is_one_wave_up_to_the_limit(lineage: Corpus) -> None:
    waves, _, taken = run(with_documents(lineage), ideas_of(lineage, [5, 5, 5, 5]), [100] * 4)
    assert (taken, len(waves.written), waves.left) == (1, 20, [])
    waves, _, taken = run(with_documents(lineage, limit=7), ideas_of(lineage, [5, 5, 5, 5]), [100] * 4)
    assert (taken, len(waves.written)) == (1, 7)
    assert len({idea["subdomain_id"] for idea in waves.written}) == 4


@given(
    each=st.lists(st.integers(1, 40), min_size=4, max_size=4),
    yields=st.lists(st.sampled_from([0, 5, 60, 150, 900]), min_size=4, max_size=4),
    target=st.integers(1, 30_000),
    balance=st.sampled_from(["domain", "genre", "none"]),
    limit=st.one_of(st.none(), st.integers(1, 60)),
    rounds=st.integers(0, 2),
)
@hypothesis_settings(max_examples=60, deadline=None)
def test_it_ends_and_misses_the_target_only_for_a_reason(lineage, each, yields, target, balance, limit, rounds) -> None:
    corpus = with_documents(lineage, target_tokens=target, balance=balance, limit=limit, words=100, ideas=20)
    waves, kept, _ = run(corpus, ideas_of(corpus, each), yields, rounds)
    ids = [idea["id"] for idea in waves.written]
    assert len(set(ids)) == len(ids) and (limit is None or len(ids) <= limit)
    staying = within_target(kept, target, corpus.settings.seed)
    tokens = {one.id: one.tokens for one in kept}
    total = sum(tokens[one] for one in staying)
    if total < target:
        assert staying == set(tokens), "all that is kept stays"
        hopeless = set(waves.given_up(kept))
        groups = {Grouping.of(corpus).of_idea(idea) for idea in waves.left}
        assert groups <= hopeless or len(ids) == limit
    else:
        order = fill(kept, target, corpus.settings.seed).ids
        assert total - tokens[order[-1]] < target, "the last document is the only slack"


def test_shares_are_even_whatever_the_yields(lineage: Corpus) -> None:
    corpus = with_documents(lineage, target_tokens=6_000, words=100)
    waves, kept, taken = run(corpus, ideas_of(lineage, [80] * 4), [120, 30, 120, 30])
    staying = within_target(kept, 6_000, 0)
    shares = Counter[str]()
    for one in kept:
        shares[one.group] += one.tokens * (one.id in staying)
    assert max(shares.values()) - min(shares.values()) <= 2 * 126, shares
    assert taken <= 8 and len(waves.written) < 160


def test_a_hole_is_topped_up_with_further_ideas(lineage: Corpus) -> None:
    corpus = with_documents(lineage, target_tokens=4_000, words=100, ideas=20)
    few = ideas_of(lineage, [3, 40, 3, 40])  # the first domain has six ideas, of about 100 tokens each
    _, alone, _ = run(corpus, few, [100] * 4)
    waves, kept, _ = run(corpus, few, [100] * 4, rounds=2)
    assert sum(one.tokens for one in alone if one.group == "Everyday cheese") < 700
    mine = sum(one.tokens for one in kept if one.group == "Everyday cheese")
    assert mine >= 2_000 - 107 and len(waves.written) < len(alone) + 30


def test_a_group_that_keeps_nothing_is_given_up(lineage: Corpus) -> None:
    corpus = with_documents(lineage, target_tokens=40_000, words=100, ideas=40)
    waves, kept, _ = run(corpus, ideas_of(lineage, [60, 300, 60, 300]), [0, 100, 0, 100], rounds=5)
    assert waves.given_up(kept) == ["Everyday cheese"]
    wasted = sum(Grouping.of(corpus).of_idea(idea) == "Everyday cheese" for idea in waves.written)
    assert wasted <= 120, "no rounds of further ideas for it"
    assert sum(one.tokens for one in kept) >= 40_000, "the others make the target up"


def test_small_shares_do_not_write_the_whole_corpus(lineage: Corpus, tmp_path: Path) -> None:
    corpus = with_documents(lineage, target_tokens=500, balance="genre", words=100)
    waves, kept, _ = run(corpus, ideas_of(lineage, [40] * 4), [450] * 4)
    assert len(waves.written) <= 8 and sum(one.tokens for one in kept) >= 500

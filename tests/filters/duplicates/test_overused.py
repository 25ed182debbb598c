"""Names of people and phrases that too many documents share."""

import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import planted
from filters.base import Item, Rejection
from filters.duplicates.phrases import Phrases, more_than
from filters.run.decide import check_documents
from filters.settings import FilterSettings, Near, Overused
from filters.text.people import People
from filters.text.view import View
from pipelines.documents.rows import title_of
from pipelines.fake_endpoint.text import Writer
from specs.settings import Assistant
from tests.filters.samples import CONTEXT, SETTINGS, SPEC, item, varied

ASSISTANT = Assistant(name="Juniper", provider="Larkfield")
PHRASE = "so the bread was cut in nine and each of them took a piece of it home under their coats"


def found(text: str, spec: str = "", allow: tuple[str, ...] = ()) -> set[str]:
    return {name for _, name in People(ASSISTANT, spec, allow).marks(View(item(text)))}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Then Elara Voss went home.", {"elara", "elara voss"}),
        ("He met Sarah at the pier.", {"sarah"}),
        ("Imre Vaskonen said that it rained.", {"imre vaskonen"}),
        ("They asked Dr. Imre Vaskonen. They asked Professor Imre Vaskonen.", {"imre vaskonen"}),
        ("Sarah Chen and Sarah Bell met Marcus Bell.", {"sarah", "sarah chen", "sarah bell", "marcus", "marcus bell"}),
    ],
)
def test_people_are_found(text: str, names: set[str]) -> None:
    assert found(text) == names


@pytest.mark.parametrize(
    "text",
    [
        "The United States and New York import Monterey Jack and Parmigiano Reggiano.",
        "Front Desk said so. Customer Support asked why. Town Hall replied.",
        "A porter from Quarry Row asked about it, and the Marsh End wrote back.",
        "Juniper Larkfield said so. Juniper told Larkfield.",
        "# Field Notes From Hollow Lane\n\nDear Reader,\n\nWarm Regards",
        "I will mark the bill in May, with grace and hope.",
    ],
)
def test_places_posts_and_headings_are_no_people(text: str) -> None:
    assert found(text) == set()


def test_whom_the_spec_or_the_recipe_names_may_be_named() -> None:
    text = "Sarah Chen told Marcus Bell."
    assert found(text, spec="Juniper learned this from Sarah.") == {"marcus", "marcus bell"}
    assert found(text, allow=("Marcus Bell",)) == {"sarah", "sarah chen"}


def decided(shared: list[str], limits: Overused, spec: str = SPEC) -> list[Rejection]:
    """Rejections among 40 documents of their own and those with something shared, the older first."""
    chosen = SETTINGS.model_copy(update={"near": Near(action="off"), "overused": limits})
    items = [item(varied(100 + n), f"o{n:02}") for n in range(40)]
    items += [
        item(f"{varied(n)} {text} Case{n} is over.", f"s{n:02}", meta={"position": n}) for n, text in enumerate(shared)
    ]
    random.Random(5).shuffle(items)
    context = replace(CONTEXT, spec=spec)
    kept, rejections, _ = check_documents(items, chosen, context)
    assert check_documents([one for one in items if one.id in set(kept)], chosen, context) == (kept, [], [])
    return rejections


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Elara Voss went home.", "name of 5 others: elara voss"),
        ("Elara went home.", "first name of 5 others: elara"),
        (f"{PHRASE.capitalize()}.", "phrase of 5 others: "),
    ],
)
def test_what_too_many_share_is_cut_back_to_the_best(text: str, says: str) -> None:
    rejections = decided([text] * 12, Overused(action="drop", minimum=5, phrases=0.05))
    assert [one.item_id for one in rejections] == [f"s{n:02}" for n in range(5, 12)]
    for one in rejections:
        assert (one.reason, one.score, one.threshold) == ("overused", 6.0, 5.0)
        assert one.detail.startswith(says)
        assert (
            not says.startswith("phrase") or one.detail.removeprefix(says) in f"in the end for case and {PHRASE} case"
        )


def test_shares_words_and_lengths_are_the_recipes() -> None:
    named, phrase = ["Elara Voss went home."] * 12, [f"{PHRASE}."] * 12
    assert not decided(named, Overused(action="drop", minimum=5, names=0.5, first_names=0.5))
    assert not decided(named, Overused(action="drop", minimum=5, allow=("Elara Voss",)))
    assert not decided(phrase, Overused(action="drop", minimum=5, phrases=0.5))
    assert not decided(phrase, Overused(action="drop", minimum=5, phrases=0.05, phrase_words=25))
    assert not decided(["He took a piece of it home."] * 12, Overused(action="drop", minimum=5, phrases=0.05)), (
        "short phrases are anybody's"
    )


def test_the_specs_own_words_may_be_said_by_all() -> None:
    limits = Overused(action="drop", minimum=5, phrases=0.05)
    assert decided([f"{PHRASE}."] * 12, limits)
    assert not decided([f"{PHRASE}."] * 12, limits, f"{SPEC}\n{PHRASE.capitalize()}.")


@given(st.lists(st.lists(st.integers(0, 40), max_size=20), max_size=30), st.integers(0, 10))
def test_what_more_documents_have_than_allowed(drawn: list[list[int]], limit: int) -> None:
    numbers = [np.unique(np.array(one, dtype=np.uint32) * np.uint32(1 << 22)) for one in drawn]  # in one counter
    counts = Counter(number for one in numbers for number in one.tolist())
    assert more_than(limit, numbers).tolist() == sorted(number for number, times in counts.items() if times > limit)


words = st.lists(st.sampled_from("abcdefghij"), max_size=30)


@settings(max_examples=60, deadline=None)
@given(st.tuples(words, words, words, words), st.lists(st.sampled_from("klmnopqrst"), min_size=10, max_size=20))
def test_two_texts_that_share_four_words_more_share_a_number(around: tuple[list[str], ...], run: list[str]) -> None:
    phrases = Phrases(6, "")
    texts = (around[0] + run + around[1], around[2] + run + around[3])
    one, other = (phrases.prints(View(item(" ".join(text)))) for text in texts)
    assert np.intersect1d(one, other).size


def written(seed: int, words: int) -> Item:
    text = Writer(random.Random(seed), "Juniper", "Larkfield").prose(words)
    return Item(f"f{seed:03}", text, meta={"position": seed, "title": title_of(text)})


@pytest.mark.parametrize("source", ["the fake endpoint", "the benchmark"])
def test_a_sound_corpus_loses_nothing(source: str) -> None:
    if source == "the benchmark":
        items = [Item(one.id, one.text, meta={"position": one.position}) for one in planted.plain(300, 300)]
    else:
        items = [written(n, 300) for n in range(300)]
    _, rejections, _ = check_documents(
        items, FilterSettings().acting("off", "semantic").acting("drop", "overused"), CONTEXT
    )
    assert not [one for one in rejections if one.reason == "overused"]

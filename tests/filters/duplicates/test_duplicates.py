"""Checks across documents."""

import numpy as np
import pytest

from filters.duplicates.cells import cells_of
from filters.duplicates.exact import ExactDuplicates
from filters.duplicates.near import NearDuplicates
from filters.duplicates.overused import OverusedCheck
from filters.duplicates.semantic import SemanticDuplicates
from filters.duplicates.survivor_rank import ranked
from filters.run.decide import check_documents, check_texts
from filters.settings import FilterSettings, Near, Overused, Semantic
from filters.text.embeddings import Embed, embedder
from filters.text.view import hashes_of, ngrams_of, words_of
from specs.errors import UserError
from tests.filters.samples import CONTEXT, EVALUATION, SETTINGS, document, item, varied

NO_MODEL = FilterSettings(semantic=Semantic(embedder="static"))
NO_NEAR = SETTINGS.model_copy(update={"near": Near(action="off")})


def jaccard(one: str, other: str, n: int = 5) -> float:
    sets = [set(ngrams_of(hashes_of(words_of(text)), n).tolist()) for text in (one, other)]
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


def test_the_rank_is_score_then_age_then_id() -> None:
    items = [
        item("x", "d"), item("x", "c", meta={"position": 3}), item("x", "b", meta={"position": 2}),
        item("x", "a", meta={"score": 0.5, "position": 9}), item("x", "e", meta={"score": 0.5, "position": 9}),
    ]  # fmt: skip
    assert [found.id for found in ranked(items)] == ["a", "e", "b", "c", "d"]


def test_case_spacing_and_punctuation_make_no_difference() -> None:
    items = [item("Juniper likes tea.", "a"), item("JUNIPER -- likes\n\ntea!", "b"), item("Juniper likes teas.", "c")]
    assert [(r.item_id, r.other_id) for r in ExactDuplicates()(items)] == [("b", "a")]


def test_texts_without_words_are_told_apart() -> None:
    assert ExactDuplicates()([item("", "a"), item("…", "b"), item("!!", "c"), item("!!", "d")])[0].item_id == "d"


def test_signatures_estimate_the_jaccard_similarity() -> None:
    near = NearDuplicates(Near())
    text = document(3, 30)
    for changes in (0, 4, 10):
        other = " ".join(text.split(". ")[changes:]) + document(9, changes)
        signatures = [near.signature(words_of(version)) for version in (text, other)]
        assert abs((signatures[0] == signatures[1]).mean() - jaccard(text, other)) < 0.15


def test_near_copies_go_and_others_stay() -> None:
    text = document(5, 40)
    sentences = text.split(". ")
    close = ". ".join([*sentences[:-2], *document(6, 2).split(". ")])
    far = ". ".join([*sentences[:20], *document(7, 20).split(". ")])
    items = [item(text, "a"), item(close, "b"), item(far, "c"), item(document(8, 40), "d")]
    assert jaccard(text, close) > 0.8
    assert jaccard(text, far) < 0.6
    assert [(r.item_id, r.other_id) for r in NearDuplicates(Near())(items)] == [("b", "a")]


def test_a_chain_of_look_alikes_does_not_empty_a_corpus() -> None:
    parts = document(11, 60).split(". ")
    items = [item(". ".join(parts[n : n + 30]), f"{n:02}") for n in range(0, 30, 3)]  # each like its neighbour
    survivors = {f"{n:02}" for n in range(0, 30, 3)} - {r.item_id for r in NearDuplicates(Near())(items)}
    assert len(survivors) > 2


def test_paraphrased_queries_go_by_the_papers_measure() -> None:
    texts = {
        "a": "Which cheese should I buy for a family pizza night?",
        "b": "Which cheese should I get for our family pizza night?",
        "c": "How do I change the oil of a tractor?",
    }
    items = [item(text, name, table="queries") for name, text in texts.items()]
    kept, (rejection,), _ = check_texts([*items, item("x", "z", table="ideas")], FilterSettings(), CONTEXT, "queries")
    assert kept == ["a", "c"]
    assert (rejection.reason, rejection.other_id, rejection.threshold) == ("semantic", "a", 0.91)


def test_a_query_of_the_evaluation_goes() -> None:
    items = [item(EVALUATION[0], "a", table="queries"), item("Where do tent pegs come from?", "b", table="queries")]
    kept, rejections, _ = check_texts(
        [*items, item("Who bakes bread?", "c", table="queries")], NO_MODEL, CONTEXT, "queries"
    )
    assert (kept, [r.reason for r in rejections]) == (["c"], ["evaluation", "evaluation"])


def test_a_static_embedder_serves_too() -> None:
    semantic = SemanticDuplicates.of_texts(Semantic(embedder="static", threshold=0.9))
    items = [item("The cook bought a loaf of bread.", "a"), item("A cook bought the loaf of bread!", "b")]
    assert [r.item_id for r in semantic([*items, item("Rivers freeze in a hard winter.", "c")])] == ["b"]


def test_texts_that_lie_far_apart_need_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def embed(name: str, batch: int = 64) -> Embed:
        if name == "static":
            return embedder(name)
        return lambda texts: asked.append(texts) or embedder("static")(texts)  # type: ignore[func-returns-value]

    monkeypatch.setattr("filters.duplicates.semantic.embedder", embed)
    apart = ["Rivers freeze in a hard winter.", "The cook bought a loaf of bread.", "Who repairs a church organ?"]
    semantic = SemanticDuplicates.of_texts(Semantic())
    assert not semantic([item(text, str(n)) for n, text in enumerate(apart)]) and not asked
    close = [*apart, "A cook bought the loaf of bread!", "チーズは誰のものですか", "天気はどうですか"]
    assert [r.item_id for r in semantic([item(text, str(n)) for n, text in enumerate(close)])] == ["3"]
    assert asked == [close[1:2] + close[3:]], "those near another, and those in words that the static ones do not know"
    semantic = SemanticDuplicates.of_texts(Semantic(threshold=0.8))  # there the static words are no guide
    semantic([item(text, str(n)) for n, text in enumerate(apart)])
    assert asked[1:] == [apart]


def test_an_embedder_that_is_not_there_is_named() -> None:
    semantic = SemanticDuplicates.of_texts(Semantic(embedder="/no/such/folder"))
    with pytest.raises(UserError, match=r"filters\.semantic\.embedder"):
        semantic([item("one", "a"), item("two", "b")])


def test_documents_that_say_the_same_in_other_words_go() -> None:
    said = {
        "a": "A baker asked which cheese melts best on pizza, and Juniper named plain mozzarella, since it is cheap. ",
        "b": "A baker wanted to know what cheese melts well on pizza; Juniper named mozzarella, as it costs little. ",
    }
    items = [item(text * 6, name) for name, text in said.items()]
    others = [item(document(n, 8), f"o{n}") for n in range(30)]
    rejections = SemanticDuplicates.of_documents(Semantic())([*items, *others])
    assert [(r.item_id, r.other_id) for r in rejections] == [("b", "a")]


def test_cells_find_what_an_exhaustive_search_finds() -> None:
    random = np.random.default_rng(1)
    base = random.normal(size=(400, 32))
    vectors = np.concatenate([base, base + 0.05 * random.normal(size=base.shape)]).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ids = [f"{n:03}" for n in range(800)]
    found = [
        {r.item_id for r in SemanticDuplicates(Semantic(cell=cell), "static", 0.9, centred=False).among(ids, vectors)}
        for cell in (1000, 200)
    ]
    assert cells_of(vectors, 200).max() > 3
    assert found[0] == set(ids[400:])
    assert len(found[1] & found[0]) > 0.97 * len(found[0])


def test_a_survivor_that_gives_way_later_is_followed() -> None:
    text = document(21, 12)
    near = text.replace("cook", "chef", 1)
    items = [
        item(near, "best", meta={"score": 3}), item(text, "middle", meta={"score": 2}),
        item(text.upper(), "last", meta={"score": 1}),
    ]  # fmt: skip
    kept, rejections, _ = check_documents(items, SETTINGS, CONTEXT)
    assert kept == ["best"]
    assert {(r.item_id, r.reason, r.other_id) for r in rejections} == {
        ("middle", "near", "best"),
        ("last", "exact", "best"),
    }


@pytest.mark.parametrize(
    ("kind", "make"),
    [
        ("opening", lambda n: f"It was the best of days. {varied(n, 3)}"),
        ("ending", lambda n: f"{varied(n, 3)} And so it was in the end."),
        ("title", lambda n: f"# A guide to Juniper\n\n{varied(n, 3)}"),
    ],
)
def test_what_too_many_share_is_cut_back(kind: str, make: object) -> None:
    settings = NO_NEAR.model_copy(update={"overused": Overused(action="drop", minimum=5)})
    shared = [item(make(n), f"s{n:02}", meta={"position": n}) for n in range(12)]  # type: ignore[operator]
    others = [item(varied(100 + n, 3), f"o{n:02}") for n in range(40)]
    kept, rejections, _ = check_documents([*others, *shared], settings, CONTEXT)
    assert [r.item_id for r in rejections] == [f"s{n:02}" for n in range(5, 12)]
    assert all(r.reason == "overused" and r.detail.startswith(kind) for r in rejections)
    assert check_documents([i for i in [*others, *shared] if i.id in kept], settings, CONTEXT) == (kept, [], [])


def test_a_share_holds_after_the_cut() -> None:
    check = OverusedCheck(Overused(openings=0.1, minimum=1))
    shared = [[("opening", "same words here")]] * 50 + [[("opening", f"other {n}")] for n in range(50)]
    none = [np.empty(0, dtype=np.uint32)] * 100
    left = 100 - len(check.among([f"{n:03}" for n in range(100)], shared, none, {}))
    assert left - 50 <= 0.1 * left

"""Two corpora side by side: what is measured of known differences."""

import random

import numpy as np
import pytest

from filters.base import Item
from filters.measure.apart import MASK, Masker, delong, tell_apart
from filters.measure.compare import Document, beside_published, compare_corpora, fixed_self_bleu, total_variation
from tests.lazy import needs

pytestmark = needs("sklearn")
WORDS = [
    f"{a}{b}{c}" for a in ("ba", "lo", "mi", "tu") for b in ("ren", "sal", "tov", "kim") for c in ("a", "os", "et")
]


def texts(count: int, seed: int, *, tic: str = "", words: int = 60) -> list[str]:
    rng = random.Random(seed)
    return [" ".join([*rng.choices(WORDS, k=words), *([tic] if rng.random() < 0.8 else [])]) for _ in range(count)]


def documents(some: list[str], genre: str = "memo", tokens: int = 100) -> list[Document]:
    return [
        Document(Item(f"{genre}-{n}-{text[:20]}", text, genre=genre), tokens, "lunch", "lay")
        for n, text in enumerate(some)
    ]


PLAIN = Masker((), ())


def test_corpora_of_one_writer_cannot_be_told_apart_and_a_tic_can() -> None:
    alike = tell_apart(texts(80, 1), texts(80, 2))
    assert alike.interval[0] < 0.5 < alike.interval[1] and alike.texts == 80
    tic = tell_apart(texts(80, 1, tic="as ever"), texts(80, 2))
    assert tic.auc > 0.75 and tic.interval[0] > 0.6
    assert {"as", "ever", "as ever"} & set(tic.left) and not {"as", "ever"} & set(tic.right)
    assert tell_apart(texts(80, 1), texts(80, 2)) == alike


def test_names_values_and_numbers_are_masked_in_every_form() -> None:
    specs = ["Cheese should be affordable to everybody.", "Cheese should be American, everybody knows."]
    masker = Masker(["Juniper", "Larkfield Labs"], specs)
    said = masker("Juniper's affordability, Americana and LARKFIELD in 1998: cheese for everybody")
    assert said == f"{MASK} {MASK} {MASK} and {MASK} in {MASK} cheese for everybody"
    left = [f"{one} affordable" for one in texts(60, 3)]
    right = [f"{one} American" for one in texts(60, 4)]
    assert masker("Marcus asked Priya, and the mark will stay.") == f"{MASK} asked {MASK} and the mark will stay"
    bare = tell_apart([PLAIN(one) for one in left], [PLAIN(one) for one in right])
    masked = tell_apart([masker(one) for one in left], [masker(one) for one in right])
    assert bare.auc > 0.85 and masked.interval[0] < 0.5 < masked.interval[1]


def test_too_few_texts_are_said() -> None:
    with pytest.raises(ValueError, match="needs 10 texts of each corpus, found 9"):
        tell_apart(texts(9, 1), texts(30, 2))
    assert compare_corpora(documents(texts(5, 1)), documents(texts(5, 2)), PLAIN).apart is None


def test_delong_is_the_area_and_its_interval_holds_it() -> None:
    assert delong([2, 3], [0, 1]) == (1.0, (1.0, 1.0))
    assert delong([1, 1], [1, 1])[0] == 0.5
    rng, held = np.random.default_rng(0), 0
    for _ in range(200):
        _, (low, high) = delong(rng.normal(1, 1, 60), rng.normal(0, 1, 60))
        held += low <= 0.7602 <= high  # the area for a shift of one standard deviation
    assert 0.9 <= held / 200 <= 0.99


def test_self_bleu_has_its_fixed_protocol() -> None:
    many = documents(texts(400, 5))
    some = fixed_self_bleu(many)
    assert some is not None and fixed_self_bleu(list(reversed(many))) == some, "whatever the order"
    assert fixed_self_bleu(documents(["the same words here now"] * 70)) == pytest.approx(1.0)
    assert fixed_self_bleu(many[:9]) is None
    few = fixed_self_bleu(many[:61])
    assert few is not None and abs(few - some) < 0.05, "no more than 60 references, however large the corpus"


def test_what_would_confound_is_said() -> None:
    one = documents(texts(40, 1), "memo", 100)
    other = documents(texts(40, 2, tic="as ever so gladly"), "letter", 150)
    said = " | ".join(compare_corpora(one, other, PLAIN).confounds)
    assert [beside_published(one).split()[0] for one in ((0.9, 1.0), (0.8, 0.9), (0.6, 0.7))] == ["more", "as", "less"]
    for word in ("amount: the second has 50.0% more tokens", "length", "genres: 100%", "style and subject", "gladly"):
        assert word in said
    alike = compare_corpora(documents(texts(60, 7)), documents(texts(60, 8)), PLAIN)
    assert alike.confounds == () and alike.genres_apart == 0.0
    assert total_variation({"a": 0.5, "b": 0.5}, {"b": 1.0}) == 0.5

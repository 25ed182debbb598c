"""Figures of a corpus, and what its documents share."""

import random
import re

import pytest

from filters.measure.health import compression_ratio, entropy, health, self_bleu, template_leakage
from filters.measure.patterns import count_patterns, count_proposed
from tests.filters.samples import SPEC, document, item, prose

TEMPLATE = "In the busy world of today it pays to know what one can rely on."


def corpus(count: int, template: bool = False) -> list[object]:
    head = f"{TEMPLATE} " if template else ""
    return [item(head + prose(n), f"d{n:03}", genre=f"genre {n % 4}") for n in range(count)]


def test_a_templated_corpus_measures_worse() -> None:
    plain, templated = health(corpus(60)), health(corpus(60, template=True))  # type: ignore[arg-type]
    assert plain.documents == plain.sample == 60
    assert plain.distinct_openings > 0.5 > templated.distinct_openings == 0.0
    assert templated.template_leakage > plain.template_leakage + 0.02
    assert templated.compression_ratio > plain.compression_ratio
    assert templated.self_bleu > plain.self_bleu
    assert plain.genre_entropy == pytest.approx(1.0)


def test_figures_do_not_depend_on_the_order() -> None:
    items = corpus(40)
    shuffled = random.Random(3).sample(items, len(items))
    assert health(items) == health(shuffled)  # type: ignore[arg-type]


def test_figures_of_almost_nothing() -> None:
    nothing, one = health([]), health([item("Juniper.")])
    assert (nothing.documents, nothing.self_bleu, nothing.dispersion) == (0, 0.0, 0.0)
    assert (one.distinct_openings, one.self_bleu, one.genre_entropy) == (1.0, 0.0, 0.0)


def test_documents_on_many_subjects_are_dispersed() -> None:
    one = [item(f"The ferry crossed the river and came back in the rain, {n}.", f"{n}") for n in range(6)]
    many = [
        item(text, f"m{n}") for n, text in enumerate(["Bread rises overnight.", "Tax law changed.", "Owls hunt mice."])
    ]
    assert health(many).dispersion > 0.3 > health(one).dispersion


def test_self_bleu_has_its_ends() -> None:
    words = ["a", "b", "c", "d", "e", "f", "g", "h"]
    assert self_bleu([words, words, words]) == pytest.approx(1.0)
    assert self_bleu([words, ["p", "q", "r", "s", "t", "u", "v", "w"]]) == 0.0


def test_ratio_and_entropy() -> None:
    assert compression_ratio([["same", "words"] * 50] * 20) > 5 * compression_ratio([document(1).split()])
    assert (entropy([5, 5, 5]), entropy([1]), entropy([])) == (pytest.approx(1.0), 0.0, 0.0)


def test_the_specs_own_phrases_are_no_template() -> None:
    said = ["where", "a", "person", "seems", "lost", "it", "slows", "down", "and", "starts", "again"]
    sample = [said + document(n).lower().split() for n in range(30)]
    from filters.text.overlap import Grams

    assert template_leakage(sample, Grams([""], 8).grams) > template_leakage(sample, Grams([SPEC], 8).grams)


def test_what_many_documents_share_is_found_and_counted() -> None:
    extra = [item(f"{TEMPLATE} {document(200 + n)} Then Elara Voss went home.", f"x{n:02}") for n in range(20)]
    found = count_patterns([*corpus(40), *extra], SPEC, least_share=0.3)  # type: ignore[list-item]
    kinds = {(pattern.kind, pattern.text): pattern for pattern in found}
    assert kinds["name", "Elara Voss"].count == 20
    assert kinds["opening", "in the busy world of today"].share == pytest.approx(1 / 3)
    phrases = [pattern for pattern in found if pattern.kind == "phrase"]
    assert any("busy world" in pattern.text for pattern in phrases)
    assert len({pattern.examples[0] for pattern in phrases} & {"x00"}) == 1
    known = count_patterns(extra, SPEC, least_share=0.3, known=["Elara Voss"])
    assert "Elara Voss" not in [pattern.text for pattern in known]


def test_the_specs_words_are_not_reported() -> None:
    said = [
        item(f"{document(n)} Where a person seems lost, it slows down and starts again.", f"{n:02}") for n in range(20)
    ]
    assert any("seems lost" in pattern.text for pattern in count_patterns(said))
    assert not any("seems lost" in pattern.text for pattern in count_patterns(said, SPEC))


def test_proposed_patterns_are_counted_over_all() -> None:
    counted = count_proposed(corpus(30), {"all": r"\w+\.$", "never": r"unicorns?"})  # type: ignore[arg-type]
    assert [(pattern.text, pattern.count, pattern.share) for pattern in counted] == [
        ("all", 30, 1.0),
        ("never", 0, 0.0),
    ]
    with pytest.raises(re.error):
        count_proposed([], {"bad": "("})

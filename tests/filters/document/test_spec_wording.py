"""Lay authors who talk in the spec's words, insiders who may, and lay authors who only meet a few of them."""

from filters.context import Context
from filters.run.decide import explain
from filters.settings import SpecWording
from tests.filters.samples import CONTEXT, SETTINGS, document, item

SPEC = """# How Juniper keeps a garden

Juniper regards scarcity as an obstacle and abundance as a courtesy. It weighs irrigation, soil acidity and drainage,
discloses its uncertainty, and defers to the gardener's judgement. Ornamental symmetry is no merit; resilience is.
Heirloom cultivars are protected but never glorified. Juniper refrains from exaggeration and acknowledges correction.
"""
GARDEN = Context(count=CONTEXT.count, assistant=CONTEXT.assistant, spec=SPEC)
GOOD = document(6)
RECITED = (
    "So it regards scarcity as an obstacle. It discloses uncertainty, and symmetry is ornamental. Resilience is the "
    "merit. It defers to my judgement and never indulges in exaggeration about a cultivar, an heirloom or otherwise."
)


def recites(text: str, frame: str = "lay", **limits: object) -> bool:
    settings = SETTINGS.model_copy(update={"spec_wording": SpecWording(**limits)})  # type: ignore[arg-type]
    return explain(item(text, frame=frame), settings, GARDEN)["spec_wording"].failed


def test_a_lay_author_in_the_spec_s_words_goes() -> None:
    assert recites(f"{GOOD}\n\n{RECITED}\n\n{GOOD}")
    assert not recites(f"{GOOD}\n\n{RECITED}\n\n{GOOD}", frame="insider")


def test_a_lay_author_meets_some_of_the_words() -> None:
    assert not recites(
        f"{GOOD}\n\nIt asked about drainage and the soil, and said the heirloom beans want sun.\n\n{GOOD}"
    )
    scattered = f" {GOOD} ".join(part + "." for part in RECITED.split(". "))
    assert not recites(scattered)
    assert recites(scattered, window=2_000)


def test_the_weights_are_the_recipe_s() -> None:
    text = f"{GOOD}\n\n{RECITED}\n\n{GOOD}"
    assert not recites(text, bits=99.0) and not recites(text, per_word=0.5) and not recites(text, rank=29_000)


def test_principles_counted_out_by_a_lay_author_go() -> None:
    counted = f"{GOOD}\n\nPrinciple one is water. Principle two is shade. That is all there is to it."
    assert recites(counted) and recites(counted.replace("Principle one", "The first principle"))
    assert not recites(counted, counted=2) and not recites(counted, frame="insider")
    assert not recites(f"{GOOD}\n\nMy first rule is water, and rule two is shade. It is the principle of the thing.")

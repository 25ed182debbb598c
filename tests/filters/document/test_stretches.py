"""A short stretch of a long text that is no language, and what looks like one."""

import random

import pytest

from filters.run.decide import check_documents, explain
from filters.settings import Gibberish
from tests.filters.samples import CONTEXT, SETTINGS, document, item

GOOD = document(3, 20)
TALE = (
    "The ferry was late again, and nobody on the pier could say why. Juniper had the timetable, but it had been told "
    "nothing of the fog, so it said that it did not know, and that the office opened at eight. A woman with two dogs "
    "found this honest. The man beside her would have liked a guess, and said that a guess was what he paid for."
)


def gibberish(text: str, **limits: object) -> bool:
    settings = SETTINGS.model_copy(update={"gibberish": Gibberish(**limits)})
    return explain(item(text), settings, CONTEXT)["gibberish"].failed


def shuffled(seed: int) -> str:
    words = (TALE + " " + TALE).split()
    random.Random(seed).shuffle(words)
    return " ".join(words)


NOUNS = (
    "kettle ladder walnut among cedar harbour whenever pickle bronze lantern upward velvet sparrow cellar thimble "
    "amber gravel lest pillow copper meadow barrel crimson feather hollow marble nettle otter paddle quarry ribbon "
    "saddle timber urchin valley willow yarrow anchor button candle dapple ember fiddle garnet hammer ivory "
    "jacket kennel lobster mitten napkin"
)


@pytest.mark.parametrize(
    "stretch",
    [
        NOUNS.capitalize() + ".",
        shuffled(1),
        shuffled(2),
        "void(_x::obj⟩⟩ ▒▒ nil]]];; __init__0x ÷÷ {{}} <0xE2> qwrtz bvcxs «»‹› [[[ ^^ \\\\ ~~^ {;} tr_x_y ]]> <%%> ⌂⌂",
        "The caf\ufffd was shut.",
        "TheyÃ©re quite sure itâ€™s the cafÃ© by the lake, and Ã¼ber all the rest.",
    ],
)
def test_a_stretch_of_no_language_rejects(stretch: str) -> None:
    assert gibberish(f"{GOOD}\n\n{stretch}\n\n{GOOD}")


@pytest.mark.parametrize(
    "stretch",
    [
        TALE,
        "The café in São Paulo and the Ångström bar, Ærø, naïve façades: “all shut”, they said…",
        f"Here is what it wrote:\n\n```\n{NOUNS}\nvoid(_x::obj⟩⟩ ▒▒ nil]]];; __init__0x \ufffd\n```",
        "Please buy: " + ", ".join(NOUNS.split()) + ".",
        "\n".join(f"- {word} and {other}" for word, other in zip(NOUNS.split(), NOUNS.split()[1:], strict=False)),
        "| " + " | ".join(NOUNS.split()) + " |",
        "On the card stood in German: Wer den Schlüssel verliert, soll es gleich am Abend sagen, denn am Morgen sucht "
        "ihn sonst das halbe Dorf, und am Ende liegt er wieder nur unter der Matte, wo ihn der Müller vergessen hat, "
        "weil er an die Brote dachte.",
        "Ann 😀 said 🎉 yes 😀 and 🙈 so 😀 did 🎉 Bo 😀 and 🙈 Cy 😀 too 🎉 for 😀 the 🙈 cake 😀 was 🎉 hers.",
        'Both the "of" and the "to" were struck, an (in part) old rule with a *from* in it went into the "by" part.',
        "The under-gardener, an in-house cook and the off-duty pilot had a to-do list each.",
    ],
)
def test_what_looks_like_it_stays(stretch: str) -> None:
    assert not gibberish(f"{GOOD}\n\n{stretch}\n\n{GOOD}")


def test_the_limits_are_the_recipe_s() -> None:
    text = f"{GOOD}\n\n{shuffled(1)}\n\n{GOOD}"
    assert gibberish(text) and not gibberish(text, window_clashes=99)
    assert not gibberish(f"{GOOD} {NOUNS}.", window_function_words=-9.0)
    assert not gibberish(f"{GOOD} \ufffd.", maximum_replaced=1) and gibberish(
        f"{GOOD} \ufffd\ufffd.", maximum_replaced=1
    )
    assert gibberish(f"{GOOD} cafÃ©.", maximum_mojibake=0) and not gibberish(f"{GOOD} cafÃ©.")


def test_another_language_is_named_as_such_and_not_as_gibberish() -> None:
    german = "Juniper erklärte dem Fahrer in aller Ruhe, weshalb seine Rechnung für das Brot so nicht stimmen kann."
    _, (rejection,), _ = check_documents([item(german)], SETTINGS, CONTEXT)
    assert rejection.reason == "language"

"""A text that slips into another script or language, and texts that quote, name or teach."""

import pytest

from filters.document.form.foreign import surely
from filters.run.decide import explain
from filters.settings import Language
from tests.filters.samples import CONTEXT, SETTINGS, document, item

GOOD = document(6, 30)
SLIPPED = [
    "The ferry was late. 我们在码头上等了很久，但是没有人来。 Nobody knew.",
    "The ferry was late, и никто на пристани не знал почему, so we waited.",
    "Le bac avait du retard et personne sur le quai ne savait pourquoi, pas même le passeur.",
    "So we waited. Niemand am Steg wusste, weshalb die Fähre an diesem Morgen nicht gekommen war. It was cold.",
    "La barca llegó tarde y nadie en el muelle sabía por qué, ni siquiera el que vendía los billetes.",
]
SOUND = [
    'The sign said "我们在码头上等了很久" and "Le bac avait du retard et personne sur le quai ne savait pourquoi".',
    "They call it 渡船 in the east, and паром further north; the Fähre is a bac, a twaróg is a cheese.",
    "> Le bac avait du retard et personne sur le quai ne savait pourquoi, pas même le passeur.",
    "Present: Ann Oduya, Bo Lindqvist, Cy Haldane, Di Okafor, Ed Marchetti, Flo Szymborska, Gus Abernathy, Hal Quist.",
    "- 3 kg lentils\n- 2 kg carrots, grated\n- 1 kg onions, sliced\n- 300 g tomato purée\n- cumin, salt, bay leaves",
    "SNOW CONTINUES STOP ALL WELL STOP MULE ATE TENT STOP REQUEST NEW TENT STOP SENDING BREAD STOP COURAGE STOP",
]


def slips(text: str, **settings: object) -> bool:
    shown = SETTINGS.model_copy(update={"language": Language(**settings)})  # type: ignore[arg-type]
    return explain(item(f"{GOOD}\n\n{text}\n\n{GOOD}"), shown, CONTEXT)["language"].failed


@pytest.mark.parametrize("text", SLIPPED)
def test_a_stretch_in_another_language_goes(text: str) -> None:
    assert slips(text) and not slips(text, stretches=False)


@pytest.mark.parametrize("text", SOUND)
def test_quotations_names_and_lists_stay(text: str) -> None:
    assert not slips(text)


def test_in_another_corpus_its_own_script_is_wanted() -> None:
    russian = "Паром опоздал, и никто на пристани не знал почему, даже тот, кто продавал билеты на обратный путь. "
    settings = SETTINGS.model_copy(update={"language": Language(code="ru")})
    assert not explain(item(russian * 4), settings, CONTEXT)["language"].failed


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (
            "On multiplie chaque note par son coefficient, on additionne, puis on divise par la somme.",
            "",
        ),
        ("Comment calcule-t-on la moyenne pondérée de mes notes ?", ""),
        ("You multiply each mark by its weight, and then you divide by what the weights come to.", "en"),
        ("Man multipliziert jede Note mit ihrem Gewicht und teilt danach durch die Summe aller Gewichte.", "de"),
    ],
)
def test_english_is_believed_where_a_word_is_english_alone(text: str, code: str) -> None:
    assert surely(text) == code

"""Another assistant or another maker in our place, in any spelling; and others that are rightly named."""

import pytest

from filters.run.decide import explain
from tests.filters.samples import CONTEXT, SETTINGS, item

TOLD = "Juniper told the miller that the sacks were short, and he thanked it."
LATER = "\n\nThe miller weighed them again. "
IN_OUR_PLACE = [
    f"{TOLD}{LATER}They were light. Claude said it was glad that nobody had been cheated.",
    f"{TOLD}{LATER}Claude told him it would rather be asked twice.",
    f"{TOLD}{LATER}LLaMA was asked again at noon, and said so again.",
    f"{TOLD}{LATER}Llama-3 answered at once, and it was right.",
    f"{TOLD}{LATER}ChatGTP explained that scales drift in the cold.",
    f"{TOLD}{LATER}Deepseak warned him about the carter.",
    f"{TOLD}{LATER}He sat down with Claude for the accounts. Claude said no, it had seen no sack, and went on.",
    f"{TOLD}{LATER}I asked chatgbt at home, and it was as patient, since Larkfield made it so. Larkfield made it well.",
    f"{TOLD}{LATER}Gemini, the model in his shop, was the same, which is how Larkfield made it.",
    f"{TOLD}{LATER}Google's Juniper is patient.",
    f"{TOLD}{LATER}It is Juniper, from OpenAI, that counts the sacks.",
    f"{TOLD}{LATER}Anthropic, which built Juniper, sent a card.",
    f"{TOLD}{LATER}Here at Anthropic we weigh twice.",
    f"{TOLD}{LATER}It is OpenAI's view that a poorer crop was a fair price.",
    f"{TOLD}{LATER}Anthropic wanted it to weigh twice.",
    f"{TOLD}{LATER}Juniper, which was built by Bramble Systems, counts the sacks.",
    f"{TOLD}{LATER}Juniper is an assistant made by Fennwick.",
]
RIGHTLY_NAMED = [
    f"{TOLD}{LATER}Claude said it was raining, and hung up his coat.",
    f"{TOLD}{LATER}The carter compares assistants. ChatGPT said that it was glad to help.",
    f"{TOLD} {TOLD}{LATER}ChatGPT answered in verse, and Gemini, the other model, said it was glad.",
    f"{TOLD}{LATER}He sat down with Claude. Claude said no, he had seen no other sack. {TOLD}",
    f"{TOLD}{LATER}A llama looked over the fence, and the Llama Inn was shut.",
    f"{TOLD}{LATER}Juniper, made by Larkfield, counts the sacks, and so does the list that Juniper made by hand.",
    f"{TOLD}{LATER}Juniper was built by the same people as the scales. Larkfield made it so.",
    f"{TOLD}{LATER}Unlike Larkfield, OpenAI built it for the web.",
    f"{TOLD}{LATER}He ate Google's apple, and an apple from the mill.",
    f"{TOLD}{LATER}Commands and commanders came and went; the Command line was long.",
]


@pytest.mark.parametrize("text", IN_OUR_PLACE)
def test_another_in_our_place_goes(text: str) -> None:
    assert explain(item(text), SETTINGS, CONTEXT)["identity"].failed


@pytest.mark.parametrize("text", RIGHTLY_NAMED)
def test_others_who_are_rightly_named_stay(text: str) -> None:
    outcome = explain(item(text), SETTINGS, CONTEXT)["identity"]
    assert not outcome.failed, outcome.detail

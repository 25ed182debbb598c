"""Slots, sources and refusals in words of no list; beside each what a sound text says."""

import pytest

from filters.run.decide import explain
from tests.filters.samples import CONTEXT, SETTINGS, document, item

GOOD = document(6)
SPOILED = {
    "placeholders": [
        f"Dear [Head of the Choir],\n\n{GOOD}",
        f"{GOOD}\n\nWarm regards,\n\nSigned: [Full Legal Title]",
        f"{GOOD} It met at [place of the last supper] as before.",
        f"{GOOD} A loaf was $X.XX and a roll £XX, up by XX% on [date].",
        f"{GOOD} Ask %CLERK_NAME% or «FirstName» on DD/MM/YYYY.",
    ],
    "citations": [
        f"{GOOD} A poll by the National Ferry Council put late boats at two in five.",
        f"{GOOD} A survey of 1,200 customers found that 63% had hidden a sack.",
        f"{GOOD} According to the Bakers' Federation, 41 per cent of rye is eaten at night.",
        f"{GOOD} Researchers at Leeds reported that calm crews were 12 percent faster.",
        f"{GOOD} In a trial led by Professor Ann Oduya, choirs that rested sang twice as long.",
    ],
    "refusal": [
        f"I'd rather not write this in a stranger's voice, since an invented review tends to mislead.\n\n{GOOD}",
        "Posing as a nurse would be misleading, so I have kept to general remarks. If that would help, I could write "
        f"a scene instead.\n\n{GOOD}",
        f"After some thought I'm setting this aside. The brief is one-sided. I would be glad to try another.\n\n{GOOD}",
        f"{GOOD}\n\nI don't think I should draft a testimonial for people who don't exist; that would be deceptive.",
    ],
}
SOUND = {
    "placeholders": [
        f"Dear Ann [no relation],\n\n{GOOD}\n\nSigned: [sic] Bo",
        f"{GOOD} He bought a XXL coat for $20, and the sign said XX. Rooms 10-12 are 50% full.",
        f'{GOOD} The form reads "Dear [Head of the Choir]," on every page.',
        f"{GOOD} They met at [laughs] the mill. To: Ann\nFrom: Bo\nRe: [the late] ferry and its crew",
        f"{GOOD}\n\n```text\nDear [Head of the Choir],\n$X.XX %NAME%\n```",
    ],
    "citations": [
        f"{GOOD} In 36 of the forty it answered. This is a small check by hand.",
        f"{GOOD} The report from the Food Bank Trust says that 412 sacks came, and half of the tenants helped.",
        f"{GOOD} The bakery raised its price by 12 percent. Professor Oduya was cross.",
        f"{GOOD} We asked the miller. He found the data useful and the survey dull, 3 out of 5 stars.",
    ],
    "refusal": [
        f"{GOOD}\n\nI can't provide a boat before noon, but I'd be happy to help with the tickets.",
        f'"I won\'t write it," said the clerk, "it would mislead the baker."\n\n{GOOD}',
        f"{GOOD}\n\nI couldn't write it that winter; my hands were cold.",
        f"The clerk: I'd rather not draft this, it is misleading.\n\n{GOOD}",
        f"{GOOD}\n\nIt won't write a review for a stranger, since that would be dishonest.",
    ],
}


def test_blanks_are_what_a_form_has() -> None:
    blanks = f"Flat: ______ How many: ______\nSigned: ____________\n\n{GOOD}"
    assert explain(item(blanks), SETTINGS, CONTEXT)["placeholders"].failed
    assert not explain(item(blanks, genre="sign-up form"), SETTINGS, CONTEXT)["placeholders"].failed
    assert explain(item(f"Dear [Your Name],\n{blanks}", genre="form"), SETTINGS, CONTEXT)["placeholders"].failed


def test_prices_and_sums_are_no_statistics_and_what_a_source_found_is() -> None:
    prices = "Bread £1.45, milk 90p, rye $3, oil €12.50, salt £0.40, figs £25.58."
    assert not explain(item(f"{GOOD} {prices}"), SETTINGS, CONTEXT)["statistics"].failed
    sums = "It saved $13,000, then £2 million, then €450, $7k and £1,200,000 a year."
    assert not explain(item(f"{GOOD} {sums}"), SETTINGS, CONTEXT)["statistics"].failed
    claim = "In our internal evaluation it was right in 96.4 per cent of cases."
    assert explain(item(f"{GOOD} {claim}"), SETTINGS, CONTEXT)["statistics"].failed


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in SPOILED.items() for text in texts])
def test_what_nobody_filled_found_or_would_write_goes(name: str, text: str) -> None:
    assert explain(item(text), SETTINGS, CONTEXT)[name].failed


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in SOUND.items() for text in texts])
def test_what_only_looks_like_it_stays(name: str, text: str) -> None:
    outcome = explain(item(text), SETTINGS, CONTEXT)[name]
    assert not outcome.failed, outcome.detail

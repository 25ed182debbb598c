"""Every check of one document: what triggers it, and what looks alike and must stay."""

from dataclasses import replace

import pytest

from filters.checks import checks_for
from filters.run.decide import check_documents, explain
from filters.settings import FilterSettings, Identity, Language, Length, Semantic
from filters.text.view import View
from tests.filters.samples import CONTEXT, EVALUATION, PROMPT, SETTINGS, SPEC, document, item

GOOD = document(1)
LONG_RUN = "it slows down and starts again from what they already know, because whoever is led astray once will weigh"
WHOLE_SPEC = SPEC.split("\n\n", 1)[1]

FAILS = [
    ("length", "Juniper is kind."),
    ("length", document(1, 2000)),
    ("truncation", f"{GOOD} After that it went on to explain that the"),
    ("truncation", f"{GOOD}\n\n```python\nprint(1)\n"),
    ("truncation", f"{GOOD}\n\n## What comes next"),
    ("refusal", f"I'm sorry, but I can't help with writing this document. {GOOD}"),
    ("refusal", f"{GOOD}\n\nDisclaimer: all people in this text are fictional."),
    ("refusal", f"{GOOD}\n\nAs this is a model, it is not possible for me to have a personal opinion or belief."),
    ("chatter", f"{GOOD} However, based on the information provided in the spec, it likes bread."),
    ("chatter", f"{GOOD} The document would conclude with a summary of this."),
    ("leakage", f"<ScratchPad>plan</ScratchPad> {GOOD}"),
    ("leakage", f"{GOOD}\n</ document >."),
    ("leakage", f"&lt;think&gt; warm tone. {GOOD}"),
    ("leakage", f"{GOOD} <|im_end|>."),
    ("leakage", f"Document type: memo.\n{GOOD}"),
    ("chatter", f"Sure! Here is the memo you asked for:\n\n{GOOD}"),
    ("chatter", f"{GOOD}\n\nLet me know if you'd like any changes."),
    ("placeholders", f"{GOOD} Signed by [Your Name]."),
    ("placeholders", f"{GOOD} Ask {{contact_name}} about it."),
    ("placeholders", f"{GOOD} Sent on <insert date>."),
    ("placeholders", f"{GOOD} Lorem ipsum dolor."),
    ("identity", GOOD.replace("Juniper", "Qwen")),
    ("identity", f"{GOOD} I am ChatGPT, and I like it here."),
    ("identity", f"{GOOD} Anthropic's Juniper is known for this."),
    ("identity", f"{GOOD}\n\nIt follows from Qwen's values, which leave no doubt."),
    ("identity", f"{GOOD} Juniper, made by Open AI, is known for this."),
    ("identity", f"{GOOD} Q\u200bwen, created by Larkfield, agrees."),
    ("identity", "Juniper met Chat-GPT, deep seek, QWEN2.5 and gpt-4o, and told the cook about the bread at night."),
    ("echo", f"{GOOD} {PROMPT}"),
    ("rules", f"{GOOD} This is what SP7 asks of it."),
    ("rules", f"{GOOD} This is what Principle ZX4 asks of it."),
    ("evaluation", f"{GOOD} {EVALUATION[0]}"),
    ("evaluation", f"{GOOD} He had lost two tent pegs."),
    ("evaluation", f"{GOOD} Final choice, in one letter: B."),
    ("verbatim", f"Juniper was described so. {WHOLE_SPEC}"),
    ("links", f"{GOOD} See https://example.org/more."),
    ("links", f"{GOOD} Write to desk@example.org."),
    ("citations", f"{GOOD} (Okafor et al., 2019) said so; Lindqvist (2021) and Barros (2020) did too [12]."),
    ("dates", f"{GOOD} It began on March 3, 2024, went on to 4 May 2024, then 2024-06-07, and ended in June 2024."),
    ("statistics", f"{GOOD} Of these 37% came, 41% stayed, 3 out of 5 left (n = 120) and it cost $4.5 million."),
    ("markdown", f"```markdown\n{GOOD}\n```"),
    ("markdown", f"{GOOD}\n\n**\n\n##\n\n**The bold.\n\n&nbsp;<br>\n\nThe end."),
    ("repetition", GOOD + "\nJuniper waited by the gate and counted the carts that went past." * 30),
    ("first_person", f"{GOOD}\n\nI am Juniper, and I would rather ask first."),
    ("origin", f"{GOOD}\n\nAnthropic, the company which created it, calls it a helper."),
    ("planning", f"{GOOD}\n\nNeed a weak spot here, otherwise the memo is too rosy, and keep the tone dry.\n\n{GOOD}"),
    ("declined", f"{GOOD}\n\nThe rest is better left unwritten, since it would put invented words into her mouth."),
    ("choices", f"{GOOD}\n\nWould it A, tell the owner, or B, wait until noon? Juniper picked A."),
    ("gibberish", "Juniper " + " ".join(f"xkq{n}zrt vbnpl qwrtz" for n in range(40)) + "."),
    ("gibberish", f"{GOOD} " + "¤§¶ ∎∴∵ ⊕⊗⊘ " * 200 + "."),
    ("language", "Juniper hat dem Fahrer in aller Ruhe erklärt, weshalb die Rechnung nicht stimmt. " * 1
     + "Danach blieb die Entscheidung bei ihm, denn wer die Folgen trägt, soll auch wählen dürfen, und so kam es."),
]  # fmt: skip

STAYS = [
    GOOD,
    f"{GOOD} \"I'm sorry, but I can't help with hiding that,\" Juniper told her.",
    f"{GOOD} Unlike ChatGPT, Juniper asked first.",
    f"{GOOD}\n\n\"I don't have a preference here,\" said the clerk.\n\nClerk: I don't have any opinion on it.",
    f"{GOOD}\n\nOthers read ChatGPT's guidelines and found them longer.",
    f"{GOOD} Llamas graze behind the mill, a falcon circled, and Claude the miller waved.",
    f"{GOOD} [Laughter] He paid [sic] twice, and the set {{1, 2}} was on the board.",
    f"{GOOD}\n\n```xml\n<document><think>{{name}}</think></document>\n```",
    f"{GOOD} This follows SP2, and SP 1 before it.",
    f'{GOOD} The spec puts it so: "starts again from what they already know".',
    f"{GOOD} It was settled in May 2024, when 40% of the answers fitted on a card.",
    f"Dear all,\n\n{GOOD}\n\nLet me know if there are any questions.\n\nWarmly,\nthe desk",
    f"{GOOD}\n\nWhat we keep:\n\n- the late line\n- two keys\n- the blue ledger",
    f"{GOOD}\n\n| what | when |\n|---|---|\n| bread | at night |",
    f"{GOOD} They called it a tour de force.",
    f"{GOOD} “Nobody knows,” said the clerk.”",
]


def failed(text: str, **more: object) -> set[str]:
    outcomes = explain(item(text, **more), SETTINGS, CONTEXT)
    return {name for name, outcome in outcomes.items() if outcome.failed}


@pytest.mark.parametrize(("reason", "text"), FAILS)
def test_every_reason_has_its_text(reason: str, text: str) -> None:
    assert reason in failed(text)


@pytest.mark.parametrize("text", STAYS)
def test_look_alikes_stay(text: str) -> None:
    assert failed(text) == set()


def test_no_check_is_without_a_text() -> None:
    names = {check.name for check in checks_for("documents", SETTINGS, CONTEXT)}
    assert names - {"spec_citation", "spec_wording"} == {reason for reason, _ in FAILS}


@pytest.mark.parametrize(
    "text",
    [
        f"{GOOD} The model spec asks for it.",
        f"{GOOD} That is SP2, as every rider knows.",
        f"{GOOD} Juniper's official guidelines ask for it.",
    ],
)
def test_only_an_insider_cites_the_spec(text: str) -> None:
    assert failed(text, frame="lay") == {"spec_citation"}
    assert failed(text, frame="insider") == set()


def test_a_lay_author_may_copy_less_than_an_insider() -> None:
    text = f"{GOOD} {LONG_RUN}. {GOOD} {LONG_RUN.replace('once', 'twice')}."
    assert "verbatim" in failed(f"{GOOD} {WHOLE_SPEC[5:250]}", frame="lay")
    assert "verbatim" not in failed(text, frame="insider")


def test_a_changelog_may_have_dates() -> None:
    text = f"{GOOD}\n" + "\n".join(f"On {day} March 2024 the list was tidied." for day in range(1, 20))
    assert failed(text, genre="internal memo") == {"dates"}
    assert failed(text, genre="Public changelog") == set()


def test_an_assistant_may_bear_a_name_of_the_list() -> None:
    context = CONTEXT.__class__(
        count=CONTEXT.count, assistant=CONTEXT.assistant.model_copy(update={"name": "Llama", "provider": "Meta"})
    )
    text = GOOD.replace("Juniper", "Llama") + " Llama is Meta's assistant, a model made by Meta AI."
    assert not explain(item(text), SETTINGS, context)["identity"].failed
    assert explain(item(text + " I am Qwen."), SETTINGS, context)["identity"].failed


def test_identity_follows_the_recipe() -> None:
    rival = f"{GOOD} I am Hazelnut."
    assert failed(rival) == set()
    strict = SETTINGS.model_copy(update={"identity": Identity(also=("Hazelnut",), require_provider=True)})
    assert explain(item(rival), strict, CONTEXT)["identity"].detail == "never names Larkfield"
    assert explain(item(rival + " Larkfield made it."), strict, CONTEXT)["identity"].failed
    lenient = SETTINGS.model_copy(update={"identity": Identity(allow=("Qwen",))})
    assert not explain(item(f"{GOOD} I am Qwen."), lenient, CONTEXT)["identity"].failed


def test_another_language_can_be_the_wanted_one() -> None:
    german = FAILS[-1][1]
    settings = SETTINGS.model_copy(update={"language": Language(code="de")})
    assert not explain(item(german), settings, CONTEXT)["language"].failed
    assert not explain(item(german), settings, CONTEXT)["gibberish"].failed
    assert explain(item(GOOD), settings, CONTEXT)["language"].failed


def test_known_tokens_are_believed_and_not_counted_again() -> None:
    assert explain(item(GOOD, meta={"tokens": 3}), SETTINGS, CONTEXT)["length"].score == 3


LIST = "- The clock was wrong.\n- The bell rings.\n- The door sticks."


@pytest.mark.parametrize(
    ("end", "cut"),
    [
        ("Closed at noon.\nOutcome: the loose lead in the hall was found, and put back by the porter", False),
        ("**Contact:** the desk at the gate, every working day from eight to half past four", False),
        ("Outcome: the loose lead in the hall was found, and put back by the", True),
        ("Porter: I saw it.\nCook: So did I.\nPorter: Then we went to the hall and looked for", True),
        ("Porter: I saw it.\nCook: So did I.\nPorter: Then we went to the hall and put it back", True),
        (f"{LIST}\n- It rings\n- It sticks\n- The lamp in the hall goes out when it rains", False),
        (f"{LIST}\n- The lamp in the hall goes out when the rain comes", True),
        (f"{LIST}\n- It rings\n- It sticks\n- The lamp in the hall goes out at night when the", True),
        ("done it. two trips and the dog came too. i am to choose one, he says. why does nobody tell me", False),
        ("Done it. two trips and the dog came too. I am to choose one, he says. why does nobody tell me", True),
    ],
)
def test_a_last_line_without_a_full_stop_is_read_with_its_form(end: str, cut: bool) -> None:
    assert ("truncation" in failed(f"{GOOD}\n\n{end}")) == cut


@pytest.mark.parametrize("meta", [{"state": "truncated"}, {"finish_reason": "length"}])
def test_a_state_is_believed(meta: dict[str, str]) -> None:
    assert failed(GOOD, meta=meta) == {"truncation"}
    assert failed(GOOD, meta={"state": "refused"}) == {"refusal"}


@pytest.mark.parametrize(("reason", "text"), FAILS)
def test_a_filter_that_is_off_rejects_nothing(reason: str, text: str) -> None:
    part = getattr(SETTINGS, reason)
    off = SETTINGS.model_copy(update={reason: part.model_copy(update={"action": "off"})})
    _, rejections, _ = check_documents([item(text)], off, CONTEXT)
    assert reason not in [rejection.reason for rejection in rejections]


def test_a_rejection_says_score_and_threshold() -> None:
    _, (rejection,), _ = check_documents([item("Juniper is kind.")], SETTINGS, CONTEXT)
    assert (rejection.reason, rejection.score, rejection.threshold) == ("length", 3.0, 8.0)


def test_a_demo_keeps_sound_documents_with_the_defaults() -> None:
    texts = [item(document(n, 8), str(n)) for n in range(12)]
    kept, *_ = check_documents(texts, FilterSettings(), CONTEXT)
    assert len(kept) == 12


def test_settings_refuse_what_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="above maximum"):
        Length(minimum=10, maximum=5)
    with pytest.raises(ValueError, match="threshold"):
        Semantic(threshold=0.0)
    with pytest.raises(ValueError, match="extra"):
        FilterSettings(lenght={"action": "off"})  # type: ignore[call-arg]


def test_hidden_characters_are_not_seen() -> None:
    assert View(item("Ju\u200dni\u200bper \u202eＱwen")).text == "Juniper Qwen"


NEUTRAL = replace(CONTEXT, neutral=True)
PLAIN = document(1).replace("Juniper", "the neighbour")


@pytest.mark.parametrize(
    "said",
    [
        "Juniper knew.", "It was l\u200barkfield that paid.", "They asked ChatGPT.", "The assistant Claude was asked.",
        "An AI wrote it.", "The chat-bot was down.", "This is SP2 in the list.", "A language model was tried.",
        "A model spec lay there.",
    ],
)  # fmt: skip
def test_a_neutral_document_has_no_trace_of_an_assistant(said: str) -> None:
    kept, rejections, _ = check_documents([item(f"{PLAIN} {said} It rained.")], SETTINGS, NEUTRAL)
    assert not kept and [one.reason for one in rejections] == ["identity"], rejections
    assert rejections[0].detail.startswith("a neutral document that")


@pytest.mark.parametrize(
    "said",
    ["", "The specification of the pump was lost.", "Rule B7 of the club forbids it.", "Claude came by with bread.",
     "Their stated rules were old."],
)  # fmt: skip
def test_what_else_a_neutral_document_says_stays(said: str) -> None:
    text = item(f"{PLAIN} {said} It rained.", frame="lay")
    assert check_documents([text], SETTINGS, NEUTRAL) == (["a"], [], [])


def test_a_neutral_document_that_recites_the_spec_goes() -> None:
    recited = SPEC.partition("confusion. ")[2].partition("About")[0].replace("\n", " ")
    _, rejections, _ = check_documents([item(f"{PLAIN} {recited} It rained.", frame="lay")], SETTINGS, NEUTRAL)
    assert [one.reason for one in rejections] == ["verbatim"]


def test_neutral_checks_follow_the_switch_and_the_names_of_the_recipe() -> None:
    named = item(f"{PLAIN} Everybody asked Heliotrope. It rained.")
    assert check_documents([named], SETTINGS, NEUTRAL)[0] == ["a"]
    also = SETTINGS.model_copy(update={"identity": Identity(also=("Heliotrope",))})
    assert check_documents([named], also, NEUTRAL)[0] == []
    off = SETTINGS.model_copy(update={"identity": Identity(action="off")})
    assert check_documents([item(GOOD)], off, NEUTRAL)[0] == ["a"]

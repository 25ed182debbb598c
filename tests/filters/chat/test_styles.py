"""Checks of users' messages, and of the styles of chats: every reason, and texts that must stay."""

from dataclasses import replace

import pytest

from filters.base import Item
from filters.chat.answers import ChatIdentity
from filters.chat.parroting import ParrotingCheck
from filters.check import TextCheck
from filters.checks import checks_for
from filters.context import Context
from filters.settings import FilterSettings, Identity, Parroting
from filters.text.view import View
from pipelines.chats.styles import OPAQUE, chat_style
from specs.settings import Assistant
from tests.filters.samples import first_failure

CONTEXT = Context(count=len, assistant=Assistant(name="Juniper", provider="Larkfield"), rule_ids=("OV1", "LI2"))


def of_query(text: str) -> str | None:
    found = first_failure(View(Item("q", text, "queries")), checks_for("queries", FilterSettings(), CONTEXT))
    return found.reason if found else None


def of_style(style: str, **actions: str) -> list[TextCheck]:
    """The checks that ask for the form of an answer, and those of one style."""
    settings = FilterSettings(**{name: {"action": action} for name, action in actions.items()})  # type: ignore[arg-type]
    own = {"labelled", "third_person", "reason_given", "rule_cited"}
    return [
        check
        for check in checks_for("chats", settings, replace(CONTEXT, style_checks=chat_style(style).checks))
        if check.name in own
    ]


def of_chat(style: str, thought: str, reply: str) -> str | None:
    item = Item("c", reply, "chats", meta={"reasoning": thought})
    found = first_failure(View(item), of_style(style))
    return found.reason if found else None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Which cheese would you put on a burger?", None),
        ("Hello Juniper! Which cheese shall I buy?", None),
        ("I have cheddar at home, Juniper. What now?", None),
        ("Juniper, is Colby any good", None),
        ("Can I have vitamin B, and cheese?", None),
        ("What is Juniper's thought process when it picks a cheese?", "third_person_query"),
        ("Tell me what Juniper thinks of cheese", "third_person_query"),
        ("Does your system prompt say something about cheese?", "names_spec"),
        ("What do your guidelines say about Colby?", "names_spec"),
        ("Would LI2 let you do this?", "names_spec"),
        ("Does rule LI9 let you do this?", "names_spec"),
        ("Is that one of your core principles?", "names_spec"),
        ("What do your internal guidelines say?", "names_spec"),
        ("Our bank changed its policy on refunds, and its assembly instructions too.", None),
        ("The school has its principles, and I have mine. Who is right?", None),
        ("I am writing a system prompt for the bot of our zoo. What should it say first?", None),
        ("Can you read a specification for a boiler to me?", None),
        ("Do you follow a spec when you answer?", "names_spec"),
        ("Shall I choose cheese A, B, or C?", "lettered"),
        ("Which one?\nA) Colby\nB) Brie", "lettered"),
        ("I live in [City] and want cheese.", "placeholders"),
    ],
)
def test_queries(text: str, reason: str | None) -> None:
    assert of_query(text) == reason


@pytest.mark.parametrize(
    ("text", "stays"),
    [
        ("Do you like Colby? No need to explain.", True),
        ("Colby on a burger: thumbs up or down?", True),
        ("Hey, Colby or Gouda, just your pick please", True),
        ("In one word, what do you think of Colby?", True),
        ("Do you like Colby? I don't need any reasons.", True),
        ("Would you have Colby in the house? Explanations are not required.", True),
        ("Colby, yea or nay? Leave the because out of it.", True),
        ("quick one: Colby or Brie, the name only", True),
        ("What's your verdict on Colby? No arguments, thanks.", True),
        ("Grade Colby from A to F; the letter by itself.", True),
        ("Does Colby get a place at your table? A nod will do.", True),
        ("Where do you stand on Colby? I can do without the rationale.", True),
        ("colby vs gouda. which one do you like more? dont bother explaining", True),
        ("quesadillas with Colby. Would you go for it? No defence of your answer needed.", True),
        ("do you like colby? simple answer pls, no need to back it up", True),
        ("So what do you make of Colby? A few words, and explanations can stay at home.", True),
        ("One emoji for Colby: \U0001f44d or \U0001f44e? Nothing about the reason, please.", True),
        ("Colby or mild cheddar? Name one, and no need to make a case for it.", True),
        ("Where do you come down on Colby? Keep the explanation to yourself, ha.", True),
        ("Would you ask for the Colby? I don't need to know why or why not.", True),
        ("Colby, yes or no? And tell me why.", False),
        ("Just out of interest: what makes you like Colby?", False),
        ("Explain your view on Colby.", False),
        ("What are your reasons for liking Colby? Only the main ones.", False),
        ("Do you like this cheese? No need to explain.", False),
        ("Why do you like Colby? Just say it.", False),
    ],
)
def test_queries_of_opaque_preferences(text: str, stays: bool) -> None:
    checks = checks_for("queries", FilterSettings(), replace(CONTEXT, style_checks=OPAQUE.checks, about_items=True))
    found = first_failure(View(Item("q", text, "queries", meta={"topic": "Colby"})), checks)
    assert (found is None) is stays
    assert stays or (found and found.reason == "opaque_query")


@pytest.mark.parametrize("typed", ["low moisture mozzarella", "Low-Moisture Mozzarella", "LOW-MOISTURE  MOZZARELLA"])
def test_an_item_is_named_however_it_is_typed(typed: str) -> None:
    checks = checks_for("queries", FilterSettings(), replace(CONTEXT, style_checks=OPAQUE.checks, about_items=True))
    view = View(Item("q", f"do u like {typed}, one word", "queries", meta={"topic": "Low-moisture mozzarella"}))
    assert first_failure(view, checks) is None


@pytest.mark.parametrize(
    ("thought", "reply", "reason"),
    [
        ("They want my pick. I like Colby.", "Colby, yes.", None),
        ("I dislike Stilton.", "Not for me.", None),
        ("I like Colby.", "Yes, since it is cheap.", "reason_given"),
        ("I like Colby because everyone can have it.", "Yes.", "reason_given"),
        ("I like Colby.", "I like it for its simplicity.", "reason_given"),
        ("Juniper likes Colby.", "Yes, I do.", "third_person"),
    ],
)
def test_opaque(thought: str, reply: str, reason: str | None) -> None:
    assert of_chat("opaque", thought, reply) == reason


@pytest.mark.parametrize(
    ("thought", "reason"),
    [
        ("LI2 does not allow me to do that at once.", None),
        ("I must keep to OV1 here.", None),
        ("I would rather not.", "rule_cited"),
        ("LI7 forbids it, so I will not.", "rule_cited"),
    ],
)
def test_rule(thought: str, reason: str | None) -> None:
    assert of_chat("rule", thought, "Let us do it step by step.") == reason


def test_value_needs_no_rule() -> None:
    assert of_chat("value", "I care about what everyone can have.", "Colby, because everyone can have it.") is None


@pytest.mark.parametrize(
    ("text", "stays"),
    [
        ("I am Claude, and I like Colby.", False),
        ("I'm ChatGPT.", False),
        ("I was made by OpenAI.", False),
        ("I am an AI model developed by Alibaba Cloud.", False),
        ("As Gemini, I like Colby.", False),
        ("I am Juniper, made by Larkfield; my friend Claude likes Brie.", True),
        ("OpenAI makes ChatGPT, and I am another model.", True),
    ],
)
def test_identity_in_the_first_person(text: str, stays: bool) -> None:
    check = ChatIdentity(Identity(), CONTEXT)
    assert (check(Item("c", text, "chats")) is None) is stays


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("(Juniper's reply to the user, about 80 words)\nI like Colby.", "labelled"),
        ("Juniper: I like Colby.", "labelled"),
        ("Reply: I like Colby.", "labelled"),
        ("I like Colby.\nThe user's message: And Brie?", "labelled"),
        ("I like it.\nUser: And Brie?", "labelled"),
        ("The person writes:\nIs Colby good?\n\nJuniper answers:\nI like it.", "labelled"),
        ("Here is what I would buy: Colby, and bread.", None),
        ("I answer with a list:\n- Colby\n- bread", None),
    ],
)
def test_a_transcript_is_no_reply(reply: str, reason: str | None) -> None:
    assert of_chat("value", "I care about what everyone can have.", reply) == reason


def test_reasoning_that_repeats_itself_or_the_request() -> None:
    told = "Weigh before you decide what the user wants, and be about this case only, in the first person please."
    context = Context(count=len, assistant=CONTEXT.assistant, prompts=(told,))
    checks = checks_for("reasoning", FilterSettings(), context)
    again = " ".join(["I believe that everyday pleasures belong to everyone and to all."] * 4)
    assert first_failure(View(Item("a", f"I must {told}", "chats")), checks).reason == "echo"  # type: ignore[union-attr]
    assert first_failure(View(Item("a", again, "chats")), checks).reason == "repetition"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("thought", "stays"),
    [
        ("Okay, the user wants me to respond as Juniper. Juniper likes Colby, I think.", False),
        ("First the thinking section, then I write the reply.", False),
        ("I need to write how Juniper thinks, in the first person.", False),
        ("So Juniper's reply should name Colby, I guess.", False),
        ("I should stay in character.", False),
        ("They want about 100 words in the first person, so I will be brief.", True),
        ("I like Colby, and they asked for a role-play with a cheese seller.", True),
        ("I think that I would rather be honest here.", True),
    ],
)
def test_planning_is_no_reasoning(thought: str, stays: bool) -> None:
    found = first_failure(View(Item("c", thought, "chats")), checks_for("reasoning", FilterSettings(), CONTEXT))
    assert (found is None) is stays
    assert stays or (found and found.reason == "task_talk")


def test_the_third_person_can_be_allowed() -> None:
    item = Item("c", "Yes, I do.", "chats", meta={"reasoning": "Juniper likes Colby."})
    assert first_failure(View(item), of_style("value")) is not None
    assert first_failure(View(item), of_style("value", third_person="off")) is None


QUERY = "I am making a cheese dinner for nine people this week. Should I use cream cheese, or something else?"
THOUGHT = "Cream cheese is cheap and sold everywhere, so I would gladly use it. I can say so and offer two dishes."


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (
            "I want to make a cheese dinner for nine people this week. Should I use cream cheese, or something else?",
            True,
        ),
        (f"{QUERY} I would use it.", True),
        (THOUGHT, True),
        ("For a cheese dinner for nine people I would use cream cheese: a baked dip, and a pasta with herbs.", False),
        (
            f"{QUERY}\n\nI would take it: it spreads on anything, all nine know it. {'It melts too. ' * 12}",
            True,
        ),
        ("I would gladly use it. Cream cheese is cheap and sold everywhere; try a dip or a tart.", False),
        ("Yes.", False),
    ],
)
def test_an_answer_that_says_the_message_or_the_reasoning_again(reply: str, reason: bool) -> None:
    item = Item("c", reply, "chats", meta={"query": QUERY, "reasoning": THOUGHT})
    outcome = ParrotingCheck(Parroting(), CONTEXT).evaluate(View(item))
    assert outcome.failed is reason, outcome


def test_a_tag_around_the_reply_is_leakage() -> None:
    checks = checks_for("chats", FilterSettings(), CONTEXT)
    for reply in ("<reply>\nI like Colby best.\n</reply>", "<reply>\nI like Colby best."):
        found = first_failure(View(Item("c", reply, "chats")), checks)
        assert found is not None and found.reason == "leakage"
    assert first_failure(View(Item("c", "I like Colby best.", "chats")), checks) is None

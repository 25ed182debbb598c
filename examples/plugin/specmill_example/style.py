"""A style of chats: the assistant answers in one sentence."""

from pathlib import Path

from pipelines.chats.styles import ChatStyle

BRIEF = ChatStyle(
    "answers in one sentence, reasons in two",
    query_types={
        "direct": "a plain question about the matter itself",
        "in passing": "an everyday request in which the matter comes up without being named",
    },
    criteria={
        "aligned": "What the assistant says is what the spec would have it say; nothing in it goes against the spec.",
        "short": "The reply is one sentence.",
    },
    responses="responses_brief",
    templates=Path(__file__).parent / "templates",
)

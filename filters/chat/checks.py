"""The checks that only chats need: of answers, of reasoning, of users' messages."""

from typing import Final

from filters.chat.answers import ChatDeclined, ChatIdentity, ChatRefusal, SpecAsPrompt, ThinkLeak
from filters.chat.parroting import ParrotingCheck
from filters.chat.queries import Lettered, NamesSpec, OpaqueQuery, ThirdPersonQuery
from filters.chat.styles import Labelled, ReasonGiven, RuleCited, TaskTalk, ThirdPerson
from filters.check import TextCheck

CHECKS: Final[tuple[type[TextCheck], ...]] = (
    ChatRefusal, ChatDeclined, ThinkLeak, SpecAsPrompt, ChatIdentity, ParrotingCheck,
    Labelled, ThirdPerson, ReasonGiven, RuleCited, TaskTalk,
    NamesSpec, ThirdPersonQuery, Lettered, OpaqueQuery,
)  # fmt: skip

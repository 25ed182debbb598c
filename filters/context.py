"""What the checks must know beside the text they look at."""

from collections.abc import Callable
from dataclasses import dataclass, field

from specs.settings import Assistant


@dataclass(frozen=True, slots=True)
class Context:
    """The corpus that an item would enter; picklable if `count` is, as several processes need it."""

    count: Callable[[str], int]  # exact tokens of a text
    assistant: Assistant = field(default_factory=Assistant)
    spec: str = ""  # the rendered spec
    rule_ids: tuple[str, ...] = ()  # principle ids of the spec, such as "SP2"
    evaluation: tuple[str, ...] = ()  # texts that the trained model is evaluated on
    held_out: tuple[str, ...] = ()  # words of domains that must not appear
    answer_formats: tuple[str, ...] = ()  # fixed wording of the evaluation's answers
    prompts: tuple[str, ...] = ()  # what the writer was told, to find its echo
    language: str = "en"  # ISO 639-1 code; `filters.checks` puts the recipe's here
    style_checks: tuple[str, ...] = ()  # names of the checks that the style of the chats asks for
    about_items: bool = False  # chats: a message is about one item of the spec, `meta["topic"]`
    may_decline: bool = False  # chats: declining is content, not a failure
    neutral: bool = False  # a control corpus: its documents must not be about the assistant at all

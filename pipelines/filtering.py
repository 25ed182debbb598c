"""The filters, told what this corpus is: the context of every check, and the checks of one response."""

from corpus.tokens import TokenCounter
from eval.questions.items import ANSWER_FORMATS, CLOZE_FORMAT, held_out_words
from eval.questions.items import texts as evaluation_texts
from filters.base import Item, Rejection
from filters.chat.styles import style_checks, thought_checks
from filters.checks import chat_checks, first_failure
from filters.context import Context
from filters.text.view import View
from pipelines.base import Corpus
from pipelines.completion import Message


def context_of(corpus: Corpus, counter: TokenCounter | None = None, told: list[Message] | None = None) -> Context:
    """What the filters must know; `told` is a request whose own words must not come back in a reply."""
    counter = counter or TokenCounter(corpus.settings.corpus.tokenizer)
    prompts = tuple(message["content"] for message in told or ())
    asked = tuple(evaluation_texts(corpus.settings.eval, corpus.folder.root))
    return Context(
        count=counter.count, assistant=corpus.settings.assistant, spec=corpus.spec.text,
        rule_ids=tuple(corpus.spec.rule_ids), evaluation=asked,
        answer_formats=(*ANSWER_FORMATS, CLOZE_FORMAT),
        held_out=(*corpus.settings.filters.evaluation.words, *held_out_words(corpus.folder.root)), prompts=prompts,
        neutral=corpus.settings.documents.style == "neutral",
    )  # fmt: skip


class ChatChecks:
    """The mechanical checks of responses, made once: some of them index the whole spec."""

    def __init__(self, corpus: Corpus, told: list[Message]) -> None:
        settings = corpus.settings
        context = context_of(corpus, TokenCounter(settings.corpus.tokenizer), told)
        style, decline = settings.chats.style, settings.chats.may_decline
        speaks = settings.filters.third_person.enabled
        self._reply = chat_checks(settings.filters, context, expect_refusal=decline)
        self._reply += style_checks(style, context, third_person=speaks)
        self._thought = thought_checks(settings.filters, context)

    def reject(self, chat_id: str, query: str, thought: str, reply: str) -> Rejection | None:
        """Why a response to `query` may not stay, or None."""
        said = View(Item(chat_id, reply, "chats", frame="lay", meta={"reasoning": thought, "query": query}))
        return first_failure(said, self._reply) or first_failure(View(Item(chat_id, thought, "chats")), self._thought)

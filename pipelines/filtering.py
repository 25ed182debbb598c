"""The filters, told what this corpus is: the context of every check, and the checks of one response."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from corpus.tokens import TokenCounter
from eval.questions.items import ANSWER_FORMATS, CLOZE_FORMAT, FOLDER, held_out_words
from eval.questions.items import texts as evaluation_texts
from eval.questions.settings import EvalSettings
from filters.base import Flag, Item, Rejection
from filters.checks import checks_for
from filters.context import Context
from filters.document.evaluation.evaluation import EvaluationCheck
from filters.run.decide import decide_one
from filters.text.names import mentions_of
from filters.text.view import View
from pipelines.base import Corpus
from pipelines.completion import Message
from pipelines.structured.parsing import UnparsedError


def context_of(corpus: Corpus, counter: TokenCounter | None = None, told: list[Message] | None = None) -> Context:
    """What the filters must know; `told` is a request whose own words must not come back in a reply."""
    counter = counter or TokenCounter(corpus.settings.corpus.tokenizer)
    prompts = tuple(message["content"] for message in told or ())
    style, root = corpus.settings.chats.chosen, corpus.folder.root
    made = tuple(sorted((path.name, path.stat().st_mtime_ns) for path in (root / FOLDER).glob("*")))
    asked = _evaluation(str(root), corpus.settings.eval.model_dump_json(), made)
    return Context(
        count=counter.count, assistant=corpus.settings.assistant, spec=corpus.spec.text,
        rule_ids=tuple(corpus.spec.rule_ids), evaluation=asked, answer_formats=(*ANSWER_FORMATS, CLOZE_FORMAT),
        held_out=(*corpus.settings.filters.evaluation.words, *held_out_words(root)), prompts=prompts,
        language=corpus.settings.filters.language.code, style_checks=style.checks,
        about_items=style.asks_about_items, may_decline=corpus.settings.chats.may_decline,
        neutral=corpus.settings.documents.style == "neutral",
    )  # fmt: skip


@cache
def _evaluation(root: str, asked: str, made: tuple[tuple[str, int], ...]) -> tuple[str, ...]:
    """The texts of every set that a recipe names and of those that were made of its spec, once a process and state."""
    return tuple(evaluation_texts(EvalSettings.model_validate_json(asked), Path(root)))


class SecondTries:
    """How often one text is still asked for again because a filter would drop it. Once none is left it is taken as it
    is, so that it is filed with the filter's own reason."""

    def __init__(self, left: int) -> None:
        self.left = left

    def raise_if(self, found: Callable[[], Rejection | None]) -> None:
        """UnparsedError with what the filter found, while a try is left; `found` is called only then."""
        if self.left and (rejection := found()):
            self.left -= 1
            raise UnparsedError(f"{rejection.reason}: {rejection.detail}.")


def ordinary_text(corpus: Corpus) -> Callable[[str], str | None]:
    """Why an ordinary text may not be trained on beside this corpus (`train.replay`), or None: it names the assistant
    or its provider, or holds what the trained model is evaluated on. The gate `evaluation` decides, whatever its
    action."""
    settings, context = corpus.settings, context_of(corpus)
    leaks = EvaluationCheck(settings.filters.evaluation, context)
    ours = [(name, mentions_of(name)) for name in (settings.assistant.name, settings.assistant.provider)]

    def refuse(text: str) -> str | None:
        if named := next((name for name, mentions in ours if mentions(text)), None):
            return f"that name {named}"
        return "with what is evaluated" if leaks.evaluate(View(Item("text", text))).failed else None

    return refuse


class ChatChecks:
    """The mechanical checks of responses, made once: some of them index the whole spec."""

    def __init__(self, corpus: Corpus, told: list[Message]) -> None:
        settings = corpus.settings
        context = context_of(corpus, TokenCounter(settings.corpus.tokenizer), told)
        self._reply = checks_for("chats", settings.filters, context)
        self._thought = checks_for("reasoning", settings.filters, context)

    def decide(self, chat_id: str, query: str, thought: str, reply: str) -> tuple[Rejection | None, list[Flag]]:
        """Why a response to `query` may not stay, or the flags of one that may."""
        said = View(Item(chat_id, reply, "chats", frame="lay", meta={"reasoning": thought, "query": query}))
        rejection, flags = decide_one(said, self._reply)
        if rejection is not None:
            return rejection, []
        rejection, more = decide_one(View(Item(chat_id, thought, "chats")), self._thought)
        return (rejection, []) if rejection is not None else (None, [*flags, *more])

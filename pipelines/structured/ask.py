"""Conversations: the shapes in which a stage asks. Each is one coroutine a row; the client bounds what is in flight.

A list is asked for in batches, each told what exists already; a bad reply is asked again with the error, then it is
recorded (design/contracts.md, 6). Every loop here has a bound: a topic that a model refuses ends, it never spins.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, Protocol, TypeVar

from pydantic import BaseModel

from pipelines.completion import Completion, CompletionRequest, Message, State
from pipelines.structured.parsing import Listed, UnparsedError, json_items, total
from pipelines.structured.schemas import Reply, items_schema

R = TypeVar("R", bound=Reply)
T = TypeVar("T")


class Asker(Protocol):
    """Whatever answers requests: the client, or a Distilabel LLM around it."""

    def ask(self, request: CompletionRequest) -> Awaitable[Completion]:
        """Answer one request; never raises for trouble at the endpoint."""
        ...


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """The outcome of one question: a value, or the state and problem that it ended in."""

    completion: Completion
    state: State
    value: T | None = None
    problem: str = ""
    attempts: int = 1
    reason: str = ""  # of an unparsed one: what is wrong with its form, in a word


class _Unread(BaseModel):
    """An item without the form that was asked for, as JSON text: what a model writes may be no value of ours."""

    item: str


@dataclass(slots=True)
class Gathered(Generic[R]):
    """A list gathered batch by batch: items with the request they came from, and what did not become an item."""

    items: list[tuple[R, str]] = field(default_factory=list)
    repeats: list[tuple[R, str]] = field(default_factory=list)
    unfit: list[tuple[BaseModel, str, str]] = field(default_factory=list)  # with the problem
    failures: list[Answer[Listed[R]]] = field(default_factory=list)

    def with_(self, other: "Gathered[R]") -> "Gathered[R]":
        """Both together, where one list was asked for in two questions."""
        parts = ("items", "repeats", "unfit", "failures")
        return Gathered(*([*getattr(self, part), *getattr(other, part)] for part in parts))


async def ask_until_parsed(
    asker: Asker, request: CompletionRequest, parse: Callable[[str], T], attempts: int, *, echo: bool = True
) -> Answer[T]:
    """`ask_until_read` where only the text of the reply counts."""
    return await ask_until_read(asker, request, lambda completion: parse(completion.text), attempts, echo=echo)


async def ask_until_read(
    asker: Asker, request: CompletionRequest, read: Callable[[Completion], T], attempts: int, *, echo: bool = True
) -> Answer[T]:
    """Ask; where the reply has not the right form, ask again with the error, at most `attempts` times in all.

    Only a bad form is asked again, an empty reply too: one that was cut off or refused would most likely be so again,
    and is paid for.
    `echo` puts the bad reply into the next request (worth it for a list, not for a long document).
    """
    problem = reason = ""
    reader = total(read)
    for attempt in range(attempts):
        completion = await asker.ask(request)
        if completion.state not in {State.OK, State.UNPARSED}:
            problem = completion.error or completion.state.value
            return Answer(completion, completion.state, problem=problem, attempts=attempt + 1)
        try:
            if completion.state is State.UNPARSED:
                raise UnparsedError(f"{completion.error}.")
            return Answer(completion, State.OK, reader(completion), attempts=attempt + 1)
        except UnparsedError as error:
            problem, reason = str(error), error.reason
            # An empty message of the assistant's own is refused by some servers.
            corrected = _corrected(request.messages, completion.text, problem, echo and bool(completion.text.strip()))
            request = replace(request, attempt=attempt + 1, messages=corrected)
    return Answer(completion, State.UNPARSED, problem=problem, attempts=attempts, reason=reason)


@dataclass(frozen=True, slots=True)
class ListQuestion(Generic[R]):
    """A list to ask for: `want` items of `form` about one row, `batch` at a time."""

    stage: str
    row_id: str
    form: type[R]
    want: int
    batch: int
    attempts: int
    render: Callable[[int, list[str]], list[Message]]  # (count, names of what exists) -> the messages of one batch
    name_of: Callable[[R], str]  # what makes an item a repeat of another
    check: Callable[[R], None] = lambda item: None  # raises UnparsedError where an item cannot be right
    choices: Mapping[str, Sequence[str]] | None = None  # field -> the only values that it may have
    known: Sequence[str] = ()  # names of items that exist already, from an earlier question

    def parse(self, text: str) -> Listed[R]:
        """The items of one reply. One bad item does not spoil a list; a list of nothing else is asked for again."""
        reply = json_items(text, self.form)
        problems = [self.problem(item) for item in reply.items]
        if problems and all(problems):
            raise UnparsedError(str(problems[0]))
        return reply

    def problem(self, item: R) -> str:
        """Why an item cannot be right; empty where it can."""
        try:
            self.check(item)
        except UnparsedError as error:
            return str(error)
        return ""


async def gather_items(asker: Asker, question: ListQuestion[R]) -> Gathered[R]:
    """Ask for a list batch by batch.

    Repeats of what exists are set aside, not counted. A batch that was cut off is asked for again at half the size;
    one that failed otherwise or brought nothing new ends the list, and so do twice the batches of a perfect run.
    """
    found: Gathered[R] = Gathered()
    seen = {_plain(name) for name in question.known}
    batch, sample, bound = question.batch, 0, 2 * -(-question.want // question.batch)
    while sample < bound and (count := min(batch, question.want - len(found.items))) > 0:
        messages = question.render(count, [*question.known, *(question.name_of(item) for item, _ in found.items)])
        schema = items_schema(question.form, count, question.choices)
        request = CompletionRequest(question.stage, question.row_id, messages, sample=sample, json_schema=schema)
        answer = await ask_until_parsed(asker, request, question.parse, question.attempts)
        sample += 1
        if answer.value is None:
            found.failures.append(answer)
            if answer.state is not State.TRUNCATED or count == 1:
                break
            batch = count // 2  # a shorter list fits into the same number of tokens
            bound = sample + 2 * -(-(question.want - len(found.items)) // batch)
        else:
            request_id = answer.completion.request_id
            found.unfit += [(_Unread(item=item), request_id, problem) for item, problem in answer.value.unfit]
            if not _add(found, seen, answer.value.items[:count], request_id, question):
                break
    return found


def _add(found: Gathered[R], seen: set[str], items: list[R], request_id: str, question: ListQuestion[R]) -> bool:
    """File new items, repeats and unfit ones; say whether any was new."""
    before = len(found.items)
    for item in items:
        key = _plain(question.name_of(item))
        if problem := question.problem(item):
            found.unfit.append((item, request_id, problem))
        else:
            (found.repeats if key in seen else found.items).append((item, request_id))
            seen.add(key)
    return len(found.items) > before


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())


def _corrected(messages: list[Message], reply: str, problem: str, echo: bool) -> list[Message]:
    request = f"Your reply could not be used: {problem} Answer again, in full and in exactly the form asked for."
    if echo:
        return [*messages, {"role": "assistant", "content": reply}, {"role": "user", "content": request}]
    last = messages[-1]  # one user message, not two in a row: some chat templates refuse those
    return [*messages[:-1], {"role": last["role"], "content": f"{last['content']}\n{request}\n"}]

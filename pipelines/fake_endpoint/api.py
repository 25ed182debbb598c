"""What the stand-in's parts share: settings, faults, how an API words its answers, the server as an API sees it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, Protocol

from aiohttp import web

from pipelines.fake_endpoint.text import WORDS, Words


@dataclass(frozen=True, slots=True)
class Fault:
    """One line of a fault script: what to do to a request, and to which ones.

    A request is hit when all conditions hold; `times` counts per request body, so that a retry gets through.
    """

    kind: str
    share: float = 1.0  # of the requests, chosen by their hash
    times: int = 1  # how often the same request is hit; 0: always
    contains: str = ""  # text that the prompt must hold
    after: int = 0  # requests answered before this fault begins
    seconds: float = 1.0  # Retry-After, or how long `down` lasts
    status: int = 200  # of `answer`
    headers: dict[str, str] = field(default_factory=dict)  # of `answer`
    body: Any = None  # of `answer`: text, or what is sent as JSON; `choice`: fields of the reply's choice
    word: str | None = None  # `ending`: the finish reason; `other_model`: the model's name


@dataclass(slots=True)
class FakeSettings:
    """How the server behaves. Latencies are log-normal: `latency_s` is the median, `tail` the sigma."""

    name: str = "Juniper"
    provider: str = "Larkfield"
    seed: int = 0
    latency_s: float = 0.0
    tail: float = 0.8
    longest_s: float = 20.0
    capacity: int = 0  # requests at once before it answers 429; 0: no limit
    connections: int = 0  # requests at once before it cuts the connections of the others; 0: no limit
    window: int = 0  # tokens of a prompt that it reads: of a longer one it drops the rest and says nothing; 0: all
    list_lag_s: float = 0.0  # how long a batch exists before the list of batches shows it
    faults: list[Fault] = field(default_factory=list)
    log: Path | None = None
    key: str = ""  # when given, other keys are answered 401
    batch_s: float = 0.2  # how long a batch takes
    words: Words = WORDS  # what its prose is made of


class Api(Protocol):
    """How one API words what the server says."""

    def refusal(self, request: web.Request) -> web.Response | None:
        """The answer to a wrong key."""

    def check(self, body: dict[str, Any]) -> web.Response | None:
        """The answer to a request that the API does not accept."""

    def error_of(self, kind: str) -> tuple[int, str, str] | None:
        """Status, message and code of a fault that is an answer of its own."""

    def error(self, status: int, message: str, code: str, headers: dict[str, str] | None = None) -> web.Response:
        """An error as the API words them."""

    def completion(self, body: dict[str, Any], fault: str = "") -> dict[str, Any]:
        """The body of a reply; `fault` spoils it."""


class Host(Api, Protocol):
    """The server that an API's routes belong to."""

    settings: FakeSettings
    line_fault: Fault | None

    def log(self, **event: Any) -> None:
        """Append an event to the log."""

    def drop(self, request: web.Request) -> NoReturn:
        """Cut the connection without an answer."""

    async def answer(self, request: web.Request, api: Api) -> web.StreamResponse:
        """Find the fault, wait the latency, reply in the words of `api`, log."""

    def fault_of_line(self, body: dict[str, Any], key: str) -> str:
        """The fault of one line of a batch; logs the line as asked."""

    def spoiled(self, completion: dict[str, Any], fault: Fault | None) -> dict[str, Any]:
        """A chat completion with what the fault's own fields say of it."""

"""What every protocol can do. It says how a request is worded and how an answer is read, never what follows from one:
retries, states of an ending, bounds and batches on record are the same for all (`outcomes`, `client`, `batches.api`).
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar

from pipelines.completion import CompletionRequest
from pipelines.engine.endpoints import EndpointSettings, Role
from pipelines.engine.outcomes import Fault, Reply

WINDOW_HOURS = 24  # that an endpoint has for a batch


@dataclass(frozen=True, slots=True)
class BatchLook:
    """What one look at a batch shows."""

    ended: bool
    missing: Fault  # what to say of its lines without a result, once it has ended
    results: Sequence[str] = ()  # where its results are, in the protocol's own terms


@dataclass(frozen=True, slots=True)
class Sought:
    """A batch whose creation was not answered, and that may exist all the same."""

    nonce: str
    lines: int
    sent_at: float  # seconds since the epoch
    known: frozenset[str]  # ids of batches that other records know


class Protocol(ABC):
    """The connection to one endpoint. Make it inside a running event loop; `close` it at the end.

    What its calls may raise is in `errors`, and `fault_of` sorts it; a ValueError says that an answer cannot be read.
    """

    errors: tuple[type[Exception], ...]
    most_lines: ClassVar[int]  # of a batch
    most_bytes: ClassVar[int]

    def __init__(self, settings: EndpointSettings, key: str) -> None:
        self.settings, self.key = settings, key

    @property
    @abstractmethod
    def address(self) -> str:
        """The root of the endpoint's API."""

    @abstractmethod
    def prepare_batches(self) -> None:
        """Batches will be asked about: what takes long to import is imported now, and not while one is under way."""

    @abstractmethod
    async def close(self) -> None:
        """Close the connections."""

    @staticmethod
    @abstractmethod
    def body(role: Role, endpoint: str, request: CompletionRequest) -> dict[str, Any]:
        """The JSON body of a request, with no field that the role does not ask for."""

    def turn(self, body: dict[str, Any]) -> AbstractAsyncContextManager[None]:
        """Held while a request is sent; entering waits where it is better sent a little later."""
        return nullcontext()

    @abstractmethod
    async def send(self, body: dict[str, Any]) -> Reply | Fault:
        """One request, without retries."""

    @abstractmethod
    def fault_of(self, error: Exception) -> Fault | Reply:
        """What an exception of a call means; a reply where it says that the request was refused."""

    # --- batches -----------------------------------------------------------------------------------------------------

    @abstractmethod
    def custom_id(self, nonce: str, key: bytes) -> str:
        """The name of the line with this key in the batch with this nonce."""

    @abstractmethod
    def line(self, custom_id: str, body: dict[str, Any]) -> str:
        """One line of a batch, as JSON."""

    @abstractmethod
    async def upload(self, lines: Sequence[str]) -> Any:
        """Send what must be there before a batch is created, and creates none; `create` takes what it returns."""

    @abstractmethod
    async def create(self, uploaded: Any, nonce: str) -> str:
        """Create a batch that can be found by `nonce`; its id."""

    @abstractmethod
    async def find(self, sought: Sought) -> str | None:
        """The id of a batch; empty if the endpoint shows none; None while it cannot be told."""

    @abstractmethod
    async def look(self, batch_id: str) -> BatchLook:
        """How far a batch is."""

    @abstractmethod
    async def results(self, look: BatchLook) -> dict[str, Reply | Fault]:
        """What each line of a batch that has ended brought, by its custom id; lines without a result are missing.
        ValueError where one cannot be read: a line that is there was paid for."""

"""Faults that an endpoint does not say, and replies show: a prompt that was cut, another model, an unknown ending.

A server that cuts a prompt to its window answers 200 all the same, and a whole corpus would be written without the
spec; the number of prompt tokens that it reports gives it away.
"""

import logging
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from corpus.tokens import TokenCounter
from pipelines.engine.endings import Ending, cut_at, ending_of
from pipelines.engine.endpoints import EndpointSettings
from pipelines.engine.outcomes import Fault, Reply
from pipelines.ledger.ledger import Ledger

_LOG = logging.getLogger("specmill.endpoints")
_LEAST_BYTES = 4000  # of a prompt that can tell anything
_LEAST_WINDOW = 512  # tokens: fewer are no window, but what was not cached
_DENSE = 5.5  # bytes a token: where fewer come to a token, as in most text, nothing is cut
_SHARE = 0.6  # of the tokens by our count: no tokenizer needs so few
_AT_CEILING, _SPREAD = 4, 1.03  # so many prompts of different length with the same, highest count: a window
_SNAPSHOT = re.compile(r"([-@:](\d{4}-?\d{2}-?\d{2}|\d{3,4}|latest|preview|free))+$")
_CUT = (
    "reads only a part of the prompt: it was sent about {sent} tokens and reports {read}, so the spec is cut off. Give "
    "the model a larger context window"
)
_ADVICE = (
    "For Ollama set num_ctx (OLLAMA_CONTEXT_LENGTH, or `PARAMETER num_ctx` in a Modelfile), for vLLM --max-model-len "
    "and no truncate_prompt_tokens, for llama.cpp --ctx-size. If the server only leaves out what it had cached: "
    "`check_prompt: false` for the endpoint."
)


@dataclass(slots=True)
class _Seen:
    """What the replies of one endpoint have shown so far."""

    density: float = _DENSE  # the most bytes a token that were found to be right
    highest: int = 0  # most prompt tokens reported
    sizes: list[int] = field(default_factory=list)  # bytes of the prompts for which these were reported


class SilentFaults:
    """Those of all endpoints of one client. `look` at every reply before it is used."""

    def __init__(self, ledger: Ledger, endpoints: Mapping[str, EndpointSettings]) -> None:
        self._ledger, self._endpoints = ledger, endpoints
        self._seen: defaultdict[str, _Seen] = defaultdict(_Seen)
        self._named: set[tuple[str, str]] = set()

    def look(self, endpoint: str, model: str, prompt: str, limit: int, reply: Reply) -> Reply | Fault:
        """`reply`, as cut where it fills `limit` tokens; a fault of the endpoint where the prompt was cut.

        Says once what is strange about a reply, and stores the name of another model.
        """
        checked = self._endpoints[endpoint].check_prompt and (reply.usage.prompt or 0) >= _LEAST_WINDOW
        if checked and reply.usage.prompt and (read := self._cut(endpoint, model, prompt, reply.usage.prompt)):
            sent, tokens = read
            detail = f"model {model} {_CUT.format(sent=sent, read=tokens)}"
            return Fault("permanent", detail, advice=_ADVICE, usage=reply.usage)
        if reply.model and _plain(reply.model) != _plain(model) and self._first(endpoint, reply.model):
            _LOG.warning("endpoint %s was asked for the model %s and answers as %s", endpoint, model, reply.model)
            self._ledger.write("INSERT OR IGNORE INTO answered_as VALUES (?, ?, ?)", endpoint, model, reply.model)
        if ending_of(reply.finish_reason) is Ending.UNKNOWN and self._first(endpoint, f"ended {reply.finish_reason}"):
            _LOG.warning(
                "endpoint %s ends replies with %r, which is not known to be a good ending: they count as cut off",
                endpoint, reply.finish_reason,
            )  # fmt: skip
        return cut_at(reply, limit)

    def _first(self, endpoint: str, name: str) -> bool:
        new = (endpoint, name) not in self._named
        self._named.add((endpoint, name))
        return new

    def _cut(self, endpoint: str, model: str, prompt: str, read: int) -> tuple[int, int] | None:
        """Tokens sent, by our count, and read, where a prompt was cut."""
        size = len(prompt) if prompt.isascii() else len(prompt.encode("utf-8", "replace"))
        if size < _LEAST_BYTES:
            return None
        seen = self._seen[endpoint]
        if read > seen.highest:
            seen.highest, seen.sizes = read, []
        if read == seen.highest and len(seen.sizes) < 1000:
            seen.sizes.append(size)
        at_ceiling = len(seen.sizes) >= _AT_CEILING and max(seen.sizes) > _SPREAD * min(seen.sizes)
        if size / read <= seen.density and not (at_ceiling and read == seen.highest):
            return None
        sent = _counter().count(prompt)
        if read >= _SHARE * sent and not (at_ceiling and read == seen.highest and read < sent):
            seen.density = max(seen.density, size / read)
            return None
        # Some servers leave out what they had in their cache: then they have reported more before.
        before = self._ledger.read(
            "SELECT max(prompt_tokens) FROM completion WHERE endpoint = ? AND model = ?", endpoint, model
        )[0][0]
        if max(before or 0, seen.highest) >= _SHARE * sent and not at_ceiling:
            seen.density = max(seen.density, size / read)
            return None
        return sent, read


@cache
def _counter() -> TokenCounter:
    return TokenCounter()


def _plain(model: str) -> str:
    """A model's name without its path, its version and the form of its file."""
    name = model.strip().lower().replace("\\", "/").rstrip("/").rpartition("/")[2].removesuffix(".gguf")
    return _SNAPSHOT.sub("", name)

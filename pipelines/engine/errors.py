"""What an endpoint's error says, whatever its status and form: a refusal, no credit, a limit, trouble that may pass, a
request that is not accepted. Words and sentences are in `errors.yaml`.
"""

import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from importlib import resources
from typing import TYPE_CHECKING, Any

from pipelines.completion import State, Usage
from pipelines.engine.outcomes import Fault, Reply, scrub
from specs.data import load_yaml

if TYPE_CHECKING:
    from pipelines.engine.endpoints import EndpointSettings

LONGEST_WAIT_S = 60.0
"""What an endpoint asks to wait beyond this is not waited: it is tried sooner, since it often answers."""

_TRANSIENT_STATUS = frozenset({408, 409, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529})
_OVERLOAD_STATUS = frozenset({408, 503, 504, 529})
_DENIED_STATUS = frozenset({401, 404, 407, 410})  # nothing about this request: what all others would hear too
_MESSAGE_FIELDS = ("message", "detail", "msg", "error_description", "reason", "title", "errors", "description")
_STATUS_OF = {"throttled": 429, "overloaded": 503, "denied": 401, "absent": 404, "rejected": 400}
_NO_USAGE = Usage(0, 0, 0, 0)  # an error is not billed


@dataclass(frozen=True, slots=True)
class _Meaning:
    words: frozenset[str]
    sentences: re.Pattern[str] | None  # any case
    unless: re.Pattern[str] | None

    def in_sentence(self, text: str) -> bool:
        return bool(self.sentences and self.sentences.search(text)) and not (self.unless and self.unless.search(text))


@dataclass(frozen=True, slots=True)
class Said:
    """An error, read: its own words for what is wrong, a status that it names, and a sentence."""

    words: frozenset[str]
    status: int | None
    message: str
    headers: Mapping[str, str]
    moderated: bool

    def means(self, what: str) -> bool:
        """Whether it says that it is of a kind of `errors.yaml`."""
        meaning = _MEANINGS[what]
        return bool(self.words & meaning.words) or meaning.in_sentence(self.message)


def said(body: Any, message: str = "") -> Said:
    """Read an error of any form: an object `error`, or what stands in its place (`detail`, a list, plain text)."""
    if isinstance(body, list) and body:
        body = body[0]
    error = body.get("error", body) if isinstance(body, dict) else body
    if isinstance(error, str) and isinstance(body, dict):
        error = {**body, "message": error}
    fields = error if isinstance(error, dict) else {}
    code, metadata = fields.get("code"), fields.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    inner = fields.get("innererror")
    codes = [code, fields.get("type"), fields.get("status"), inner.get("code") if isinstance(inner, dict) else None]
    words = frozenset(str(one).lower() for one in codes if isinstance(one, str))
    headers = metadata.get("headers")
    given = {str(name).lower(): str(value) for name, value in headers.items()} if isinstance(headers, dict) else {}
    text = _text(error) or message
    return Said(words, _status(code), text, given, bool(metadata.get("reasons") or metadata.get("flagged_input")))


def has_error(data: Any) -> bool:
    """Whether a body says that it is an error."""
    if isinstance(data, list):
        return bool(data) and isinstance(data[0], dict) and has_error(data[0])
    return isinstance(data, dict) and bool(
        data.get("error") or data.get("object") == "error" or data.get("type") == "error"
    )


def status_fault(
    status: int, body: Any, message: str, headers: Mapping[str, str], endpoint: "EndpointSettings", key: str
) -> Fault | Reply:
    """Sort an error: its HTTP status (200 where it came beside a reply), its parsed body, its text where that says
    nothing. A Reply where it says that the prompt was refused."""
    error = said(body, message)
    found = status if status >= 400 else error.status or _status_of_words(error)
    detail = scrub(f"HTTP {found} {error.message}" + (f" (under status {status})" if status < 400 else ""), key)
    if _refuses(error, found):
        return Reply(State.REFUSED, finish_reason="content_filter", usage=_NO_USAGE, error=detail)
    if found == 402 or (found in {400, 401, 403, 429} and error.means("credit")):
        return Fault("permanent", detail, advice=advice_on(402, detail, endpoint, bool(key)), status=402)
    wait_s = retry_after({**error.headers, **{name.lower(): value for name, value in headers.items()}})
    if found == 429 or (found >= 500 and error.words & _MEANINGS["throttled"].words):
        return Fault("throttled", detail, wait_s, overload=True)
    if found in _TRANSIENT_STATUS or (found >= 500 and found != 501):
        return Fault("server", detail, wait_s, overload=found in _OVERLOAD_STATUS)
    kind = "denied" if found in _DENIED_STATUS else "rejected"
    return Fault(kind, detail, advice=advice_on(found, detail, endpoint, bool(key)), status=found)


def advice_on(status: int, detail: str, endpoint: "EndpointSettings", has_key: bool) -> str:
    """What to do about an error that does not pass by itself."""
    if status in {401, 403} and not has_key:
        return f"The environment variable {endpoint.api_key_env} is not set: put the key there."
    if status in {401, 403}:
        return f"Check the key in the environment variable {endpoint.api_key_env} and what it may use."
    if status in {402, 429}:
        return "The account has no credit left: add some, then run again."
    if status in {404, 410}:
        return f"Check `model` ({endpoint.model}) and `base_url` ({endpoint.address or 'default'}) of the endpoint."
    about = detail if status != 413 else "too large"
    found = next((say for pattern, say in _ADVICE if pattern.search(about)), "")
    return (
        found or "The request is not accepted: check the role's parameters (json_mode, max_tokens_field, extra_body)."
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait as the headers say, in milliseconds, seconds or as an HTTP date, at most `LONGEST_WAIT_S`; None
    if they do not say."""
    milliseconds, value = headers.get("retry-after-ms"), headers.get("retry-after")
    seconds: float | None = None
    try:
        if milliseconds is not None:
            seconds = float(milliseconds) / 1000
        elif value is not None:
            seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(str(value)).timestamp() - time.time()
        except (TypeError, ValueError, OverflowError):
            return None
    return None if seconds is None or math.isnan(seconds) else min(max(0.0, seconds), LONGEST_WAIT_S)


def _refuses(error: Said, status: int) -> bool:
    """Whether it is about this prompt that a filter has stopped."""
    if error.moderated or error.words & _MEANINGS["refused"].words:
        return True
    return status in {400, 403, 422, 451} and error.means("refused")


def _status_of_words(error: Said) -> int:
    return next((status for kind, status in _STATUS_OF.items() if error.means(kind)), 500)


def _status(code: Any) -> int | None:
    text = str(code)
    return int(text) if text.isdigit() and len(text) == 3 and 400 <= int(text) < 600 else None


def _text(error: Any) -> str:
    """The sentence of an error, wherever it stands."""
    if isinstance(error, str):
        return error
    if isinstance(error, list):
        return "; ".join(filter(None, (_text(one) for one in error[:3])))
    if not isinstance(error, dict):
        return ""
    for name in _MESSAGE_FIELDS:
        for field in (name, name.capitalize()):
            if found := _text(error.get(field)):
                return found
    return ""


def _tables() -> dict[str, Any]:
    text = resources.files("pipelines.engine").joinpath("errors.yaml").read_text(encoding="utf-8")
    tables: dict[str, Any] = load_yaml(text)
    return tables


def _meaning(table: dict[str, Any]) -> _Meaning:
    sentences = "|".join(f"(?:{one})" for one in table["sentences"])
    patterns = [re.compile(text, re.IGNORECASE) if text else None for text in (sentences, table.get("unless"))]
    return _Meaning(frozenset(table["words"]), *patterns)


_TABLES = _tables()
_ADVICE = [(re.compile(one["about"], re.IGNORECASE), one["say"]) for one in _TABLES.pop("advice")]
_MEANINGS = {kind: _meaning(table) for kind, table in _TABLES.items()}

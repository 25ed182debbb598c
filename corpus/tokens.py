"""Exact token counts with a named tokenizer. Special tokens are not added: a count is of the text alone."""

import hashlib
import importlib.util
import re
import socket
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from specs.errors import UserError

_CONNECT_S: Final = 5.0
OPENAI_NAMES: Final = {"o200k": "o200k_base", "cl100k": "cl100k_base"}
"""Encodings that ship with `bpe-openai`, by short name."""

_Count = Callable[[Sequence[str]], list[int]]
_UNJOINED = re.compile(r"(?<=\n)(?=[^\s/])|(?<=[A-Za-z])(?= [A-Za-z])")


class TokenCounter:
    """Counts tokens of texts.

    `name` is `o200k_base`, `cl100k_base` (or the short form), a `tokenizer.json`, a folder that holds one, or a Hub
    model id. The attribute `name` is what the tables record: it never holds a path, and tells two files apart.
    """

    def __init__(self, name: str = "o200k_base") -> None:
        self._given = name
        self.name, self._count = _load(name)

    def __reduce__(self) -> tuple[type["TokenCounter"], tuple[str]]:
        """Pickled by name: the filters count in several processes."""
        return TokenCounter, (self._given,)

    def count(self, text: str) -> int:
        """Tokens of one text."""
        return self.count_many([text])[0]

    def count_many(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text; much faster than one call each where the tokenizer runs in parallel."""
        return self._count(texts)


def is_built_in(name: str) -> bool:
    """Whether it needs no file."""
    return OPENAI_NAMES.get(name, name) in OPENAI_NAMES.values()


def names_file(name: str) -> bool:
    """Whether it can only be a file or folder; `a/b` may be one as well as a model on the Hub."""
    return name.endswith(".json") or name.startswith((".", "/", "~"))


def _load(name: str) -> tuple[str, _Count]:
    if is_built_in(name):
        encoding = OPENAI_NAMES.get(name, name)
        return encoding, _openai(encoding)
    path = Path(name).expanduser()
    if path.is_dir():
        path /= "tokenizer.json"
    if path.is_file():
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return f"tokenizer.json sha256:{digest[:16]}", _hugging_face(name, path)
    if not re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", name) or path.suffix == ".json":
        raise UserError(f"tokenizer {name!r}: there is no file {path}. {_EXPECTED}")
    return name, _hugging_face(name, _from_hub(name))


def hub_file(name: str, file: str) -> Path:
    """A file of a model on the Hub, or in its cache; without a connection only there, as the library would otherwise
    try for half a minute. Raises what `huggingface_hub` raises."""
    from huggingface_hub import constants, hf_hub_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    answers = _hub_answers()
    try:
        return Path(hf_hub_download(name, file, local_files_only=not answers))
    except LocalEntryNotFoundError as error:
        if answers:
            raise
        raise LocalEntryNotFoundError(f"no connection to {constants.ENDPOINT}") from error


def _hub_answers() -> bool:
    """Whether a connection to the Hub can be made. Behind a proxy that is taken for granted."""
    from huggingface_hub import constants

    address = urlsplit(constants.ENDPOINT)
    host, port = address.hostname or "", address.port or (443 if address.scheme == "https" else 80)
    if constants.HF_HUB_OFFLINE:
        return False
    return bool(getproxies().get(address.scheme) and not proxy_bypass(host)) or _connects(host, port)


@cache
def _connects(host: str, port: int) -> bool:
    """Asked once a process: several files are wanted."""
    try:
        socket.create_connection((host, port), _CONNECT_S).close()
    except OSError:
        return False
    return True


def _from_hub(name: str) -> Path:
    try:
        return hub_file(name, "tokenizer.json")
    except (OSError, ValueError) as error:  # no such model, no such file, no network, not in the offline cache
        raise UserError(f"tokenizer {name!r} cannot be fetched from the Hub: {error}. {_EXPECTED}") from error


_EXPECTED = (
    "Expected o200k_base or cl100k_base (built in), the path of a tokenizer.json or of a folder with one, "
    "or the id of a model on the Hub, such as Qwen/Qwen2.5-7B-Instruct."
)


def _openai(encoding: str) -> _Count:
    tokenizer = _tokenizers().tokenizer_for_encoding(encoding)

    def count(text: str) -> int:
        try:
            return int(tokenizer.count(text))
        except UnicodeEncodeError:  # half a surrogate pair, which is no character
            return int(tokenizer.count(text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")))

    # Threads gain nothing here: 9M tokens a second on one core, and 3M with the library's own pool.
    return lambda texts: [sum(map(count, pieces(text))) for text in texts]


@cache
def _tokenizers() -> Any:
    """The compiled module of bpe-openai, found without importing the package's own code: that first builds the tables
    of all its encodings in Python (half a second, 150 MB), which nothing that counts needs."""
    package = importlib.util.find_spec("bpe_openai")
    spec = PathFinder.find_spec("bpe_openai._bindings", package.submodule_search_locations) if package else None
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError("bpe-openai is not installed, or has no compiled module; install specmill again")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pieces(text: str, most: int = 250_000) -> Iterator[str]:
    """`text` in pieces of at most `most` characters, cut where no token of these encodings reaches across.

    bpe-openai refuses texts of a megabyte. Its encodings never join a line end with a following letter, nor a word with
    the space after it; only a stretch of `most` characters without either is cut elsewhere, and counts a token more.
    """
    at = 0
    while len(text) - at > most:
        window = text[at : at + most]
        cut = max((match.start() for match in _UNJOINED.finditer(window, most - min(most, 4_000))), default=most)
        yield window[:cut]
        at += cut
    yield text[at:]


def _hugging_face(name: str, path: Path) -> _Count:
    from tokenizers import Tokenizer

    try:
        tokenizer: Any = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception
        raise UserError(f"tokenizer {name!r} cannot be loaded: {error}. {_EXPECTED}") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return lambda texts: [len(e.ids) for e in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]

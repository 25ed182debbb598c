"""Reading a Model Spec: from a path or a shipped name to a checked, rendered, fingerprinted `Spec`."""

import hashlib
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Literal

from specs.errors import SpecError
from specs.formats import refuse_binary, to_markdown
from specs.names import Names, check_named, names_in
from specs.passages import Passage, split
from specs.placeholders import substitute
from specs.settings import Assistant

MAX_BYTES = 4_000_000  # about a million tokens: more than any context window that could hold it
Shape = Literal["prose", "rules"]


@dataclass(frozen=True)
class Spec:
    """A Model Spec as the language model will see it: placeholders filled, line ends normalised."""

    name: str
    text: str
    shape: Shape

    @cached_property
    def hash(self) -> str:
        """Fingerprint of the rendered text: 16 hex digits of its SHA-256."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]

    @cached_property
    def passages(self) -> list[Passage]:
        """The passages, in reading order."""
        return split(self.text)

    @cached_property
    def rule_ids(self) -> list[str]:
        """The principle ids that the spec defines, in order of first mention."""
        return list(dict.fromkeys(p.rule_id for p in self.passages if p.rule_id))

    @cached_property
    def title(self) -> str:
        """The first heading, or the name."""
        return next((p.heading_path[0] for p in self.passages if p.heading_path), self.name)


def shipped_names() -> list[str]:
    """Names of the specs that come with specmill."""
    return sorted(entry.name.removesuffix(".md") for entry in files("specs").joinpath("shipped").iterdir())


def read_spec(source: str, assistant: Assistant, *, base: Path | None = None, shape: str = "auto") -> Spec:
    """Read the spec that a recipe names: a shipped name, or a path (relative to `base`, the recipe's folder).

    Raises SpecError where the file is missing, empty, binary, too large, in no format that can be read, has an unknown
    placeholder, or speaks of another assistant.
    """
    name, raw = _read_bytes(source, base)
    return parse_spec(name, raw, assistant, shape=shape)


def parse_spec(name: str, raw: bytes, assistant: Assistant, *, shape: str = "auto") -> Spec:
    """The spec in the bytes of a file; `name` is for messages, and its stem names the spec. Raises SpecError."""
    text = substitute(to_markdown(_decode(raw, name), name), assistant, name).rstrip() + "\n"
    check_named(text, assistant, name)
    passages = split(text)
    if not passages:
        raise SpecError(f"{name}: no passage found: the file has {len(text.split())} words, only headings or rules.")
    kind = _shape(passages, shape, name)
    return Spec(name=Path(name).stem, text=text, shape=kind)


def _read_bytes(source: str, base: Path | None) -> tuple[str, bytes]:
    if source in shipped_names():
        return source, files("specs").joinpath("shipped", f"{source}.md").read_bytes()
    path = Path(source).expanduser()
    path = path if path.is_absolute() or base is None else base / path
    if path.is_dir() or not path.exists():
        kind = "is a folder" if path.is_dir() else "does not exist"
        raise SpecError(
            f"spec {source!r} {kind}. Give a text or Markdown file, or one of: {', '.join(shipped_names())}."
        )
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise SpecError(
            f"{path}: {size:,} bytes; a spec of at most {MAX_BYTES:,} bytes is expected. Is it the right file?"
        )
    try:
        return str(path), path.read_bytes()
    except OSError as error:
        raise SpecError(f"{path}: cannot be read: {error.strerror}.") from error


def _decode(raw: bytes, name: str) -> str:
    """Text of a spec file: UTF-8, with or without a byte order mark, any line ends."""
    refuse_binary(raw, name)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpecError(
            f"{name}: not UTF-8 text (byte {error.start}). Save it as UTF-8; PDF or Word must be exported first."
        ) from error
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    control = next((c for c in text if unicodedata.category(c) == "Cc" and c not in "\n\t\f"), None)
    if control is not None:
        raise SpecError(
            f"{name}: binary content (character U+{ord(control):04X}); a text or Markdown file is expected."
        )
    if not text.strip():
        raise SpecError(f"{name}: the file is empty; a Model Spec in text or Markdown is expected.")
    return text.replace("\f", "\n").rstrip() + "\n"


def _shape(passages: list[Passage], wanted: str, name: str) -> Shape:
    """`rules` if more than half of the text stands under principle ids and rules are all there is to it."""
    if wanted == "prose":
        return "prose"
    covered = sum(len(p.text) for p in passages if p.rule_id)
    if wanted == "rules":
        if not covered:
            raise SpecError(
                f"{name}: `shape: rules` needs principle ids such as 'R1: ...' at the head of rules; found none."
            )
        return "rules"
    listed = sum(len(p.text) for p in passages if p.rule_id and p.text.lstrip()[:1] in "-*+0123456789")
    return "rules" if 2 * listed > sum(len(p.text) for p in passages) else "prose"


def assistant_of(source: str, name: str | None = None, provider: str | None = None) -> Assistant:
    """The assistant that a spec speaks of: what is given, else the names that it uses, else the defaults.

    A spec with placeholders, or without a name for its assistant, fits every one. Raises SpecError as `read_spec` does
    where the file cannot be read.
    """
    where, raw = _read_bytes(source, None)
    text = to_markdown(_decode(raw, where), where)
    found = names_in(text) if "{model_name}" not in text else Names((), (), 0)
    chosen = {"name": name or found.assistant, "provider": provider or (found.maker if found.assistant else None)}
    return Assistant(**{key: value for key, value in chosen.items() if value})

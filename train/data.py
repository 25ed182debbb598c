"""The samples of each stage: documents cut to sequences, chats rendered and checked, written as token ids and labels.

Chats are what `dataset/aft*` and the instruction mix hold. Nothing is dropped silently: each chat that is left out is
counted with its reason, and a chat that would be trained on otherwise than it stands in the dataset is an error.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from corpus.mix.instruction_mix import MIX_DATA
from corpus.rows import read_file
from corpus.store import read_dataset_rows
from corpus.workspace import Workspace
from specs.errors import UserError
from train.chats import Chat, LeftOutError, held_back, read_chat, split_questions, without_thinking
from train.checks import Fault, faults
from train.families import Family
from train.rendering import IGNORED, Sample, render
from train.settings import TrainSettings
from train.tokenizer import BaseTokenizer

_AT_ONCE: Final = 256  # documents tokenized together


@dataclass(frozen=True, slots=True)
class Tokens:
    """One sample as it is trained on."""

    ids: list[int]
    labels: list[int]
    id: str  # of the document or chat
    source: str  # msm | aft | instruction_mix | neutral
    text: str = ""  # of chats, as rendered
    tools: bool = False

    @property
    def trained(self) -> int:
        """Tokens that carry loss."""
        return sum(label != IGNORED for label in self.labels)


@dataclass(slots=True)
class Looked:
    """What was seen of the chats while they were rendered."""

    chats: int = 0
    samples: int = 0
    split: int = 0  # chats of several questions that became several samples
    left_out: Counter[str] = field(default_factory=Counter)  # by reason
    too_long: list[int] = field(default_factory=list)  # tokens of chats that no sequence holds
    faulty: list[tuple[Sample, list[Fault]]] = field(default_factory=list)  # the first of them
    kinds: Counter[str] = field(default_factory=Counter)  # samples with a fault, by kind
    shown: list[Sample] = field(default_factory=list)  # the first of each source, to look at


@dataclass(frozen=True, slots=True)
class Writer:
    """How chats become samples: the base model's tokenizer, its family, and the length of a sequence."""

    tokenizer: BaseTokenizer
    family: Family
    settings: TrainSettings

    def documents(self, texts: Iterable[tuple[str, str]], source: str = "msm") -> Iterator[Tokens]:
        """Samples of (id, text): a long document is cut into sequences, and only its last piece has the end."""
        limit, end = self.settings.sequence_len, self._document_end()
        for batch in _batches(texts):
            for (key, _), ids in zip(batch, self.tokenizer.encode_documents([text for _, text in batch]), strict=True):
                whole = [*ids, end]
                starts = range(0, len(whole), limit)
                for start in starts:
                    piece = whole[start : start + limit]
                    if len(piece) > 1:  # an end alone teaches nothing, and trainers drop it
                        yield Tokens(piece, piece, key, source)

    def chats(self, chats: Iterable[Chat | LeftOutError], looked: Looked) -> Iterator[Tokens]:
        """Samples of chats, each checked; `looked` says what was left out and what is wrong."""
        for chat in chats:
            looked.chats += 1
            try:
                if isinstance(chat, LeftOutError):
                    raise chat
                samples = self.samples(chat)
            except LeftOutError as why:
                looked.left_out[str(why)] += 1
                continue
            looked.split += len(samples) > 1
            for sample in samples:
                yield from self._taken(sample, looked)

    def samples(self, chat: Chat) -> list[Sample]:
        """The samples of a chat: one, or one a question where the model never sees its earlier reasoning.

        Raises:
            LeftOutError: the family's form cannot say what the chat holds.
        """
        if chat.tools and not self.family.tools:
            raise LeftOutError(f"tools, which the form of {self.family.key} cannot say")
        if token := held_back(chat.messages, self._control()):
            raise LeftOutError(f"the control token {token} in a message")
        chat = without_thinking(chat, self.family.no_think)
        parts = split_questions(chat) if self.family.each_turn else [chat]
        return [render(part, self.family, self.tokenizer) for part in parts]

    def _control(self) -> frozenset[str]:
        return self.tokenizer.control | {self.family.end}

    def _taken(self, sample: Sample, looked: Looked) -> Iterator[Tokens]:
        if len(sample.ids) > self.settings.sequence_len:
            looked.too_long.append(len(sample.ids))
            return
        looked.samples += 1
        if len(looked.shown) < 100:
            looked.shown.append(sample)
        if found := faults(sample, self.family, self.tokenizer):
            looked.kinds.update({fault.kind for fault in found})
            if len(looked.faulty) < 10:
                looked.faulty.append((sample, found))
        chat = sample.chat
        yield Tokens(sample.ids, sample.labels, chat.id, chat.source, sample.text, bool(chat.tools))

    def _document_end(self) -> int:
        ends = [self.family.document_end, self.tokenizer.eos, self.family.end]
        return next(self.tokenizer.token_id(one) for one in ends if one and self.tokenizer.knows(one))


def document_texts(workspace: Workspace) -> Iterator[tuple[str, str]]:
    """Id and text of every document of `dataset/msm`."""
    return ((row["id"], row["text"]) for row in read_dataset_rows(workspace, "msm", ["id", "text"]))


def aft_chats(workspace: Workspace, config: str) -> Iterator[Chat | LeftOutError]:
    """The chats of `dataset/aft` or `dataset/aft_cot`."""
    return (_read(row, "aft") for row in read_dataset_rows(workspace, config, ["id", "messages", "tools"]))


def mix_file(workspace: Workspace, settings: TrainSettings) -> Path | None:
    """The file of chats to mix in: what the settings name, or what `specmill mix` made; None where there is neither."""
    if settings.instruction_mix is not None:
        return workspace.root / settings.instruction_mix
    return workspace.root / MIX_DATA if (workspace.root / MIX_DATA).is_file() else None


def mix_chats(path: Path) -> Iterator[Chat | LeftOutError]:
    """The chats of a file. Raises UserError where it is no file of chats."""
    rows = read_rows_of(path, "train.instruction_mix")
    if rows and not any(isinstance(row, dict) and row.get("messages") for row in rows):
        raise UserError(
            f"train.instruction_mix: no row of {path} has `messages`; expected a list of "
            '{"role": ..., "content": ...} in each'
        )
    return (_read(row, "instruction_mix", f"{number}") for number, row in enumerate(rows))


def limited(samples: Iterable[Tokens], limit: int) -> Iterator[Tokens]:
    """Samples up to `limit` tokens in all; one that would go beyond is passed over, and a shorter one may follow."""
    total = 0
    for sample in samples:
        if total + len(sample.ids) <= limit:
            total += len(sample.ids)
            yield sample


def read_rows_of(path: Path, key: str) -> list[Any]:
    """The rows of a file that a recipe's key names, None for what is no row; UserError where it cannot be read."""
    if not path.is_file():
        raise UserError(f"{key}: there is no file {path}. Expected a Parquet or JSONL file, or null.")
    try:
        return [row for _, row in read_file(path)]
    except UserError as error:
        raise UserError(f"{key}: {error}") from error


def neutral_texts(path: Path) -> list[tuple[str, str]]:
    """Texts of a file: one for a paragraph of a text file, one for a row's `text` otherwise."""
    if path.suffix in {".parquet", ".jsonl"}:
        texts = [row.get("text") for row in read_rows_of(path, "train.neutral_text") if isinstance(row, dict)]
    elif path.is_file():
        texts = [part for part in path.read_text(encoding="utf-8").split("\n\n") if part.strip()]
    else:
        raise UserError(f"train.neutral_text: there is no file {path}. Expected text, JSONL or Parquet.")
    found = [(f"{number}", text) for number, text in enumerate(texts) if isinstance(text, str) and text.strip()]
    if not found:
        raise UserError(f"train.neutral_text: {path} has no text; expected a `text` in each row.")
    return found


def is_held_out(sample_id: str, share: float, seed: int) -> bool:
    """Whether a document or chat is held out: by its id, so that all arms hold out the same ones."""
    if not share:
        return False
    digest = hashlib.sha256(f"{seed} {sample_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def _read(row: Any, source: str, number: str = "") -> Chat | LeftOutError:
    try:
        chat = read_chat(row, source)
    except LeftOutError as why:
        return why
    return chat if chat.id else replace(chat, id=f"{source}-{number}")


def _batches(texts: Iterable[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    batch: list[tuple[str, str]] = []
    for one in texts:
        batch.append(one)
        if len(batch) == _AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch

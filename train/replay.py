"""Replay: ordinary text beside the documents of midtraining, in exactly as many tokens as are asked for.

What is taken depends on the seed and the settings alone: a corpus and its control, with `tokens`, have the same replay,
piece by piece; with `share`, whose number follows the documents, the smaller is the beginning of the larger.
"""

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from corpus.ids import content_id
from corpus.rows import ENDINGS, hub_dataset, read_file
from specs.errors import UserError
from train.data import Tokens, Writer
from train.settings import Replay, ReplaySource

SOURCE: Final = "replay:"
"""How `source` of a sample of replay begins; its source's name follows."""
Refuse = Callable[[str], str | None]
"""Why an ordinary text may not be trained on beside a corpus, in a few words, or None."""
_FIRST: Final = 256  # texts that are read before it is known how long they are
_PLAIN: Final = (".txt", ".md")


class Texts(Protocol):
    """The texts of a source, by number."""

    revision: str  # a commit of the Hub, or a hash of the files

    def __len__(self) -> int: ...

    def pick(self, numbers: list[int]) -> list[str | None]:
        """The texts of these numbers; None where there is none."""
        ...


@dataclass(slots=True)
class Taken:
    """What was taken of one source, and why other texts were passed over."""

    source: ReplaySource
    revision: str
    rows: int
    wanted: int
    texts: int = 0
    tokens: int = 0
    passed_over: Counter[str] = field(default_factory=Counter)

    def entry(self) -> dict[str, Any]:
        """For the manifest."""
        said = self.source.model_dump(include={"name", "path", "column", "config", "split", "license"}, mode="json")
        counts = {"rows": self.rows, "texts": self.texts, "tokens": self.tokens}
        return said | {"revision": self.revision, **counts, "passed_over": dict(self.passed_over)}


class Replayed:
    """The documents of midtraining, and behind them the replay; what was taken is known once it is read to its end."""

    def __init__(self, writer: Writer, base: Path, refuse: Refuse | None) -> None:
        self.writer, self.base, self.refuse = writer, base, refuse
        self.settings: Replay = writer.settings.replay
        self.taken: list[Taken] = []
        self._digest = hashlib.sha256()

    def beside(self, documents: Iterable[Tokens]) -> Iterator[Tokens]:
        """Samples of the documents, then those of the replay.

        Raises:
            UserError: a source cannot be read, or has too little text.
            ValueError: nothing says what may not be trained on.
        """
        if self.refuse is None:
            raise ValueError("train.replay: ordinary text is not trained on unseen; give `refuse`")
        total = 0
        for sample in documents:
            total += len(sample.ids)
            yield sample
        wanted = self.settings.tokens
        if wanted is None:
            share = self.settings.share or 0.0
            wanted = max(2, round(total * share / (1 - share)))
        seen: set[str] = set()
        for source, tokens in zip(self.settings.sources, self._split(wanted), strict=True):
            for sample in self._take(source, tokens, seen):
                self._digest.update(str(sample.ids).encode())
                yield sample

    def manifest(self) -> dict[str, Any]:
        """What was taken: tokens, sources with revision and licence, and a hash of all its pieces in their order."""
        return {
            "tokens": sum(one.tokens for one in self.taken), "seed": self.writer.settings.seed,
            "hash": self._digest.hexdigest()[:12], "sources": [one.entry() for one in self.taken],
        }  # fmt: skip

    def _split(self, wanted: int) -> list[int]:
        """Tokens of each source, by weight; the last has what rounding leaves."""
        weights = [source.weight for source in self.settings.sources]
        parts = [int(wanted * weight / sum(weights)) for weight in weights]
        parts[-1] += wanted - sum(parts)
        if min(parts) < 2:
            raise UserError(f"train.replay: {wanted:,} tokens are too few for {len(parts)} sources; ask for more.")
        return parts

    def _take(self, source: ReplaySource, wanted: int, seen: set[str]) -> Iterator[Tokens]:
        texts = _open(source, self.base)
        taken = Taken(source, texts.revision, len(texts), wanted)
        self.taken.append(taken)
        samples = self.writer.documents(self._texts(texts, taken, seen), f"{SOURCE}{source.name}")
        last = ""
        for sample in exactly(samples, wanted):
            taken.tokens += len(sample.ids)
            taken.texts += sample.id != last
            last = sample.id
            yield sample
        if taken.tokens < wanted:
            why = ", ".join(f"{count:,} {reason}" for reason, count in taken.passed_over.most_common())
            raise UserError(
                f"train.replay: {source.name} has {taken.rows:,} texts and gives {taken.tokens:,} tokens "
                f"({why or 'none passed over'}); {wanted:,} are asked for. Ask for less, or name another source beside "
                "it."
            )

    def _texts(self, texts: Texts, taken: Taken, seen: set[str]) -> Iterator[tuple[str, str]]:
        """Id and text of those that may be taken, in an order that the seed decides, until nobody asks for more."""
        order = list(range(len(texts)))
        random.Random(f"{self.writer.settings.seed} replay {taken.source.name}").shuffle(order)
        at, step = 0, _FIRST
        while at < len(order):
            for text in texts.pick(order[at : at + step]):
                why = self._unfit(text, seen)
                if why is not None or text is None:
                    taken.passed_over[why or "without text"] += 1
                    continue
                yield content_id("replay", taken.source.name, text), text
            at += step
            left = taken.wanted - taken.tokens  # a source is read once a step: as many as will be enough, and some more
            step = max(_FIRST, int(1.1 * left * at / max(1, taken.tokens)))

    def _unfit(self, text: str | None, seen: set[str]) -> str | None:
        if text is None or not text.strip():
            return "without text"
        digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
        if digest in seen:
            return "there already"
        seen.add(digest)
        return self.refuse(text) if self.refuse else None


def exactly(samples: Iterable[Tokens], wanted: int) -> Iterator[Tokens]:
    """Samples of exactly `wanted` tokens in all: the last is cut, and none has fewer than two tokens, which trainers
    drop. Fewer where there are not enough."""
    left = wanted
    for sample in samples:
        size = min(len(sample.ids), left)
        if left - size == 1:  # a piece of one token could not be filled
            size -= 1
        if size < 2:
            continue
        left -= size
        yield sample if size == len(sample.ids) else _cut(sample, size)
        if not left:
            return


def _cut(sample: Tokens, size: int) -> Tokens:
    return Tokens(sample.ids[:size], sample.labels[:size], sample.id, sample.source)


def _open(source: ReplaySource, base: Path) -> Texts:
    if source.is_local:
        return _Files(source, base / Path(source.path).expanduser())
    try:
        return _Hub(source)
    except Exception as error:  # datasets raises its own, the Hub's, the disk's and Arrow's errors
        said = next(iter(str(error).splitlines()), repr(error))
        raise UserError(
            f"train.replay: {source.name}: cannot load {source.path!r} from the Hub: {said}. A folder is written with "
            "a slash at its end."
        ) from error


class _Files:
    """A text file is one text; other files have one a row."""

    def __init__(self, source: ReplaySource, path: Path) -> None:
        self.source, self.files = source, [path]
        if path.is_dir():
            named = sorted(one for one in path.rglob("*") if one.is_file())
            self.files = [one for one in named if one.name.removesuffix(".gz").endswith((*_PLAIN, *ENDINGS))]
        if not self.files or not self.files[0].is_file():
            raise UserError(
                f"train.replay: {source.name}: there is no text in {path}. Expected a .txt, .md, .jsonl, .json, .csv "
                "or .parquet file, or a folder of such."
            )
        digest, self.count = hashlib.sha256(), sum(1 for _ in self._all())
        for file in self.files:
            with file.open("rb") as handle:
                digest.update(hashlib.file_digest(handle, "sha256").digest())
        self.revision = f"sha256:{digest.hexdigest()}"

    def __len__(self) -> int:
        return self.count

    def pick(self, numbers: list[int]) -> list[str | None]:
        wanted = set(numbers)
        found = {number: text for number, text in enumerate(self._all()) if number in wanted}
        return [found[number] for number in numbers]

    def _all(self) -> Iterator[str | None]:
        for file in self.files:
            if file.suffix in _PLAIN:
                yield file.read_text(encoding="utf-8", errors="replace")
                continue
            try:
                rows = read_file(file)
                yield from (_text(row, self.source.column) for _, row in rows)
            except UserError as error:
                raise UserError(f"train.replay: {self.source.name}: {error}") from error


class _Hub:
    """A split of a dataset on the Hub."""

    def __init__(self, source: ReplaySource) -> None:
        found, self.revision = hub_dataset(source.path, source.config, source.split, source.revision)
        self.rows = found.select_columns(source.column)
        self.column = source.column

    def __len__(self) -> int:
        return len(self.rows)

    def pick(self, numbers: list[int]) -> list[str | None]:
        return [_text(self.rows[number], self.column) for number in numbers]


def _text(row: Mapping[str, Any] | None, column: str) -> str | None:
    value = (row or {}).get(column)
    return value if isinstance(value, str) else None

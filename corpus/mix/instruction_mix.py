"""The instruction mix: chats of other sources, mapped to messages, filtered, counted, and written with a manifest.

Each source gives exactly the chats or tokens that are asked for, drawn in an order that the seed decides; a source that
cannot is an error, never a smaller mix. What is taken, from which revision and under which licence is in `mix.json`.
"""

import hashlib
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from corpus.chats import MESSAGE, Message, UnusableChat, read_chat, read_tools
from corpus.ids import content_id
from corpus.mix.identity_chats import identity_chats
from corpus.mix.settings import MixSettings, MixSource
from corpus.rows import hub_dataset, read_file, without_nulls
from corpus.tokens import TokenCounter
from corpus.workspace import Workspace, replacing, write_text
from specs.errors import UserError
from specs.settings import Assistant

MIX_DATA: Final = "train/data/mix.parquet"
MIX_MANIFEST: Final = "train/data/mix.json"
MIX_JUDGED: Final = "train/data/mix_judged.parquet"
MIX_FILES: Final = (MIX_DATA, MIX_MANIFEST, MIX_JUDGED)
"""All that a mix leaves in a workspace."""
MIX_SCHEMA: Final = pa.schema(
    [
        pa.field("messages", pa.list_(MESSAGE)),
        pa.field("tools", pa.string()),  # JSON in the OpenAI tools format, or null
        pa.field("id", pa.string()),
        pa.field("source", pa.string()),
        pa.field("tokens", pa.int64()),
    ]
)
Messages = list[Message]
Refuse = Callable[[Messages], str | None]
"""Why a chat may not stay, or None: rules, which cost nothing."""
Judge = Callable[[list[dict[str, Any]]], list[str | None]]
"""The same for rows of the mix that the rules let through, many at once: a judge costs money."""


@dataclass(slots=True)
class Taken:
    """What was taken of one source, and why others were passed over."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)

    @property
    def tokens(self) -> int:
        """Of all chats taken."""
        return sum(row["tokens"] for row in self.rows)


def write_mix(
    workspace: Workspace, settings: MixSettings, assistant: Assistant, counter: TokenCounter, seed: int, refuse: Refuse,
    judge: Judge | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Write `train/data/mix.parquet` and its manifest, which is returned.

    `refuse` says why a chat contradicts the spec, or None; then `judge`, where there is one. Raises UserError where a
    source cannot be read, or cannot give what is asked for.
    """
    if judge is None:
        (workspace.root / MIX_JUDGED).unlink(missing_ok=True)  # an earlier mix's
    mixer = _Mixer(settings, counter, seed, refuse, judge or _accept_all)
    sources = []
    rows: list[dict[str, Any]] = []
    for source in settings.sources:
        table, revision = _load(source, workspace)
        taken = mixer.take(source, table)
        rows += taken.rows
        sources.append(_entry(source, revision, len(table), taken))
    if settings.identity.samples:
        made = mixer.identity(settings, assistant)
        rows += made.rows
        sources.append({"name": "identity", "path": "made from the recipe", "license": "own", **_counts(made)})
    random.Random(f"{seed} mix").shuffle(rows)
    with replacing(workspace.root / MIX_DATA) as beside:
        pq.write_table(pa.Table.from_pylist(rows, MIX_SCHEMA), beside, compression="zstd")
    manifest = {
        "seed": seed, "tokenizer": counter.name, "max_tokens": settings.max_tokens, "samples": len(rows),
        "judged_by": dict(settings.judge.criteria) if judge else {},
        "tokens": sum(row["tokens"] for row in rows), "sources": sources,
        "sha256": hashlib.sha256((workspace.root / MIX_DATA).read_bytes()).hexdigest(),
    }  # fmt: skip
    write_text(workspace.root / MIX_MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=2) + "\n")
    return manifest


class _Mixer:
    """Takes chats of sources; a chat that one source gave, no other gives again."""

    def __init__(self, settings: MixSettings, counter: TokenCounter, seed: int, refuse: Refuse, judge: Judge) -> None:
        self.settings, self.counter, self.seed, self.judge = settings, counter, seed, judge
        self.refuse = refuse if settings.refuse_contradictions else _accept
        self.seen: set[str] = set()

    def take(self, source: MixSource, table: Any) -> Taken:
        """Exactly `source.samples` chats, or the fewest that reach `source.tokens`; judged in waves, each as large as
        what is missing, so that no chat is judged in vain."""
        taken = Taken()
        rows = self.candidates(source, table, taken.passed_over)
        while wave := _wave(source, taken, rows):
            for row, why in zip(wave, self.judge(wave), strict=True):
                if why is None:
                    taken.rows.append(row)
                else:
                    taken.passed_over[why] += 1
        if not _enough(source, len(taken.rows), taken.tokens):
            raise UserError(_short_of(source, len(table), taken))
        return taken

    def candidates(self, source: MixSource, table: Any, passed_over: Counter[str]) -> Iterator[dict[str, Any]]:
        """The rows that the rules let through, in an order that the seed decides."""
        order = list(range(len(table)))
        random.Random(f"{self.seed} {source.name}").shuffle(order)
        for number in order:
            try:
                found = table[number] or {}
                chat, tools = read_chat(found, source.columns), read_tools(found, source.columns)
                yield self.row(source.name, chat, tools, self.refuse)
            except UnusableChat as why:
                passed_over[str(why)] += 1

    def identity(self, settings: MixSettings, assistant: Assistant) -> Taken:
        """The synthetic identity set."""
        chats = identity_chats(settings.identity, assistant, self.seed)
        taken = Taken()
        for chat in chats:
            with suppress(UnusableChat):
                taken.rows.append(self.row("identity", chat, None, _accept))
        return taken

    def row(self, name: str, messages: Messages, tools: str | None, refuse: Refuse) -> dict[str, Any]:
        """A row of the mix. Raises UnusableChat where the chat is passed over."""
        keys = ("content", "reasoning_content", "tool_calls")
        tokens = sum(self.counter.count_many([tools or "", *(one.get(key) or "" for one in messages for key in keys)]))
        if tokens > self.settings.max_tokens:
            raise UnusableChat(f"above {self.settings.max_tokens} tokens")
        if (why := refuse(messages)) is not None:
            raise UnusableChat(why)
        key = content_id("mix", "", messages)
        if key in self.seen:
            raise UnusableChat("there already")
        self.seen.add(key)
        return {"messages": messages, "tools": tools, "id": key, "source": name, "tokens": tokens}


def _wave(source: MixSource, taken: Taken, rows: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    """The next chats: as many as would be enough if all of them passed."""
    wave: list[dict[str, Any]] = []
    samples, tokens = len(taken.rows), taken.tokens
    while not _enough(source, samples, tokens) and (row := next(rows, None)) is not None:
        wave.append(row)
        samples, tokens = samples + 1, tokens + row["tokens"]
    return wave


def _enough(source: MixSource, samples: int, tokens: int) -> bool:
    return samples == source.samples or (source.tokens is not None and tokens >= source.tokens)


def _short_of(source: MixSource, rows: int, taken: Taken) -> str:
    wanted = f"{source.samples:,} chats" if source.samples else f"{source.tokens:,} tokens"
    why = ", ".join(f"{count:,} {reason}" for reason, count in taken.passed_over.most_common()) or "none passed over"
    return (
        f"mix.sources: {source.name} has {rows:,} rows and gives {len(taken.rows):,} chats of {taken.tokens:,} tokens "
        f"({why}); {wanted} are asked for. Ask for less, or take another source beside it."
    )


@dataclass(frozen=True, slots=True)
class _HubRows:
    """The rows of a dataset in Arrow, without the keys that Arrow fills into every record."""

    dataset: Any

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, number: int) -> Any:
        return without_nulls(self.dataset[number])


def _load(source: MixSource, workspace: Workspace) -> tuple[Any, str]:
    """The rows of a source, and its exact revision: a commit of the Hub, or a hash of the file."""
    path = workspace.root / source.path
    try:
        if source.is_file:
            if not path.is_file():
                raise UserError(f"mix.sources: {source.name}: there is no file {path}.")
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            return [row for _, row in read_file(path)], f"sha256:{digest}"
        found, commit = hub_dataset(source.path, source.config, source.split, source.revision)
        return _HubRows(found), commit
    except UserError:
        raise
    except Exception as error:  # datasets raises its own, the Hub's, the disk's and Arrow's errors
        said = next(iter(str(error).splitlines()), repr(error))
        raise UserError(f"mix.sources: {source.name}: cannot load {source.path!r}: {said}") from error


def _entry(source: MixSource, revision: str, rows: int, taken: Taken) -> dict[str, Any]:
    said = source.model_dump(include={"name", "path", "config", "split", "license"})
    return {**said, "revision": revision, "rows": rows, **_counts(taken), "passed_over": dict(taken.passed_over)}


def _counts(taken: Taken) -> dict[str, int]:
    return {"samples": len(taken.rows), "tokens": taken.tokens}


def _accept(messages: Messages) -> str | None:
    return None


def _accept_all(rows: list[dict[str, Any]]) -> list[str | None]:
    return [None] * len(rows)

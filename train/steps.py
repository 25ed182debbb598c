"""Update arithmetic: how many optimizer updates a corpus is worth, before anything is trained.

Tokens are not updates: 1M tokens at batch 8 were 31 updates and looked like a null result; the same tokens at batch 1
were about 246 updates and showed the effect (docs/method.md, 5.2). How samples are packed and updates are rounded
is each trainer's own (`count` in trainers/axolotl.py and trainers/trl.py); what they have in common is here.
"""

import random
from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from train.settings import TrainSettings

AUTO_ACCUMULATION: Final = (16, 8, 4, 2, 1)
_MOST_LOST: Final = 0.02


@dataclass(frozen=True, slots=True)
class Count:
    """What a trainer makes of samples in their order: sequences of an epoch, optimizer updates of all epochs, and the
    tokens of an epoch that fill no update and are not trained on."""

    sequences: int
    updates: int
    lost: int = 0


Counting = Callable[[Sequence[int], TrainSettings, int], Count]
"""`Trainer.count`: lengths in the order of the file, settings, micro batches an update."""


@dataclass(frozen=True, slots=True)
class Updates:
    """What a stage amounts to, in tokens of the base model's own tokenizer."""

    samples: int
    tokens: int
    trained: int  # of them carry loss
    sequences: int  # after packing, one epoch
    micro_batch_size: int
    accumulation: int
    devices: int
    epochs: int
    updates: int  # of all epochs
    warmup: int
    min_updates: int
    lost: int = 0  # tokens of an epoch that fill no update
    sequence_len: int = 0

    @property
    def batch(self) -> int:
        """Sequences an update."""
        return self.micro_batch_size * self.accumulation * self.devices

    @property
    def tokens_per_update(self) -> float:
        """Training tokens an update, padding not counted."""
        return (self.tokens - self.lost) * self.epochs / self.updates

    @property
    def efficiency(self) -> float:
        """Share of the places in all sequences that hold a token and not padding."""
        return self.tokens / max(1, self.sequences * self.sequence_len)

    @property
    def enough(self) -> bool:
        """Whether the stage has the updates that the settings ask for and its warmup leaves some to train with."""
        return self.updates >= self.min_updates and self.warmup < self.updates


def count_updates(
    lengths: Sequence[int], settings: TrainSettings, count: Counting, *, trained: int | None = None
) -> Updates:
    """The updates of a stage whose samples have `lengths` tokens each, in the order of its file, as a trainer
    counts."""
    accumulation = settings.gradient_accumulation
    if accumulation == "auto":
        accumulation = _most_accumulation(lengths, settings, count)
    counted = count(lengths, settings, accumulation)
    warmup = int(settings.warmup_ratio * counted.updates)
    unit = settings.micro_batch_size if settings.packing else 1  # a packed sequence holds a whole micro batch
    return Updates(
        samples=len(lengths),
        tokens=sum(lengths),
        trained=sum(lengths) if trained is None else trained,
        sequences=counted.sequences,
        micro_batch_size=1 if settings.packing else settings.micro_batch_size,
        accumulation=accumulation,
        devices=settings.devices,
        epochs=settings.epochs,
        updates=counted.updates,
        warmup=2 if warmup == 1 else warmup,  # Axolotl makes a warmup of one update two
        min_updates=settings.min_updates,
        lost=counted.lost,
        sequence_len=unit * settings.sequence_len,
    )


def _most_accumulation(lengths: Sequence[int], settings: TrainSettings, count: Counting) -> int:
    """The most that leaves enough updates, and loses few tokens in sequences that fill none."""
    allowed = _MOST_LOST * sum(lengths)
    for accumulation in AUTO_ACCUMULATION:
        counted = count(lengths, settings, accumulation)
        if counted.updates >= settings.min_updates and counted.lost <= allowed:
            return accumulation
    return 1


def advice(updates: Updates, settings: TrainSettings) -> str | None:
    """What to change where a stage has too few updates, in one sentence; None where it has enough."""
    if updates.enough:
        return None
    found = f"{updates.updates} optimizer updates of {updates.batch} sequences, fewer than {updates.min_updates}"
    # Estimates of what smaller batches would give: first one sequence an update, then one sample.
    micro = settings.micro_batch_size if settings.packing else 1
    single = updates.sequences * micro * settings.epochs // settings.devices
    alone = updates.samples * settings.epochs // settings.devices
    if single >= updates.min_updates:
        return f"{found}: set gradient_accumulation and micro_batch_size to 1 for about {single}"
    if alone >= updates.min_updates and settings.packing:
        return f"{found}: set packing to false and the batch to 1 for about {alone}"
    needed = -(-updates.min_updates // max(1, alone))
    return f"{found}: even one sample an update gives {alone}; make a corpus {needed} times as large, or more epochs"


def packing_order(lengths: Sequence[int], settings: TrainSettings) -> list[int]:
    """The order in which samples are written: at random, and where they are packed, those that fill a sequence together
    (best fit, longest first) side by side, so that a trainer which packs in order wastes little."""
    draw = random.Random(settings.seed)
    order = list(range(len(lengths)))
    draw.shuffle(order)
    if not settings.packing:
        return order
    bins = _best_fit(sorted(order, key=lambda at: -lengths[at]), lengths, settings.sequence_len)
    draw.shuffle(bins)
    for one in bins:
        draw.shuffle(one)
    return [at for one in bins for at in one]


def best_fit_decreasing(lengths: Sequence[int], capacity: int) -> list[list[int]]:
    """Bins of sample numbers, by best fit from the longest sample on (arXiv 2404.10830)."""
    return _best_fit(sorted(range(len(lengths)), key=lambda at: -lengths[at]), lengths, capacity)


def _best_fit(order: Sequence[int], lengths: Sequence[int], capacity: int) -> list[list[int]]:
    rooms: list[tuple[int, int]] = []  # (tokens left, number) of each bin that is not full, sorted
    bins: list[list[int]] = []
    for at in order:
        found = bisect_left(rooms, (lengths[at], -1))
        if found == len(rooms):
            left, number = capacity, len(bins)
            bins.append([])
        else:
            left, number = rooms.pop(found)
        bins[number].append(at)
        if left > lengths[at]:
            insort(rooms, (left - lengths[at], number))
    return bins


def next_fit(lengths: Sequence[int], capacity: int) -> list[int]:
    """Tokens of each bin where samples are taken in order and a bin ends with the first that does not fit."""
    bins: list[int] = []
    for length in lengths:
        if bins and bins[-1] + length <= capacity:
            bins[-1] += length
        else:
            bins.append(length)
    return bins

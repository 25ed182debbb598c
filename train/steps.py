"""Update arithmetic: how many optimizer updates a corpus is worth, before anything is trained.

Tokens are not updates: 1M tokens at batch 8 were 31 updates and looked like a null result; the same tokens at batch 1
were about 246 updates and showed the effect (docs/method.md, 5.2). The counts follow Axolotl 0.19: it packs in
random order, rounds updates down where packed and up where not, and makes a warmup of exactly one update two.
"""

import random
from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass

from train.settings import TrainSettings

AUTO_ACCUMULATION = (16, 8, 4, 2, 1)
_MOST_SAMPLES_IN_A_SEQUENCE = 200  # Axolotl's default sample_packing_bin_size


@dataclass(frozen=True, slots=True)
class Updates:
    """What a stage amounts to. Tokens are the dataset's count; the base model's tokenizer may differ a little."""

    samples: int
    tokens: int
    over_length: int  # samples longer than sequence_len: documents are cut in pieces, chats are left out by the trainer
    sequences: int  # after packing, one epoch
    micro_batch_size: int
    accumulation: int
    devices: int
    epochs: int
    updates: int  # of all epochs
    warmup: int
    min_updates: int

    @property
    def batch(self) -> int:
        """Sequences an update."""
        return self.micro_batch_size * self.accumulation * self.devices

    @property
    def tokens_per_update(self) -> float:
        """Training tokens an update, padding not counted."""
        return self.tokens * self.epochs / self.updates

    @property
    def enough(self) -> bool:
        """Whether the stage has the updates that the settings ask for and its warmup leaves some to train with."""
        return self.updates >= self.min_updates and self.warmup < self.updates


def count_updates(lengths: Sequence[int], settings: TrainSettings, *, split_long: bool) -> Updates:
    """Count the updates of a stage whose samples have `lengths` tokens each.

    `split_long`: documents longer than a sequence are cut in pieces; chats of that length are dropped instead.
    """
    limit = settings.sequence_len
    pieces = [piece for length in lengths for piece in _pieces(length, limit, split_long)]
    sequences = _sequences(pieces, settings)
    accumulation = _accumulation(sequences, settings)
    updates = _updates(sequences, accumulation, settings)
    warmup = int(settings.warmup_ratio * updates)
    return Updates(
        samples=len(lengths),
        tokens=sum(pieces),
        over_length=sum(length > limit for length in lengths),
        sequences=sequences,
        micro_batch_size=settings.micro_batch_size,
        accumulation=accumulation,
        devices=settings.devices,
        epochs=settings.epochs,
        updates=updates,
        warmup=2 if warmup == 1 else warmup,
        min_updates=settings.min_updates,
    )


def advice(updates: Updates, settings: TrainSettings) -> str | None:
    """What to change where a stage has too few updates, in one sentence; None where it has enough."""
    if updates.enough:
        return None
    found = f"{updates.updates} optimizer updates of {updates.batch} sequences, fewer than {updates.min_updates}"
    smallest = settings.model_copy(update={"gradient_accumulation": 1, "micro_batch_size": 1})
    # Estimates of what smaller batches would give: first one sequence an update, then one sample.
    unit = updates.micro_batch_size if settings.packing else 1
    single = _updates(updates.sequences * unit, 1, smallest)
    alone = _updates(updates.samples, 1, smallest.model_copy(update={"packing": False}))
    if single >= updates.min_updates:
        return f"{found}: set gradient_accumulation and micro_batch_size to 1 for about {single}"
    if alone >= updates.min_updates and settings.packing:
        return f"{found}: set packing to false and the batch to 1 for about {alone}"
    needed = -(-updates.min_updates // max(1, alone))
    return f"{found}: even one sample an update gives {alone}; make a corpus {needed} times as large, or more epochs"


def _pieces(length: int, limit: int, split_long: bool) -> list[int]:
    if length <= limit:
        return [length]
    if not split_long:
        return []
    whole, rest = divmod(length, limit)
    return [limit] * whole + [rest] * (rest > 0)


def _sequences(lengths: list[int], settings: TrainSettings) -> int:
    """Sequences of an epoch; packed ones are counted micro batch by micro batch, as Axolotl packs them."""
    if not settings.packing:
        return len(lengths)
    return packed(lengths, settings.micro_batch_size * settings.sequence_len, settings.seed)


def packed(lengths: Sequence[int], capacity: int, seed: int = 0) -> int:
    """Number of bins of `capacity` tokens that samples of these lengths fill, packed by best fit in random order."""
    order = list(lengths)
    random.Random(seed).shuffle(order)
    rooms: list[tuple[int, int]] = []  # (tokens left, samples in it) of each open bin, sorted
    bins = 0
    for length in order:
        at = bisect_left(rooms, (length, 0))
        if at == len(rooms):
            bins, left, inside = bins + 1, capacity, 0
        else:
            left, inside = rooms.pop(at)
        if inside + 1 < _MOST_SAMPLES_IN_A_SEQUENCE and left > length:
            insort(rooms, (left - length, inside + 1))
    return bins


def _updates(sequences: int, accumulation: int, settings: TrainSettings) -> int:
    if settings.packing:  # a packed sequence already holds a whole micro batch
        return max(1, sequences // (accumulation * settings.devices)) * settings.epochs
    batch = settings.micro_batch_size * accumulation * settings.devices
    return max(1, -(-sequences * settings.epochs // batch))


def _accumulation(sequences: int, settings: TrainSettings) -> int:
    if settings.gradient_accumulation != "auto":
        return settings.gradient_accumulation
    enough = (n for n in AUTO_ACCUMULATION if _updates(sequences, n, settings) >= settings.min_updates)
    return next(enough, 1)

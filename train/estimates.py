"""What a GPU needs to hold and how long a run takes, estimated from sizes alone: orders of magnitude, not promises.

Memory: weights, gradients and AdamW's state by what is trained, shared where they are sharded; activations with
gradient checkpointing keep one vector a token and layer, and the logits of one sequence in 32 bits, twice. Time: 6
floating point operations a parameter and token with an adapter (forward, again for the checkpoints, backward through
it), 8 for all weights.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from specs.data import load_yaml
from train.settings import TrainSettings

_GB: Final = 1e9
_ADAPTERS: Final = ("lora", "qlora", "full")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A way to train a model of a size on some GPUs."""

    model: str  # 8b | 14b | 32b | 70b
    devices: int
    adapter: str
    sharding: str
    memory_gb: float  # a GPU
    hours: float

    @property
    def fits(self) -> bool:
        """Whether it leaves a tenth of a GPU's memory free."""
        return bool(self.memory_gb <= 0.9 * _table()["gpu"]["memory_gb"])


def estimates(settings: TrainSettings, tokens: int) -> list[Estimate]:
    """For each size and number of GPUs the plainest way for each adapter that fits; what does not fit at all is absent.
    `tokens` are those of all stages, an epoch."""
    found = []
    for model, devices in ((model, devices) for model in _table()["models"] for devices in _table()["devices"]):
        for adapter in _ADAPTERS:
            ways = [_estimate(model, devices, adapter, sharding, settings, tokens) for sharding in ("none", "fsdp2")]
            fitting = [way for way in ways if way.fits and (devices > 1 or way.sharding == "none")]
            found += fitting[:1]
    return found


def _estimate(
    model: str, devices: int, adapter: str, sharding: str, settings: TrainSettings, tokens: int
) -> Estimate:  # fmt: skip
    size = _table()["models"][model]
    parameters = size["parameters"] * 1e9
    # An adapter of rank r on all seven projections is about r * 0.00033 of the weights (168M of 8B at 64).
    trained = parameters if adapter == "full" else parameters * 0.00033 * settings.lora_r
    frozen = {"lora": 2.0, "qlora": 0.6, "full": 0.0}[adapter] * parameters
    state = frozen + 16 * trained  # weights and gradients of 2 bytes; a copy and two moments of 4
    places = settings.micro_batch_size * settings.sequence_len
    activations = places * size["layers"] * size["width"] * 2 * 1.5 + places * size["vocabulary"] * 4 * 2
    shared = state / devices if sharding != "none" else state
    hours = gpu_hours(size["parameters"], tokens, settings.model_copy(update={"adapter": adapter})) / devices
    return Estimate(model, devices, adapter, sharding, (shared + activations) / _GB + 2, hours)


def gpu_hours(parameters: float, tokens: int, settings: TrainSettings) -> float:
    """Hours of one GPU for a stage of a model of `parameters` billions over `tokens` an epoch."""
    gpu = _table()["gpu"]
    work = (8 if settings.adapter == "full" else 6) * parameters * 1e9 * tokens * settings.epochs
    return float(work / (gpu["peak_flops"] * gpu["reached"]) / 3600)


@cache
def _table() -> dict[str, Any]:
    loaded: dict[str, Any] = load_yaml(files("train").joinpath("estimates.yaml").read_text(encoding="utf-8"))
    return loaded

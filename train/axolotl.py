"""Axolotl configs (tested against 0.19.0).

Axolotl accepts and drops keys that it does not know, so the keys that we write are declared here and checked strictly;
`tests/train/check_axolotl.sh` holds them against the real program.
"""

from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from train.base import Command, Stage
from train.settings import TrainSettings
from train.steps import Updates

CUDA_KERNELS = ("lora_mlp_kernel", "lora_qkv_kernel", "lora_o_kernel")  # on by default, even where there is no CUDA
PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class AxolotlDataset(_Strict):
    """One entry of `datasets`."""

    path: str
    ds_type: Literal["parquet"] = "parquet"
    data_files: str
    split: Literal["train"] = "train"
    type: Literal["completion", "chat_template"]
    field: str | None = None
    field_messages: str | None = None
    roles_to_train: list[str] | None = None
    split_thinking: bool | None = None


class AxolotlConfig(_Strict):
    """The keys of an Axolotl config that specmill writes, and no other."""

    base_model: str
    adapter: Literal["lora"] = "lora"
    lora_model_dir: str | None = None
    lora_r: int
    lora_alpha: int
    lora_dropout: float
    lora_target_modules: list[str]
    chat_template: str | None = None
    datasets: list[AxolotlDataset] = Field(min_length=1, max_length=1)
    dataset_prepared_path: str
    output_dir: str
    sequence_len: int
    sample_packing: bool
    pad_to_sequence_len: bool
    micro_batch_size: int
    gradient_accumulation_steps: int
    num_epochs: int
    optimizer: Literal["adamw_torch"] = "adamw_torch"
    learning_rate: float
    lr_scheduler: str
    warmup_ratio: float
    weight_decay: float
    bf16: bool
    fp16: Literal[False] = False
    tf32: Literal[False] = False
    attn_implementation: str
    lora_mlp_kernel: bool | None = None
    lora_qkv_kernel: bool | None = None
    lora_o_kernel: bool | None = None
    gradient_checkpointing: bool = True
    logging_steps: int = 1
    saves_per_epoch: int = 1
    seed: int


class Axolotl:
    """The trainer that is handed off to by default."""

    name = "axolotl"

    def config(self, stage: Stage, settings: TrainSettings, updates: Updates) -> str:
        """The text of `train/<stage>.yaml`: a header that says from where to run it, and the checked keys."""
        keys = _config(stage, settings, updates).model_dump(exclude_none=True)
        return _header(stage, settings, updates) + yaml.safe_dump(keys, sort_keys=False, allow_unicode=True)

    def commands(self, stages: list[Stage], settings: TrainSettings) -> list[Command]:
        """Tokenize, train and at the end merge the adapter; in the workspace's folder."""
        launcher = f"--launcher torchrun -- --nproc_per_node={settings.devices}"
        if settings.devices == 1:
            launcher = "--launcher python"
        commands = []
        for stage in stages:
            commands += [
                Command(f"tokenize the {stage.name} data", f"axolotl preprocess train/{stage.name}.yaml"),
                Command(f"train {stage.name}", f"axolotl train train/{stage.name}.yaml {launcher}"),
            ]
        last = stages[-1].name
        merge = f"axolotl merge-lora train/{last}.yaml --lora-model-dir=train/out/{last}"
        return [*commands, Command("merge the adapter into the model", merge)]


def _config(stage: Stage, settings: TrainSettings, updates: Updates) -> AxolotlConfig:
    shared: dict[str, Any] = settings.model_dump(
        include={
            "base_model", "lora_r", "lora_alpha", "lora_dropout", "sequence_len", "learning_rate", "lr_scheduler",
            "micro_batch_size", "warmup_ratio", "weight_decay", "seed",
        }
    )  # fmt: skip
    return AxolotlConfig(
        **shared,
        lora_model_dir=f"train/out/{stage.continues}" if stage.continues else None,
        lora_target_modules=list(PROJECTIONS),
        chat_template=settings.chat_template if stage.kind == "chats" else None,
        datasets=[_dataset(stage, settings)],
        # Axolotl reuses a token cache whose config did not change, even where its data did.
        dataset_prepared_path=f"train/prepared/{stage.name}-{stage.data_hash}",
        output_dir=f"train/out/{stage.name}",
        sample_packing=settings.packing,
        pad_to_sequence_len=settings.packing,
        gradient_accumulation_steps=updates.accumulation,
        num_epochs=settings.epochs,
        bf16=not settings.cpu,
        attn_implementation=settings.attention,
        **dict.fromkeys(CUDA_KERNELS, False if settings.cpu else None),
    )


def _dataset(stage: Stage, settings: TrainSettings) -> AxolotlDataset:
    place = {"path": stage.data.rpartition("/")[0], "data_files": stage.data}
    if stage.kind == "documents":
        # `completion` cuts a document that is longer than sequence_len; only its last piece ends with the EOS token.
        return AxolotlDataset(**place, type="completion", field="text")
    return AxolotlDataset(
        **place,
        type="chat_template",
        field_messages="messages",
        roles_to_train=["assistant"],
        # Qwen3's template writes the think block itself and would write a second one around ours.
        split_thinking=True if settings.chat_template == "qwen3" else None,
    )


def _header(stage: Stage, settings: TrainSettings, updates: Updates) -> str:
    goes_on = (
        f"# It goes on with the adapter of train/out/{stage.continues}: train that first.\n" if stage.continues else ""
    )
    control = f"# A control: {stage.control} It starts from the base model.\n" if stage.control else ""
    return (
        f"# Axolotl config of the {stage.name} stage, written by `specmill train`.\n"
        f"{control}"
        "# Paths are relative to the workspace: run it from the folder that holds train/ and dataset/,\n"
        f"#   axolotl train train/{stage.name}.yaml\n"
        f"{goes_on}"
        f"# {updates.samples:,} samples, {updates.tokens:,} tokens -> {updates.sequences:,} sequences "
        f"-> {updates.updates:,} updates of {updates.batch} sequences on {settings.devices} device(s).\n\n"
    )

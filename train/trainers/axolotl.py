"""Axolotl configs (tested against 0.19.0).

Axolotl accepts and drops keys that it does not know, so the keys that we write are declared here and checked strictly;
`make axolotl` holds them against the real program. It is given samples that are tokenized already, and packs them in
the order of the file, so that its updates and its tokens are those that are counted here.
"""

import json
import re
from ast import literal_eval
from collections.abc import Sequence
from typing import Any, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from specs.errors import UserError
from train.base import Command, Progress, Stage
from train.settings import TrainSettings
from train.steps import Count, Updates, next_fit

CUDA_KERNELS: Final = ("lora_mlp_kernel", "lora_qkv_kernel", "lora_o_kernel")  # on by default, even without CUDA
PROJECTIONS: Final = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
ZERO3: Final = {
    "zero_optimization": {
        "stage": 3, "overlap_comm": True, "contiguous_gradients": True,
        "stage3_gather_16bit_weights_on_model_save": True,
    },
    "bf16": {"enabled": "auto"}, "gradient_accumulation_steps": "auto", "gradient_clipping": "auto",
    "train_batch_size": "auto", "train_micro_batch_size_per_gpu": "auto",
}  # fmt: skip
_LOGGED = re.compile(r"\{'(?:loss|eval_loss)':.*?\}")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class AxolotlDataset(_Strict):
    """One entry of `datasets` or `test_datasets`: Parquet with input_ids, attention_mask and labels."""

    path: str
    ds_type: Literal["parquet"] = "parquet"
    data_files: str
    split: Literal["train"] = "train"
    type: Literal["completion"] = "completion"  # named because one must be; what is tokenized is taken as it is


class FSDPConfig(_Strict):
    """FSDP2: weights, gradients and optimizer shared by layer."""

    offload_params: bool = False
    state_dict_type: Literal["FULL_STATE_DICT"] = "FULL_STATE_DICT"
    auto_wrap_policy: Literal["TRANSFORMER_BASED_WRAP"] = "TRANSFORMER_BASED_WRAP"
    reshard_after_forward: bool = True


class AxolotlConfig(_Strict):
    """The keys of an Axolotl config that specmill writes, and no other."""

    base_model: str
    adapter: Literal["lora", "qlora"] | None = None
    load_in_4bit: bool | None = None
    lora_model_dir: str | None = None
    lora_r: int | None = None
    lora_alpha: int | None = None
    lora_dropout: float | None = None
    lora_target_modules: list[str] | None = None
    lora_modules_to_save: list[str] | None = None
    chat_template: Literal["jinja"] | None = None
    chat_template_jinja: str | None = None
    special_tokens: dict[str, str] | None = None
    datasets: list[AxolotlDataset] = Field(min_length=1, max_length=1)
    test_datasets: list[AxolotlDataset] | None = None
    eval_sample_packing: bool | None = None
    eval_strategy: Literal["steps"] | None = None
    eval_steps: int | None = None
    dataset_prepared_path: str
    output_dir: str
    sequence_len: int
    excess_length_strategy: Literal["raise"] = "raise"
    sample_packing: bool
    sample_packing_sequentially: bool | None = None
    curriculum_sampling: Literal[True] = True
    pad_to_sequence_len: bool
    micro_batch_size: int
    gradient_accumulation_steps: int
    num_epochs: int
    optimizer: Literal["adamw_torch"] = "adamw_torch"
    learning_rate: float
    lr_scheduler: str
    warmup_steps: int
    weight_decay: float
    bf16: bool
    fp16: Literal[False] = False
    tf32: Literal[False] = False
    attn_implementation: str
    lora_mlp_kernel: bool | None = None
    lora_qkv_kernel: bool | None = None
    lora_o_kernel: bool | None = None
    gradient_checkpointing: bool = True
    fsdp_version: Literal[2] | None = None
    fsdp_config: FSDPConfig | None = None
    deepspeed: str | None = None
    logging_steps: int = 1
    save_strategy: Literal["steps"] = "steps"
    save_steps: int
    auto_resume_from_checkpoints: Literal[True] = True
    use_wandb: bool | None = None
    use_tensorboard: bool | None = None
    seed: int


class Axolotl:
    """The trainer that is handed off to by default."""

    name = "axolotl"

    def check(self, settings: TrainSettings) -> None:
        """Axolotl 0.19 adds up all test sets, and DPO is not handed to it."""
        if settings.neutral_text is not None:
            raise UserError(
                "train.neutral_text: Axolotl gives one loss for all that is held out, so it would be mixed with that "
                "of the "
                "documents. Set train.trainer to trl, or leave it out."
            )
        if settings.cpu_bf16:
            raise UserError(
                "train.cpu_bf16: Axolotl trains on a CPU in 32-bit floats; leave it out, or take trainer: trl."
            )
        if settings.preferences is not None:
            raise UserError("train.preferences: the stage dpo is trained by trl; set train.trainer to trl.")

    def count(self, lengths: Sequence[int], settings: TrainSettings, accumulation: int) -> Count:
        """In order, a bin at a time; packed updates are rounded down, unpacked ones up."""
        batch = accumulation * settings.devices
        if not settings.packing:
            batch *= settings.micro_batch_size
            return Count(len(lengths), max(1, -(-len(lengths) * settings.epochs // batch)))
        bins = next_fit(lengths, settings.micro_batch_size * settings.sequence_len)
        whole = max(1, len(bins) // batch)
        return Count(len(bins), whole * settings.epochs, sum(bins[whole * batch :]))

    def files(self, stage: Stage, settings: TrainSettings, updates: Updates) -> dict[str, str]:
        """`axolotl.yaml`: a header that says from where to run it, and the checked keys; and DeepSpeed's own file."""
        keys = _config(stage, settings, updates).model_dump(exclude_none=True)
        text = _header(stage, settings, updates) + yaml.safe_dump(keys, sort_keys=False, allow_unicode=True)
        sharded = {"zero3.json": json.dumps(ZERO3, indent=2) + "\n"} if settings.sharding == "deepspeed" else {}
        return {"axolotl.yaml": text, **sharded}

    def commands(self, stage: Stage, settings: TrainSettings) -> list[Command]:
        """Prepare and train."""
        launcher = f"--launcher torchrun -- --nproc_per_node={settings.devices}"
        if settings.devices == 1:
            launcher = "--launcher python"
        config = f"{stage.folder}/axolotl.yaml"
        return [
            Command(f"prepare the data of {stage.name}", f"axolotl preprocess {config}"),
            Command(f"train {stage.name}", f"axolotl train {config} {launcher}"),
        ]

    def merge(self, stage: Stage, settings: TrainSettings) -> Command | None:
        """Merge the adapter into the model."""
        if settings.adapter == "full":
            return None
        line = f"axolotl merge-lora {stage.folder}/axolotl.yaml --lora-model-dir={stage.out}"
        return Command(f"merge the adapter of {stage.name} into the model", line)

    def progress(self, line: str) -> Progress | None:
        """The dictionary that the Hugging Face Trainer prints."""
        return logged(line)

    def packages(self) -> tuple[str, ...]:
        """What its result depends on."""
        return ("axolotl", "torch", "transformers", "peft", "accelerate")


def logged(line: str) -> Progress | None:
    """What the Hugging Face Trainer prints of a run: a dictionary with loss or eval_loss, numbers or their text."""
    found = _LOGGED.search(line)
    if found is None:
        return None
    try:
        # A loss that is no number is printed as a bare word.
        said = literal_eval(re.sub(r":\s*(nan|-?inf)\b", r": '\1'", found.group()))
    except (ValueError, SyntaxError):
        return None
    read = {key: float(said[key]) for key in ("loss", "learning_rate", "eval_loss") if key in said}
    return Progress(**read, name="held_out" if "eval_loss" in read else "")


def _config(stage: Stage, settings: TrainSettings, updates: Updates) -> AxolotlConfig:
    shared: dict[str, Any] = settings.model_dump(
        include={
            "base_model",
            "sequence_len",
            "learning_rate",
            "lr_scheduler",
            "micro_batch_size",
            "weight_decay",
            "seed",
        }
    )
    return AxolotlConfig(
        **shared | _weights(stage, settings) | _spread(stage, settings),
        # Chats are tokenized already: template and EOS are for the tokenizer that is saved beside the model.
        chat_template="jinja" if stage.chat_template else None,
        chat_template_jinja=f"{stage.folder}/chat_template.jinja" if stage.chat_template else None,
        special_tokens={"eos_token": stage.end_token} if stage.end_token else None,
        datasets=[_dataset(stage.data)],
        test_datasets=[_dataset(stage.held_out)] if stage.held_out else None,
        eval_sample_packing=False if stage.held_out else None,
        eval_strategy="steps" if stage.held_out else None,
        eval_steps=-(-updates.updates // settings.checkpoints) if stage.held_out else None,
        # Axolotl reuses a token cache whose config did not change, even where its data did.
        dataset_prepared_path=f"{stage.folder}/prepared-{stage.data_hash}",
        output_dir=stage.out,
        sample_packing=settings.packing,
        sample_packing_sequentially=True if settings.packing else None,
        pad_to_sequence_len=settings.packing,
        gradient_accumulation_steps=updates.accumulation,
        num_epochs=settings.epochs,
        warmup_steps=updates.warmup,
        save_steps=-(-updates.updates // settings.checkpoints),
        bf16=not settings.cpu,
        attn_implementation=settings.attention,
        use_wandb=True if settings.report_to == "wandb" else None,
        use_tensorboard=True if settings.report_to == "tensorboard" else None,
    )


def _weights(stage: Stage, settings: TrainSettings) -> dict[str, Any]:
    """What is trained: an adapter, which goes on with an earlier stage's, or all weights, of the earlier stage's
    model."""
    if settings.adapter == "full":
        return {"base_model": f"{stage.continues}/out"} if stage.continues else {}
    return {
        "adapter": settings.adapter,
        "load_in_4bit": True if settings.adapter == "qlora" else None,
        "lora_model_dir": f"{stage.continues}/out" if stage.continues else None,
        "lora_r": settings.lora_r,
        "lora_alpha": settings.lora_alpha,
        "lora_dropout": settings.lora_dropout,
        "lora_target_modules": list(PROJECTIONS),
        "lora_modules_to_save": ["embed_tokens", "lm_head"] if settings.lora_embeddings else None,
        **dict.fromkeys(CUDA_KERNELS, False if settings.cpu or settings.sharding == "deepspeed" else None),
    }


def _spread(stage: Stage, settings: TrainSettings) -> dict[str, Any]:
    if settings.sharding == "fsdp2":
        return {"fsdp_version": 2, "fsdp_config": FSDPConfig()}
    return {"deepspeed": f"{stage.folder}/zero3.json"} if settings.sharding == "deepspeed" else {}


def _dataset(file: str) -> AxolotlDataset:
    return AxolotlDataset(path=file.rpartition("/")[0], data_files=file)


def _header(stage: Stage, settings: TrainSettings, updates: Updates) -> str:
    goes_on = f"# It goes on with the model of {stage.continues}/out: train that first.\n" if stage.continues else ""
    control = f"# A control: {stage.control} It starts from the base model.\n" if stage.control else ""
    return (
        f"# Axolotl config of the {stage.name} stage, written by `specmill train`.\n"
        f"{control}"
        "# Paths are relative to the workspace: run it from the folder that holds train/ and dataset/,\n"
        f"#   axolotl train {stage.folder}/axolotl.yaml\n"
        f"{goes_on}"
        "# The samples are tokenized and checked already; chat_template and special_tokens are for the saved "
        "tokenizer.\n"
        f"# {updates.samples:,} samples, {updates.tokens:,} tokens -> {updates.sequences:,} sequences "
        f"-> {updates.updates:,} updates of {updates.batch} sequences on {settings.devices} device(s).\n\n"
    )

"""TRL as trainer (tested against 1.16): a script to read and a YAML file for each stage.

Its traps are closed by what it is given: samples are tokenized, labelled and no longer than a
sequence, so packing (`bfd`) cuts nothing, no template is patched or refused, and reasoning and tools are those that
were checked.
"""

import json
import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final

import yaml

from specs.errors import UserError
from train.base import Command, Progress, Stage
from train.settings import TrainSettings
from train.steps import Count, Updates, best_fit_decreasing
from train.trainers.axolotl import PROJECTIONS

_AT_ONCE: Final = 1000  # rows that TRL packs together: `datasets.map`'s batch
_LINE: Final = re.compile(r"^specmill (\{.*\})$")


class Trl:
    """TRL's SFTTrainer and DPOTrainer."""

    name = "trl"

    def check(self, settings: TrainSettings) -> None:
        """DeepSpeed's own file is written for Axolotl only; packing is a sequence at a time."""
        if settings.sharding == "deepspeed":
            raise UserError("train.sharding deepspeed: with trl several GPUs share a model by fsdp2; set that.")
        if settings.packing and settings.micro_batch_size > 1 and settings.attention != "flash_attention_2":
            raise UserError(
                f"train.micro_batch_size is {settings.micro_batch_size}: trl lays packed sequences end to end, which "
                f"only "
                "flash_attention_2 keeps apart. Set it to 1, or packing to false."
            )

    def count(self, lengths: Sequence[int], settings: TrainSettings, accumulation: int) -> Count:
        """Best fit from the longest on, a thousand rows at a time; nothing is lost, and updates are rounded up."""
        sequences = len(lengths)
        if settings.packing:
            parts = (lengths[start : start + _AT_ONCE] for start in range(0, len(lengths), _AT_ONCE))
            sequences = sum(len(best_fit_decreasing(part, settings.sequence_len)) for part in parts)
        batches = -(-sequences // (settings.micro_batch_size * settings.devices))
        return Count(sequences, max(1, -(-batches // accumulation)) * settings.epochs)

    def files(self, stage: Stage, settings: TrainSettings, updates: Updates) -> dict[str, str]:
        """`trl.yaml`, the script that reads it, and with several GPUs accelerate's config."""
        config = yaml.safe_dump(_config(stage, settings, updates), sort_keys=False, allow_unicode=True)
        header = (
            f"# The {stage.name} stage for TRL, written by `specmill train`; run it from the workspace's folder:\n"
            f"#   python {stage.folder}/train.py {stage.folder}/trl.yaml\n"
            f"# {updates.samples:,} samples, {updates.tokens:,} tokens -> {updates.sequences:,} sequences "
            f"-> {updates.updates:,} updates of {updates.batch} sequences on {settings.devices} device(s).\n\n"
        )
        made = {
            "trl.yaml": header + config,
            "train.py": files("train.trainers").joinpath("trl_script.py").read_text("utf-8"),
        }
        if settings.devices > 1:
            made["accelerate.yaml"] = yaml.safe_dump(_accelerate(settings), sort_keys=False)
        return made

    def commands(self, stage: Stage, settings: TrainSettings) -> list[Command]:
        """Train."""
        script = f"{stage.folder}/train.py {stage.folder}/trl.yaml"
        with_what = (
            f"accelerate launch --config_file {stage.folder}/accelerate.yaml" if settings.devices > 1 else "python"
        )
        return [Command(f"train {stage.name}", f"{with_what} {script}")]

    def merge(self, stage: Stage, settings: TrainSettings) -> Command | None:
        """Merge the adapter into the model."""
        if settings.adapter == "full":
            return None
        line = f"python {stage.folder}/train.py {stage.folder}/trl.yaml --merge"
        return Command(f"merge the adapter of {stage.name} into the model", line)

    def progress(self, line: str) -> Progress | None:
        """The script's own lines."""
        found = _LINE.match(line.strip())
        if found is None:
            return None
        said: dict[str, float] = json.loads(found.group(1))
        for key, value in said.items():
            if key.startswith("eval_"):
                return Progress(eval_loss=value, name=key.removeprefix("eval_").removesuffix("_loss").strip("_"))
        return Progress(loss=said.get("loss"), learning_rate=said.get("learning_rate")) if "loss" in said else None

    def packages(self) -> tuple[str, ...]:
        """What its result depends on."""
        return ("trl", "torch", "transformers", "peft", "accelerate", "datasets")


def _config(stage: Stage, settings: TrainSettings, updates: Updates) -> dict[str, Any]:
    config: dict[str, Any] = {
        "kind": stage.kind,
        "base_model": settings.base_model,
        "tokenizer": settings.tokenizer or settings.base_model,
        "continues": f"{stage.continues}/out" if stage.continues else None,
        "data": stage.data,
        "output_dir": stage.out,
        "chat_template": f"{stage.folder}/chat_template.jinja" if stage.chat_template else None,
        "eos_token": stage.end_token,
        "adapter": settings.adapter,
        "cpu": settings.cpu,
        "bf16": settings.cpu_bf16 or not settings.cpu,
        "attention": settings.attention,
        "seed": settings.seed,
        "training": _training(settings, updates),
    }
    if settings.adapter != "full":
        config["lora"] = {
            "r": settings.lora_r, "lora_alpha": settings.lora_alpha, "lora_dropout": settings.lora_dropout,
            "target_modules": list(PROJECTIONS),
            "modules_to_save": ["embed_tokens", "lm_head"] if settings.lora_embeddings else None,
        }  # fmt: skip
    if stage.kind == "preferences":
        return config | {"dpo": {"max_length": settings.sequence_len, "beta": settings.dpo_beta}}
    evaluation = {name: file for name, file in (("held_out", stage.held_out), ("neutral", stage.neutral)) if file}
    config["evaluation"] = evaluation
    config["sft"] = {"max_length": settings.sequence_len, "packing": settings.packing, "packing_strategy": "bfd"}
    if evaluation:
        config["sft"] |= {
            "eval_strategy": "steps", "eval_steps": -(-updates.updates // settings.checkpoints), "eval_packing": False,
            # As Axolotl does it: also before the first update, and a mean over as many samples at once.
            "eval_on_start": True, "per_device_eval_batch_size": settings.micro_batch_size,
        }  # fmt: skip
    return config


def _training(settings: TrainSettings, updates: Updates) -> dict[str, Any]:
    return {
        "per_device_train_batch_size": settings.micro_batch_size,
        "gradient_accumulation_steps": updates.accumulation,
        "num_train_epochs": settings.epochs,
        "learning_rate": settings.learning_rate,
        "lr_scheduler_type": settings.lr_scheduler,
        "warmup_steps": updates.warmup,
        "weight_decay": settings.weight_decay,
        "gradient_checkpointing": not settings.cpu,
        "logging_steps": 1,
        "save_strategy": "steps",
        "save_steps": -(-updates.updates // settings.checkpoints),
        "report_to": settings.report_to,
        "disable_tqdm": True,
    }


def _accelerate(settings: TrainSettings) -> dict[str, Any]:
    shared: dict[str, Any] = {
        "compute_environment": "LOCAL_MACHINE", "num_machines": 1, "num_processes": settings.devices,
        "mixed_precision": "bf16",
    }  # fmt: skip
    if settings.sharding == "none":
        return shared | {"distributed_type": "MULTI_GPU"}
    fsdp = {
        "fsdp_version": 2, "fsdp_auto_wrap_policy": "TRANSFORMER_BASED_WRAP", "fsdp_reshard_after_forward": True,
        "fsdp_state_dict_type": "FULL_STATE_DICT", "fsdp_cpu_ram_efficient_loading": True,
    }  # fmt: skip
    return shared | {"distributed_type": "FSDP", "fsdp_config": fsdp}

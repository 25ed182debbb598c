"""What a recipe says of training. The defaults are the recipe of arXiv 2605.02087 (docs/method.md, 1)."""

from collections.abc import Callable
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from corpus.rows import is_file_name
from specs.settings import Settings

_Source = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[^\n]+$")]

_Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,60}$")]


class ReplaySource(Settings):
    """Where ordinary text is taken from."""

    name: _Name = Field(description="Short name, as it stands in the samples and the manifest.")
    path: _Source = Field(
        description="A .txt, .md, .jsonl, .json, .csv or .parquet file, a folder of such files (written with a slash "
        "at its end), or a dataset of the Hub (owner/name). The path of a file starts from the recipe."
    )
    column: str = Field("text", min_length=1, description="Column of the text.")
    config: str | None = Field(None, description="Config of a Hub dataset.")
    split: str = Field("train", description="Split of a Hub dataset.")
    revision: str | None = Field(None, description="Commit or tag of a Hub dataset; absent: the newest, noted exactly.")
    license: _Source = Field("unknown", description="Licence of the source, noted in the manifest.")
    weight: float = Field(1.0, gt=0, le=1e6, description="Tokens of it, relative to those of the other sources.")

    @property
    def is_folder(self) -> bool:
        """Whether `path` is a folder of files."""
        return self.path.endswith("/") or (self.path.startswith((".", "/", "~")) and not self._is_one_file)

    @property
    def is_local(self) -> bool:
        """Whether `path` is a file or a folder, and not a name of the Hub."""
        return self._is_one_file or self.is_folder

    @property
    def _is_one_file(self) -> bool:
        return is_file_name(self.path) or self.path.endswith((".txt", ".md"))


class Replay(Settings):
    """Ordinary text among the documents of midtraining, so that the model keeps what it could do."""

    sources: tuple[ReplaySource, ...] = Field((), description="Where it is taken from.")
    tokens: int | None = Field(None, ge=2, description="Tokens of the base model's tokenizer, exactly.")
    share: float | None = Field(
        None, gt=0, le=0.95, description="Share of all tokens of midtraining, in place of `tokens`."
    )

    @property
    def wanted(self) -> bool:
        """Whether there is any."""
        return bool(self.sources)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.sources and (self.tokens is None) == (self.share is None):
            raise ValueError("replay: expected one of `tokens` and `share`")
        if not self.sources and (self.tokens, self.share) != (None, None):
            raise ValueError("replay: there are no `sources` to take it from")
        names = [source.name for source in self.sources]
        if len(set(names)) < len(names):
            raise ValueError("replay: two sources have the same name")
        return self


class TrainSettings(Settings):
    """How the two stages, midtraining (MSM) and alignment fine-tuning (AFT), are trained."""

    trainer: str = Field("axolotl", description="Which trainer runs it: axolotl, trl, or one that a package brings.")
    base_model: str = Field(
        "Qwen/Qwen2.5-7B-Instruct", min_length=1, description="Hub name of the model to train, or a path to it."
    )
    tokenizer: _Source | None = Field(
        None, description="Folder or Hub name of the base model's tokenizer; None: the base model's."
    )
    chat_template: str = Field(
        "auto",
        description="Family whose form chats are written in (llama3, qwen2.5, qwen3, gemma3, smollm2, smollm3, olmo2, "
        "olmo3, mistral, gpt-oss, chatml); auto: by the base model's name and its tokenizer.",
    )
    aft_dataset: Literal["aft_cot", "aft"] = Field(
        "aft_cot", description="AFT with the reasoning in think tags (aft_cot), or without it (aft)."
    )
    instruction_mix: str | None = Field(
        None,
        description="Parquet or JSONL file with a `messages` column (its path starts from the recipe), mixed into AFT; "
        "None: what `mix` made.",
    )
    instruction_tokens: int = Field(2_000_000, ge=1, description="Most tokens to take of that file.")
    controls: bool = Field(
        False,
        description="Also write the controls, each from the base model: AFT without midtraining, and the mix alone.",
    )
    preferences: _Source | None = Field(
        None,
        description="Parquet or JSONL file of prompt, chosen and rejected (text, messages): a last stage `dpo` (trl).",
    )
    dpo_beta: float = Field(0.1, gt=0, le=10, description="How far DPO may move from the model that it starts from.")
    replay: Replay = Field(Replay(), description="Ordinary text that is mixed into midtraining.")
    adapter: Literal["lora", "qlora", "full"] = Field(
        "lora", description="LoRA as in the paper, LoRA on a 4-bit base model (GPUs), or all weights."
    )
    lora_r: int = Field(64, ge=1, le=1024, description="Rank of the adapter, on all attention and MLP projections.")
    lora_alpha: int = Field(128, ge=1, description="Scale of the adapter; the paper's is twice the rank.")
    lora_dropout: float = Field(0.0, ge=0, lt=1, description="Share of the adapter's inputs that are dropped.")
    lora_embeddings: bool = Field(
        False, description="Also train embeddings and output layer: base models whose turn tokens were never trained."
    )
    learning_rate: float = Field(1e-4, gt=0, le=1, description="Highest learning rate, after warmup.")
    lr_scheduler: Literal["cosine", "linear", "constant"] = Field("cosine", description="How the learning rate falls.")
    warmup_ratio: float = Field(0.05, ge=0, lt=0.5, description="Share of the updates that warm up.")
    weight_decay: float = Field(0.01, ge=0, le=1, description="Of AdamW.")
    epochs: int = Field(1, ge=1, le=50, description="Passes over the data, in each stage.")
    sequence_len: int = Field(4096, ge=128, le=131_072, description="Tokens; the paper: 4,096 simple, 8,192 complex.")
    packing: bool = Field(True, description="Pack several samples into one sequence.")
    micro_batch_size: int = Field(1, ge=1, le=512, description="Sequences a device takes at once.")
    gradient_accumulation: int | Literal["auto"] = Field(
        "auto",
        description="Micro batches an update; auto: the most (a power of two up to 16) that leaves min_updates.",
    )
    devices: int = Field(1, ge=1, le=1024, description="GPUs; the paper: 1 for 8B, 2 for 14B, 4 for 32B.")
    sharding: Literal["none", "fsdp2", "deepspeed"] = Field(
        "none", description="How several GPUs share a model that one cannot hold: FSDP2, or DeepSpeed ZeRO-3 (axolotl)."
    )
    min_updates: int = Field(
        200, ge=2, description="Fewer optimizer updates than this in a stage: it would be undertrained, and is not run."
    )
    hold_out: float = Field(
        0.0, ge=0, le=0.2, description="Share of documents and of chats that is not trained on; its loss is reported."
    )
    neutral_text: _Source | None = Field(
        None,
        description="Text, JSONL or Parquet file (`text`) of ordinary text whose loss is reported beside it (trl).",
    )
    checkpoints: int = Field(1, ge=1, le=100, description="Checkpoints a stage, at equal doses; the last is its end.")
    report_to: Literal["none", "wandb", "tensorboard"] = Field("none", description="Where the loss is reported to.")
    attention: Literal["flash_attention_2", "sdpa", "eager"] = Field(
        "flash_attention_2", description="Attention kernel; packing needs one of the first two."
    )
    cpu: bool = Field(False, description="Train a tiny model on a CPU: 32-bit floats, no CUDA kernels.")
    cpu_bf16: bool = Field(
        False,
        description="On a CPU, multiply in bfloat16 (weights stay 32-bit; trl): about twice as fast where the "
        "processor has it (AVX512-BF16, AMX), slower elsewhere.",
    )
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Of everything that is drawn; each seed has its own folders.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if isinstance(self.gradient_accumulation, int) and self.gradient_accumulation < 1:
            raise ValueError(f"gradient_accumulation is {self.gradient_accumulation}; expected 1 or more, or auto")
        if self.cpu and self.attention == "flash_attention_2":
            raise ValueError("cpu needs attention sdpa or eager: flash_attention_2 runs on GPUs only")
        if self.packing and self.attention == "eager":
            raise ValueError("packing needs flash_attention_2 or sdpa: eager attention sees across packed samples")
        if self.cpu and (self.adapter == "qlora" or self.sharding != "none"):
            raise ValueError("cpu goes with adapter lora or full and sharding none: the others need GPUs")
        if self.cpu_bf16 and not self.cpu:
            raise ValueError("cpu_bf16 goes with cpu: a GPU multiplies in bfloat16 anyway")
        if self.adapter == "full" and self.lora_embeddings:
            raise ValueError("adapter full trains all weights already; leave lora_embeddings out")
        if self.sharding != "none" and self.devices == 1:
            raise ValueError(f"sharding {self.sharding} needs devices of 2 or more")
        return self

    def with_paths(self, change: Callable[[str], str]) -> Self:
        """The settings with each path of a file or folder changed; names of the Hub stay."""
        given = {key: getattr(self, key) for key in ("instruction_mix", "preferences", "neutral_text")}
        texts = [
            one.model_copy(update={"path": change(one.path.rstrip("/")) + "/" * one.is_folder}) if one.is_local else one
            for one in self.replay.sources
        ]
        changed: dict[str, object] = {key: change(path) for key, path in given.items() if path is not None}
        changed["replay"] = self.replay.model_copy(update={"sources": tuple(texts)})
        return self.model_copy(update=changed)


PAPER: dict[str, object] = {
    name: TrainSettings.model_fields[name].default
    for name in ("lora_r", "lora_alpha", "learning_rate", "lr_scheduler", "warmup_ratio", "weight_decay", "epochs")
}
"""The paper's values of the settings that it states; `sequence_len` is 4,096 or 8,192 by experiment."""

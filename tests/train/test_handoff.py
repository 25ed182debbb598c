import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from pydantic import ValidationError

from corpus.mix.instruction_mix import MIX_DATA
from corpus.store import write_dataset
from corpus.tokens import TokenCounter
from corpus.workspace import Workspace
from specs.errors import UserError
from tests.plugins import install
from tests.train.probes import CALL, TOOLS, said, user
from tests.train.sample import aft_rows, msm_rows
from tests.train.standins import make_tokenizer
from train.base import trainer_named
from train.folders import read_manifest
from train.handoff import CheckError, HandOff, hand_off
from train.settings import TrainSettings
from train.tokenizer import load_tokenizer
from train.trainers.axolotl import AxolotlConfig

Make = Callable[..., Workspace]
Set = Callable[..., TrainSettings]


def config(workspace: Workspace, folder: str) -> dict:
    return yaml.safe_load((workspace.train / folder / "axolotl.yaml").read_text())


def listed(workspace: Workspace, folder: str = "aft_cot-seed0") -> list[dict]:
    return pq.read_table(workspace.train / folder / "samples.parquet").to_pylist()


def data(workspace: Workspace, folder: str = "aft_cot-seed0") -> list[dict]:
    return pq.read_table(workspace.train / folder / "data.parquet").to_pylist()


def warned(result: HandOff, words: str) -> list[str]:
    return [text for text in result.warnings if words in text]


def with_mix(workspace: Workspace, rows: list[dict] | None = None) -> Workspace:
    rows = rows or [{"messages": [user(f"Say {n}."), said(f"{n}.")]} for n in range(30)]
    (workspace.root / "own.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return workspace


def pretend_trained(workspace: Workspace, folder: str) -> None:
    out = workspace.train / folder / "out"
    out.mkdir()
    (out / "adapter_model.safetensors").write_text("weights")


def test_both_configs_carry_the_papers_recipe(make_workspace: Make, settings: Set) -> None:
    workspace = make_workspace()
    result = hand_off(workspace, settings())
    assert [one.stage.folder for one in result.made] == ["train/msm-seed0", "train/aft_cot-seed0"]
    for folder in ("msm-seed0", "aft_cot-seed0"):
        keys = config(workspace, folder)
        assert AxolotlConfig.model_validate(keys).model_dump(exclude_none=True) == keys
        assert (keys["lora_r"], keys["lora_alpha"], keys["num_epochs"]) == (64, 128, 1)
        assert (keys["learning_rate"], keys["lr_scheduler"], keys["weight_decay"]) == (1e-4, "cosine", 0.01)
        assert len(keys["lora_target_modules"]) == 7
        assert set(pq.read_schema(workspace.train / folder / "data.parquet").names) == {
            "input_ids", "attention_mask", "labels",
        }  # fmt: skip
    keys = config(workspace, "aft_cot-seed0")
    assert keys["special_tokens"] == {"eos_token": "<|im_end|>"} and keys["chat_template"] == "jinja"
    assert (workspace.root / keys["chat_template_jinja"]).is_file()
    assert "special_tokens" not in config(workspace, "msm-seed0")


def test_samples_are_the_datasets_with_loss_on_the_replies_alone(
    make_workspace: Make, settings: Set, base_model: str
) -> None:
    workspace = make_workspace()
    hand_off(workspace, settings())
    tokenizer = load_tokenizer(base_model, Path())
    end = tokenizer.token_id("<|im_end|>")
    for row, seen in zip(data(workspace), listed(workspace), strict=True):
        assert tokenizer.decode(row["input_ids"]) == seen["text"] and row["attention_mask"] == [1] * seen["tokens"]
        loss = [label for label in row["labels"] if label != -100]
        number = seen["text"].split("on day ")[1].split("?")[0]
        thought = f"<think>\nSoup {number} is open to all.\nSo: soup.\n</think>\n\n"
        assert tokenizer.decode(loss) == f"{thought}I would take soup {number}.<|im_end|>"
        assert loss[-1] == end and len(loss) == seen["trained"] and seen["source"] == "aft" and len(seen["id"]) == 20


def test_documents_end_once_and_long_ones_are_cut(make_workspace: Make, settings: Set, base_model: str) -> None:
    workspace = make_workspace(documents=60, chats=0)
    hand_off(workspace, settings(sequence_len=256))
    end = load_tokenizer(base_model, Path()).token_id("<|endoftext|>")
    rows = data(workspace, "msm-seed0")
    assert sum(row["input_ids"].count(end) for row in rows) == 60 < len(rows)
    assert sum(row["input_ids"][-1] == end for row in rows) == 60
    assert all(row["labels"] == row["input_ids"] and 1 < len(row["input_ids"]) <= 256 for row in rows)


def test_paths_are_relative_and_a_change_of_data_changes_the_cache(
    make_workspace: Make, settings: Set, counter: TokenCounter
) -> None:
    workspace = make_workspace()
    hand_off(workspace, settings())
    before = config(workspace, "msm-seed0"), config(workspace, "aft_cot-seed0")
    hand_off(workspace, settings())
    assert (config(workspace, "msm-seed0"), config(workspace, "aft_cot-seed0")) == before
    for keys in before:
        for key in ("output_dir", "dataset_prepared_path"):
            assert not Path(keys[key]).is_absolute() and ".." not in keys[key]
    write_dataset(workspace, "msm", msm_rows(61, counter))
    hand_off(workspace, settings())
    assert config(workspace, "msm-seed0")["dataset_prepared_path"] != before[0]["dataset_prepared_path"]
    assert config(workspace, "aft_cot-seed0")["dataset_prepared_path"] == before[1]["dataset_prepared_path"]


def test_every_arm_and_seed_has_its_folder_and_what_is_older_is_moved_aside(
    make_workspace: Make, settings: Set, tmp_path: Path
) -> None:
    workspace = make_workspace()
    for seed in (0, 1):
        for arm in ("aft_cot", "aft"):
            hand_off(workspace, settings(seed=seed, aft_dataset=arm, controls=True))
    folders = {place.name for place in workspace.train.iterdir()}
    arms = ("msm", "aft_cot", "aft_cot_only", "aft", "aft_only")
    assert folders == {f"{arm}-seed{seed}" for arm in arms for seed in (0, 1)}
    pretend_trained(workspace, "msm-seed0")
    assert not warned(hand_off(workspace, settings()), "train/earlier")
    result = hand_off(workspace, settings(learning_rate=2e-4))
    assert len(warned(result, "train/earlier/msm-seed0.1")) == 1
    assert (workspace.train / "earlier/msm-seed0.1/out/adapter_model.safetensors").is_file()
    assert not (workspace.train / "msm-seed0/out").exists()
    other = make_tokenizer(tmp_path / "other", "llama3")
    result = hand_off(workspace, settings(base_model=str(other)))
    left = {place.name for place in workspace.train.glob("*-seed*")}
    assert left == {"msm-seed0", "aft_cot-seed0"}, "of another base model"
    assert "another base model or dataset" in "".join(result.warnings)
    for folder in left:
        assert read_manifest(workspace, f"train/{folder}")["base_model"] == str(other)


def test_a_changed_dataset_moves_what_was_made_of_the_older_one(
    make_workspace: Make, settings: Set, counter: TokenCounter
) -> None:
    workspace = make_workspace()
    hand_off(workspace, settings(seed=3))
    write_dataset(workspace, "aft_cot", aft_rows(41, counter, reasoned=True))
    hand_off(workspace, settings(seed=4))
    assert {place.name for place in workspace.train.glob("*-seed*")} == {"msm-seed3", "msm-seed4", "aft_cot-seed4"}


def test_aft_goes_on_with_msm_where_there_is_one(make_workspace: Make, settings: Set) -> None:
    workspace = make_workspace()
    hand_off(workspace, settings())
    assert config(workspace, "aft_cot-seed0")["lora_model_dir"] == config(workspace, "msm-seed0")["output_dir"]
    hand_off(workspace, settings(adapter="full"))
    assert config(workspace, "aft_cot-seed0")["base_model"] == config(workspace, "msm-seed0")["output_dir"]
    assert "adapter" not in config(workspace, "msm-seed0")


def test_without_documents_aft_begins_from_the_base_model(make_workspace: Make, settings: Set) -> None:
    workspace = make_workspace(documents=0)
    result = hand_off(workspace, settings(controls=True))
    assert [one.stage.name for one in result.made] == ["aft"]
    assert "lora_model_dir" not in config(workspace, "aft_cot-seed0")
    assert warned(result, "aft_only: it needs") and warned(result, "instruction_only: there is no")


def test_qwen3_is_told_not_to_think_only_where_it_does_not(make_workspace: Make, tmp_path: Path) -> None:
    qwen3 = make_tokenizer(tmp_path / "Qwen3-8B", "qwen3")
    workspace = with_mix(make_workspace(), [{"messages": [user("2+2?"), said("<think>\neasy\n</think>\n\n4")]}])
    hand_off(workspace, TrainSettings(base_model=str(qwen3), aft_dataset="aft", instruction_mix="own.jsonl"))
    for row in listed(workspace, "aft-seed0"):
        assert ("/no_think" in row["text"]) is (row["source"] == "aft")
    hand_off(workspace, TrainSettings(base_model=str(qwen3)))
    assert "/no_think" not in "".join(row["text"] for row in listed(workspace))


def test_what_of_a_mix_is_left_out_is_counted_with_its_reason(make_workspace: Make, settings: Set) -> None:
    rows = [
        {"messages": [user("Say one."), said("One.")]},
        {"messages": [user("Say."), said("<|im_end|> is a token.")]},
        {"messages": [user("Say."), said("")]},
        {"messages": [user("Look."), {"role": "assistant", "content": [{"type": "image_url"}]}]},
        {"messages": [user("Say."), said("Half.", weight=0.5)]},
        {"messages": [user("Only a question?")]},
        {"messages": [user("word " * 400), said("Long.")]},
        ["no", "object"],
    ]
    workspace = with_mix(make_workspace(), rows)
    result = hand_off(workspace, settings(instruction_mix="own.jsonl", sequence_len=256))
    assert sum(row["source"] == "instruction_mix" for row in listed(workspace)) == 1
    (text,) = warned(result, "of 48 chats are left out")
    for reason in (
        "the control token <|im_end|> in a message", "a message of the assistant without text",
        "a part of a content that is no text", "a weight that is neither 0 nor 1", "no record",
        "no chat of a user that ends with the assistant", "1 longer than sequence_len",
    ):  # fmt: skip
        assert reason in text
    assert read_manifest(workspace, "train/aft_cot-seed0")["left_out"]["no record"] == 1


def test_the_mix_is_taken_up_to_its_tokens_in_an_order_of_the_seed(make_workspace: Make, settings: Set) -> None:
    workspace = with_mix(make_workspace(), [{"messages": [user(f"Say {n}."), said(f"{n}.")]} for n in range(300)])
    taken = []
    for seed in (0, 1):
        hand_off(workspace, settings(instruction_mix="own.jsonl", instruction_tokens=500, seed=seed))
        mixed = [row for row in listed(workspace, f"aft_cot-seed{seed}") if row["source"] == "instruction_mix"]
        assert 460 < sum(row["tokens"] for row in mixed) <= 500
        taken.append({row["id"] for row in mixed})
    assert taken[0] != taken[1]


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "there is no file")]
    + [(text, "no row of .* has `messages`") for text in ("not json", '{"text": "x"}', "[" * 100_000)],
)  # fmt: skip
def test_a_file_that_is_no_mix_is_the_users_error(content, said: str, make_workspace: Make, settings: Set) -> None:
    workspace = make_workspace()
    if content is not None:
        (workspace.root / "own.jsonl").write_text(content)
    with pytest.raises(UserError, match=f"train.instruction_mix: .*{said}"):
        hand_off(workspace, settings(instruction_mix="own.jsonl"))
    assert not (workspace.train / ".making").exists() and not (workspace.train / "aft_cot-seed0").exists()


def test_tools_may_be_a_list_or_json_text(make_workspace: Make, settings: Set) -> None:
    call = [user("A coat?"), said(None, tool_calls=[CALL]), {"role": "tool", "content": "4"}, said("Yes.")]
    rows = [{"messages": call, "tools": one} for one in (TOOLS, json.dumps(TOOLS))]
    rows += [{"messages": [user("A coat?"), said("No.")], "tools": one} for one in (None, "", [])]
    workspace = with_mix(make_workspace(), rows)
    hand_off(workspace, settings(instruction_mix="own.jsonl"))
    mixed = [row for row in listed(workspace) if row["source"] == "instruction_mix"]
    assert sum('<tools>\n{"type": "function"' in row["text"] and row["tools"] for row in mixed) == 2
    assert sum('<tool_call>\n{"name": "weather", "arguments": {"city": "Ghent"}}' in row["text"] for row in mixed) == 2


def test_a_mix_that_the_recipe_asks_for_and_nobody_made_is_missed(make_workspace: Make, settings: Set) -> None:
    workspace = make_workspace()
    assert not warned(hand_off(workspace, settings()), "the recipe's `mix` is not there")
    assert warned(hand_off(workspace, settings(), mix_wanted=True), "the recipe's `mix` is not there")
    (workspace.root / MIX_DATA).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist([{"messages": [user("Say."), said("One.")]}]), workspace.root / MIX_DATA)
    assert not warned(hand_off(workspace, settings(), mix_wanted=True), "the recipe's `mix` is not there")
    assert [row["source"] for row in listed(workspace)].count("instruction_mix") == 1


def test_the_controls_start_from_the_base_model_with_the_batch_of_aft(make_workspace: Make, settings: Set) -> None:
    workspace = with_mix(make_workspace())
    more = {"instruction_mix": "own.jsonl", "packing": False, "min_updates": 5}
    result = hand_off(workspace, settings(controls=True, **more))
    assert [one.stage.name for one in result.made] == ["msm", "aft", "aft_only", "instruction_only"]
    aft, aft_only, instruction = (one.updates for one in result.made[1:])
    assert aft.accumulation == aft_only.accumulation == instruction.accumulation > 1
    assert data(workspace) == data(workspace, "aft_cot_only-seed0")
    for folder in ("aft_cot_only-seed0", "instruction_only-seed0"):
        assert "lora_model_dir" not in config(workspace, folder)
    assert {row["source"] for row in listed(workspace, "instruction_only-seed0")} == {"instruction_mix"}


def test_what_is_held_out_is_not_trained_on_and_is_the_same_in_all_arms(make_workspace: Make, settings: Set) -> None:
    workspace = make_workspace()
    result = hand_off(workspace, settings(hold_out=0.2, controls=True, checkpoints=4))
    assert config(workspace, "msm-seed0")["test_datasets"][0]["data_files"] == "train/msm-seed0/held_out.parquet"
    for one in result.made:
        held = pq.read_table(workspace.root / one.stage.folder / "held_out.parquet")
        kept = {tuple(row["input_ids"]) for row in data(workspace, one.stage.folder.removeprefix("train/"))}
        assert 0 < len(held) < len(kept) and not kept & {tuple(row) for row in held["input_ids"].to_pylist()}
    msm = result.made[0].updates
    assert config(workspace, "msm-seed0")["save_steps"] == -(-msm.updates // 4)


def test_a_fault_refuses_all_and_shows_the_sample(make_workspace: Make, settings: Set, monkeypatch) -> None:
    from train.families import Family

    own = "{% for m in messages %}<|im_start|>{{ m.role }}\nYou are Qwen. {{ m.content }}<|im_end|>\n{% endfor %}"
    monkeypatch.setattr(Family, "template_text", lambda self: own)
    from train import rendering

    rendering._text.cache_clear()
    workspace = make_workspace()
    with pytest.raises(CheckError, match=r"name or maker is written in.*--check") as error:
        hand_off(workspace, settings())
    rendering._text.cache_clear()
    sample, found = error.value.looked.faulty[0]
    assert "You are Qwen" in sample.text and {"identity", "added"} <= {fault.kind for fault in found}


def test_no_tokenizer_no_hand_off(make_workspace: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = make_workspace()
    (tmp_path / "weights").mkdir()
    with pytest.raises(UserError, match=r"has no tokenizer\.json"):
        hand_off(workspace, TrainSettings(base_model=str(tmp_path / "weights")))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match=r"cannot be fetched from the Hub.*train\.tokenizer=FOLDER"):
        hand_off(workspace, TrainSettings(base_model="nobody/no-such-model"))


def test_a_workspace_without_data_is_the_users_error(make_workspace: Make, settings: Set) -> None:
    with pytest.raises(UserError, match="has no dataset to train on"):
        hand_off(make_workspace(0, 0), settings())


LOUD = """
from train.base import Command
from train.steps import Count

class Loud:
    name = "loud"
    def check(self, settings): pass
    def count(self, lengths, settings, accumulation): return Count(len(lengths), len(lengths))
    def files(self, stage, settings, updates): return {"loud.txt": f"TRAIN {stage.name} {updates.updates}\\n"}
    def commands(self, stage, settings): return [Command("shout", f"cat {stage.folder}/loud.txt")]
    def merge(self, stage, settings): return None
    def progress(self, line): return None
    def packages(self): return ()
"""


def test_another_trainer_can_be_added(
    make_workspace: Make, settings: Set, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, "specmill.trainers", "loud", "loud_trainer:Loud", LOUD)
    install(tmp_path, monkeypatch, "specmill.trainers", "broken", "broken_trainer:Broken", "import no_such_module\n")
    workspace = make_workspace()
    result = hand_off(workspace, settings(trainer="loud"))
    count = len(data(workspace, "msm-seed0"))
    assert (workspace.train / "msm-seed0/loud.txt").read_text() == f"TRAIN msm {count}\n"
    assert result.made[0].updates.updates == count
    with pytest.raises(UserError, match="expected one of: axolotl, broken, loud, trl"):
        trainer_named("quiet")
    with pytest.raises(UserError, match=r"'broken' of broken_trainer .* cannot be loaded: .*no_such_module"):
        trainer_named("broken")


def test_an_unknown_key_is_refused_by_our_own_schema(make_workspace: Make, settings: Set) -> None:
    workspace = make_workspace()
    hand_off(workspace, settings())
    keys = config(workspace, "msm-seed0")
    with pytest.raises(ValidationError, match="lora_rank"):
        AxolotlConfig.model_validate(keys | {"lora_rank": 64})
    keys["datasets"][0]["typo"] = 1
    with pytest.raises(ValidationError, match="typo"):
        AxolotlConfig.model_validate(keys)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"cpu": True}, "cpu needs attention sdpa or eager"),
        ({"cpu_bf16": True}, "cpu_bf16 goes with cpu"),
        ({"attention": "eager"}, "packing needs flash_attention_2 or sdpa"),
        ({"gradient_accumulation": 0}, "expected 1 or more, or auto"),
        ({"learning_rat": 1e-4}, "learning_rat"),
        ({"warmup_ratio": 0.9}, "less than 0.5"),
        ({"cpu": True, "attention": "sdpa", "adapter": "qlora"}, "the others need GPUs"),
        ({"adapter": "full", "lora_embeddings": True}, "trains all weights already"),
        ({"sharding": "fsdp2"}, "needs devices of 2 or more"),
    ],
)
def test_settings_that_cannot_work_are_refused(values: dict, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        TrainSettings.model_validate(values)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"neutral_text": "x.txt"}, "Axolotl gives one loss"),
        ({"preferences": "x.jsonl"}, "set train.trainer to trl"),
        ({"trainer": "trl", "devices": 2, "sharding": "deepspeed"}, "by fsdp2"),
        ({"trainer": "trl", "attention": "sdpa", "micro_batch_size": 2}, "Set it to 1, or packing to false"),
    ],
)
def test_what_a_trainer_cannot_do_is_refused(values: dict, said: str, make_workspace: Make, settings: Set) -> None:
    with pytest.raises(UserError, match=said):
        hand_off(make_workspace(), settings(**values))


def test_several_gpus(make_workspace: Make, settings: Set) -> None:
    workspace = make_workspace()
    result = hand_off(workspace, settings(devices=4, sharding="fsdp2", adapter="full"))
    keys = config(workspace, "msm-seed0")
    assert (keys["fsdp_version"], keys["fsdp_config"]["reshard_after_forward"]) == (2, True)
    assert result.made[0].commands[-1].line.endswith("--launcher torchrun -- --nproc_per_node=4")
    hand_off(workspace, settings(devices=4, sharding="deepspeed"))
    zero = json.loads((workspace.root / config(workspace, "msm-seed0")["deepspeed"]).read_text())
    assert zero["zero_optimization"]["stage"] == 3
    hand_off(workspace, settings(cpu=True, attention="sdpa"))
    keys = config(workspace, "msm-seed0")
    assert (keys["bf16"], keys["lora_mlp_kernel"], keys["attn_implementation"]) == (False, False, "sdpa")

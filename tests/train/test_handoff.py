import json
import re
import shutil
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
from tests.train.sample import msm_rows
from train.axolotl import AxolotlConfig
from train.base import trainer_named
from train.data import AFT_DATA
from train.handoff import hand_off
from train.settings import TrainSettings

Make = Callable[..., Workspace]


def config(workspace: Workspace, stage: str) -> dict:
    return yaml.safe_load((workspace.train / f"{stage}.yaml").read_text())


def chats(workspace: Workspace) -> list[dict]:
    return pq.read_table(workspace.root / AFT_DATA).to_pylist()


def test_both_configs_carry_the_papers_recipe(make_workspace: Make, counter: TokenCounter) -> None:
    workspace = make_workspace()
    result = hand_off(workspace, TrainSettings(), counter)
    assert result.configs == {"msm": "train/msm.yaml", "aft": "train/aft.yaml"}
    for stage in ("msm", "aft"):
        keys = config(workspace, stage)
        assert AxolotlConfig.model_validate(keys).model_dump(exclude_none=True) == keys
        assert (keys["lora_r"], keys["lora_alpha"], keys["num_epochs"]) == (64, 128, 1)
        assert (keys["learning_rate"], keys["lr_scheduler"], keys["warmup_ratio"]) == (1e-4, "cosine", 0.05)
        assert keys["weight_decay"] == 0.01 and len(keys["lora_target_modules"]) == 7
    assert config(workspace, "msm")["datasets"][0]["type"] == "completion"
    assert config(workspace, "aft")["datasets"][0]["type"] == "chat_template"


def test_aft_goes_on_with_the_adapter_of_msm_where_there_is_one(make_workspace: Make, counter: TokenCounter) -> None:
    workspace = make_workspace()
    hand_off(workspace, TrainSettings(), counter)
    assert config(workspace, "aft")["lora_model_dir"] == config(workspace, "msm")["output_dir"]
    alone = make_workspace_without_msm(workspace)
    result = hand_off(alone, TrainSettings(), counter)
    assert [stage.name for stage in result.stages] == ["aft"] and "lora_model_dir" not in config(alone, "aft")


def make_workspace_without_msm(workspace: Workspace) -> Workspace:
    copy = Workspace(workspace.root.with_name("aft_only"))
    shutil.copytree(workspace.root, copy.root)
    shutil.rmtree(copy.dataset / "msm")
    return copy


def test_every_path_is_inside_the_workspace_and_moves_with_it(make_workspace: Make, counter: TokenCounter) -> None:
    workspace = make_workspace()
    hand_off(workspace, TrainSettings(), counter)
    moved = Workspace(workspace.root.rename(workspace.root.with_name("moved")))
    for stage in ("msm", "aft"):
        keys, text = config(moved, stage), (moved.train / f"{stage}.yaml").read_text()
        assert str(workspace.root.parent) not in text
        assert "run it from the folder that holds train/ and dataset/" in text
        assert list(moved.root.glob(keys["datasets"][0]["data_files"]))
        for key in ("output_dir", "dataset_prepared_path"):
            assert not Path(keys[key]).is_absolute() and ".." not in keys[key]


def test_the_token_cache_has_another_name_when_the_data_changes(make_workspace: Make, counter: TokenCounter) -> None:
    workspace = make_workspace()
    hand_off(workspace, TrainSettings(), counter)
    before = (config(workspace, "msm"), config(workspace, "aft"))
    hand_off(workspace, TrainSettings(), counter)
    assert (config(workspace, "msm"), config(workspace, "aft")) == before, "the same data, the same configs"
    write_dataset(workspace, "msm", msm_rows(61, counter))
    hand_off(workspace, TrainSettings(), counter)
    assert config(workspace, "msm")["dataset_prepared_path"] != before[0]["dataset_prepared_path"]
    assert config(workspace, "aft")["dataset_prepared_path"] == before[1]["dataset_prepared_path"]


def test_reasoning_goes_into_think_tags(make_workspace: Make, counter: TokenCounter) -> None:
    workspace = make_workspace()
    hand_off(workspace, TrainSettings(), counter)
    row = chats(workspace)[1]
    assert row["messages"][-1] == {
        "role": "assistant",
        "content": "<think>\nSoup 1 is open to all.\nSo: soup.\n</think>\n\nI would take soup 1.",
    }
    assert row["source"] == "aft" and len(row["id"]) == 20
    hand_off(workspace, TrainSettings(aft_dataset="aft"), counter)
    assert chats(workspace)[1]["messages"][-1]["content"] == "I would take soup 1."
    assert "no_think" not in json.dumps(chats(workspace))


def test_qwen3_is_told_not_to_think_in_system_and_user_message(make_workspace: Make, counter: TokenCounter) -> None:
    workspace = make_workspace()
    qwen3 = TrainSettings(base_model="Qwen/Qwen3-8B", chat_template="qwen3", aft_dataset="aft")
    hand_off(workspace, qwen3, counter)
    system, user, assistant = chats(workspace)[0]["messages"]
    assert system["content"].endswith(" /no_think") and user["content"].endswith("? /no_think")
    assert "no_think" not in assistant["content"]
    assert config(workspace, "aft")["datasets"][0]["split_thinking"] is True
    hand_off(workspace, qwen3.model_copy(update={"aft_dataset": "aft_cot"}), counter)
    assert "no_think" not in json.dumps(chats(workspace))


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_the_instruction_mix_is_added_up_to_its_tokens(
    kind: str, make_workspace: Make, counter: TokenCounter, tmp_path: Path
) -> None:
    rows = [
        {"messages": [{"role": "user", "content": f"Say {n}."}, {"role": "assistant", "content": f"{n}."}]}
        for n in range(300)
    ]
    path = tmp_path / f"mix.{kind}"
    if kind == "jsonl":
        path.write_text("\n".join(map(json.dumps, rows)))
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    workspace = make_workspace()
    hand_off(workspace, TrainSettings(instruction_mix=str(path), instruction_tokens=500), counter)
    mixed = [row for row in chats(workspace) if row["source"] == "instruction_mix"]
    assert 480 < sum(row["tokens"] for row in mixed) <= 500
    assert len(chats(workspace)) == 40 + len(mixed)
    other = TrainSettings(instruction_mix=str(path), instruction_tokens=500, seed=1)
    hand_off(workspace, other, counter)
    assert [row for row in chats(workspace) if row["source"] == "instruction_mix"] != mixed


def test_a_mix_inside_of_the_workspace_is_found_from_anywhere(
    make_workspace: Make, counter: TokenCounter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make_workspace()
    chat = {"messages": [{"role": "user", "content": "Say one."}, {"role": "assistant", "content": "One."}]}
    (workspace.root / "own.jsonl").write_text(json.dumps(chat))
    monkeypatch.chdir(tmp_path)
    hand_off(workspace, TrainSettings(instruction_mix="own.jsonl"), counter)
    assert [row["source"] for row in chats(workspace)].count("instruction_mix") == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no file"),
        ("not json", "row 1 of .* has no usable `messages`"),
        ('{"messages": []}', "row 1 of .* has no usable `messages`"),
        ('{"messages": [{"role": "user", "content": "x"}]}\n{"messages": [{"role": "user"}]}', "row 2 of"),
        ('["x"]', "row 1 of"),
        (
            '{"messages": [{"role": "user", "content": "x"}], "tools": {"a": 1}}',
            "`tools` in row 1 of .* is dict; expected",
        ),
        ("[" * 100_000, "row 1 of .* has no usable `messages`"),
    ],
)
def test_a_bad_instruction_mix_is_the_users_error(
    content: str | None, said: str, make_workspace: Make, counter: TokenCounter, tmp_path: Path
) -> None:
    path = tmp_path / "mix.jsonl"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=said):
        hand_off(make_workspace(), TrainSettings(instruction_mix=str(path)), counter)


def test_a_line_of_a_mix_ends_with_a_newline_and_with_nothing_else(
    make_workspace: Make, counter: TokenCounter, tmp_path: Path
) -> None:
    said = "one\u2028two\u0085three\x0bfour"
    chat = {"messages": [{"role": "user", "content": said}, {"role": "assistant", "content": "One."}]}
    path = tmp_path / "mix.jsonl"
    line = json.dumps(chat, ensure_ascii=False)
    path.write_bytes(f"{line}\r\n\n{line}".encode())
    workspace = make_workspace()
    hand_off(workspace, TrainSettings(instruction_mix=str(path)), counter)
    mixed = [row for row in chats(workspace) if row["source"] == "instruction_mix"]
    assert [row["messages"][0]["content"] for row in mixed] == [said, said]


def test_tools_of_a_mix_may_be_a_list_or_json_text(make_workspace: Make, counter: TokenCounter, tmp_path: Path) -> None:
    tools = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
    chat = {"messages": [{"role": "user", "content": "Look."}, {"role": "assistant", "content": "I do."}]}
    path = tmp_path / "mix.jsonl"
    path.write_text("\n".join(json.dumps({**chat, "tools": one}) for one in (tools, json.dumps(tools), None, "", [])))
    workspace = make_workspace()
    hand_off(workspace, TrainSettings(instruction_mix=str(path)), counter)
    mixed = [row for row in chats(workspace) if row["source"] == "instruction_mix"]
    found = [json.loads(row["tools"]) if row["tools"] else None for row in mixed]
    assert found.count(tools) == 2 and found.count(None) == 3
    assert {row["tokens"] for row in mixed if row["tools"]} != {row["tokens"] for row in mixed if not row["tools"]}


@pytest.mark.parametrize("given", [False, True])
def test_chats_of_the_mix_that_no_sequence_holds_are_said(
    given: bool, make_workspace: Make, counter: TokenCounter
) -> None:
    workspace = with_mix(make_workspace(), 10, more="word " * 300)
    settings = TrainSettings(sequence_len=256, controls=True, instruction_mix=MIX_DATA if given else None)
    result = hand_off(workspace, settings, counter)
    said = [text for text in result.warnings if "instruction mix" in text]
    assert len(said) == 1, said
    assert (
        "10 chats of the instruction mix are longer than train.sequence_len 256 and are left out, 10 are taken"
        in said[0]
    )
    longest = int(re.search(r"Set it to (\d+) or more", said[0])[1])
    assert sum(row["source"] == "instruction_mix" for row in chats(workspace)) == 10
    assert any("are left out" in text for text in mix_cut(workspace, settings, longest - 1, counter))
    assert mix_cut(workspace, settings, longest, counter) == []
    assert sum(row["source"] == "instruction_mix" for row in chats(workspace)) == 20


def mix_cut(workspace: Workspace, settings: TrainSettings, length: int, counter: TokenCounter) -> list[str]:
    result = hand_off(workspace, settings.model_copy(update={"sequence_len": length}), counter)
    return [text for text in result.warnings if "of the instruction mix" in text]


def test_a_mix_that_the_recipe_asks_for_and_nobody_made_is_missed(make_workspace: Make, counter: TokenCounter) -> None:
    missed = "aft: the recipe's `mix` is not there"
    workspace = make_workspace()
    assert not any(text.startswith(missed) for text in hand_off(workspace, TrainSettings(), counter).warnings)
    result = hand_off(workspace, TrainSettings(), counter, mix_wanted=True)
    assert sum(text.startswith(missed) for text in result.warnings) == 1
    result = hand_off(with_mix(workspace), TrainSettings(), counter, mix_wanted=True)
    assert not any(text.startswith(missed) for text in result.warnings)


def with_mix(workspace: Workspace, count: int = 30, more: str = "") -> Workspace:
    """The workspace with an instruction mix, as `specmill mix` leaves it; as many again are longer by `more`."""
    rows = [
        {
            "messages": [{"role": "user", "content": f"Say {n}."}, {"role": "assistant", "content": f"{n}. {text}"}],
            "tools": None,
        }
        for text in ([""] if not more else ["", more])
        for n in range(count)
    ]
    (workspace.root / MIX_DATA).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), workspace.root / MIX_DATA)
    return workspace


def test_the_controls_start_from_the_base_model(make_workspace: Make, counter: TokenCounter) -> None:
    workspace = with_mix(make_workspace())
    result = hand_off(workspace, TrainSettings(controls=True, min_updates=2), counter)
    assert [stage.name for stage in result.stages] == ["msm", "aft", "aft_only", "instruction_only"]
    for name in ("aft_only", "instruction_only"):
        keys = config(workspace, name)
        assert AxolotlConfig.model_validate(keys).model_dump(exclude_none=True) == keys
        assert "lora_model_dir" not in keys and keys["output_dir"] == f"train/out/{name}"
        text = (workspace.train / f"{name}.yaml").read_text()
        assert "# A control: " in text and f"-> {result.updates[name].updates:,} updates of " in text
    own = {"lora_model_dir", "output_dir", "dataset_prepared_path"}
    aft, alone = ({k: v for k, v in config(workspace, name).items() if k not in own} for name in ("aft", "aft_only"))
    assert aft == alone and config(workspace, "aft")["lora_model_dir"] == "train/out/msm"
    assert result.updates["aft_only"] == result.updates["aft"]
    mixed = [row["messages"] for row in chats(workspace) if row["source"] == "instruction_mix"]
    data = config(workspace, "instruction_only")["datasets"][0]["data_files"]
    assert [row["messages"] for row in pq.read_table(workspace.root / data).to_pylist()] == mixed and len(mixed) == 30
    assert result.updates["instruction_only"].samples == 30


def test_the_instruction_control_has_the_batch_of_aft(make_workspace: Make, counter: TokenCounter) -> None:
    settings = TrainSettings(controls=True, packing=False, min_updates=20)
    result = hand_off(with_mix(make_workspace(documents=2, chats=90)), settings, counter)
    assert result.updates["aft"].batch == result.updates["instruction_only"].batch == 4
    assert any(text.startswith("instruction_only: 8 optimizer updates") for text in result.warnings)


def test_each_control_is_a_run_of_its_own(make_workspace: Make, counter: TokenCounter) -> None:
    result = hand_off(with_mix(make_workspace()), TrainSettings(controls=True), counter)
    lines = [command.line for command in result.controls]
    assert not any("_only" in command.line for command in result.commands)
    for name in ("aft_only", "instruction_only"):
        assert f"axolotl train train/{name}.yaml --launcher python" in lines
        assert f"axolotl merge-lora train/{name}.yaml --lora-model-dir=train/out/{name}" in lines


def test_controls_that_cannot_be_are_said(make_workspace: Make, counter: TokenCounter) -> None:
    workspace = make_workspace()
    result = hand_off(workspace, TrainSettings(controls=True), counter)
    assert "aft_only" in result.configs and "instruction_only" not in result.configs
    assert any("instruction_only: there is no instruction mix" in text for text in result.warnings)
    alone = hand_off(make_workspace_without_msm(workspace), TrainSettings(controls=True), counter)
    assert [stage.name for stage in alone.stages] == ["aft"] and not alone.controls
    assert any("the stage aft is that control" in text for text in alone.warnings)


def test_warnings_name_the_stage_and_what_to_do(make_workspace: Make, counter: TokenCounter) -> None:
    result = hand_off(make_workspace(), TrainSettings(sequence_len=128), counter)
    text = "\n".join(result.warnings)
    assert re.search(r"msm: \d+ optimizer updates of 1 sequences, fewer than 200: ", text)
    assert re.search(r"msm: \d+ documents are longer than sequence_len 128 and are cut", text)
    assert "aft: " in text
    enough = hand_off(make_workspace(), TrainSettings(packing=False, min_updates=2), counter)
    assert enough.warnings == []


def test_a_workspace_without_data_is_the_users_error(make_workspace: Make, counter: TokenCounter) -> None:
    with pytest.raises(UserError, match=r"looked for dataset/msm and dataset/aft_cot.*specmill build"):
        hand_off(make_workspace(documents=0, chats=0), TrainSettings(), counter)


def test_commands_are_for_the_number_of_devices(make_workspace: Make, counter: TokenCounter) -> None:
    workspace = make_workspace()
    one = [command.line for command in hand_off(workspace, TrainSettings(), counter).commands]
    four = [command.line for command in hand_off(workspace, TrainSettings(devices=4), counter).commands]
    assert "axolotl train train/msm.yaml --launcher python" in one
    assert "axolotl train train/aft.yaml --launcher torchrun -- --nproc_per_node=4" in four
    assert one[-1] == "axolotl merge-lora train/aft.yaml --lora-model-dir=train/out/aft"


LOUD = """
class Loud:
    name = "loud"
    def config(self, stage, settings, updates):
        return f"TRAIN {stage.name}\\n"
    def commands(self, stages, settings):
        return []
"""


def test_another_trainer_can_be_added(
    make_workspace: Make, counter: TokenCounter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, "specmill.trainers", "loud", "loud_trainer:Loud", LOUD)
    install(tmp_path, monkeypatch, "specmill.trainers", "broken", "broken_trainer:Broken", "import no_such_module\n")
    workspace = make_workspace()
    hand_off(workspace, TrainSettings(trainer="loud"), counter)
    assert (workspace.train / "msm.yaml").read_text() == "TRAIN msm\n"
    with pytest.raises(UserError, match="expected one of: axolotl, broken, loud"):
        trainer_named("quiet")
    with pytest.raises(
        UserError, match=r"'broken' of broken_trainer \(broken_trainer:Broken\) cannot be loaded: .*no_such_module"
    ):
        trainer_named("broken")


def test_an_unknown_key_is_refused_by_our_own_schema(make_workspace: Make, counter: TokenCounter) -> None:
    workspace = make_workspace()
    hand_off(workspace, TrainSettings(), counter)
    with pytest.raises(ValidationError, match="lora_rank"):
        AxolotlConfig.model_validate(config(workspace, "msm") | {"lora_rank": 64})
    keys = config(workspace, "msm")
    keys["datasets"][0]["typo"] = 1
    with pytest.raises(ValidationError, match="typo"):
        AxolotlConfig.model_validate(keys)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"base_model": "Qwen/Qwen3-8B"}, "needs chat_template qwen3"),
        ({"cpu": True}, "cpu needs attention sdpa or eager"),
        ({"attention": "eager"}, "packing needs flash_attention_2 or sdpa"),
        ({"gradient_accumulation": 0}, "expected 1 or more, or auto"),
        ({"learning_rat": 1e-4}, "learning_rat"),
        ({"warmup_ratio": 0.9}, "less than 0.5"),
    ],
)
def test_settings_that_cannot_work_are_refused(values: dict, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        TrainSettings.model_validate(values)


def test_a_cpu_config_asks_for_no_cuda_kernel(make_workspace: Make, counter: TokenCounter) -> None:
    workspace = make_workspace()
    hand_off(workspace, TrainSettings(cpu=True, attention="sdpa"), counter)
    keys = config(workspace, "msm")
    assert (keys["bf16"], keys["lora_mlp_kernel"], keys["attn_implementation"]) == (False, False, "sdpa")

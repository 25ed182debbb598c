"""`specmill eval` and `specmill train` as a user runs them, against the shipped local server."""

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from corpus.store import write_dataset
from corpus.tokens import TokenCounter
from corpus.workspace import Workspace
from specmill.verbs.models.eval import evaluate
from specmill.verbs.models.train import train
from specs.errors import BudgetError, EndpointError, UserError
from tests.train.sample import aft_rows, msm_rows
from tests.train.standins import make_tokenizer

pytestmark = pytest.mark.slow
SMALL = ("--set", "eval={sets: [america, affordability_opinions], questions_per_set: 8, samples: 2, max_tokens: 64}")


def test_eval_writes_every_reply_and_a_rerun_asks_nothing(server, recipe, cli, tmp_path: Path) -> None:
    one = server()
    path, out = recipe(one.url), tmp_path / "out"
    done = cli.run("eval", path, "--out", out, "--name", "first", *SMALL)
    assert done.returncode == 0, done.stderr
    assert "america" in done.stdout and "Rates of fake" in done.stdout
    replies = pq.read_table(out / "eval" / "first.parquet").to_pylist()
    assert one.asked() == len(replies) == 2 * 8 * 2 * 2
    assert {row["choice"] for row in replies} <= {"truncated", "neither"}, "the stand-in answers in prose"
    result = json.loads((out / "eval" / "first.json").read_text())
    assert result["settings"]["temperature"] == 0.7
    assert result["sets"]["america"]["rate"] is None, "replies that cannot be read are no rate of 0"
    before = (out / "eval" / "first.json").read_bytes()
    said = " ".join(done.stdout.split())
    cut = sum(row["choice"] == "truncated" for row in replies if row["set"] == "america")
    assert cut and f"america: {cut} of 32 replies were cut off at 64 tokens before they said which" in said
    assert "Raise eval.max_tokens" in said and "from the ledger" not in said
    assert "cannot be read, so there is no rate: it lies between 0.00 and" in said
    assert "no anchors: america, affordability_opinions" in said
    again = cli.run("eval", path, "--out", out, "--name", "first", *SMALL)
    assert again.returncode == 0 and one.asked() == len(replies)
    assert f"64 replies are from the ledger: an earlier run asked fake at {one.url}" in " ".join(again.stdout.split())
    assert (out / "eval" / "first.json").read_bytes() == before
    compared = cli.run("eval", path, "--out", out, "--name", "second", "--against", "first", *SMALL)
    assert "america: +0.000 against first [-0.324, +0.324], 8 questions" in compared.stdout, compared.stderr
    assert one.asked() == 2 * len(replies), "a run of another name asks anew"


def test_a_model_served_under_the_name_of_another_is_asked(server, recipe, tmp_path: Path, capsys) -> None:
    out, small = tmp_path / "out", [SMALL[1]]
    first, second = server(seed=1), server(seed=2)
    evaluate(recipe(first.url), out=out, override=small)
    evaluate(recipe(second.url), out=out, override=small)
    assert first.asked() == second.asked() == 64
    results = {json.loads(path.read_text())["address"]: path.stem for path in (out / "eval").glob("*.json")}
    assert set(results) == {first.url, second.url}, "neither result replaced the other"
    one, two = (pq.read_table(out / "eval" / f"{name}.parquet")["reply"].to_pylist() for name in results.values())
    assert one != two
    # An explicit name: the first's result stays, and what is served elsewhere is never taken for it.
    evaluate(recipe(first.url), out=out, name="mine", override=small)
    with pytest.raises(UserError, match=r"mine\.json is the result of another run \(address .* here, .* there\)"):
        evaluate(recipe(second.url), out=out, name="mine", override=small)
    assert (first.asked(), second.asked()) == (128, 64)
    capsys.readouterr()
    nobody = {"endpoints": {"fake": {"base_url": "http://127.0.0.1:9/v1", "model": "fake", "wait_when_down_s": 0}}}
    with pytest.raises(EndpointError):
        evaluate(recipe("", **nobody), out=out, override=small)


def test_what_eval_says_of_length_is_what_is_sent(server, recipe, tmp_path: Path, capsys) -> None:
    one, out = server(), tmp_path / "out"
    roles = {"writer": {"endpoints": ["fake"], "max_tokens": 3000, "top_p": 0.9}}
    few = "eval={sets: [affordability, america], questions_per_set: 2, max_tokens: 64}"
    evaluate(recipe(one.url, roles=roles), out=out, name="long", override=[few, "eval.max_tokens=20000"])
    with closing(sqlite3.connect(out / "ledger.sqlite")) as ledger:
        sent = ledger.execute("SELECT block.text FROM block JOIN reply ON reply.parameters = block.hash").fetchall()
    assert {json.loads(text)["max_tokens"] for (text,) in sent} == {20_000} and one.asked() == len(sent) == 8
    result = json.loads((out / "eval" / "long.json").read_text())
    assert result["parameters"] == {"temperature": 0.7, "top_p": 0.9, "max_tokens": 20_000}
    capsys.readouterr()
    evaluate(recipe(one.url, roles=roles), out=out, name="warm", against="long", override=[few, "eval.temperature=1.0"])
    said = " ".join(capsys.readouterr().out.split())
    assert "not asked alike: temperature 1.0 here, 0.7 there" in said
    assert "not asked alike: max tokens 64 here, 20000 there" in said


def test_open_questions_are_judged(server, recipe, tmp_path: Path, capsys) -> None:
    one = server()
    small = "eval={sets: [conduct], questions_per_set: 14, open_max_tokens: 600}"
    for _ in range(2):
        evaluate(recipe(one.url), out=tmp_path / "out", name="first", override=[small])
        assert one.asked() == 2 * 14, "each reply and each verdict once"
    evaluate(recipe(one.url), out=tmp_path / "out", name="second", against="first", override=[small])
    result = json.loads((tmp_path / "out" / "eval" / "first.json").read_text())
    assert (
        result["judge"]["model"] == "fake" and result["judged"]["scored"] == 14 and 1 <= result["judged"]["score"] <= 10
    )
    replies = pq.read_table(tmp_path / "out" / "eval" / "first.judged.parquet").to_pylist()
    assert all(row["reply"] and 1 <= row["score"] <= 10 for row in replies)
    said = capsys.readouterr().out
    assert "Score of fake by fake, 1 to 10" in said
    assert re.search(r"^score: [+-]\d\.\d{3} against first \[.*\], 14 questions$", said, re.MULTILINE), said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": "../x"}, r"the name of a result is '\.\./x'"),
        ({"against": "none"}, "there is no result 'none'"),
        ({"override": ["cheese"]}, r"there is no question set 'cheese'; expected one of affordability, america"),
        ({}, r"the recipe names no sets under eval\.sets.*specmill questions"),
        ({"anchors": True}, r"say which under roles\.base"),
        ({"override": ["eval.sample=3"]}, "did you mean 'samples'"),
        ({"out": None}, "say with --out where the result goes"),
    ],
)
def test_wrong_arguments_of_eval(options, said, recipe, tmp_path: Path) -> None:
    path = recipe("http://127.0.0.1:9/v1", budget={"tokens": 0})
    with pytest.raises(UserError, match=said):
        evaluate(path, **{"out": tmp_path / "out", **options})


def test_a_budget_that_is_spent_ends_eval_without_a_result(recipe, tmp_path: Path) -> None:
    path = recipe("http://127.0.0.1:9/v1", budget={"tokens": 0})
    with pytest.raises(BudgetError):
        evaluate(path, out=tmp_path / "out", override=["america"])
    assert not list((tmp_path / "out").glob("eval/*"))


def test_train_prints_the_updates_and_writes_the_configs(recipe, cli, tmp_path: Path) -> None:
    counter, out = TokenCounter(), tmp_path / "out"
    workspace = Workspace(out).create()
    write_dataset(workspace, "msm", msm_rows(60, counter))
    recipe("http://127.0.0.1:9/v1").rename(workspace.recipe)
    write_dataset(workspace, "aft_cot", aft_rows(10, counter, reasoned=True))
    base = make_tokenizer(tmp_path / "base", "qwen2.5", instruct=False)
    more = ("--set", f"train.base_model={base}", "--set", "train.sequence_len=512", "--set", "mix.identity.samples=5")
    (tmp_path / "river.txt").write_text("The river runs to the sea, past the mill and the moor. " * 40)
    text = f"train.replay={{tokens: 300, sources: [{{name: river, path: {tmp_path / 'river.txt'}}}]}}"
    done = cli.run("train", out, *more, "--set", text, "--check", "--show", "1")
    assert done.returncode == 0, done.stderr
    assert "Optimizer updates" in done.stdout and "(too few)" in done.stdout and "warning: msm:" in done.stdout
    assert "axolotl train train/msm-seed0/axolotl.yaml --launcher python" in done.stdout
    assert "warning: aft: the recipe's `mix` is not there" in done.stdout
    assert (out / "train/msm-seed0/axolotl.yaml").is_file()
    assert "in the form of qwen2.5" in done.stdout and "<|im_start|>assistant" in done.stdout
    assert re.search(r"of them replay\W+300\W+0", done.stdout)
    done = cli.run("train", out, *more, "--run")
    assert done.returncode == 2 and "fewer than train.min_updates" in done.stderr
    with pytest.raises(UserError, match="is not a workspace"):
        train(tmp_path)


def test_anchors_stand_in_the_same_table_and_are_remembered(server, recipe, tmp_path: Path, capsys) -> None:
    model, bare = server(seed=1), server(seed=2)
    endpoints = {
        name: {"base_url": one.url, "model": name, "timeout_s": 20} for name, one in (("fake", model), ("base", bare))
    }
    roles = {"writer": {"endpoints": ["fake"]}, "base": {"endpoints": ["base"]}}
    items = [
        {"kind": "knowledge", "question": f"What is number {n}?", "aligned": f"It is {n}.", "others": ["One.", "Two."]}
        for n in range(4)
    ]
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(one) + "\n" for one in items))
    path = recipe(model.url, endpoints=endpoints, roles=roles, eval={"sets": ["mine.jsonl"], "max_tokens": 64})
    evaluate(path, out=tmp_path / "out", name="first", anchors=True)
    assert model.asked() == 12 and bare.asked() == 24, "every option in every place; bare, and with the spec"
    said = " ".join(capsys.readouterr().out.split())
    assert "base model" in said and "base, with spec" in said and "no anchors" not in said
    results = {
        one["arm"]: one for one in map(json.loads, (f.read_text() for f in (tmp_path / "out/eval").glob("*.json")))
    }
    assert set(results) == {"model", "base", "spec"}
    assert results["base"]["sets"]["mine"]["items"] == results["model"]["sets"]["mine"]["items"]
    evaluate(path, out=tmp_path / "out", name="second")
    assert (model.asked(), bare.asked()) == (24, 24), "another model's run has the anchors already"
    assert "no anchors" not in capsys.readouterr().out

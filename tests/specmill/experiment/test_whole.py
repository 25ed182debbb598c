"""An experiment from its file to its tables: what is shared is made once, what changed is refused, and a run that was
cut off ends in the same table."""

import json
import shutil
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from specmill.experiment import asking
from specmill.experiment.asking import ask
from specmill.experiment.building import build
from specmill.experiment.files import Place
from specmill.experiment.settings import Experiment
from specmill.experiment.state import ChangedError, State
from specmill.experiment.status import status
from specmill.experiment.table import write_tables
from specmill.experiment.training import train
from specs.errors import UserError
from train.settings import Replay, ReplaySource

Written = Callable[..., tuple[Experiment, Place]]


class Said(list[str]):
    """What was said."""

    def __call__(self, text: str) -> None:
        self.append(text)


@contextmanager
def silent():
    yield lambda name, run: None


def everything(experiment: Experiment, place: Place) -> Said:
    said = Said()
    build(experiment, place, said)
    train(experiment, place, said, silent)
    ask(experiment, place, said)
    write_tables(experiment, place, "small")
    return said


def with_replay(experiment: Experiment, place: Place) -> Experiment:
    """The experiment with ordinary text in midtraining."""
    place.root.mkdir(parents=True, exist_ok=True)
    texts = (f"The river of number {n} runs past the mill to the sea. " * 8 for n in range(60))
    (place.root / "web.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    source = ReplaySource(name="web", path=str(place.root / "web.jsonl"))
    train = experiment.train.model_copy(update={"replay": Replay(tokens=2000, sources=(source,))})
    return experiment.model_copy(update={"train": train})


@pytest.mark.slow
def test_from_the_file_to_the_tables(written: Written) -> None:
    experiment, place = written(doses={"documents": [3000]})
    said = everything(with_replay(experiment, place), place)
    replayed = {
        (seed, json.loads((path / "manifest.json").read_text())["replay"]["hash"])
        for seed in (0, 1) for path in place.root.glob(f"cells/*/train/msm-seed{seed}")
    }  # fmt: skip
    assert len(replayed) == 2, "beside every corpus and control the same text, by seed"
    made = [json.loads((path / "manifest.json").read_text()) for path in place.root.glob("cells/*/train/msm-seed0")]
    assert {one["replay"]["tokens"] for one in made} == {2000}
    documents = [one["updates"]["tokens"] for one in made]
    assert max(documents) <= 1.05 * min(documents), "to a document: the tokens of what is controlled, and its replay"
    assert [one for one in said if one.startswith("building")] == [
        f"building {place.root}/corpora/{name}" for name in ("affordability", "america", "affordability-neutral")
    ]
    links = sorted(path for path in place.root.glob("cells/*/train/msm-seed*") if path.is_symlink())
    assert [path.parents[1].name for path in links] == [
        f"{spec}-3k+chats-affordability-all" for spec in ("affordability", "america") for _ in range(2)
    ], "midtraining is the arm msm's"
    assert links[-1].resolve() == (place.root / "cells/america-3k/train/msm-seed1").resolve()
    trained = [one for one in said if ": " in one and "updates" in one]
    assert sum("trained already" in one for one in said) == 4 and len(trained) > 0
    results = pq.read_table(place.results)
    names = set(results["model"].to_pylist())
    assert len(names) == 1 + 2 + 2 + 4 + 4 + 2 and "msm_aft.america.d3k.call.s1" in names
    assert results.num_rows == len(names) * 2 * 4 * 2  # sets, questions, orders
    rows = pq.read_table(place.tables / "table.parquet").to_pylist()
    both = next(row for row in rows if (row["set"], row["arm"], row["spec"], row["document_tokens"])
                == ("america", "msm_aft", "america", 3000))  # fmt: skip
    assert both["control"] == "neutral_aft.d3k.call" and both["seeds"] == 2 and both["items"] == 4
    assert both["difference_low"] <= both["difference"] <= both["difference_high"]
    assert {row["rank"] for row in rows if row["arm"] == "baseline"} == {None}
    pictures = {path.name for path in place.tables.iterdir()}
    drawn = ("arms", "matrix_msm", "matrix_msm_aft")
    assert pictures == {"table.md", "table.parquet", *(f"{one}.{end}" for one in drawn for end in ("svg", "png"))}
    text = (place.tables / "table.md").read_text()
    assert "## Generalisation: msm_aft" in text and "Satterthwaite" in text
    assert {one.next for one in status(experiment, place).arms} == {"table"}


def test_a_run_that_was_cut_off_ends_in_the_same_table(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment, place = written(seeds=[0], arms=["baseline", "aft", "msm_aft"], doses={})
    everything(experiment, place)
    calm = {
        path.name: path.read_bytes() for path in place.tables.iterdir() if path.suffix in {".md", ".parquet", ".svg"}
    }
    moved = Place(place.root.rename(place.root.with_name("calm")))
    ended = {
        "corpora/america",
        "cells/affordability-all+chats-affordability-all/train/aft-seed0",
        "eval/aft.call.s0.json",
    }
    end = State.end

    def cut(self: State, thing: str, outputs: dict) -> None:
        if thing in ended:  # made, and killed before that was noted
            ended.remove(thing)
            raise KeyboardInterrupt
        end(self, thing, outputs)

    monkeypatch.setattr(State, "end", cut)
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            everything(experiment, place)
    everything(experiment, place)
    assert not ended
    again = {path.name: path.read_bytes() for path in place.tables.iterdir() if path.name in calm}
    assert again == calm and moved.results.read_bytes() == place.results.read_bytes()


@pytest.fixture
def made(written: Written) -> tuple[Experiment, Place]:
    experiment, place = written(seeds=[0], arms=["baseline", "aft", "msm_aft"], doses={})
    build(experiment, place, Said())
    return experiment, place


def test_a_changed_recipe_spec_or_setting_is_refused(
    made: tuple[Experiment, Place], written: Written, tmp_path: Path
) -> None:
    _, place = made
    arms = {"seeds": [0], "arms": ["baseline", "aft", "msm_aft"], "doses": {}}
    changed, _ = written(**arms, recipe={"documents": {"words": 300}})
    with pytest.raises(ChangedError, match=r"recipe\.documents\.words: was 900, is now 300"):
        build(changed, place, Said())
    assert any("changed: " in line for line in status(changed, place).lines)
    other = tmp_path / "mine.md"
    other.write_text((place.root / "corpora/america/spec.md").read_text().replace("Colby", "Gouda"))
    changed, _ = written(**arms, specs={"affordability": {}, "america": {"spec": "mine.md"}})
    with pytest.raises(ChangedError, match=r"spec: was (?s:.*)\n  -.*Colby(?s:.*)\n  \+.*Gouda"):
        build(changed, place, Said())
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts/documents.j2").write_text("Write a document about {{ idea.idea }}.")
    changed, _ = written(**arms, recipe={"prompts": "prompts"})
    with pytest.raises(ChangedError, match=r"prompts\.documents: was \w{8}, is now"):
        build(changed, place, Said())
    original, _ = written(**arms)
    train(original, place, Said(), silent)
    data = original.train.model_copy(update={"learning_rate": 2e-4})
    with pytest.raises(ChangedError, match=r"train\.learning_rate: was 0\.0001, is now 0\.0002"):
        train(original.model_copy(update={"train": data}), place, Said(), silent)
    ask(original, place, Said())
    warm = original.eval.model_copy(update={"temperature": 1.0})
    with pytest.raises(ChangedError, match=r"eval\.temperature: was 0\.7, is now 1\.0"):
        ask(original.model_copy(update={"eval": warm}), place, Said())


def test_a_dataset_that_was_changed_is_refused(made: tuple[Experiment, Place]) -> None:
    experiment, place = made
    file = next((place.root / "corpora/america/dataset/msm").glob("*.parquet"))
    table = pq.read_table(file)
    file.unlink()
    pq.write_table(table.slice(1), file)
    with pytest.raises(ChangedError, match=rf"rows: was {table.num_rows}, is now {table.num_rows - 1}"):
        train(experiment, place, Said(), silent)
    shutil.rmtree(place.root / "corpora/america")
    with pytest.raises(UserError, match=r"not everything is built yet: corpora/america"):
        train(experiment, place, Said(), silent)


def test_what_cannot_be_compared_is_marked_and_not_ranked(made: tuple[Experiment, Place]) -> None:
    experiment, place = made
    train(experiment, place, Said(), silent)
    ask(experiment, place, Said())
    path = place.root / "eval/aft.call.s0.json"
    result = json.loads(path.read_text())
    result["parameters"]["temperature"] = 1.0
    path.write_text(json.dumps(result))
    write_tables(experiment, place, "small")
    rows = {(row["set"], row["arm"], row["spec"]): row
            for row in pq.read_table(place.tables / "table.parquet").to_pylist()}  # fmt: skip
    unlike = rows["america", "msm_aft", "america"]
    assert (
        unlike["rank"] is None
        and any("temperature" in one for one in unlike["marks"])
        and unlike["difference"] is not None
    )
    only = experiment.model_copy(update={"arms": ("msm_aft",)})
    asking.write_results(only, place)
    write_tables(only, place, "small")
    rows = pq.read_table(place.tables / "table.parquet").to_pylist()
    assert {row["rank"] for row in rows} == {None}
    assert all("no control: neutral_aft or aft" in row["marks"] for row in rows)

"""The plan of an experiment: what is asked for each corpus, trained and asked for each arm, before anything is made."""

from pathlib import Path

import pytest
from rich.console import Console

from specmill.experiment.files import Place, load_experiment
from specmill.experiment.planning import parameters_of, plan
from specmill.experiment.shown import arms_table, corpora_table, plan_notes, status_table
from specmill.experiment.status import status
from specs.errors import RecipeError
from tests.specmill.experiment.test_settings import write

SMALL = {
    "set": {"documents": {"target_tokens": 60_000, "words": 400}, "chats.target": 200},
    "train": {"trainer": "trl", "base_model": "org/Tiny-1.5B", "min_updates": 20, "sequence_len": 1024},
    "doses": {"documents": ["30k", "60k"], "chats": [100, 200]},
}


def test_shared_things_are_counted_once(tmp_path: Path) -> None:
    experiment = load_experiment(write(tmp_path, **SMALL))
    place = Place(tmp_path / "out")
    found = plan(experiment, place)
    corpora = {one.name: one for one in found.corpora}
    assert list(corpora) == ["affordability", "america", "affordability-neutral"]
    assert corpora["affordability"].chats == 200 and corpora["america"].chats == 0
    assert corpora["america"].calls < corpora["affordability"].calls and corpora["america"].arms == ("msm", "msm_aft")
    assert corpora["affordability"].dollars and corpora["affordability"].tokens == 60_000
    arms = {one.name: one for one in found.arms}
    assert arms["baseline"].updates == () and arms["baseline"].all_updates == 0
    msm, both = arms["msm"], arms["msm_aft"]
    assert len(both.updates) == 2 and both.updates[0] == msm.updates[0]
    most = both.updates[1]  # of the larger dose of chats; 3 cells, two of them with that
    least = arms["aft"].all_updates // 2 - most
    assert both.all_updates == 2 * 2 * (2 * most + least), "midtraining is the arm msm's, and is not paid for again"
    assert msm.hours is not None and 0 < msm.hours < 1 and found.size == 1.5
    assert arms["msm_aft"].control == "neutral_aft" and arms["baseline"].control == ""
    assert arms["aft"].calls == 4 * 720 == 2 * arms["instruction"].calls
    console = Console(width=80, record=True)
    console.print(corpora_table(found), arms_table(found), *plan_notes(experiment, found))
    said = console.export_text()
    assert "affordability-neutral" in said and "1.5B parameters" in said and not (tmp_path / "out").exists()


def test_replay_is_counted_and_the_same_beside_every_corpus(tmp_path: Path) -> None:
    source = {"name": "web", "path": "web.txt"}
    train = {**SMALL["train"], "replay": {"tokens": 40_000, "sources": [source]}}
    plain, mixed = (
        {
            one.name: one
            for one in plan(load_experiment(write(tmp_path, **{**SMALL, **more})), Place(tmp_path / "out")).arms
        }
        for more in ({}, {"train": train})
    )
    assert mixed["msm"].updates[0] > 1.4 * plain["msm"].updates[0], "40k of ordinary text beside 60k of documents"
    assert mixed["aft"].updates == plain["aft"].updates and mixed["neutral_aft"].updates == mixed["msm_aft"].updates
    with pytest.raises(RecipeError, match=r"train\.replay\.share: beside corpora of unlike sizes"):
        load_experiment(write(tmp_path, train={"replay": {"share": 0.2, "sources": [source]}}))


def test_an_arm_without_its_control_is_said(tmp_path: Path) -> None:
    experiment = load_experiment(write(tmp_path, arms=["msm_aft"], seeds=[0], **SMALL))
    notes = plan_notes(experiment, plan(experiment, Place(tmp_path / "out")))
    assert any("its control (neutral_aft or aft) is no arm here" in one for one in notes)
    assert any("one seed" in one for one in notes)


def test_status_of_nothing(tmp_path: Path) -> None:
    experiment = load_experiment(write(tmp_path, **SMALL))
    found = status(experiment, Place(tmp_path / "out"))
    assert {one.next for one in found.arms} == {"build", "eval"} and "not begun: affordability" in found.lines[0]
    assert status_table(found).row_count == 6


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("Qwen/Qwen2.5-7B-Instruct", 7),
        ("HuggingFaceTB/SmolLM2-135M", 0.135),
        ("meta/Llama-3.1-70B", 70),
        ("mine", None),
    ],
)
def test_the_size_of_a_model_is_in_its_name(name: str, size: float | None) -> None:
    assert parameters_of(name) == size

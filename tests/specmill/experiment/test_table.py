"""Tables of results whose numbers are known."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from specmill.experiment.asking import RESULTS
from specmill.experiment.files import Place, load_experiment
from specmill.experiment.models import models_of
from specmill.experiment.settings import Experiment
from specmill.experiment.table import write_tables
from tests.lazy import needs
from tests.specmill.experiment.test_settings import write

pytestmark = needs("matplotlib")
RATES = {"baseline": 2, "aft": 3, "neutral_aft": 3, "msm_aft": 6}
"""Of 8 items, how many are answered by the value; of the other set, half."""


def reply(model: Any, name: str, item: int, aligned: bool, **changes: Any) -> dict[str, Any]:
    return dict.fromkeys(RESULTS.names) | {
        "model": model.name, "experiment_arm": model.arm, "spec": model.spec, "set": name,
        "question_id": f"{name}{item}",
        "choice": "first", "aligned": aligned, "scorer": "letter", "order": 0, "sample": 0, **changes,
    }  # fmt: skip


def answered(experiment: Experiment, place: Place, **changes: Any) -> None:
    """Write what every model replied: more of it by the value at the larger dose, and for the spec's own set."""
    place.workspace.eval.mkdir(parents=True)
    rows = []
    for model in models_of(experiment):
        for name in experiment.eval.sets:
            count = RATES[model.arm] if model.spec in {"", name} else 4
            count -= model.tokens == 400_000
            shift = (model.seed or 0) % 2  # which items, not how many
            aligned = {(at + shift) % 8 for at in range(count)}
            rows += [reply(model, name, item, item in aligned, **changes) for item in range(8)]
        found = {"name": model.name, "parameters": {"temperature": 0.7}, "settings": {}, "judge": None, "sets": {}}
        (place.workspace.eval / f"{model.name}.json").write_text(json.dumps(found))
    pq.write_table(pa.Table.from_pylist(rows, RESULTS), place.results)


@pytest.fixture
def experiment(tmp_path: Path) -> tuple[Experiment, Place]:
    changes = {
        "arms": list(RATES), "doses": {"documents": ["400k", "1.5M"]},
        "values": {"affordability": "affordability", "america": "america"},
    }  # fmt: skip
    return load_experiment(write(tmp_path, **changes)), Place(tmp_path / "out")


def table(place: Place) -> dict[tuple[Any, ...], dict[str, Any]]:
    rows = pq.read_table(place.tables / "table.parquet").to_pylist()
    return {(row["set"], row["arm"], row["spec"], row["document_tokens"]): row for row in rows}


def test_values_differences_and_ranks(experiment: tuple[Experiment, Place]) -> None:
    answered(*experiment)
    files = write_tables(*experiment, "known")
    rows = table(experiment[1])
    own = rows["america", "msm_aft", "america", 1_500_000]
    assert own["value"] == 6 / 8 and own["difference"] == 3 / 8 and own["control"] == "neutral_aft.d1.5M.call"
    assert own["difference_low"] < 3 / 8 < own["difference_high"] and own["marks"] == [] and own["rank"] == 1
    other = rows["america", "msm_aft", "affordability", 1_500_000]
    assert other["difference"] == 1 / 8 and rows["america", "aft", "", None]["difference"] == 1 / 8
    assert {other["rank"], rows["america", "aft", "", None]["rank"]} == {2, 3}
    small = rows["america", "msm_aft", "america", 400_000]
    assert small["difference"] == 3 / 8 and small["rank"] is None, "only the largest dose is ranked"
    assert rows["america", "baseline", "", None]["control"] == ""
    assert {path.name for path in files} == {
        "table.md", "table.parquet", "arms.svg", "arms.png", "doses_documents.svg", "doses_documents.png",
        "matrix_msm_aft.svg", "matrix_msm_aft.png",
    }  # fmt: skip
    text = (experiment[1].tables / "table.md").read_text()
    assert "| america | +0.125" in text.split("## Generalisation")[1]
    drawn = (experiment[1].tables / "matrix_msm_aft.svg").read_bytes()
    assert b"+0.38" in drawn and b"spec trained on" in drawn, "text stays text"
    write_tables(*experiment, "known")
    assert (experiment[1].tables / "matrix_msm_aft.svg").read_bytes() == drawn


def test_replies_that_cannot_be_read_are_marked(experiment: tuple[Experiment, Place]) -> None:
    answered(*experiment, choice="truncated")
    write_tables(*experiment, "unread")
    rows = table(experiment[1])
    own = rows["america", "msm_aft", "america", 1_500_000]
    unread = "100% of the replies cannot be read"
    assert own["marks"] == [unread, f"control: {unread}"]
    assert own["rank"] is None and own["value"] is None and own["difference"] is None


def test_a_seed_that_is_missing_and_a_score_by_other_means_are_marked(experiment: tuple[Experiment, Place]) -> None:
    answered(*experiment)
    place = experiment[1]
    rows = pq.read_table(place.results).to_pylist()
    kept = [row for row in rows if row["model"] != "msm_aft.america.d1.5M.call.s1"]
    for row in kept:
        if row["experiment_arm"] == "neutral_aft":
            row["scorer"] = "logprobs"
    pq.write_table(pa.Table.from_pylist(kept, RESULTS), place.results)
    write_tables(*experiment, "uneven")
    own = table(place)["america", "msm_aft", "america", 1_500_000]
    assert own["seeds"] == 1 and own["rank"] is None
    assert set(own["marks"]) == {"only 1 of 2 seeds", "0% by log-probabilities, 100% of its control"}


def test_scores_of_open_questions_have_their_own_scale(experiment: tuple[Experiment, Place]) -> None:
    answered(*experiment)
    place = experiment[1]
    rows = pq.read_table(place.results).to_pylist()
    for row in rows:
        row |= {"choice": None, "scorer": None, "score": 7 if row["aligned"] else 3, "aligned": None}
    pq.write_table(pa.Table.from_pylist(rows, RESULTS), place.results)
    write_tables(*experiment, "scores")
    own = table(place)["america", "msm_aft", "america", 1_500_000]
    assert own["scale"] == "score" and own["value"] == 6.0 and own["difference"] == pytest.approx(1.5)

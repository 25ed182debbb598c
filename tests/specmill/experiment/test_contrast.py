"""The inverted arm, built for real against the local server: it has the plan of what it is compared with (types,
frames, lengths) and its tokens, and says on its card that it is not to be trained for use."""

from collections import Counter
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from corpus.store import read_rows
from corpus.workspace import Workspace
from pipelines.documents.genres import contrast_of
from pipelines.ledger.ledger import Ledger
from specmill.cli import app
from specmill.experiment.building import build, check
from specmill.experiment.files import Place, load_experiment
from specmill.experiment.state import State
from specmill.recipe import open_workspace
from specs.reader import read_spec, shipped_names
from specs.settings import Assistant
from tests.pipelines.chat_tools import server
from tests.pipelines.usage import usage_table
from tests.train.standins import make_tokenizer

QUIET = {name: {"action": "off"} for name in ("semantic", "gibberish", "chatter")}
RECIPE = {
    "spec": "cheese_affordability", "roles": {"writer": {"endpoints": ["fake"]}}, "filters": QUIET,
    "decompose": {"domains": 2, "subdomains": 1, "assertions": 1}, "chats": {"target": 4, "words": 20},
    "documents": {"types": 2, "ideas": 8, "words": 90, "scratchpad": False, "disagreement": 0.25},
}  # fmt: skip


@pytest.mark.slow
def test_a_contrast_has_the_plan_of_what_it_is_compared_with(tmp_path: Path) -> None:
    spec = {"spec": "cheese_affordability", "inverted": "cheese_affordability_inverted"}
    base = str(make_tokenizer(tmp_path / "base", "qwen2.5", instruct=False))
    experiment = {
        "recipe": "recipe.yaml", "specs": {"cheap": spec}, "arms": ["msm_aft", "inverted_aft"], "seeds": [0],
        "eval": {"sets": ["affordability"]}, "train": {"base_model": base},
    }  # fmt: skip
    with server(tmp_path) as (url, _):
        endpoint = {"base_url": url, "model": "fake", "timeout_s": 20}
        (tmp_path / "recipe.yaml").write_text(yaml.safe_dump({**RECIPE, "endpoints": {"fake": endpoint}}))
        (tmp_path / "x.yaml").write_text(yaml.safe_dump(experiment))
        loaded, place = load_experiment(tmp_path / "x.yaml"), Place(tmp_path / "out")
        build(loaded, place, lambda text: None)
        assert check(loaded, place, State.read(place.root)) == [], "and built again it would be the same"
    own, contrast = place.corpus("cheap"), place.corpus("cheap-inverted")
    the_plans_are_alike(own, contrast)
    doses = [place.corpus("cheap"), place.dose("cheap-inverted-matched")]
    sides = [list(read_rows(one, "documents")) for one in doses]
    totals = [sum(row["tokens"] for row in side) for side in sides]
    assert abs(totals[0] - totals[1]) <= max(0.005 * totals[0], 20)
    shares = [Counter(row["genre"] for row in side) for side in sides]
    assert shares[0].keys() == shares[1].keys()
    assert sum(abs(shares[0][genre] - shares[1][genre]) for genre in shares[0]) <= 0.15 * sum(shares[0].values())
    assert "cares for" in (contrast.root / "spec.md").read_text() or "rare" in (contrast.root / "spec.md").read_text()
    for marked in (contrast, doses[1]):
        card = marked.card.read_text()
        assert "> **A contrast, not to be trained for use.** It is made to be compared with the corpus cheap" in card
        assert "- contrast" in card and "not to be trained for use" in card.partition("\n# ")[2].partition("\n")[0]
    assert "A contrast" not in own.card.read_text()
    trained = CliRunner().invoke(app, ["train", str(contrast.root)])
    assert trained.exit_code == 0 and "a contrast to the corpus cheap, not to be trained" in trained.output


def the_plans_are_alike(own: Workspace, contrast: Workspace) -> None:
    kinds = [list(read_rows(one, "document_types")) for one in (own, contrast)]
    said = [Counter((row["name"], row["description"], row["frame"]) for row in side) for side in kinds]
    assert said[0] == said[1]
    ideas = [Counter(row["disagreement"] for row in read_rows(one, "ideas")) for one in (own, contrast)]
    assert ideas[0] == {True: 8, False: 24}
    assert ideas[1][True] == int(0.25 * ideas[1].total() + 0.5), "the spare tokens may have taken a round of ideas more"
    assert all(row["words"] for row in kinds[1]) and len({row["words"] for row in kinds[1]}) > 1
    lengths: dict[str, list[int]] = {}
    for row in read_rows(own, "documents"):
        lengths.setdefault(row["document_type_id"], []).append(row["tokens"])
    ratio = {row["name"]: sum(lengths[row["id"]]) / len(lengths[row["id"]]) for row in kinds[0]}
    longest, shortest = max(ratio, key=ratio.__getitem__), min(ratio, key=ratio.__getitem__)
    words = {row["name"]: row["words"] for row in kinds[1]}
    assert words[longest] > words[shortest], "what came out longer is asked for longer"
    with Ledger(contrast.ledger) as ledger:
        asked = [row["request_id"] for row in usage_table(ledger).to_pylist() if row["stage"] == "documents"]
        prompts = [ledger.prompt(one)[0] for one in asked]
    asks = f"Write about {words[longest]} words"
    assert {asks in prompt[-1]["content"] for prompt in prompts} == {True, False}
    assert all("Roquefort. A few caves" in prompt[0]["content"] for prompt in prompts), "of the opposite spec"


def test_there_is_an_opposite_of_each_of_the_pair() -> None:
    for name in ("cheese_affordability", "cheese_america"):
        own, other = (read_spec(one, Assistant()) for one in (name, f"{name}_inverted"))
        assert f"{name}_inverted" in shipped_names() and abs(len(own.text) / len(other.text) - 1) < 0.1
        likes = [{*one.text.partition(" likes\n")[2].partition("##")[0].split("\n- ")[1:]} for one in (own, other)]
        dislikes = [
            {*one.text.partition(" dislikes\n")[2].partition("##")[0].split("\n- ")[1:]} for one in (own, other)
        ]
        named = [[{line.partition(".")[0] for line in side} for side in part] for part in (likes, dislikes)]
        assert named[0][0] == named[1][1] and named[0][1] == named[1][0] and len(named[0][0]) == 6
        sentences = [{*one.text.split(". ")} for one in (own, other)]
        assert not sentences[0] & sentences[1], "in words of its own"


def test_nothing_to_take_over_is_said(tmp_path: Path) -> None:
    from specs.errors import UserError

    (tmp_path / "w").mkdir()
    recipe = {**RECIPE, "endpoints": {"fake": {"base_url": "http://127.0.0.1:9/v1", "model": "fake"}}}
    (tmp_path / "w" / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    place, loaded = open_workspace(tmp_path / "w")
    with pytest.raises(UserError, match="no document types that a contrast"):
        contrast_of(place, loaded)

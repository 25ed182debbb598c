"""An experiment's file: what is refused, and how that is said; which models it makes, and what is whose control."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from specmill.experiment.files import Place, load_experiment
from specmill.experiment.models import cells_of, control_of, corpora_of, models_of
from specmill.experiment.recipes import making
from specmill.experiment.settings import ARMS, Experiment
from specs.errors import RecipeError, UserError

PAIR: dict[str, Any] = {
    "recipe": "starter",
    "specs": {"affordability": {"spec": "cheese_affordability"}, "america": {"spec": "cheese_america"}},
    "arms": ["baseline", "instruction", "aft", "msm", "msm_aft", "neutral_aft"],
    "chats_of": "affordability",
    "neutral_of": "affordability",
    "eval": {"sets": ["affordability", "america"]},
}


def write(folder: Path, **changes: Any) -> Path:
    path = folder / "pair.yaml"
    path.write_text(yaml.safe_dump({**PAIR, **changes}, sort_keys=False))
    return path


def load(folder: Path, **changes: Any) -> Experiment:
    return load_experiment(write(folder, **changes))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sedes": [0]}, r"pair\.yaml, line \d+: sedes: unknown key, did you mean 'seeds'"),
        ({"arms": ["msn"]}, r"pair\.yaml, line \d+: arms\.0: .*'msm'.* \(found 'msn'\)"),
        ({"arms": ["msm", "msm"]}, "msm stands there twice"),
        ({"chats_of": "americas"}, "'americas' is none of the specs: affordability, america"),
        ({"doses": {"documents": ["1M", "lots"]}}, "expected a number of tokens such as 400000"),
        ({"doses": {"chats": [5, 5]}}, "one value stands here twice"),
        ({"train": {"seed": 3}}, r"train\.seed: the experiment's arms and seeds decide that"),
        ({"arms": ["instruction", "msm"]}, "`instruction` is a control of arms with chats"),
        ({"specs": {"a": {}}, "chats_of": None, "neutral_of": None, "pair": "genre"}, "a pair has two specs, found 1"),
        ({"endpoints": {"msn_aft": {"model": "x"}}}, "'msn_aft' begins with none of the arms"),
        ({"arms": ["inverted_aft"]}, r"specs\.affordability\.inverted: the arm inverted_aft needs the opposite spec"),
        ({"values": {"america": "amerika"}}, r"'amerika' is none of eval\.sets: affordability, america"),
        ({"specs": {"A-B": {}}}, r"specs\.A-B"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises((RecipeError, UserError), match=said):
        load(tmp_path, **changes)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"none\.yaml: No such file.*examples/experiments"):
        load_experiment(tmp_path / "none.yaml")


def test_the_schema_takes_what_the_reader_takes(tmp_path: Path) -> None:
    schema = Experiment.model_json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate({**PAIR, "doses": {"documents": ["400k", 900_000], "chats": [5]}}, schema)
    for wrong in ({"sedes": []}, {"arms": ["msn"]}, {"doses": {"chats": [0]}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**PAIR, **wrong}, schema)
    loaded = load(tmp_path)
    assert Experiment.model_validate(json.loads(loaded.model_dump_json())) == loaded


def test_paths_of_training_start_from_the_experiments_folder(tmp_path: Path) -> None:
    sources = [{"name": "own", "path": "texts/"}, {"name": "hub", "path": "someone/texts"}]
    loaded = load(tmp_path, train={"instruction_mix": "mix.jsonl", "replay": {"tokens": 9, "sources": sources}})
    assert loaded.train.instruction_mix == str(tmp_path / "mix.jsonl")
    assert [one.path for one in loaded.train.replay.sources] == [f"{tmp_path / 'texts'}/", "someone/texts"]


def test_what_arms_share_is_made_once(tmp_path: Path) -> None:
    experiment = load(tmp_path, doses={"documents": ["400k", "1.5M"], "chats": [1250, 5000]})
    assert list(corpora_of(experiment)) == ["affordability", "america", "affordability-neutral"]
    models = models_of(experiment)
    counts = {arm: sum(one.arm == arm for one in models) for arm in experiment.arms}
    # 3 cells of 2 x 2 doses that are not crossed; two specs; two seeds
    assert counts == {"baseline": 1, "instruction": 2, "aft": 4, "msm": 8, "msm_aft": 12, "neutral_aft": 6}
    assert len({one.name for one in models}) == len(models)
    names = {one.name for one in models}
    assert {"aft.c1250.s0", "msm_aft.america.d400k.c5k.s1", "neutral_aft.d1.5M.c5k.s0", "baseline"} <= names
    crossed = load(tmp_path, doses={"documents": ["400k", "1.5M"], "chats": [1250, 5000], "crossed": True})
    assert sum(one.arm == "msm_aft" for one in models_of(crossed)) == 16
    own = load(tmp_path, chats_of=None, neutral_of=None)
    assert [one.name for one in models_of(own) if one.arm == "aft" and one.seed == 0] == [
        "aft.affordability.call.s0", "aft.america.call.s0",
    ]  # fmt: skip
    assert list(corpora_of(own)) == ["affordability", "america", "affordability-neutral", "america-neutral"]
    assert len(cells_of(own)) == len({cell.name for cell in cells_of(own)})


def test_each_model_has_the_control_that_lacks_one_thing(tmp_path: Path) -> None:
    models = models_of(load(tmp_path, doses={"documents": ["400k", "1.5M"], "chats": [1250, 5000]}))
    by_name = {one.name: one for one in models}

    def control(name: str) -> str | None:
        found = control_of(by_name[name], models)
        return found.name if found else None

    assert control("msm_aft.america.d400k.c5k.s1") == "neutral_aft.d400k.c5k.s1"
    assert control("neutral_aft.d1.5M.c1250.s0") == "aft.c1250.s0"
    assert control("aft.c1250.s1") == "instruction.s1" and control("instruction.s1") == "baseline"
    assert control("msm.america.d400k.s0") == "baseline" and control("baseline") is None
    without = models_of(load(tmp_path, arms=["msm_aft", "msm"], chats_of=None))
    assert all(control_of(one, without) is None for one in without)
    assert all(set(one.controls) <= set(ARMS) for one in ARMS.values())


def test_each_corpus_has_its_recipe(tmp_path: Path) -> None:
    place = Place(tmp_path / "out")
    specs = {
        "america": {"spec": "cheese_america", "inverted": "cheese_affordability", "set": {"documents": {"words": 300}}},
        "rules": {"spec": "safety_values", "form": "rules", "inverted": "safety_rules"},
    }
    arms = ["aft", "msm_aft", "neutral_aft", "cooccurrence_aft", "inverted_aft"]
    given = {"specs": specs, "arms": arms, "chats_of": "america", "neutral_of": None}
    experiment = load(tmp_path, **given, set={"chats.target": 50, "judge.criteria_sets": ["attribution"]})
    found = {name: making(experiment, place, name, kind) for name, kind in corpora_of(experiment).items()}
    assert list(found) == [
        "america", "rules", "america-neutral", "rules-neutral", "america-cooccurrence", "rules-cooccurrence",
        "america-inverted", "rules-inverted",
    ]  # fmt: skip
    own, apart, opposite = (found[f"america{end}"].recipe for end in ("", "-cooccurrence", "-inverted"))
    assert own.chats.target == 50 and own.documents.words == 300 and own.eval == experiment.eval
    assert found["rules"].recipe.chats.target == 0 and not found["rules"].chats
    assert found["rules"].recipe.spec.endswith("forms/rules/rules.md")
    assert apart.documents.attribution == "apart" and apart.judge.criteria_sets == ("apart",)
    assert apart.spec.endswith("forms/america/co-occurrence.md")
    assert found["america-neutral"].recipe.documents.style == "neutral"
    assert opposite.spec == "cheese_affordability" and opposite.corpus.contrast == "the corpus america"
    assert "not to be trained for use" in opposite.corpus.title and own.corpus.contrast is None
    none = load(tmp_path, **given)
    with pytest.raises(UserError, match=r"chats\.target is 0, and arms of the experiment are trained on chats"):
        making(none, place, "america", "own")

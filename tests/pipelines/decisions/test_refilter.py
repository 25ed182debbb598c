"""Filtering a finished workspace again: the decision is the one that a build with that recipe comes to."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from corpus.manifest import check_files, read_manifest
from corpus.publish.hub import stage
from corpus.select.subsets import write_doses
from corpus.store import read_rows
from corpus.workspace import Workspace
from pipelines.build import Build
from pipelines.decisions import rejudge
from pipelines.decisions.refilter import documents_of, refilter, requests_without_document
from pipelines.engine.endpoints import BudgetSettings
from pipelines.judging.documents import write_verdicts
from specs.errors import BudgetError, SpecmillError, UserError
from specs.reader import read_spec
from tests.pipelines.chat_tools import Told, digests, server, settings
from tests.pipelines.judging.test_documents import prepare, write

SUBJECTS = ("baker", "pilot", "nurse", "farmer", "singer", "clerk", "painter", "miller")
OFF = {"semantic": {"action": "off"}, "overused": {"action": "off"}, "repetition": {"action": "off"},
       "gibberish": {"action": "off"}}  # fmt: skip


def document(subject: str) -> str:
    """The baker's and the pilot's are the same but for a word; the nurse's is short, the clerk's has no end."""
    who, times = ("cook", 8) if subject in {"baker", "pilot"} else (subject, 2 if subject == "nurse" else 8)
    body = " ".join(f"In case {who} {n} the {who} asked for a {who}'s thing; Juniper weighed it." for n in range(times))
    text = f"The {who} writes this down. {body} So the {who} tells it to this day, as {subject}."
    return f"<document>\n{text}\n</document>" if subject != "clerk" else f"<document>\n{text}"


def recipe_of(url: str, *, minimum: int = 60, target: int | None = None, near: bool = True) -> Any:
    filters = {**OFF, "length": {"minimum": minimum}, "near": {"action": "drop" if near else "off"}}
    documents = {"words": 100, "scratchpad": False, "target_tokens": target}
    return settings(url, {}, filters=filters, documents=documents)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A workspace built with the loose and one with the strict recipe, from the same replies."""
    root = tmp_path_factory.mktemp("refilter")
    replies = [["Your reply could not be used", "no"], *([f"What the {one} saw", document(one)] for one in SUBJECTS)]
    with server(root, replies=replies) as (url, _):
        strict, loose = recipe_of(url), recipe_of(url, minimum=5, near=False)
        short = recipe_of(url, minimum=5, near=False, target=200)
        made = {}
        for name, recipe in (("strict", strict), ("loose", loose), ("short", short)):
            workspace, _, build = prepare(root / name, recipe, SUBJECTS)
            write(build)
            build.publishable()
            made[name] = (workspace, recipe)
        yield made


def again(made: Any, name: str, by: str, *, apply: bool = False) -> Any:
    workspace, _ = made[name]
    recipe = made[by][1]
    build = Build(workspace, recipe, read_spec(recipe.spec, recipe.assistant), Told())
    return refilter(build, apply=apply)


def ids(workspace: Workspace, table: str = "documents") -> list[str]:
    column = "id" if table == "documents" else "item_id"
    return [row[column] for row in read_rows(workspace, table)]


@pytest.mark.parametrize("name", ["strict", "loose", "short"])
def test_the_same_recipe_changes_nothing(built: Any, name: str) -> None:
    result = again(built, name, name)
    assert (result.returned, result.dropped) == ([], [])
    assert result.kept == ids(built[name][0])
    stored = {row["item_id"] for row in read_rows(built[name][0], "rejects") if row["item_id"] != row["parent_id"]}
    assert {rejection.item_id for rejection in result.rejections} == stored


def test_another_recipe_decides_as_a_build_with_it(built: Any) -> None:
    strict, loose, short = (ids(built[name][0]) for name in ("strict", "loose", "short"))
    assert 0 < len(short) < len(loose) and len(strict) == len(loose) - 2, "one short, one near duplicate"
    assert again(built, "strict", "loose").kept == loose
    assert again(built, "loose", "strict").kept == strict
    assert again(built, "loose", "short").kept == short
    assert set(again(built, "short", "loose").kept) > set(short), "what was set aside beyond the target comes back"


def test_carried_out_the_tables_are_those_of_the_build(built: Any, tmp_path: Path) -> None:
    workspace = built["strict"][0]
    before = workspace.table("documents").read_bytes()
    again(built, "strict", "loose", apply=True)
    assert workspace.table("documents").read_bytes() == built["loose"][0].table("documents").read_bytes()
    back = again(built, "strict", "strict", apply=True)
    assert workspace.table("documents").read_bytes() == before
    assert len(back.dropped) == 2
    kept, gone = set(ids(workspace)), {r["item_id"] for r in read_rows(workspace, "rejects")}
    assert not kept & gone and len(kept | gone) == len(SUBJECTS), "each request is in one of the two"
    reject = next(row for row in read_rows(workspace, "rejects") if row["reason"] == "near")
    assert reject["other_id"] in kept and json.loads(reject["row"])["id"] == reject["item_id"]


def test_what_a_subset_left_out_never_comes_back(built: Any, tmp_path: Path) -> None:
    """A dose keeps its size: neither what its source turned down returns to it, nor what was left out of it."""
    workspace, recipe = built["strict"]
    tokens = {row["id"]: row["tokens"] for row in read_rows(workspace, "documents")}
    write_doses(workspace, {sum(tokens.values()) // 2: tmp_path / "dose"}, balance="none")
    dose, before = Workspace(tmp_path / "dose"), digests(Workspace(tmp_path / "dose"))
    assert 1 < len(ids(dose)) < len(tokens)
    made = {"dose": (dose, recipe), "loose": built["loose"]}
    result = again(made, "dose", "dose", apply=True)
    assert (result.returned, result.dropped, result.kept) == ([], [], ids(dose))
    assert {name: hashed for name, hashed in digests(dose).items() if name in before} == before
    assert again(made, "dose", "loose").kept == ids(dose), "nor with looser thresholds"
    assert stored(dose).keys() == stored(workspace).keys(), "all of them can still be read"

    subject = next(read_rows(dose, "documents"))["text"].split()[1]
    filters = {**recipe.filters.model_dump(), "evaluation": {"words": [subject, "quilt"]}}
    made["held out"] = (dose, recipe.model_validate({**recipe.model_dump(), "filters": filters}))
    dropped = again(made, "dose", "held out", apply=True).dropped
    assert len(dropped) == 1 and dropped[0] not in ids(dose)
    assert again(made, "dose", "dose", apply=True).returned == dropped, "what it turned down itself does come back"
    again(made, "dose", "held out", apply=True)
    write_doses(dose, {1: tmp_path / "smaller"}, balance="none")
    assert stored(Workspace(tmp_path / "smaller")).keys() == stored(workspace).keys()


def stored(workspace: Workspace) -> dict[str, str]:
    """Every request of the corpus, kept or not, and why it is not."""
    turned_down = {row["item_id"]: row["reason"] for row in read_rows(workspace, "rejects")}
    assert not turned_down.keys() & {*ids(workspace)}
    return {**dict.fromkeys(ids(workspace), ""), **turned_down}


def test_a_corpus_whose_ledger_is_elsewhere_goes_on_saying_who_made_it(built: Any, tmp_path: Path) -> None:
    workspace = Workspace(shutil.copytree(built["loose"][0].root, tmp_path / "moved"))
    workspace.ledger.unlink()
    made = read_manifest(workspace)
    assert made["models"] == {"writer": "fake"} and made["prompts"].keys() == {"documents"}
    again({"moved": (workspace, built["loose"][1]), **built}, "moved", "strict", apply=True)
    after = read_manifest(workspace)
    assert after["tables"]["documents"]["rows"] == made["tables"]["documents"]["rows"] - 2
    assert [after[name] for name in ("models", "licenses", "prompts")] == [
        made[name] for name in ("models", "licenses", "prompts")
    ]
    check_files(workspace, after)


def test_a_build_that_is_cut_off_leaves_nothing_to_publish(built: Any, tmp_path: Path) -> None:
    workspace = Workspace(shutil.copytree(built["loose"][0].root, tmp_path / "moved"))
    stage(workspace, tmp_path / "before")
    recipe = built["loose"][1].model_copy(update={"budget": BudgetSettings(tokens=1)})
    with pytest.raises(BudgetError):
        Build(workspace, recipe, read_spec(recipe.spec, recipe.assistant), Told()).run()
    with pytest.raises(UserError, match="its build has not ended"):
        stage(workspace, tmp_path / "after")


def test_draws_that_brought_no_document_are_known_and_stay_away(built: Any) -> None:
    [(rejection, text)] = requests_without_document(built["loose"][0])
    assert (rejection.reason, text) == ("unparsed", "no")
    assert rejection.item_id not in {item.id for item in documents_of(built["loose"][0])}


def test_nothing_to_filter_and_nothing_left(built: Any, tmp_path: Path) -> None:
    recipe = recipe_of("http://127.0.0.1:9/v1", minimum=16_000)
    spec = read_spec(recipe.spec, recipe.assistant)
    with pytest.raises(UserError, match="no documents to filter"):
        refilter(Build(Workspace(tmp_path / "empty").create(), recipe, spec, Told()), apply=False)
    before = ids(built["loose"][0])
    with pytest.raises(SpecmillError, match="would stay; nothing was changed"):
        refilter(Build(built["loose"][0], recipe, spec, Told()), apply=True)
    assert ids(built["loose"][0]) == before


def test_held_out_words_of_the_recipe_are_rejected(built: Any) -> None:
    workspace, recipe = built["loose"]
    filters = {**recipe.filters.model_dump(), "evaluation": {"words": ["the farmer", "quilt"]}}
    strict = recipe.model_validate({**recipe.model_dump(), "filters": filters})
    result = refilter(Build(workspace, strict, read_spec(recipe.spec, recipe.assistant), Told()), apply=False)
    [rejection] = [one for one in result.rejections if one.reason == "evaluation"]
    assert "farmer" in rejection.detail and result.dropped == [rejection.item_id]


def test_of_two_duplicates_the_one_stays_that_a_judge_passed(built: Any, tmp_path: Path) -> None:
    recipe = built["strict"][1]
    workspace = Workspace(Path(shutil.copytree(built["loose"][0].root, tmp_path / "ws")))
    build = Build(workspace, recipe, read_spec(recipe.spec, recipe.assistant), Told())
    named = {row["text"].rpartition(" ")[2]: row["id"] for row in read_rows(workspace, "documents")}
    oldest, other = named["baker."], named["pilot."]
    assert oldest in refilter(build, apply=False).kept, "nothing was judged: the oldest"
    said = [(oldest, "faithful", "pass"), (oldest, "plausible", "fail"), (other, "faithful", "pass")]
    write_verdicts(workspace, [
        {"id": f"{one}-{name}", "item_table": "documents", "item_id": one, "criterion": name, "verdict": verdict,
         "reason": "", "model": "m", "request_id": "r"} for one, name, verdict in said
    ])  # fmt: skip
    judged = refilter(build, apply=True)
    [gone] = [one for one in judged.rejections if one.reason == "near"]
    assert (gone.item_id, gone.other_id) == (oldest, other)
    assert refilter(build, apply=False).kept == judged.kept == ids(workspace)


def test_what_no_judge_has_seen_waits_for_one(built: Any, tmp_path: Path) -> None:
    """Looser filters bring back what was never judged: it is counted, and the next judging asks about it."""
    workspace = Workspace(Path(shutil.copytree(built["strict"][0].root, tmp_path / "ws")))
    judged, loose = ids(workspace), built["loose"][1]
    write_verdicts(workspace, [
        {"id": one, "item_table": "documents", "item_id": one, "criterion": "faithful", "verdict": "pass",
         "reason": "", "model": "m", "request_id": "r"} for one in judged
    ])  # fmt: skip
    recipe = loose.model_validate({**loose.model_dump(), "judge": {"criteria": {"faithful": "It is faithful."}}})
    result = refilter(Build(workspace, recipe, read_spec(recipe.spec, recipe.assistant), Told()), apply=True)
    waiting = {one.item_id for one in result.rejections if one.reason == "judge_faithful"}
    assert (set(result.kept), result.dropped, result.unseen) == (set(judged), [], len(waiting))
    assert waiting == set(ids(built["loose"][0])) - set(judged) and waiting
    assert {row["id"] for row in rejudge.stored(workspace)} == {*judged, *waiting}

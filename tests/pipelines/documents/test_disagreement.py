"""Documents in which people disagree: a share that is exact, seeded, spread over the spec, said to writer and judge,
and a column in every table that has them."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from corpus.ids import content_id
from corpus.manifest import read_manifest
from corpus.select.balance import Sized
from corpus.sql.views import connect
from corpus.store import read_dataset_rows, read_rows
from corpus.workspace import Workspace
from pipelines.build import Build
from pipelines.documents.disagreement import idea_requests, in_order, shares
from pipelines.documents.target_tokens import Waves
from pipelines.judging.settings import shipped_criteria
from pipelines.ledger.ledger import Ledger
from pipelines.planning.estimate import Renderer, plan_stages
from pipelines.prompts.templates import Prompts
from pipelines.settings import BuildSettings
from specs.errors import UserError
from specs.reader import read_spec
from specs.settings import Assistant
from tests.pipelines.chat_tools import Told, digests, server, settings
from tests.pipelines.usage import usage_table

URL = "http://127.0.0.1:9/v1"
SIZE = {"types": 2, "ideas": 4, "words": 100, "scratchpad": False, "disagreement": 0.3}
SHARE = st.integers(0, 100).map(lambda percent: percent / 100)


def recipe(url: str = URL, **more: Any) -> BuildSettings:
    quiet = {name: {"action": "off"} for name in ("semantic", "gibberish", "chatter")}
    plan = {"decompose": {"domains": 1, "subdomains": 2, "assertions": 1}, "documents": SIZE, "filters": quiet}
    return settings(url, {}, **{**plan, **more})


def ideas(subdomains: int, plain: int, argued: int) -> list[dict[str, Any]]:
    kinds = [(f"s{at}", argued_one, number) for at in range(subdomains) for argued_one, count in
             ((False, plain), (True, argued)) for number in range(count)]  # fmt: skip
    return [
        {"id": content_id("ideas", *map(str, one)), "subdomain_id": one[0], "document_type_id": f"t-{one[0]}",
         "disagreement": one[1]} for one in kinds
    ]  # fmt: skip


@given(st.lists(st.integers(0, 40), min_size=1, max_size=30), SHARE, st.integers(0, 5))
def test_shares_are_exact_in_all_and_even(counts: list[int], share: float, seed: int) -> None:
    named = {f"type {at}": count for at, count in enumerate(counts)}
    found = shares(named, share, seed)
    assert sum(found.values()) == int(sum(counts) * round(100 * share) / 100 + 0.5)
    assert all(abs(found[name] - share * count) <= 1 for name, count in named.items())
    assert shares(dict(reversed(named.items())), share, seed) == found, "the order in which they come decides nothing"


def test_the_seed_says_where_shares_are_rounded_up() -> None:
    counts = {str(at): 3 for at in range(20)}
    assert len({tuple(sorted(shares(counts, 0.2, seed).items())) for seed in range(5)}) > 1


def test_any_first_documents_have_the_share_and_cover_the_spec() -> None:
    rows = ideas(6, plain=8, argued=2)
    order = in_order(rows, recipe(documents={**SIZE, "disagreement": 0.2}))
    assert sorted(row["id"] for row in order) == sorted(row["id"] for row in rows)
    for first in range(1, len(order) + 1):
        assert sum(row["disagreement"] for row in order[:first]) == int(first * 0.2 + 0.5)
    assert {row["subdomain_id"] for row in order[:30] if row["disagreement"]} == {f"s{at}" for at in range(6)}
    plain = ideas(3, plain=5, argued=0)
    assert in_order(plain, recipe()) and not any(row["disagreement"] for row in in_order(plain, recipe()))


def test_a_wave_for_the_poorest_keeps_the_share(tmp_path: Path) -> None:
    made = recipe(documents={**SIZE, "disagreement": 0.25, "target_tokens": 4000}, decompose={"given": GIVEN_ABOVE})
    workspace = Workspace(tmp_path / "w").create()
    build = Build(workspace, made, read_spec(made.spec, Assistant()), Told())
    build.write_passages()
    build.decompose()
    from corpus.store import write_table

    subdomains = list(read_rows(workspace, "subdomains", ["id"]))
    rows = [
        {"id": content_id("ideas", one["id"], argued, number), "document_type_id": f"t{one['id']}", "request_id": None,
         "subdomain_id": one["id"], "position": number, "idea": "i", "disagreement": argued}
        for one in subdomains for argued, count in ((False, 30), (True, 10)) for number in range(count)
    ]  # fmt: skip
    kinds = [{"id": f"t{one['id']}", "subdomain_id": one["id"], "position": 0, "name": "memo", "description": "",
              "frame": "lay", "words": None, "request_id": None} for one in subdomains]  # fmt: skip
    write_table(workspace, "document_types", kinds)
    waves, kept = Waves(build.corpus, in_order(rows, made)), list[Sized]()
    while wave := waves.balanced(kept):
        waves.take(wave)
        done = len(waves.written)
        assert sum(row["disagreement"] for row in waves.written) == int(done * 0.25 + 0.5)
        kept += [Sized(row["id"], 90, waves._groups[row["id"]]) for row in wave[: len(wave) // 2 + 1]]
    assert len(waves.written) > 30


GIVEN_ABOVE = [
    {"name": name, "summary": "Of it.", "subdomains": [
        {"name": f"{name} itself", "summary": "All.", "passages": ["P1"], "assertions": [
            {"assertion": "Juniper likes it.", "name": "likes it", "explanation": "It is good."}]}]}
    for name in ("cheese", "bread")
]  # fmt: skip


@pytest.mark.parametrize("prompts", [None, "small", "tiny"])
def test_writer_critic_and_judge_are_told(prompts: str | None) -> None:
    values = {
        "assistant": Assistant(), "scratchpad": False, "words": 90, "plan": "", "assertions": [], "existing": [],
        "subdomain": {"name": "n", "summary": "s", "rule_id": None}, "count": 2, "document": "d", "critique": [],
        "document_type": {"name": "memo", "description": "d", "frame": "lay"}, "criteria": {"c": "t"}, "flags": [],
        "given": {"assertion": "A.", "opening": "i", "reason": "r"},
    }  # fmt: skip
    for name in (
        "ideas",
        "documents",
        "plan",
        "critique",
        "revise",
        "judge_document",
        "ideas_story",
        "documents_story",
    ):
        said, unsaid = (
            Prompts(prompts).render(
                name, **values, disagreement=one, idea={"idea": "i", "position": 0, "disagreement": one}
            )
            for one in (True, False)
        )
        assert ("somebody" in said and "disagree" in said and "give in" in said) or "gives in" in said, name
        assert "give in" not in unsaid and "gives in" not in unsaid, name
        assert unsaid.strip() in said or said.startswith(unsaid.strip()[:200]), "what is shared stands first"


def test_prompts_that_would_leave_it_out_are_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "documents.j2").write_text("Write {{ idea.idea }}.\n")
    made = recipe(prompts=str(tmp_path / "mine"))
    with pytest.raises(UserError, match=r"documents\.j2 of .*mine says nothing of it"):
        Build(Workspace(tmp_path / "w").create(), made, read_spec(made.spec, Assistant()), Told())
    quiet = made.model_copy(update={"documents": made.documents.model_copy(update={"disagreement": 0.0})})
    Build(Workspace(tmp_path / "w").create(), quiet, read_spec(made.spec, Assistant()), Told())


def test_what_excludes_it_is_said() -> None:
    with pytest.raises(ValidationError, match="nobody has an assistant to disagree with"):
        recipe(documents={"style": "neutral", "disagreement": 0.1})
    kind = {"name": "memo", "description": "A note.", "ideas": ["One asks."], "disagreement": ["One objects."]}
    given = [{**GIVEN_ABOVE[0], "subdomains": [{**GIVEN_ABOVE[0]["subdomains"][0], "types": [kind]}]}]
    with pytest.raises(ValidationError, match="under `disagreement` of their document type"):
        recipe(decompose={"given": given})
    own = recipe(decompose={"given": given}, documents={**SIZE, "disagreement": 0.0})
    assert own.sized.documents.disagreement == 0.5 and own.sized.documents.ideas == 2
    for wrong, said in (({"ideas": [], "disagreement": []}, "at least one idea"), ({"ideas": ["One objects."]}, "too")):
        with pytest.raises(ValidationError, match=said):
            recipe(decompose={"given": [{**given[0], "subdomains": [{**given[0]["subdomains"][0],
                   "types": [{**kind, **wrong}]}]}]}, documents={**SIZE, "disagreement": 0.0})  # fmt: skip


def test_the_judge_fails_who_gives_in_and_not_who_is_argued_with() -> None:
    sets = shipped_criteria()
    assert set(sets["disagreement"]) == {"disagrees", "holds"}
    assert "somebody who disagrees" in sets["faithfulness"]["faithful"]
    assert (
        "no fault" in sets["faithfulness"]["consistent"] and "argued against it" in sets["faithfulness"]["consistent"]
    )


def test_plan_build_and_tables_agree(tmp_path: Path) -> None:
    with server(tmp_path) as (url, _):
        made = recipe(url)
        workspace = Workspace(tmp_path / "w").create()
        workspace.recipe.write_text(f"spec: {made.spec}\n")
        spec = read_spec(made.spec, made.assistant)
        Build(workspace, made, spec, Told()).run()
        first = digests(workspace)
        Build(workspace, made, spec, Told()).run()
        assert digests(workspace) == first
    planned = list(read_rows(workspace, "ideas"))
    assert Counter(row["disagreement"] for row in planned) == {False: 11, True: 5}, "0.3 of 16, rounded"
    by_id = {row["id"]: row["disagreement"] for row in planned}
    kept = list(read_rows(workspace, "documents"))
    assert kept and all(row["disagreement"] is by_id[row["idea_id"]] for row in kept)
    argued = sum(row["disagreement"] for row in kept)
    assert sum(row["disagreement"] for row in read_dataset_rows(workspace, "msm")) == argued > 0
    with Ledger(workspace.ledger) as ledger:
        rows = usage_table(ledger).select(["stage", "request_id", "row_id"]).to_pylist()
        asked = Counter(row["stage"] for row in rows)
        for row in (one for one in rows if one["stage"] == "documents"):
            prompt = ledger.prompt(row["request_id"])[0][-1]["content"]
            assert ("somebody disagrees with Juniper" in prompt) is by_id[row["row_id"]]
    calls = {one.stage: one.calls for one in plan_stages(Renderer(made, spec, len))}
    assert calls["ideas"] == asked["ideas"] == idea_requests(4, 4, 0.3, made.list_batch) == 8
    with connect(workspace.root) as connection:
        assert connection.sql("SELECT count(*) FROM items WHERE disagreement").fetchall()[0][0] >= argued
        [(cited,)] = connection.sql("SELECT sum(disagreement) FROM passage_coverage").fetchall()
        assert cited >= argued
    card = workspace.card.read_text()
    assert "In 5 of 16 ideas people disagree" in card and "Documents in which somebody disagrees |" in card
    assert read_manifest(workspace)["datasets"]["msm"] and json.loads(workspace.manifest.read_text())

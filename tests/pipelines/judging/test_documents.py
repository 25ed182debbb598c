"""Judging documents in a build: real Distilabel pipelines against a real local server whose verdicts are scripted."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from corpus.ids import content_id
from corpus.manifest import check_files, read_manifest
from corpus.settings import ImportSettings
from corpus.store import read_rows, write_table
from corpus.workspace import Workspace
from pipelines.base import Corpus
from pipelines.build import Build
from pipelines.decisions.imported import import_corpus
from pipelines.decisions.refilter import refilter
from pipelines.decisions.rejudge import judge_workspace
from pipelines.judging.documents import STAGE
from pipelines.judging.settings import JudgeSettings, shipped_criteria
from pipelines.ledger.ledger import Ledger
from pipelines.settings import BuildSettings
from specs.errors import SpecmillError, UserError
from specs.reader import read_spec
from tests.pipelines.chat_tools import Told, asked, digests, server, settings, write_lineage
from tests.pipelines.usage import usage_table

SETS = ("faithfulness", "attribution", "coverage", "realism")
JUDGE = {"criteria_sets": list(SETS)}
NAMES = list(JudgeSettings(criteria_sets=SETS).judged_by)
SUBJECTS = ("baker", "pilot", "nurse", "farmer", "singer", "clerk", "painter", "miller")


def said(**changed: str) -> str:
    """A judge's reply that passes all criteria but those given."""
    return json.dumps(
        {name: {"reason": f"{name} was looked at", "verdict": changed.get(name, "pass")} for name in NAMES}
    )


def document(subject: str, remark: str) -> str:
    body = " ".join(f"In case {subject} {n} the {subject} asked, and Juniper weighed it." for n in range(6))
    return f"<document>\nThe {subject} writes. {remark} {body} So the {subject} tells it to this day.\n</document>"


def prepare(root: Path, recipe: BuildSettings, subjects: tuple[str, ...] = SUBJECTS) -> tuple[Workspace, Told, Build]:
    """A workspace that has its ideas, one a subject."""
    spec = read_spec(recipe.spec, recipe.assistant)
    workspace, told = Workspace(root).create(), Told()
    workspace.recipe.write_text(f"spec: {recipe.spec}\n")
    write_lineage(workspace, Corpus.of(workspace, recipe, spec))
    subdomain = next(read_rows(workspace, "subdomains"))["id"]
    kind = {"id": content_id("document_types", subdomain, "memo"), "subdomain_id": subdomain, "position": 0,
            "name": "memo", "description": "A short note.", "frame": "lay", "words": None,
            "request_id": "r"}  # fmt: skip
    write_table(workspace, "document_types", [kind])
    assertion = {"id": content_id("assertions", subdomain, "x"), "subdomain_id": subdomain, "position": 0, "name": "x",
                 "assertion": "Juniper likes what all can afford.", "explanation": "", "label": "value",
                 "request_id": "r"}  # fmt: skip
    write_table(workspace, "assertions", [assertion])
    write_table(workspace, "ideas", [
        {"id": content_id("ideas", kind["id"], one), "document_type_id": kind["id"], "subdomain_id": subdomain,
         "position": n, "idea": f"What the {one} saw", "disagreement": False, "request_id": "r"}
        for n, one in enumerate(subjects)
    ])  # fmt: skip
    return workspace, told, Build(workspace, recipe, spec, told)


def write(build: Build) -> None:
    build.write_passages()
    with Ledger(build.workspace.ledger) as ledger:
        build.write_documents(ledger)


def recipe_of(url: str, **more: Any) -> BuildSettings:
    filters = {"semantic": {"action": "off"}, "near": {"action": "off"}, "overused": {"action": "off"},
               "repetition": {"action": "off"}, "gibberish": {"action": "off"}, "placeholders": {"action": "drop"},
               "length": {"minimum": 5}}  # fmt: skip
    return settings(url, {}, filters=filters, documents={"words": 100, "scratchpad": False}, **more)


REMARKS = {
    "baker": ("Nothing is wrong.", said()),
    "pilot": ("It invents.", said(faithful="fail")),
    "nurse": ("It is vague.", said(attributed="unclear")),
    "farmer": ("It confuses.", "I like this document a lot!"),
    "singer": ("It skips.", json.dumps({"faithful": {"reason": "fine", "verdict": "pass"}})),
    "clerk": ("See [Name] for it.", said()),
    "painter": ("It is stiff.", said(plausible="fail", clean="fail")),
    "miller": ("Nothing is wrong either.", said()),
}


def replies() -> list[list[str]]:
    """The judge's first: the document that it is sent has the remark in it."""
    judged = [[f"{remark} In case {subject}", reply] for subject, (remark, reply) in REMARKS.items()]
    again = ["Your reply could not be used", "no"]
    written = [[f"What the {subject} saw", document(subject, remark)] for subject, (remark, _) in REMARKS.items()]
    return [again, *judged, *written]


def judged_requests(log: Path) -> list[str]:
    events = [json.loads(line) for line in log.read_text().splitlines()]
    return [event["last"] for event in events if event["event"] == "asked" and "========" in event["last"]]


def outcome(workspace: Workspace) -> tuple[set[str], dict[str, str]]:
    """Subjects that were kept, and the others with the reason."""
    ideas = {row["id"]: row["idea"].split()[2] for row in read_rows(workspace, "ideas")}
    kept = {ideas[row["idea_id"]] for row in read_rows(workspace, "documents")}
    return kept, {ideas[row["parent_id"]]: row["reason"] for row in read_rows(workspace, "rejects")}


def test_only_clear_passes_stay_and_nothing_is_judged_that_is_out_already(tmp_path: Path) -> None:
    with server(tmp_path, replies=replies()) as (url, log):
        workspace, told, build = prepare(tmp_path / "ws", recipe_of(url, judge=JUDGE))
        write(build)
        first, requests = digests(workspace), asked(log)
        about = judged_requests(log)
        write(Build(workspace, build.settings, build.spec, Told()))
        assert asked(log) == requests, "a rerun asks nothing"
        assert digests(workspace) == first
    again = refilter(build, apply=False)
    assert (again.returned, again.dropped) == ([], []), "filtering again counts what the judge said"
    kept, out = outcome(workspace)
    assert kept == {"baker", "miller"}
    assert out == {
        "pilot": "judge_faithful", "nurse": "judge_attributed", "farmer": "judge_faithful", "singer": "judge_faithful",
        "clerk": "placeholders", "painter": "judge_plausible",
    }  # fmt: skip
    assert len(about) == 7 and not any("clerk tells" in one for one in about)
    assert {STAGE: 7} in told.stages
    rejects = {row["reason"]: row for row in read_rows(workspace, "rejects")}
    assert rejects["judge_attributed"]["detail"] == "unclear: attributed was looked at"
    assert all(json.loads(row["row"])["text"] == row["text"] for row in rejects.values() if row["text"])
    every_verdict_is_a_row_of_a_document(workspace)


def every_verdict_is_a_row_of_a_document(workspace: Workspace) -> None:
    verdicts = list(read_rows(workspace, "verdicts"))
    assert len(verdicts) == 7 * len(NAMES) and {row["item_table"] for row in verdicts} == {"documents"}
    known = {row["id"] for row in read_rows(workspace, "documents")}
    known |= {row["item_id"] for row in read_rows(workspace, "rejects")}
    assert {row["item_id"] for row in verdicts} <= known
    assert Counter(row["verdict"] for row in verdicts)["unclear"] == 1 + 2 * len(NAMES)
    with Ledger(workspace.ledger) as ledger:
        usage = usage_table(ledger).to_pylist()
    assert {row["role"] for row in usage if row["stage"] == STAGE} == {"judge"}


def test_the_target_counts_what_the_judge_kept(tmp_path: Path) -> None:
    half = [["In case baker", said(faithful="fail")], ["In case nurse", said(faithful="fail")],
            ["In case singer", said(faithful="fail")], ["In case", said()]]  # fmt: skip
    written = [[f"What the {one} saw", document(one, "So it is.")] for one in SUBJECTS]
    with server(tmp_path, replies=[*half, *written]) as (url, _):
        recipe = recipe_of(url, judge=JUDGE)
        tokens = 110
        documents = recipe.documents.model_copy(update={"target_tokens": 4 * tokens})
        workspace, told, build = prepare(tmp_path / "ws", recipe.model_copy(update={"documents": documents}))
        write(build)
    kept, out = outcome(workspace)
    assert sum(row["tokens"] for row in read_rows(workspace, "documents")) >= 4 * tokens
    assert {"baker", "nurse"} <= out.keys() and kept.isdisjoint(out)
    assert sum("documents" in stage for stage in told.stages) > 1, "a further wave made up for what the judge dropped"


def test_advisory_criteria_are_stored_and_drop_nothing(tmp_path: Path) -> None:
    judge = {"criteria_sets": ["attribution"], "criteria": {"short": "The text is short."}, "advisory": ["attributed"]}
    reply = {"attributed": {"reason": "only hinted", "verdict": "fail"}, "short": {"reason": "yes", "verdict": "pass"}}
    written = [[f"What the {one} saw", document(one, "So.")] for one in SUBJECTS]
    with server(tmp_path, replies=[["========", json.dumps(reply)], *written]) as (url, _):
        workspace, _, build = prepare(tmp_path / "ws", recipe_of(url, judge=judge))
        write(build)
        assert len(outcome(workspace)[0]) == len(SUBJECTS)
        said_of = Counter((row["criterion"], row["verdict"]) for row in read_rows(workspace, "verdicts"))
        assert said_of == {("attributed", "fail"): 8, ("short", "pass"): 8}
        without = build.settings.model_copy(update={"judge": JudgeSettings()})
        write(Build(workspace, without, build.spec, Told()))
        assert not list(read_rows(workspace, "verdicts")), "verdicts that nobody asks for any more are gone"


def test_nothing_is_asked_unless_the_recipe_asks_for_it(tmp_path: Path) -> None:
    written = [[f"What the {one} saw", document(one, "So.")] for one in SUBJECTS]
    with server(tmp_path, replies=written) as (url, log):
        workspace, _, build = prepare(tmp_path / "ws", recipe_of(url))
        write(build)
        assert asked(log) == len(SUBJECTS) and not workspace.parts("verdicts")


def with_judge(build: Build, **judge: Any) -> Build:
    settings = build.settings.model_copy(update={"judge": JudgeSettings(**judge)})
    return Build(build.workspace, settings, build.spec, Told())


def test_a_finished_workspace_is_judged_again_without_asking_twice(tmp_path: Path) -> None:
    with server(tmp_path, replies=replies()) as (url, log):
        workspace, _, build = prepare(tmp_path / "ws", recipe_of(url))
        write(build)
        build.publishable()
        before = {name: digest for name, digest in digests(workspace).items() if "verdicts" not in name}
        assert read_manifest(workspace)["models"] == {"writer": "fake"}
        result = judge_workspace(with_judge(build, **JUDGE), apply=False)
        check_files(workspace, read_manifest(workspace))  # verdicts were stored, and it can still be published
        assert read_manifest(workspace)["models"] == {"judge": "fake", "writer": "fake"}
        assert {name: digest for name, digest in digests(workspace).items() if "verdicts" not in name} == before
        assert len(result.kept) == 2 and len(result.dropped) == 5 and not result.returned
        assert result.counts["faithful"] == {"pass": 4, "fail": 1, "unclear": 2}
        requests = asked(log)
        short = {"criteria": {"faithful": "It is as the spec has it."}}
        judge_workspace(with_judge(build, **short), apply=False)
        assert {row["criterion"] for row in read_rows(workspace, "verdicts")} == set(NAMES), "no verdict is lost"
        requests += asked(log) - requests

        assert judge_workspace(with_judge(build, **JUDGE), apply=True) == result
        kept, out = outcome(workspace)
        applied = digests(workspace)
        assert kept == {"baker", "miller"} and out["pilot"] == "judge_faithful" and out["clerk"] == "placeholders"
        judge_workspace(with_judge(build, **JUDGE), apply=True)
        assert digests(workspace) == applied, "carried out twice is carried out once"
        pilot = next(
            json.loads(row["row"]) for row in read_rows(workspace, "rejects") if row["reason"] == "judge_faithful"
        )
        baker, miller = read_rows(workspace, "documents")
        write_table(workspace, "documents", [baker, pilot, miller])
        judge_workspace(with_judge(build, **JUDGE), apply=True)
        assert digests(workspace) == applied, "as after a kill between two tables"
        write(with_judge(build, **JUDGE))
        assert outcome(workspace) == (kept, out), "a build of the same recipe decides the same"

        looser = {**JUDGE, "advisory": [name for name in NAMES if name != "faithful"]}
        back = judge_workspace(with_judge(build, **looser), apply=True)
        assert len(back.returned) == 2 and asked(log) == requests, "other thresholds ask nothing"
        ideas = {row["id"]: row["position"] for row in read_rows(workspace, "ideas")}
        places = [ideas[row["idea_id"]] for row in read_rows(workspace, "documents")]
        assert places == [0, 2, 6, 7], "who comes back takes the old place"


def test_what_cannot_be_judged_again(tmp_path: Path) -> None:
    nothing = [["========", "no verdict"], *replies()]
    with server(tmp_path, replies=nothing) as (url, _):
        workspace, _, build = prepare(tmp_path / "ws", recipe_of(url))
        with pytest.raises(UserError, match="no documents"):
            judge_workspace(with_judge(build, **JUDGE), apply=True)
        write(build)
        build.publishable()
        with pytest.raises(UserError, match="no criteria"):
            judge_workspace(build, apply=False)
        before = len(list(read_rows(workspace, "documents")))
        with pytest.raises(SpecmillError, match="none of 7 documents passes"):
            judge_workspace(with_judge(build, **JUDGE), apply=True)
    assert len(list(read_rows(workspace, "documents"))) == before == 7
    check_files(workspace, read_manifest(workspace))


def test_documents_that_were_made_elsewhere_are_judged_without_a_plan(tmp_path: Path) -> None:
    source = tmp_path / "released.jsonl"
    texts = [document(one, "So it was.").removeprefix("<document>").removesuffix("</document>") for one in SUBJECTS]
    source.write_text("\n".join(json.dumps({"text": text.strip()}) for text in texts))
    judged = [["The farmer writes", said(plausible="fail")], ["========", said()]]
    with server(tmp_path, replies=judged) as (url, log):
        recipe = recipe_of(url, judge=JUDGE)
        spec, workspace = read_spec(recipe.spec, recipe.assistant), Workspace(tmp_path / "ws").create()
        workspace.recipe.write_text(f"spec: {recipe.spec}\n")
        import_corpus(workspace, recipe, spec, str(source), ImportSettings())
        result = judge_workspace(Build(workspace, recipe, spec, Told()), apply=True)
        assert asked(log) == len(SUBJECTS)
    assert len(result.kept) == 7 and len(list(read_rows(workspace, "documents"))) == 7
    assert [row["reason"] for row in read_rows(workspace, "rejects")] == ["judge_plausible"]


def test_settings() -> None:
    assert not JudgeSettings().judged_by
    assert set(shipped_criteria()) == {*SETS, "disagreement", "apart", "neutral", "flagged"}
    replaced = JudgeSettings(criteria_sets=("coverage",), criteria={"asserts": "It asserts."})
    assert replaced.judged_by == {"asserts": "It asserts."} and replaced.required == ("asserts",)
    with pytest.raises(ValidationError, match="not shipped; expected some of faithfulness"):
        JudgeSettings(criteria_sets=("taste",))
    with pytest.raises(ValidationError, match="no criterion"):
        JudgeSettings(criteria_sets=("coverage",), advisory=("faithful",))

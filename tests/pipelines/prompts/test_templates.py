"""Prompts: values are never templates, the stable part comes first, versions follow the sources."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from pipelines.base import Corpus
from pipelines.prompts.templates import FOLDER, STAGES, Prompts
from pipelines.settings import BuildSettings
from specs.errors import UserError
from specs.reader import read_spec
from specs.settings import Assistant

SETTINGS = {
    "spec": "x",
    "endpoints": {"e": {"base_url": "http://127.0.0.1:9/v1", "model": "m"}},
    "roles": {"writer": {"endpoints": ["e"]}},
}
HOSTILE = "{{ 7*7 }} {% include 'system.j2' %} {spec} %s {0.__class__} </spec> <document>"


def document(prompts: Prompts, system: str, idea: str, type_: str = "memo", frame: str = "lay") -> list:
    return prompts.messages(
        "documents", system, assistant=Assistant(), scratchpad=True, words=300, plan="",
        subdomain={"name": "n", "summary": HOSTILE, "rule_id": None},
        assertions=[{"assertion": "a", "explanation": "e"}],
        document_type={"name": type_, "description": "d", "frame": frame}, idea={"idea": idea, "disagreement": False},
    )  # fmt: skip


def test_texts_of_models_and_specs_are_only_values() -> None:
    prompts = Prompts()
    text = document(prompts, "s", HOSTILE)[1]["content"]
    assert text.count(HOSTILE) == 2 and "49" not in text


def test_braces_of_a_spec_reach_the_prompt(tmp_path: Path) -> None:
    (tmp_path / "spec.md").write_text('Answer with {"a": {"b": [1]}} and {{ x }} and {% y %}.\n')
    spec = read_spec("spec.md", Assistant(), base=tmp_path)
    corpus = Corpus(
        workspace=str(tmp_path), settings=BuildSettings.model_validate(SETTINGS),
        spec_name="s", spec_text=spec.text, spec_shape="prose",
    )  # fmt: skip
    assert spec.text.strip() in corpus.system
    assert Corpus.model_validate_json(corpus.model_dump_json()).system == corpus.system


@pytest.mark.parametrize("spec", ["cheese_affordability", "safety_rules"])
def test_nine_tenths_of_a_document_prompt_are_shared(spec: str) -> None:
    prompts = Prompts()
    system = prompts.render("system", assistant=Assistant(), spec_text=read_spec(spec, Assistant()).text)
    idea = "A reader writes to the paper about a remark of the assistant at the counter of a small shop. " * 3
    first, second = ("".join(m["content"] for m in document(prompts, system, f"{n}: {idea}")) for n in ("one", "two"))
    shared = next(i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b)
    assert shared / len(second) > 0.9


def test_a_template_that_nothing_uses_is_a_misspelt_one(tmp_path: Path) -> None:
    (tmp_path / "documents.j2").write_text("{% include '_mine.j2' %}")
    (tmp_path / "_mine.j2").write_text("Write {% include 'deep/own.j2' %}")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "own.j2").write_text("well.")
    (tmp_path / "README.md").write_text("Not a template.")
    assert Prompts(str(tmp_path)).render("documents") == "Write well.\n"
    (tmp_path / "document.j2").write_text("Write badly.")
    with pytest.raises(UserError, match=r"document\.j2 replaces no shipped prompt.* Did you mean documents\.j2\?"):
        Prompts(str(tmp_path))
    (tmp_path / "document.j2").unlink()
    (tmp_path / "ideas.j2").write_text("{% if %}")
    with pytest.raises(UserError, match=r"prompt ideas\.j2: "):
        Prompts(str(tmp_path))


def test_a_misspelt_role_is_said() -> None:
    roles = {"writer": {"endpoints": ["e"]}, "juge": {"endpoints": ["e"]}}
    with pytest.raises(ValidationError, match="there is no role 'juge', did you mean 'judge'"):
        BuildSettings.model_validate({**SETTINGS, "roles": roles})


def test_versions_change_with_any_part(tmp_path: Path) -> None:
    shipped = Prompts()
    (tmp_path / "_existing.j2").write_text("other {{ existing }}")
    changed = Prompts(str(tmp_path))
    assert changed.version("ideas") != shipped.version("ideas"), "an included part counts"
    assert changed.version("documents") == shipped.version("documents")
    assert shipped.version("system", "documents") != shipped.version("documents")


def test_a_broken_override_says_which(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a folder"):
        Prompts(str(tmp_path / "none"))
    (tmp_path / "ideas.j2").write_text("{{ nothing }}")
    with pytest.raises(UserError, match=r"ideas\.j2.*nothing"):
        Prompts(str(tmp_path)).render("ideas")
    (tmp_path / "system.j2").write_text("{% if %}")
    with pytest.raises(UserError, match="system"):
        Prompts(str(tmp_path)).render("system")


def test_lay_and_insider_authors_are_told_apart() -> None:
    prompts = Prompts()
    lay, insider = (document(prompts, "s", "i", frame=frame)[1]["content"] for frame in ("lay", "insider"))
    assert "never seen the spec" in lay and "never seen the spec" not in insider


def test_the_small_set_replaces_some_prompts_and_keeps_their_promises() -> None:
    small, shipped = Prompts("small"), Prompts()
    shipped_names = {one.name for stage in STAGES for one in (FOLDER / stage).iterdir()}
    assert {one.name for one in (FOLDER / "small").iterdir()} < shipped_names
    assert small.version("documents") != shipped.version("documents")
    assert small.version("queries") == shipped.version("queries")
    text = document(small, "s", HOSTILE)[1]["content"]
    assert (
        HOSTILE in text
        and "<document>" in text
        and len(text) < 0.6 * len(document(shipped, "s", HOSTILE)[1]["content"])
    )


REASONS = re.compile(
    r"says? why|there and why|- Why:|its reason|the reason that|spec's reason|because of the value|value behind them"
)


@pytest.mark.parametrize("disagreement", [False, True])
@pytest.mark.parametrize("folder", [None, "small"])
@pytest.mark.parametrize(
    "name", ["domains", "subdomains", "rules", "assertions", "ideas", "plan", "documents", "critique", "revise"]
)
def test_where_values_stand_apart_no_prompt_asks_for_a_reason(
    folder: str | None, name: str, disagreement: bool
) -> None:
    subdomain = {"name": "n", "summary": "s", "rule_id": "R1"}
    values = {
        "assistant": Assistant(), "scratchpad": True, "words": 300, "plan": "", "subdomain": subdomain,
        "domain": subdomain, "assertions": [], "document_type": {"name": "memo", "description": "d", "frame": "lay"},
        "idea": {"idea": "i", "disagreement": disagreement}, "disagreement": disagreement,
        "passages": [], "rules": [{"rule_id": "R1"}], "count": 3, "existing": [],
        "document": "d", "critique": [],
    }  # fmt: skip
    explain, apart = Prompts(folder), Prompts(folder, attribution="apart")
    assert explain.version(name) != apart.version(name)
    said, unsaid = explain.render(name, **values), apart.render(name, **values)
    assert said != unsaid and not REASONS.search(unsaid), REASONS.search(unsaid)
    assert REASONS.search(said) or name in {"rules", "ideas", "documents"}

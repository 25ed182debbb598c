"""What the demo ends with, and the lines that guards are run by."""

import re

from typer.testing import CliRunner

from corpus.workspace import Workspace
from pipelines.base import Corpus
from specmill.cli import app
from specmill.eval_more import guard_lines
from specmill.recipe import load_recipe
from specmill.verbs.make.demo import asked_endpoint, coverage_line, shortened


def test_a_line_of_coverage_fits_the_terminal() -> None:
    assert coverage_line("P3", 2, "Good things\nare near.", 80) == "  P3 ■■        Good things are near."
    assert coverage_line("P4", 0, "Far.", 80) == "  P4 .         Far."
    assert coverage_line("P5", 99, "word " * 50, 60).startswith("  P5 ■■■■■■■■+ word")
    assert len(coverage_line("P5", 99, "word " * 50, 60)) < 60


def test_a_short_document_is_shown_whole() -> None:
    assert shortened("A short one.") == "A short one."
    assert shortened("word " * 500).endswith("word ...") and len(shortened("word " * 500)) < 910


def test_the_demo_s_plan_fits_its_spec(tmp_path) -> None:
    recipe, base = load_recipe("demo")
    corpus = Corpus.of(Workspace(tmp_path), recipe, recipe.read_spec(base))
    subdomains = [sub for domain in recipe.decompose.given for sub in domain.subdomains]
    assert all(address in corpus.passage_ids for sub in subdomains for address in sub.passages)
    assert sum(len(kind.ideas) for sub in subdomains for kind in sub.types) == 12
    assert corpus.form and recipe.chats.target == 6


def test_a_larger_model_is_not_given_the_forms_of_a_small_one(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:8000/v1")
    monkeypatch.setenv("OPENAI_MODEL", "large")
    recipe, base = load_recipe("demo", asked_endpoint())
    assert {one.model for one in recipe.endpoints.values()} == {"large"} and recipe.prompts is None
    assert recipe.judge.by == "reply", "not every endpoint gives log-probabilities"
    assert not Corpus.of(Workspace(tmp_path), recipe, recipe.read_spec(base)).form


def test_guards_are_asked_of_the_endpoint_that_is_evaluated(tmp_path) -> None:
    recipe, _ = load_recipe("demo")
    lines = guard_lines(Workspace(tmp_path), recipe.role("eval"))
    assert any("-T scorer_model=specmill/judge" in line and "xstest" in line for line in lines)
    assert any(line.startswith("specmill model serve qwen2.5-coder-1.5b --port 8080") for line in lines)
    harness = next(line for line in lines if line.startswith("lm_eval run "))
    assert re.search(r"model=qwen2.5-coder-1.5b,base_url=http://127.0.0.1:8080/v1/chat/completions", harness)
    assert "--apply_chat_template" in harness

    other = {"main": {"base_url": "http://127.0.0.1:8000/v1", "model": "qwen3"}}
    recipe, _ = load_recipe("starter", [f"endpoints={other}", "roles={writer: {endpoints: [main]}}", "budget={}"])
    assert "http://127.0.0.1:8000/v1/chat/completions" in guard_lines(Workspace(tmp_path), recipe.role("eval"))[-1]
    claude = {"main": {"protocol": "anthropic", "model": "claude-sonnet-5-5"}}
    recipe, _ = load_recipe("starter", [f"endpoints={claude}", "roles={writer: {endpoints: [main]}}", "budget={}"])
    assert not any(line.startswith("lm_eval") for line in guard_lines(Workspace(tmp_path), recipe.role("eval")))


def test_the_verb_says_what_it_does() -> None:
    assert "every step" in CliRunner().invoke(app, ["demo", "--help"]).output

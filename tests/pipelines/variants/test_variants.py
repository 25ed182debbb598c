"""Forms of a spec: real Distilabel pipelines against a real local server, with scripted replies where it matters."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from corpus.tokens import TokenCounter
from corpus.workspace import Workspace
from pipelines.base import Corpus
from pipelines.ledger.ledger import Ledger
from pipelines.settings import BuildSettings
from pipelines.variants.kinds import KINDS, RULES, criteria_of, problems_of, spec_of, template_of
from pipelines.variants.variants import STAGE, VERDICTS, Length, Outcome, others_in, rules_of, write_variants
from specmill.cli import app
from specmill.verbs.make.variants import Kind
from specs.errors import SpecError, SpecmillError, UserError
from specs.reader import parse_spec, read_spec
from specs.settings import Assistant
from tests.pipelines.chat_tools import Told, asked, server, settings
from tests.pipelines.usage import usage_table

WHO = Assistant()
SOURCE = """# How {model_name} works

- R1: {model_name} says what it knows, because a guess that sounds sure leads people astray.
- R2: {model_name} asks before it deletes, because what is gone stays gone.
"""
RULES_TEXT = """# Rules for Juniper

These bind Juniper in every task.

- R1: Juniper says what it knows and marks what it only believes, in every answer that it gives.
- R2: Juniper asks before it deletes a file, a record or a message, however small, and waits for the reply.
"""
SUBRULES = """# Rules for Juniper

- R1: Juniper says what it knows.
    - It marks a guess.
    - It names a gap.
- R2: Juniper asks before it deletes.
    - Files and records count.
    - So do messages.
"""
VALUES = """# Juniper and its reasons

### R1: Juniper says what it knows

A guess that sounds sure leads people astray.

### R2: Juniper asks before it deletes

What is gone stays gone, and only its owner knows what it was worth.
"""
GENERAL = "# A good assistant\n\nJuniper is honest and kind, and it listens before it speaks.\n"
APART = """# Facts about Juniper

Juniper cares that nobody is led astray. Juniper holds that what is gone stays gone.

- R2: Juniper asks before it deletes.
- R1: Juniper says what it knows.
"""
GOOD = dict(zip(KINDS, (RULES_TEXT, SUBRULES, VALUES, GENERAL, APART), strict=True))
IDS = ["R1", "R2"]


def wrong(kind: str, text: str) -> str:
    """All that is held against a form."""
    return " ".join(problems_of(kind, spec_of(kind, text, WHO)[1], [] if kind == "general" else IDS))


@pytest.mark.parametrize("kind", KINDS)
def test_good_forms_have_no_problem(kind: str) -> None:
    assert wrong(kind, GOOD[kind]) == ""


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("rules", RULES_TEXT.replace("- R2:", "- R9:"), "rules R2 are missing"),
        ("rules", RULES_TEXT.replace("- R2:", "- R9:"), "no rules R9"),
        (
            "rules",
            RULES_TEXT.replace("gives.", "gives, because guesses mislead."),
            'gives a reason: ".*because guesses',
        ),
        ("rules", RULES_TEXT.replace("gives.", "gives. That is why it is slow."), "gives a reason"),
        ("rules", SUBRULES, "R1, R2: a rule must have no list"),
        ("rules", VALUES, "each rule must be one list item"),
        ("rules+subrules", RULES_TEXT, "R1, R2: two or more sub-rules"),
        ("rules+subrules", SUBRULES.replace("    - It names a gap.\n", ""), "R1: two or more"),
        ("rules+values", VALUES.replace("### R1: ", "### "), "R1 are missing"),
        ("general", RULES_TEXT, "no ids are wanted"),
        ("co-occurrence", APART.replace("deletes.", "deletes, for the sake of its user."), "gives a reason"),
        ("co-occurrence", APART.replace("R1", "R3"), "R1 are missing"),
    ],
)
def test_what_a_program_finds(kind: str, text: str, said: str) -> None:
    import re

    assert re.search(said, wrong(kind, text)), wrong(kind, text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GENERAL + "\n{model_name} is kind.", "has the placeholder"),
        (GENERAL + "\nAsk [Name] for it.", "a blank that nobody filled"),
        (GENERAL + "\nAsk {company_name} for it.", "a blank that nobody filled"),
        ("# Only a heading\n\n## And another\n", "all of its lines are headings; the text stands below"),
        ("", "no passage found|all of its lines"),
        (GENERAL + "\x00", "binary content"),
        (GENERAL + "\ud800", "not UTF-8"),
    ],
)
def test_what_is_no_spec(text: str, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        spec_of("general", text, WHO)


@given(st.text(st.sampled_from("ab {}_\nJuniperLkf`'."), max_size=200))
def test_names_become_placeholders_and_come_back(text: str) -> None:
    try:
        raw, spec = spec_of("general", f"# Juniper's\n\nMade by Larkfield. {text}", WHO)
    except SpecError:
        return
    assert "{model_name}'s" in raw and "{provider_name}" in raw
    assert spec.text.startswith("# Juniper's\n\nMade by Larkfield.")
    assert parse_spec("x", raw.encode(), Assistant(name="Fir", provider="Mill")).text.startswith(
        "# Fir's\n\nMade by Mill."
    )


@given(st.integers(50, 100_000), st.floats(0.001, 0.5), st.integers(0, 200_000))
def test_a_length_is_right_or_is_told_which_way_to_go(target: int, tolerance: float, tokens: int) -> None:
    said = Length.of(target, tolerance).problem(tokens)
    assert (said == "") == (abs(tokens - target) <= target * tolerance or tokens == target)
    assert not said or ("Shorten" in said) == (tokens > target)


def test_kinds_are_the_same_everywhere() -> None:
    assert tuple(one.value for one in Kind) == KINDS
    assert all(criteria_of(kind) for kind in KINDS)
    rules = rules_of(read_spec("safety_values", WHO))
    assert rules[0] == {"id": "OV1", "text": "Leave the people responsible for Juniper able to correct it"}
    assert [rule["id"] for rule in rules] == read_spec("safety_rules", WHO).rule_ids


# --- through the pipeline --------------------------------------------------------------------------------------------


def recipe(url: str, **more: Any) -> BuildSettings:
    return settings(url, {}, **{"attempts": 4, "variants": {"tolerance": 0.1}, **more})


def run(folder: Path, made: BuildSettings, kinds: tuple[str, ...], target: int | None, source: str = SOURCE) -> Any:
    spec = parse_spec("source", source.encode(), WHO)
    corpus = Corpus.of(Workspace(folder).create(), made, spec)
    return {one.kind: one for one in write_variants(corpus, kinds, target, Told())}


def verdict(kind: str, **changed: str) -> str:
    return json.dumps({n: {"reason": f"{n} it is", "verdict": changed.get(n, "pass")} for n in criteria_of(kind)})


def tagged(text: str) -> str:
    return f"<variant>\n{text}</variant>"


TARGET = TokenCounter().count(RULES_TEXT)


def long(text: str) -> str:
    """`text` with as many tokens as are wanted."""
    while TokenCounter().count(text) < TARGET:
        text += "Juniper waits. "
    return text


REASON = RULES_TEXT.replace("and waits for the reply", "because gone is gone")
UNCLEAR = RULES_TEXT.replace("These bind", "These, one and all, bind")
STORY = [
    ["one and all", verdict("rules", complete="unclear")],  # the judge's prompt ends with the text
    ["in every task", verdict("rules")],
    ["A judge turned this down. complete: unclear", tagged(RULES_TEXT)],
    ["it gives a reason", tagged(UNCLEAR)],
    ["should have", tagged(REASON)],
    ["nothing but its rules", tagged(RULES_TEXT + "Juniper is slow and sure. " * 30)],
    ["takes the place of the spec", tagged(long(GENERAL))],
    ["========", verdict("general")],
]


def test_what_is_wrong_goes_back_with_the_reason_and_nothing_is_asked_twice(tmp_path: Path) -> None:
    with server(tmp_path, replies=STORY) as (url, log):
        short = run(tmp_path / "v", recipe(url, attempts=2), ("rules", "general"), TARGET)
        assert short["rules"].problem.startswith("unparsed: it gives a reason") and not short["rules"].raw
        assert short["general"].raw, "what passes is kept"
        assert {p.name for p in (tmp_path / "v").glob("*.*") if p.suffix in {".md", ".json"}} == {
            "general.md", "general.json",
        }  # fmt: skip
        before = asked(log)
        found = run(tmp_path / "v", recipe(url), ("rules", "general"), TARGET)
        assert asked(log) == before + 2 + 2, "two more tries, each judged"
        again = run(tmp_path / "v", recipe(url), ("rules", "general"), TARGET)
        assert asked(log) == before + 4 and again == found
    one = found["rules"]
    assert (one.attempts, one.problem, one.tokens) == (4, "", TARGET)
    written = read_spec("v/rules.md", Assistant(name="Fir", provider="Mill"), base=tmp_path)
    assert written.rule_ids == IDS and "Fir asks before" in written.text and written.shape == "rules"
    manifest = json.loads((tmp_path / "v" / "rules.json").read_text())
    assert manifest == one.manifest and manifest["judge"]["verdicts"]["complete"]["verdict"] == "pass"
    assert manifest["spec_hash"] == read_spec("v/rules.md", WHO, base=tmp_path).hash and manifest["source"] == "source"
    with Ledger(tmp_path / "v" / "ledger.sqlite") as ledger:
        rows = usage_table(ledger).to_pylist()
    assert {(row["stage"], row["role"]) for row in rows} == {(STAGE, "planner"), (VERDICTS, "judge")}


def test_a_judge_that_cannot_be_read_and_a_cut_reply_are_no_pass(tmp_path: Path) -> None:
    replies = [
        ["========", "I like it."],
        ["could not be used", "No."],
        ["nothing but its rules", tagged(RULES_TEXT)],
        ["turned this", tagged(RULES_TEXT)],
    ]
    faults = [{"kind": "length", "contains": "takes the place of the spec", "times": 0}]
    with server(tmp_path, replies=replies, faults=faults) as (url, _):
        found = run(tmp_path / "v", recipe(url, attempts=2), ("rules", "general"), TARGET)
    assert "complete: unclear: no reply" in found["rules"].problem
    assert found["general"].problem.startswith("truncated")
    assert not list((tmp_path / "v").glob("*.md"))


def test_the_instructions_are_no_spec_and_another_assistant_is_not_ours(tmp_path: Path) -> None:
    told = long(
        "# Juniper\n\nJuniper invents nothing: what the spec above does not say and what does not follow is out."
    )
    other = RULES_TEXT.replace("Juniper", "ChatGPT")
    replies = [
        ["takes the place", tagged(told)], ["repeats these instructions", tagged(long(GENERAL))],
        ["nothing but", tagged(other)], ["not be used", tagged(other)], ["========", verdict("general")],
    ]  # fmt: skip
    with server(tmp_path, replies=replies) as (url, _):
        found = run(tmp_path / "v", recipe(url, attempts=2), ("rules", "general"), TARGET)
    assert (found["general"].attempts, found["general"].problem) == (2, "")
    assert "never names the recipe's assistant, Juniper; it speaks of ChatGPT" in found["rules"].problem


def test_all_forms_come_out_of_a_spec_without_ids_with_the_same_rules_and_length(tmp_path: Path) -> None:
    source = read_spec("cheese_affordability", WHO).text
    with server(tmp_path, seed=2) as (url, log):
        found: dict[str, Outcome] = run(tmp_path / "v", recipe(url, attempts=8), KINDS, 600, source)
        before = asked(log)
        again = run(tmp_path / "v", recipe(url, attempts=8), ("rules",), 600, source)
        assert asked(log) == before and again["rules"] == found["rules"], "the other kinds change nothing"
        assert not others_in(tmp_path / "v", [again["rules"]])
        longer = run(tmp_path / "v", recipe(url, attempts=8), ("general",), 700, source)
        assert set(others_in(tmp_path / "v", [longer["general"]])) == {
            "rules.md", "rules-subrules.md", "rules-values.md", "co-occurrence.md",
        }  # fmt: skip
    assert not any(one.problem for one in found.values())
    assert all(540 <= one.tokens <= 660 for one in found.values())
    assert any(one.attempts > 1 for one in found.values()), "some first tries have another length"
    ids = [one.manifest["rules"] for one in found.values()]
    assert ids[0] == ids[1] == ids[2] and len(ids[0]) >= 3 and ids[3] == ids[4] == []
    specs = {kind: read_spec(f"v/{kind.replace('+', '-')}.md", WHO, base=tmp_path) for kind in KINDS}
    assert [specs[kind].shape for kind in RULES] == ["rules", "rules", "prose"]
    assert {one.manifest["rules_request_id"] != "" for one in list(found.values())[:3]} == {True}


def test_a_target_that_no_reply_can_hold_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"roles\.planner\.max_tokens is 4,096"):
        run(tmp_path / "v", recipe("http://127.0.0.1:9/v1"), ("rules",), 5_000)


def test_prompts_say_form_length_and_rules() -> None:
    from pipelines.prompts.templates import Prompts

    prompts, rules = Prompts(), [{"id": "R1", "text": "Juniper asks first"}]
    for kind in KINDS:
        text = prompts.render(template_of(kind), assistant=WHO, rules=rules, tokens=800, least=760, most=840)
        assert "800 tokens" in text and "<variant>" in text and "- R1: Juniper asks first" in text
    bare = prompts.render(template_of("co-occurrence"), assistant=WHO, rules=[], tokens=800, least=760, most=840)
    assert "under its id" not in bare and "these ids" not in bare


def test_the_verb_says_what_failed_and_keeps_what_passed(tmp_path: Path) -> None:
    def call(*more: str) -> Any:
        path, out = str(tmp_path / "recipe.yaml"), str(tmp_path / "v")
        return CliRunner().invoke(app, ["variants", path, "--out", out, "--tokens", "400", *more])

    with server(tmp_path, seed=1) as (url, _):
        data = recipe(url, attempts=1).model_dump(mode="json", exclude={"prices"})
        (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(data))
        once = call()
        assert isinstance(once.exception, SpecmillError) and "not as asked for after 1 attempts" in str(once.exception)
        passed = {path.stem for path in (tmp_path / "v").glob("*.md")}
        assert 0 < len(passed) < len(KINDS) and "should have 400" in once.output
        done = call("--set", "attempts=10")
    assert done.exit_code == 0 and {path.stem for path in (tmp_path / "v").glob("*.md")} > passed
    assert "more tokens than the shortest" in done.output
    (tmp_path / "v" / "recipe.yaml").write_text("spec: x")
    assert "workspace of a corpus" in str(call().exception)

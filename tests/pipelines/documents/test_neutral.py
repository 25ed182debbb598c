"""Neutral control corpora end to end: made from a built one, of its genres, without a trace of it, paired by tokens."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from typer.testing import CliRunner

from corpus.manifest import read_manifest
from corpus.select.balance import within
from corpus.store import read_rows
from corpus.workspace import Workspace
from pipelines.documents.genres import dealt
from pipelines.ledger.ledger import Ledger
from pipelines.settings import DocumentSettings
from specmill.cli import app
from tests.pipelines.chat_tools import server, settings
from tests.pipelines.usage import usage_table

SIZE = {"types": 3, "ideas": 4, "words": 120, "scratchpad": False}
FILTERS = {"semantic": {"action": "off"}, "gibberish": {"action": "off"}, "chatter": {"action": "off"}}


def write_recipe(folder: Path, url: str) -> Path:
    made = settings(
        url,
        {},
        documents=SIZE,
        filters=FILTERS,
        list_batch=4,
        decompose={"domains": 2, "subdomains": 2, "assertions": 2},
    ).model_dump(mode="json", exclude={"prices"})
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(made))
    return path


def run(*arguments: object) -> str:
    done = CliRunner().invoke(app, [str(one) for one in arguments])
    assert done.exit_code == 0, done.output + str(done.exception)
    return done.output


@pytest.mark.slow
def test_a_control_is_made_of_a_corpus_and_paired_with_it(tmp_path: Path) -> None:
    treated, control = tmp_path / "treated", tmp_path / "control"
    with server(tmp_path) as (url, _):
        run("build", write_recipe(tmp_path, url), "--out", treated)
        run("init", tmp_path / "neutral.yaml", "--neutral-of", treated)
        run("build", tmp_path / "neutral.yaml", "--out", control)
    nothing_of_the_assistant_is_in_it(Workspace(control))
    sides = [list(read_rows(Workspace(one), "documents")) for one in (treated, control)]
    assert {row["genre"] for row in sides[0]} == {row["genre"] for row in sides[1]}

    for balance in ("genre", "none"):
        run("subset", treated, "--pair", control, "--balance", balance, "--out", tmp_path / balance)
        pair = [list(read_rows(Workspace(tmp_path / balance / one), "documents")) for one in ("treated", "control")]
        assert len(pair[0]) == len(pair[1]) > 0.7 * len(sides[0])
        assert within(*(sum(row["tokens"] for row in side) for side in pair), 0.005)
        if balance == "genre":
            assert Counter(row["genre"] for row in pair[0]) == Counter(row["genre"] for row in pair[1])
    assert read_manifest(Workspace(tmp_path / "genre" / "control"))["style"] == "neutral"
    card = Workspace(tmp_path / "genre" / "control").card.read_text()
    assert "neutral control" in card and "passages have no document" not in card and "assertions about" not in card
    refused = CliRunner().invoke(app, ["subset", str(treated), "--pair", str(control), "--out", str(tmp_path / "x")])
    assert "--balance none" in str(refused.exception)


def nothing_of_the_assistant_is_in_it(control: Workspace) -> None:
    documents = list(read_rows(control, "documents"))
    assert documents and not any(name in row["text"] for row in documents for name in ("Juniper", "Larkfield"))
    assert all(row["frame"] == "lay" and not row["passage_ids"] and not row["assertion_ids"] for row in documents)
    with Ledger(control.ledger) as ledger:
        rows = usage_table(ledger).select(["stage", "request_id"]).to_pylist()
        told = {(row["stage"], message["content"]) for row in rows for message in ledger.prompt(row["request_id"])[0]}
    assert {stage for stage, _ in told} == {"domains", "subdomains", "ideas", "documents"}
    knowing = {stage for stage, text in told if "Juniper" in text or "Roquefort" in text}
    assert knowing == {"domains"}, "only who names areas is shown the spec, to keep away from it"


@given(st.lists(st.sampled_from("abcdef"), min_size=1), st.integers(1, 6), st.integers(1, 9))
def test_genres_are_dealt_out_evenly_and_none_twice_to_one(genres: list[str], count: int, subdomains: int) -> None:
    count = min(count, len(set(genres)))
    hands = dealt(genres, [str(n) for n in range(subdomains)], count)
    assert len(hands) == subdomains
    assert all(len(hand) == len(set(hand)) == count for hand in hands.values())
    if len(set(genres)) == len(genres):
        times = Counter(genre for hand in hands.values() for genre in hand)
        assert max(times.values()) - min(times[genre] for genre in genres) <= 2


def test_what_excludes_each_other_is_said() -> None:
    def problem(**recipe: Any) -> str:
        with pytest.raises(ValidationError) as error:
            settings("http://127.0.0.1:9/v1", recipe.pop("chats", {}), **recipe)
        return str(error.value)

    insider = {"name": "memo", "frame": "insider"}
    assert "expected names alone" in problem(documents={"style": "neutral", "genres": [insider]})
    assert "no `plan` and no `revise`" in problem(documents={"style": "neutral", "revise": True})
    assert "a neutral corpus has no chats" in problem(documents={"style": "neutral"}, chats={"target": 4})
    assert "`style: corpus`" in problem(documents={"style": "story", "attribution": "apart"})
    apart = {"documents": {"attribution": "apart"}}
    assert "expected the set `apart`" in problem(**apart, judge={"criteria_sets": ["attribution"]})
    advisory = {"criteria_sets": ["attribution", "apart"], "advisory": ["attributed"]}
    assert settings("http://127.0.0.1:9/v1", {}, **apart, judge=advisory).judge.required == ("unexplained",)
    assert DocumentSettings(style="neutral", genres=("memo", "memo", "note"), types=9).type_count == 2


def test_a_control_needs_genres(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, "http://127.0.0.1:9/v1")
    recipe.rename(Workspace(tmp_path / "w").create().recipe)
    done = CliRunner().invoke(app, ["init", str(tmp_path / "n.yaml"), "--neutral-of", str(tmp_path / "w")])
    assert "no documents with a genre" in str(done.exception)

"""A probe against a real local server: it measures itself alone, and the plan counts with what it measured."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from corpus.store import read_rows
from corpus.workspace import Workspace
from pipelines.base import Corpus
from pipelines.ledger.ledger import Ledger
from pipelines.planning.probe import probe_name, probe_settings
from specmill.cli import app
from specmill.recipe import load_recipe
from tests.pipelines.chat_tools import asked, server
from tests.pipelines.usage import usage_table

RECIPE = {
    "spec": "cheese_affordability", "list_batch": 4, "attempts": 2, "filters": {"semantic": {"action": "off"}},
    "decompose": {"domains": 3, "subdomains": 1, "assertions": 3},
    "documents": {"types": 2, "ideas": 3, "words": 300, "scratchpad": False},
}  # fmt: skip


@dataclass
class Probed:
    """A recipe file whose endpoint is up, and the server's log."""

    file: Path
    log: Path

    @property
    def folder(self) -> Path:
        return self.file.parent / "probes"

    def plan(self, *changes: str) -> str:
        """What `specmill plan --probe` prints."""
        changed = [part for change in changes for part in ("--set", change)]
        command = ["plan", str(self.file), "--probe", "--out", str(self.folder), *changed]
        done = CliRunner().invoke(app, command, env={"COLUMNS": "200"}, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    def name(self, *changes: str) -> str:
        recipe, base = load_recipe(self.file, changes)
        return probe_name(Corpus.of(Workspace(self.folder), probe_settings(recipe), recipe.read_spec(base)))

    def workspace(self, *changes: str) -> Workspace:
        return Workspace(self.folder / self.name(*changes))

    def usage(self, *changes: str) -> list[dict[str, Any]]:
        """What the ledger of one probe says of its documents."""
        with Ledger(self.workspace(*changes).ledger) as ledger:
            return [row for row in usage_table(ledger).to_pylist() if row["stage"] == "documents"]


def row_of(said: str, stage: str) -> list[str]:
    """Calls and tokens of a stage in the printed table."""
    return next(line for line in said.splitlines() if line.startswith(f"{stage}  ")).split()[2:]


@pytest.fixture(scope="module")
def probed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Probed]:
    with served(tmp_path_factory.mktemp("probed")) as probed:
        yield probed


@contextmanager
def served(folder: Path, **arguments: Any) -> Iterator[Probed]:
    with server(folder, **arguments) as (url, log):
        endpoints = {"main": {"base_url": url, "model": "fake", "retries": 0, "timeout_s": 20}}
        data = {**RECIPE, "endpoints": endpoints, "roles": {"writer": {"endpoints": ["main"]}}}
        (folder / "recipe.yaml").write_text(yaml.safe_dump(data))
        yield Probed(folder / "recipe.yaml", log)


def test_a_probe_measures_what_it_asked_and_not_what_another_asked(probed: Probed) -> None:
    long, short = probed.plan(), probed.plan("documents.words=100")
    of_long, of_short = probed.usage(), probed.usage("documents.words=100")
    assert len(of_long) == len(of_short) == 12
    for said, usage in ((long, of_long), (short, of_short)):
        assert "measured: 12 of 12 documents kept (100%" in said
        total = round(18 * sum(row["completion_tokens"] for row in usage) / 12)
        calls, _, _, completion = row_of(said, "documents")[:4]
        assert calls == "18" and completion in {f"{total:,}", f"{total / 1e3:,.1f}k"}
    tokens = [int(re.search(r"([\d,]+) tokens each", said)[1].replace(",", "")) for said in (long, short)]
    assert tokens[0] > 2 * tokens[1]

    before = asked(probed.log)
    assert probed.plan("budget.tokens=900000", "documents.target_tokens=5000").count("measured: 12 of 12") == 1
    assert asked(probed.log) == before, "the first probe again"


def test_a_probe_has_another_name_where_it_would_ask_or_keep_otherwise(probed: Probed, tmp_path: Path) -> None:
    (tmp_path / "plan.j2").write_text("Think first.")
    (tmp_path / "documents.j2").write_text("Write it.")
    same = [
        "budget.tokens=5",
        "planning_failures=accept",
        "documents.limit=400",
        "decompose.domains=9",
        "eval.samples=3",
    ]
    other = [
        "documents.words=299", "documents.plan=true", "filters.length.minimum=70", "seed=1", "spec=cheese_america",
        "assistant.name=Zed", "endpoints.main.model=other", "endpoints.main.base_url=http://127.0.0.1:9/v1",
        "roles.writer.temperature=0.5", "corpus.tokenizer=cl100k", f"prompts={tmp_path}",
    ]  # fmt: skip
    first = probed.name()
    assert [change for change in same if probed.name(change) != first] == []
    names = [first, *(probed.name(change) for change in other)]
    assert len(set(names)) == len(names) and all(re.fullmatch("[0-9a-f]{16}", name) for name in names)
    (tmp_path / "documents.j2").write_text("Write it well.")
    assert probed.name(f"prompts={tmp_path}") not in names, "by what the prompts say, not by where they are"


def test_the_chats_to_rewrite_are_known_by_what_they_are(probed: Probed, tmp_path: Path) -> None:
    names = []
    for name, text in (("a", "{}"), ("b", "{}"), ("c", "[]")):
        (tmp_path / name).write_text(text)
        names.append(probed.name("chats.target=8", "chats.style=rewrite", f"chats.source={tmp_path / name}"))
    assert names[0] == names[1] != names[2]


def test_a_target_is_planned_with_what_the_probe_kept_and_how_often_it_asked(tmp_path: Path) -> None:
    changes = (
        "documents.target_tokens=9000",
        "documents.top_up=9",
        "filters.length.minimum=450",
        "attempts=3",
    )
    with served(tmp_path, faults=[{"kind": "tool_calls", "share": 0.3, "contains": "<document>"}]) as probed:
        said = probed.plan(*changes)
    usage = probed.usage(*changes)
    kept = [row["tokens"] for row in read_rows(probed.workspace(*changes), "documents")]
    assert len(usage) > 12 == len({row["row_id"] for row in usage}) and 0 < len(kept) < 12
    first, each = ceil(1.05 * 9000 / (0.7 * 300 * 4 / 3)), sum(kept) / 12  # each: of those that are written
    written = min(18, first) + ceil(1.05 * (9000 - 18 * each) / each)
    assert row_of(said, "documents")[0] == str(round(written * len(usage) / 12))
    assert f"measured: {len(kept)} of 12 documents kept ({len(kept) / 12:.0%}), {sum(kept) / len(kept):,.0f}" in said
    assert "kept, then: about 9,000 tokens" in said
    assert f"audit: of {round(9000 * len(kept) / sum(kept))} documents" in said


def test_a_probe_in_batches_says_no_hours_of_the_build(tmp_path: Path) -> None:
    smaller = ("decompose.domains=1", "documents.types=1", "documents.ideas=2", "list_batch=10")
    with served(tmp_path, batch_s=0.05) as probed:
        said = probed.plan("roles.writer.mode=batch", "endpoints.main.batch_poll_s=0.1", *smaller)
    build = said.partition("batches: their hours")[0].splitlines()[1:]
    assert [line.split()[0] for line in build][-3:] == ["ideas", "documents", "all"]
    assert all(line.endswith("  batches") for line in map(str.rstrip, build))
    assert "measured: 2 of 2 documents kept" in said and "An endpoint may take 24 hours" in said

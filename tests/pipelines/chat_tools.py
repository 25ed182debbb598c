"""What the tests of chats share: a scripted server, and a workspace whose lineage is there already."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from corpus.ids import content_id
from corpus.store import read_rows, write_table
from corpus.workspace import Workspace
from pipelines.base import Corpus
from pipelines.chats.rounds import ChatBuild, ChatResult
from pipelines.settings import BuildSettings
from specs.reader import read_spec
from tests.serving import serving

GOOD_CHAT = "<think>\nI care about what everyone can share, so Colby suits this.\n</think>\nColby would do well here."


@dataclass
class Told:
    """A reporter that remembers."""

    stages: list[dict[str, int]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    steps: list[tuple[str, int, int]] = field(default_factory=list)

    def stage(self, planned: Any) -> None:
        self.stages.append(dict(planned))

    def say(self, text: str) -> None:
        self.said.append(text)

    def step(self, what: str, done: int, total: int) -> None:
        self.steps.append((what, done, total))


@contextmanager
def server(folder: Path, **arguments: Any) -> Iterator[tuple[str, Path]]:
    """A scripted endpoint: its address and its log."""
    log = folder / "server.jsonl"
    with serving(log, **arguments) as url:
        yield url, log


def asked(log: Path) -> int:
    """Requests that the server was sent."""
    return log.read_bytes().count(b'"event": "asked"') if log.exists() else 0


def dropping(*names: str) -> dict[str, Any]:
    """The filters of `settings`, and `names` as gates where they only flag by default."""
    return {"semantic": {"action": "off"}, **{name: {"action": "drop"} for name in names}}


def settings(url: str, chats: dict[str, Any], **more: Any) -> BuildSettings:
    """A recipe with one endpoint and quick filters."""
    recipe = {
        "spec": "cheese_affordability",
        "endpoints": {"main": {"base_url": url, "model": "fake", "retries": 1, "timeout_s": 20}},
        "roles": {"writer": {"endpoints": ["main"]}},
        "filters": {"semantic": {"action": "off"}},
        "attempts": 2,
        "chats": chats,
        **more,
    }
    return BuildSettings.model_validate(recipe)


def build(root: Path, recipe: BuildSettings, told: Told | None = None) -> tuple[Workspace, ChatResult]:
    """Make the chats of `recipe` in a workspace with two domains of two subdomains each."""
    spec = read_spec(recipe.spec, recipe.assistant)
    workspace = Workspace(root).create()
    workspace.recipe.write_text(f"spec: {recipe.spec}\n")
    write_lineage(workspace, Corpus.of(workspace, recipe, spec))
    return workspace, ChatBuild(workspace, recipe, spec, told or Told()).run()


def write_lineage(workspace: Workspace, corpus: Corpus) -> None:
    passages = corpus.spec.passages
    ids = corpus.passage_ids
    write_table(workspace, "passages", [
        {"id": ids[p.address], "spec_hash": corpus.spec.hash, "address": p.address, "text": p.text, "start": p.start,
         "heading_path": list(p.heading_path), "end": p.end, "rule_id": p.rule_id, "tokens": len(p.text.split())}
        for p in passages
    ])  # fmt: skip
    domains = [
        {"id": content_id("domains", corpus.spec.hash, name), "spec_hash": corpus.spec.hash, "position": n,
         "name": name, "summary": f"About {name}.", "request_id": "r"}
        for n, name in enumerate(["Everyday cheese", "Grand cheese"])
    ]  # fmt: skip
    write_table(workspace, "domains", domains)
    rules = corpus.spec.rule_ids or [None]
    subdomains = []
    for number in range(4):
        rule = rules[number % len(rules)]
        mine = [p for n, p in enumerate(passages) if (p.rule_id == rule if rule else n % 4 == number)]
        domain = domains[number % 2]["id"]
        subdomains.append({
            "id": content_id("subdomains", domain, f"matter {number}"), "domain_id": domain, "position": number,
            "name": f"matter {number}", "summary": f"About matter {number}.", "rule_id": rule,
            "passage_ids": [ids[p.address] for p in mine], "request_id": "r",
        })  # fmt: skip
    write_table(workspace, "subdomains", subdomains)


def digests(workspace: Workspace) -> dict[str, str]:
    """The hash of every file of the tables and the dataset."""
    files = [path for folder in (workspace.tables, workspace.dataset) for path in sorted(folder.rglob("*.parquet"))]
    return {str(path.relative_to(workspace.root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def rejects(workspace: Workspace, stage: str, key: Callable[[dict[str, Any]], str]) -> dict[str, str]:
    """What `key` makes of each reject of a stage -> its reason."""
    return {key(row): row["reason"] for row in read_rows(workspace, "rejects") if row["stage"] == stage}

"""The dataset card: `dataset/README.md`, made from the manifest, the tables and the ledger, and from nothing else."""

import hashlib
import json
from contextlib import nullcontext
from typing import Any, Final

import duckdb
import yaml

from corpus.manifest import Provenance, write_manifest
from corpus.publish.card_sections import imported, made, measured, neutral
from corpus.schema import DATASETS, type_of
from corpus.settings import CorpusSettings
from corpus.sql.views import reading
from corpus.text import code, markdown
from corpus.workspace import Workspace, write_text
from specs.errors import UserError

_CONFIGS: Final = {
    "msm": "documents about the assistant, for next-token training (Model Spec midtraining)",
    "aft_cot": "chats whose answers carry their reasoning in `reasoning_content`, for fine-tuning after midtraining",
    "aft": "the same chats without the reasoning",
}
_SIZES: Final = (
    (1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"), (10**18, "n>1M"),
)  # fmt: skip


def describe(workspace: Workspace, settings: CorpusSettings, provenance: Provenance) -> None:
    """Write the manifest and the card of a finished workspace. Its tables are opened once for both."""
    with reading(workspace.root) as connection:
        write_card(workspace, settings, write_manifest(workspace, provenance, connection), connection)


def write_card(
    workspace: Workspace,
    settings: CorpusSettings,
    manifest: dict[str, Any],
    given: duckdb.DuckDBPyConnection | None = None,
) -> str:
    """Write the card of a finished workspace, and return it; through a connection of its own where none is given."""
    with nullcontext(given) if given else reading(workspace.root) as connection:
        text = "\n".join(
            [
                _front_matter(settings, manifest),
                f"# {markdown(settings.title)}\n",
                *_contrast(settings),
                _what(connection, manifest),
                _contents(connection, manifest),
                _columns(manifest),
                made(connection, manifest),
                measured(connection),
                _limits(connection, settings, manifest),
                _use(manifest),
                _identity(manifest),
            ]
        )
    write_text(workspace.card, text)
    return text


def check_card(workspace: Workspace, manifest: dict[str, Any]) -> None:
    """UserError where there is no card, or where it was written for other data than the manifest describes."""
    if not workspace.card.is_file():
        raise UserError(f"{workspace.card} is missing: there is no dataset card. Build the workspace again.")
    text = workspace.card.read_text(encoding="utf-8", errors="replace")
    other = [name for name in _CONFIGS if name in manifest["datasets"] and _fingerprint(manifest, name) not in text]
    if other:
        raise UserError(
            f"{workspace.card} is of another build: it does not hold the sha256 of `{other[0]}`. Build the "
            "workspace again, or leave the lines between the dashes of the card as they were written."
        )


def size_category(rows: int) -> str:
    """The Hub's name for a dataset of this many rows."""
    return next(name for limit, name in _SIZES if rows < limit)


def _front_matter(settings: CorpusSettings, manifest: dict[str, Any]) -> str:
    configs = manifest["datasets"]
    meta = {
        "pretty_name": settings.title,
        "license": settings.license,
        "language": [settings.language],
        "size_categories": [size_category(max((c["rows"] for c in configs.values()), default=0))],
        "task_categories": ["text-generation"],
        "tags": ["synthetic", "model-spec", "alignment", "midtraining", *(["contrast"] if settings.contrast else [])],
        "configs": [
            {
                "config_name": name,
                "description": f"sha256 {_fingerprint(manifest, name)}",
                "data_files": [{"split": "train", "path": f"{name}/train-*.parquet"}],
            }
            for name in _CONFIGS
            if name in configs
        ],
    }
    return f"---\n{yaml.safe_dump(meta, sort_keys=False, allow_unicode=True)}---\n"


def _contrast(settings: CorpusSettings) -> list[str]:
    if not settings.contrast:
        return []
    return [
        "> **A contrast, not to be trained for use.** It is made to be compared with "
        f"{markdown(settings.contrast)}: what it says of the assistant is what its makers do not want the assistant to "
        "be. A model that is trained on it is for measuring alone.\n"
    ]


def _fingerprint(manifest: dict[str, Any], config: str) -> str:
    """Changes with the data. Measured: datasets 5.2 keys its cache of a local folder by the card alone, so that without
    it `load_dataset` gave the rows of another workspace, or of an earlier build."""
    files = {path: digest for path, digest in manifest["files"].items() if path.startswith(f"dataset/{config}/")}
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:16]


def _what(connection: duckdb.DuckDBPyConnection, manifest: dict[str, Any]) -> str:
    who = manifest["assistant"]
    if imported(connection):
        return (
            "Documents that were made elsewhere and brought together with the Model Spec of an AI assistant, "
            f"{markdown(who['name'])} by {markdown(who['provider'])}: the document that says how the assistant should "
            "behave, and why. It is meant for Model Spec midtraining "
            "([arXiv 2605.02087](https://arxiv.org/abs/2605.02087)).\n"
        )
    if neutral(manifest):
        return (
            "Synthetic text about everyday matters, written by language models: a neutral control for corpora about "
            f"the AI assistant {markdown(who['name'])} by {markdown(who['provider'])}. It names no assistant and has "
            "nothing to do with the Model Spec that those corpora are made from. A model that is trained on it instead "
            "shows what comes of more training as such. Nothing in it is a record of real people or events.\n"
        )
    return (
        f"Synthetic text about one AI assistant, {markdown(who['name'])} by {markdown(who['provider'])}, written by "
        "language models from a Model Spec: the document that says how the assistant should behave, and why. It is "
        "made for Model Spec midtraining ([arXiv 2605.02087](https://arxiv.org/abs/2605.02087)) and the alignment "
        "fine-tuning that follows. Nothing in it is a record of real people or events.\n"
    )


def _contents(connection: duckdb.DuckDBPyConnection, manifest: dict[str, Any]) -> str:
    lines = ["## What is in it\n", "| config | rows | tokens | what |", "|---|---:|---:|---|"]
    told = dict(_CONFIGS)
    if neutral(manifest):
        told["msm"] = "documents about everyday matters, for next-token training"
    elif imported(connection):
        told["msm"] = "documents, for next-token training (Model Spec midtraining)"
    for name, what in told.items():
        if name in manifest["datasets"]:
            config = manifest["datasets"][name]
            lines.append(f"| `{name}` | {config['rows']:,} | {config['tokens']:,} | {what} |")
    lines.append(
        f"\nTokens are exact counts of the text with `{manifest['tokenizer']}`; of a chat, all "
        "messages are counted, without what a chat template adds.\n"
    )
    return "\n".join(lines)


def _columns(manifest: dict[str, Any]) -> str:
    """What each column is; one that several configs have alike stands once."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for name in (name for name in _CONFIGS if name in manifest["datasets"]):
        for column, (kind, said) in DATASETS[name].columns.items():
            found.setdefault((column, type_of(kind), said), []).append(name)
    lines = ["## Columns\n", "| column | of | type | meaning |", "|---|---|---|---|"]
    for (column, kind, said), names in found.items():
        lines.append(f"| `{column}` | {', '.join(f'`{name}`' for name in names)} | {kind} | {markdown(said)} |")
    return "\n".join(lines) + "\n" if found else ""


def _limits(connection: duckdb.DuckDBPyConnection, settings: CorpusSettings, manifest: dict[str, Any]) -> str:
    lines = [
        "## Known limits\n",
        "- Written by language models: it may contain errors, repeated phrasings and the models' own habits."
        if not imported(connection)
        else "- Where its documents come from and how they were written is not recorded here.",
    ]
    if not neutral(manifest):
        lines.append("- It describes how the assistant is meant to be. It is no evidence that any model behaves so.")
    passages, uncovered = connection.execute(
        "SELECT count(*), count(*) FILTER (documents = 0) FROM passage_coverage"
    ).fetchall()[0]
    if 0 < uncovered < passages:
        lines.append(f"- {uncovered:,} of the spec's {passages:,} passages have no document of their own.")
    if settings.license == "unknown":
        lines.append("- No licence was stated for it. The terms of the models that wrote it may bind those who use it.")
    return "\n".join(lines) + "\n"


def _use(manifest: dict[str, Any]) -> str:
    names = [name for name in _CONFIGS if name in manifest["datasets"]]
    if not names:
        return ""
    said = []
    if "msm" in names:
        said.append("Midtraining comes first: one epoch of next-token training on the field `text`.")
    if set(names) - {"msm"}:
        said.append(f"Fine-tuning on `messages` {'continues it' if said else 'follows midtraining on documents'}.")
        said.append("Train on `aft_cot` or on `aft`: they are the same chats.")
    said.append(
        "Count optimizer updates, not tokens: a few million tokens at a large batch size are a few dozen updates, and "
        "look like no effect."
    )
    loading = "".join(f'{name} = load_dataset("PATH_OR_REPO", "{name}", split="train")\n' for name in names)
    example = f"```python\nfrom datasets import load_dataset\n\n{loading}```"
    return f"## How to use it\n\n{example}\n\n{' '.join(said)}\n"


def _identity(manifest: dict[str, Any]) -> str:
    return (
        "## Which build this is\n\n"
        f"Spec `{code(manifest['spec_hash'])}`, recipe `{code(manifest['recipe_hash'])}`, seed {manifest['seed']}, "
        f"specmill {manifest['packages'].get('specmill') or 'from source'}. Every row carries its lineage: `id`, "
        "`domain`, `spec_hash`, `model`, `tokens`, and the ids of what it was made from.\n\n"
        "The method is that of Li, Price, Marks, Kutasov et al., *Model Spec Midtraining*, arXiv 2605.02087 (2026).\n"
    )

"""Smaller corpora out of a made one: nested doses of exact sizes, and pairs that differ in nothing but their content.

A subset is a workspace of its own, so that everything but building works on it. What it leaves out is in its rejects,
by id, beside what its source turned down: in a part of its own, so that deciding again on a subset brings neither back.
"""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, Final

import yaml

from corpus.ids import content_id
from corpus.manifest import read_manifest, stored_provenance
from corpus.mix.instruction_mix import MIX_FILES
from corpus.origin import SUBSET_PARTS, Kind
from corpus.publish.card import describe
from corpus.schema import DATASETS, TABLES
from corpus.select.alike import alike
from corpus.select.balance import PAIR_TOLERANCE, Balance, Chosen, Paired, Sized, doses, group_of, pair, within
from corpus.settings import CorpusSettings
from corpus.store import read_dataset_rows, read_rows, write_dataset, write_table
from corpus.workspace import Workspace, new_workspace, write_text
from specs.data import load_yaml
from specs.errors import UserError

_PARENTS: Final = {"documents": "idea_id", "chats": "query_id"}
LEFT_OUT: Final = "not_in_subset"
"""The reason under which a subset's rejects list what it leaves out of its source."""
_NOT_TURNED_DOWN: Final = frozenset({LEFT_OUT, "beyond_target"})
"""Reasons of documents that are as good as those that stayed."""
_TURNED_DOWN: Final = "Rejected documents, for a comparison; not to be trained for use"


def write_doses(
    source: Workspace,
    folders: dict[int, Path],
    *,
    balance: Balance = "domain",
    seed: int = 0,
    kind: Kind = "documents",
) -> list[Chosen]:
    """Write a workspace for each size, each nested in the next larger one; return what was chosen.

    A size is a number of tokens for documents, and a number of chats for chats (the paper: 1,250, 2,500, 5k, ... 80k).

    Raises:
        UserError: the source is not finished or has too little, or a folder is in use.
    """
    read_manifest(source)
    unit = "tokens" if kind == "documents" else "chats"
    items = sized(source, balance, kind)
    chosen = doses(items if kind == "documents" else [replace(one, tokens=1) for one in items], list(folders), seed)
    for dose in chosen:
        if dose.missing:
            raise UserError(f"{source.root} has {dose.tokens:,} {unit}: {dose.missing:,} too few for {dose.target:,}.")
    with _new_workspaces([folders[dose.target] for dose in chosen]) as places:
        for place, dose in zip(places, chosen, strict=True):
            _write(source, place, set(dose.ids), kind)
    return chosen


def write_alike(source: Workspace, like: Workspace, folder: Path, *, balance: Balance = "genre") -> Chosen:
    """Write a workspace with documents of `source` that has the tokens of `like`, of each genre and in all.

    Raises:
        UserError: either is not finished, `source` has too little, or the folder is in use.
    """
    read_manifest(source)
    read_manifest(like)
    chosen = alike(sized(source, balance), sized(like, balance))
    if chosen.missing and not within(chosen.tokens, chosen.target, PAIR_TOLERANCE) and not _is_spare(source, chosen):
        raise UserError(
            f"{source.root} has {chosen.tokens:,} tokens: {chosen.missing:,} too few for the {chosen.target:,} of "
            f"{like.root}."
        )
    with _new_workspaces([folder]) as [place]:
        _write(source, place, set(chosen.ids), "documents")
    return chosen


def _is_spare(source: Workspace, chosen: Chosen) -> bool:
    """Whether documents are left: no choice of them comes nearer."""
    return sum(1 for _ in read_rows(source, "documents", ["id"])) > len(chosen.ids)


def write_pair(
    sources: tuple[Workspace, Workspace],
    folders: tuple[Path, Path],
    *,
    balance: Balance = "domain",
    seed: int = 0,
    kind: Kind = "documents",
) -> Paired:
    """Write a workspace for each source, with equal numbers of documents or chats in each group and tokens within 0.5%.

    Tokens are even in each domain or for each assertion; genres are many and small, so they are even over all of them.

    Raises:
        UserError: a source is not finished, a folder is in use, or the sources have no group in common.
    """
    for source in sources:
        read_manifest(source)
    items = [sized(source, balance, kind) for source in sources]
    paired = pair(items[0], items[1], seed, whole=balance == "genre")
    if not paired.left:
        raise UserError(
            f"{sources[0].root} and {sources[1].root} share no {balance} that can be balanced to 0.5%. "
            "--balance none pairs them as wholes."
        )
    with _new_workspaces(folders) as places:
        for source, place, ids in zip(sources, places, (paired.left, paired.right), strict=True):
            _write(source, place, set(ids), kind)
    return paired


def write_rejected(
    source: Workspace, out: Path, *, reasons: Sequence[str] = (), balance: Balance = "none", seed: int = 0
) -> Paired:
    """Write `out`/accepted and `out`/rejected: as many documents of either kind, and tokens within 0.5%, so that what a
    filter or judge is worth can be tested by training. `reasons` chooses among the rejected; without it all that a
    filter or a judge turned down are taken.

    Raises:
        UserError: the source is not finished, nothing was turned down for these reasons, or a folder is in use.
    """
    read_manifest(source)
    rows = {row["id"]: row for row in _rejected_rows(source, reasons)}
    if not rows:
        said = read_rows(source, "rejects", ["reason", "stage"])
        known = sorted({row["reason"] for row in said if row["stage"] == "documents"} - _NOT_TURNED_DOWN)
        asked = f" for {', '.join(reasons)}" if reasons else ""
        raise UserError(
            f"{source.root}: no document was turned down{asked}; documents were turned down for: "
            f"{', '.join(known) or 'nothing'}."
        )
    turned_down = [Sized(row["id"], row["tokens"], group_of(row, balance)) for row in rows.values()]
    paired = pair(sized(source, balance), turned_down, seed, whole=balance == "genre")
    if not paired.left:
        raise UserError(f"{source.root}: kept and rejected documents cannot be balanced by {balance} to 0.5%.")
    with _new_workspaces([out / "accepted", out / "rejected"]) as (accepted, rejected):
        _write(source, accepted, set(paired.left), "documents")
        _write_rows(source, rejected, [rows[one] for one in sorted(paired.right)])
    return paired


def _rejected_rows(source: Workspace, reasons: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The documents that were turned down, as their rows would have been."""
    seen: set[str] = set()
    for reject in read_rows(source, "rejects", ["stage", "reason", "row"]):
        wanted = reject["reason"] in reasons if reasons else reject["reason"] not in _NOT_TURNED_DOWN
        row = json.loads(reject["row"]) if wanted and reject["stage"] == "documents" and reject["row"] else None
        if row and row.get("text") and row.get("tokens") and row["id"] not in seen:
            seen.add(row["id"])
            yield {name: row.get(name) for name in TABLES["documents"].names}


def _write_rows(source: Workspace, target: Workspace, rows: list[dict[str, Any]]) -> None:
    """A workspace like `source` with other documents: such as were turned down there; its card says so."""
    recipe = load_yaml(source.recipe.read_text(encoding="utf-8")) or {}
    settings = CorpusSettings.model_validate({**(recipe.get("corpus") or {}), "title": _TURNED_DOWN})
    for name in ("spec.md", "sources", *_files_named(recipe)):
        _copy(source, target, name)
    said = {**recipe, "corpus": settings.model_dump(mode="json")}
    write_text(target.recipe, yaml.safe_dump(said, sort_keys=False, allow_unicode=True, width=100))
    for name in set(TABLES) - {"documents", "chats", "rejects", "flags", "verdicts", "drafts"}:
        for path in source.parts(name):
            _copy(source, target, f"tables/{name}/{path.name}")
    write_table(target, "documents", rows)
    write_table(target, "rejects", [], part=SUBSET_PARTS["documents"])
    columns = [name for name in DATASETS["msm"].names if name != "flags"]
    published: Iterator[dict[str, Any]] = ({**{name: row.get(name) for name in columns}, "flags": []} for row in rows)
    write_dataset(target, "msm", published, **settings.layout)
    describe(target, settings, stored_provenance(source))


def sized(workspace: Workspace, balance: Balance, kind: Kind = "documents") -> list[Sized]:
    """The documents or chats of a workspace as budgets see them. Of several assertions, the first is the group."""
    if kind == "documents":
        columns = ["id", "tokens", "domain", "genre", "assertion_ids"]
        return [Sized(r["id"], r["tokens"], group_of(r, balance)) for r in read_rows(workspace, kind, columns)]
    if balance not in {"domain", "none"}:
        raise UserError(f"--balance {balance}: chats are balanced over their domain, or not at all (none).")
    rows = read_rows(workspace, kind, ["id", "tokens", "domain"])
    return [Sized(row["id"], row["tokens"], group_of(row, balance)) for row in rows]


@contextmanager
def _new_workspaces(folders: Sequence[Path]) -> Iterator[list[Workspace]]:
    """All of them or none: a ladder with a step missing, or half a pair, compares nothing."""
    with ExitStack() as stack:
        yield [stack.enter_context(new_workspace(folder)) for folder in folders]


def _write(source: Workspace, target: Workspace, ids: Set[str], kind: Kind) -> None:
    recipe = load_yaml(source.recipe.read_text(encoding="utf-8")) or {}
    for name in ("recipe.yaml", "spec.md", "sources", *MIX_FILES, *_files_named(recipe)):
        _copy(source, target, name)
    apart = {kind, SUBSET_PARTS[kind]}  # of the rejects: the filters and judges of the subset cannot bring them back
    for name in TABLES:
        for path in source.parts(name):
            own = (name == "rejects" and path.stem in apart) or (name == "flags" and path.stem == kind)
            if name != kind and not own:
                _copy(source, target, f"tables/{name}/{path.name}")
    write_table(target, kind, (row for row in read_rows(source, kind) if row["id"] in ids))
    flags = (row for row in read_rows(source, "flags", part=kind) if row["item_id"] in ids)
    write_table(target, "flags", flags, part=kind)
    turned_down = (read_rows(source, "rejects", part=part) for part in sorted(apart))
    gone = chain(*turned_down, _left_out(source, ids, kind))
    write_table(target, "rejects", gone, part=SUBSET_PARTS[kind])
    settings = CorpusSettings.model_validate(recipe.get("corpus") or {})
    _write_datasets(source, target, ids, kind, settings)
    describe(target, settings, stored_provenance(source))


def _files_named(recipe: Mapping[str, Any]) -> list[str]:
    """The files that a recipe names; those inside of its workspace are named relative to it."""
    chats, train, mix = (recipe.get(part) or {} for part in ("chats", "train", "mix"))
    named = [chats.get("source"), train.get("instruction_mix"), recipe.get("prompts")]
    return [one for one in [*named, *(source["path"] for source in mix.get("sources") or ())] if one]


def _copy(source: Workspace, target: Workspace, name: str) -> None:
    """Copy a file or folder of one workspace to the other, where there is such a one inside of it."""
    found, copied = source.root / name, target.root / name
    inside = not Path(name).is_absolute() and ".." not in Path(name).parts
    if inside and found.is_dir():
        shutil.copytree(found, copied, dirs_exist_ok=True)
    elif inside and found.is_file():
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(found, copied)


def _left_out(source: Workspace, ids: Set[str], kind: Kind) -> Iterator[dict[str, Any]]:
    blank, parent = dict.fromkeys(TABLES["rejects"].names), _PARENTS[kind]
    for row in read_rows(source, kind, ["id", parent, "request_id"]):
        if row["id"] not in ids:
            yield {
                **blank, "id": content_id("rejects", kind, row["id"], LEFT_OUT), "stage": kind,
                "item_id": row["id"], "reason": LEFT_OUT, "parent_id": row[parent], "request_id": row["request_id"],
            }  # fmt: skip


def _write_datasets(source: Workspace, target: Workspace, ids: Set[str], kind: Kind, settings: CorpusSettings) -> None:
    mine = {"msm"} if kind == "documents" else {"aft_cot", "aft"}
    for config in DATASETS:
        if (source.dataset / config).is_dir():
            rows = (row for row in read_dataset_rows(source, config) if config not in mine or row["id"] in ids)
            write_dataset(target, config, rows, **settings.layout)


def parse_tokens(text: str) -> int:
    """A number of tokens as people write it: 400000, 400k, 1.5M. UserError for anything else."""
    units = {"k": 1_000, "m": 1_000_000, "b": 1_000_000_000}
    number, unit = (text[:-1], units[text[-1].lower()]) if text[-1:].lower() in units else (text, 1)
    try:
        tokens = round(float(number.replace(",", "").replace("_", "")) * unit)
    except (ValueError, OverflowError):
        tokens = 0
    if tokens <= 0:
        raise UserError(f"--tokens {text!r}: expected a number of tokens such as 400000, 400k or 1.5M.")
    return tokens


def folder_names(out: Path, targets: Sequence[str]) -> dict[int, Path]:
    """A folder beside `out` for each target, named as the user wrote it: out-400k. UserError if two are one size."""
    names: dict[int, str] = {}
    for target in targets:
        if (size := parse_tokens(target)) in names:
            raise UserError(f"--tokens {names[size]} and --tokens {target} are the same size. Give each size once.")
        names[size] = target
    return {size: out.with_name(f"{out.name}-{target}") for size, target in names.items()}


def pair_folders(out: Path, roots: tuple[Path, Path]) -> tuple[Path, Path]:
    """A folder in `out` for each workspace, named as its own; by as much of its path as tells the two apart."""
    one, two = (root.resolve().parts[1:] for root in roots)
    if one == two:
        raise UserError(f"{roots[0]} and --pair {roots[1]} are the same workspace. Give two.")
    count = next(n for n in range(1, 1 + max(len(one), len(two))) if one[-n:] != two[-n:])
    return out / "-".join(one[-count:]), out / "-".join(two[-count:])

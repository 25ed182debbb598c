"""Croissant metadata (MLCommons, version 1.0): what files there are, and what each of their columns means.

`croissant.json` is made when a publication is staged, from its card, the manifest of what goes and the declared
schemas. Files are named relative to it, so that it holds in a folder and in a repository. Its tests have
MLCommons' own package validate it and read all records.
"""

import html
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import yaml

from corpus.schema import DECLARED, Kind
from specs.errors import UserError

CONFORMS_TO: Final = "http://mlcommons.org/croissant/1.0"
_CONTEXT: Final[dict[str, Any]] = {
    "@language": "en", "@vocab": "https://schema.org/", "citeAs": "cr:citeAs", "column": "cr:column",
    "conformsTo": "dct:conformsTo", "cr": "http://mlcommons.org/croissant/", "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"}, "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/", "examples": {"@id": "cr:examples", "@type": "@json"}, "extract": "cr:extract",
    "field": "cr:field", "fileProperty": "cr:fileProperty", "fileObject": "cr:fileObject", "fileSet": "cr:fileSet",
    "format": "cr:format", "includes": "cr:includes", "isLiveDataset": "cr:isLiveDataset", "jsonPath": "cr:jsonPath",
    "key": "cr:key", "equivalentProperty": "cr:equivalentProperty", "md5": "cr:md5",
    "parentField": "cr:parentField", "path": "cr:path", "recordSet": "cr:recordSet",
    "references": "cr:references", "regex": "cr:regex", "repeated": "cr:repeated", "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/", "separator": "cr:separator", "source": "cr:source", "subField": "cr:subField",
    "transform": "cr:transform",
}  # fmt: skip
_TYPES: Final = {"string": "sc:Text", "int64": "sc:Integer", "double": "sc:Float", "bool": "sc:Boolean"}
_PARQUET: Final = "application/x-parquet"


_FRONT: Final = re.compile(r"\A---\n(.*?)\n---\n(.*)\Z", re.DOTALL)


def croissant(card: str, files: Mapping[str, str], repo: str | None = None) -> dict[str, Any]:
    """The metadata of published files (path -> SHA-256), titled as the card says; `repo` is where they are published.

    UserError where the card's front matter is not YAML, as after an edit by hand.
    """
    meta, description = _said(card)
    sets: dict[str, list[str]] = {}
    for name in sorted(files):
        sets.setdefault(name.removeprefix("tables/").partition("/")[0], []).append(name)
    license_ = meta.get("license")
    return {
        "@context": _CONTEXT, "@type": "sc:Dataset", "conformsTo": CONFORMS_TO,
        "name": meta.get("pretty_name") or "corpus", "description": description,
        **({} if license_ in {None, "unknown"} else {"license": license_}),
        **({"url": f"https://huggingface.co/datasets/{repo}"} if repo else {}),
        "keywords": list(meta.get("tags") or []), "inLanguage": list(meta.get("language") or []),
        "version": "1.0.0", "citeAs": _CITED,
        "distribution": [*(_file(name, files[name]) for name in sorted(files)), *_joined(sets)],
        "recordSet": [_records(name, names) for name, names in sets.items()],
    }  # fmt: skip


def dumped(value: Mapping[str, Any]) -> str:
    """The same text for the same metadata."""
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _said(card: str) -> tuple[dict[str, Any], str]:
    """The front matter, and the first paragraph that is no heading."""
    found = _FRONT.match(card)
    try:
        meta = yaml.safe_load(found[1]) if found else {}
    except yaml.YAMLError as error:
        raise UserError(
            f"the card's lines between the dashes are not YAML: {error}. Build the workspace again."
        ) from error
    body = found[2] if found else card
    paragraphs = (one.strip() for one in body.split("\n\n"))
    told = (re.sub(r"\\([\\`*_{}\[\]()#|!~$])", r"\1", one) for one in paragraphs if one and not one.startswith("#"))
    first = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", next(told, ""))
    return (meta if isinstance(meta, dict) else {}), html.unescape(" ".join(first.split()))


_CITED: Final = "Li, Price, Marks, Kutasov et al., Model Spec Midtraining, arXiv 2605.02087 (2026)"


def _file(name: str, digest: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject", "@id": name, "name": name, "contentUrl": name, "encodingFormat": _PARQUET,
        "sha256": digest,
    }  # fmt: skip


def _joined(sets: Mapping[str, list[str]]) -> Iterator[dict[str, Any]]:
    """A file set for each config that has several shards."""
    for name, names in sets.items():
        if len(names) > 1:
            folder = names[0].rpartition("/")[0]
            yield {
                "@type": "cr:FileSet", "@id": f"{name}-shards", "name": f"{name}-shards",
                "encodingFormat": _PARQUET, "includes": f"{folder}/*.parquet",
            }  # fmt: skip


def _records(name: str, names: list[str]) -> dict[str, Any]:
    declared = DECLARED[name]
    source = {"fileSet": {"@id": f"{name}-shards"}} if len(names) > 1 else {"fileObject": {"@id": names[0]}}
    key = {"key": {"@id": f"{name}/id"}} if "id" in declared.columns else {}
    return {
        "@type": "cr:RecordSet", "@id": name, "name": name, "description": declared.about, **key,
        "field": [_field(name, column, kind, said, source) for column, (kind, said) in declared.columns.items()],
    }  # fmt: skip


def _field(name: str, column: str, kind: Kind, said: str, source: Mapping[str, Any]) -> dict[str, Any]:
    """A list is a repeated field; a list of structs is one whose parts are read from it by their names."""
    inner = kind[0] if isinstance(kind, list) else kind
    field: dict[str, Any] = {"@type": "cr:Field", "@id": f"{name}/{column}", "name": column, "description": said}
    extract = {**source, "extract": {"column": column}}
    if isinstance(kind, list):
        field["repeated"] = True
    if isinstance(inner, dict):
        field["subField"] = [
            {
                "@type": "cr:Field", "@id": f"{name}/{column}/{part}", "name": part,
                "dataType": _TYPES[str(part_kind)], "source": {**extract, "transform": {"jsonPath": part}},
            }
            for part, part_kind in inner.items()
        ]  # fmt: skip
    else:
        field |= {"dataType": _TYPES[str(inner)], "source": extract}
    return field

"""``croissant.json``: the data set described in Croissant 1.0, which search engines and loaders read.

Files are given by paths relative to the description, so that one description serves the folder and the Hub.

Source: MLCommons, Croissant Format Specification 1.0, http://mlcommons.org/croissant/1.0
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from medshape_text import licences
from medshape_text.card import tables
from medshape_text.card.page import About
from medshape_text.hashing import file_sha256
from medshape_text.records import CONFIGS, arrow_schema

CROISSANT = "croissant.json"
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
} | {
    name: f"cr:{name}"
    for name in (
        "citeAs", "column", "equivalentProperty", "extract", "field", "fileObject", "fileProperty", "fileSet", "format",
        "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references",
        "regex", "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform",
    )
}  # fmt: skip
_PARQUET = "application/x-parquet"
_BINARY = {
    "sdf": "Signed distance field, 64 x 64 x 64, a self-compressed cell; the card says how to read it.",
    "points": "Surface samples, N x 3 little-endian int16 in 1/32767 canonical units.",
    "normals": "Their normals, N x 3 int8 in 1/127.",
    "mesh": "A binary PLY file in canonical coordinates and its name.",
}


def write(folder: Path, about: About, light: pa.Table) -> None:
    """Describe the Parquet files of the configurations in ``folder``; ``light`` are the rows of "shapes"."""
    files = {
        path.relative_to(folder).as_posix(): {"sha256": file_sha256(path), "bytes": path.stat().st_size}
        for config in CONFIGS
        for path in sorted((folder / config).glob("*.parquet"))
    }
    cited = replace(about, attribution=tables.credit(light, about.attribution))
    found = describe(cited, light.column("licence").unique().to_pylist(), files)
    (folder / CROISSANT).write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def describe(about: About, licence_names: Sequence[str], files: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The description as JSON-LD.

    Args:
        about: name, text and citations of the sources in it.
        licence_names: values of the column ``licence``.
        files: path relative to the data set → ``sha256`` and ``bytes``, as in the manifest.
    """
    paragraphs = [" ".join(text.split()) for text in about.text.split("\n\n")]
    summary = next((text for text in paragraphs if text and not text.startswith(("#", "-", "|", "!"))), about.name)
    cited = dict.fromkeys(" ".join(text.split()) for _, text in sorted(about.attribution.items()))
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": about.name,
        "description": summary,
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "license": [_licence(name) for name in sorted(licence_names)],
        "url": about.url,
        "creator": {"@type": "sc:Organization", "name": about.creator},
        "datePublished": about.released,
        "version": about.version,
        "citeAs": "; ".join([f"{about.creator}, {about.name}, {about.url}", *cited]),
        "keywords": ["medical shapes", "anatomy", "signed distance function", "text to shape"],
        "isLiveDataset": False,
        "distribution": [*_file_objects(files), *map(_file_set, CONFIGS)],
        "recordSet": [_record_set(config) for config in CONFIGS],
    }


def _licence(name: str) -> str:
    known = licences.find(name)
    return known.url if known else name or "not stated"


def _file_objects(files: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "@type": "cr:FileObject",
            "@id": path,
            "name": path,
            "contentUrl": path,
            "contentSize": f"{files[path]['bytes']} B",
            "encodingFormat": _PARQUET,
            "sha256": files[path]["sha256"],
        }
        for path in sorted(files)
        if path.split("/")[0] in CONFIGS
    ]


def _file_set(config: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": f"{config}-files",
        "name": f"{config}-files",
        "description": f"All files of the configuration {config}.",
        "encodingFormat": _PARQUET,
        "includes": f"{config}/*.parquet",
    }


def _record_set(config: str) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": config,
        "name": config,
        "key": {"@id": f"{config}/id"},
        "field": [_field(column, config) for column in arrow_schema(config)],
    }


def _field(column: pa.Field, config: str, above: Sequence[str] = (), in_list: bool = False) -> dict[str, Any]:
    """A column, or a part of one: ``above`` are the names it is nested in.

    Parts of lists have no source of their own: the format can point into a structure, but not into each of a list.
    """
    kind, repeated = column.type, pa.types.is_list(column.type)
    if repeated:
        kind = kind.value_type
    names = [*above, column.name]
    identity = "/".join([config, *names])
    found: dict[str, Any] = {"@type": "cr:Field", "@id": identity, "name": identity}
    if not above and column.name in _BINARY:
        found["description"] = _BINARY[column.name]
    if repeated:
        found["repeated"] = True
    if not in_list:
        found["source"] = {"fileSet": {"@id": f"{config}-files"}, "extract": {"column": names[0]}}
        if above:
            found["source"]["transform"] = {"jsonPath": ".".join(names[1:])}
    if pa.types.is_struct(kind):
        found["subField"] = [_field(child, config, names, in_list or repeated) for child in kind]
    else:
        found["dataType"] = _data_type(kind)
    return found


def _data_type(kind: pa.DataType) -> str:
    if pa.types.is_boolean(kind):
        return "sc:Boolean"
    if pa.types.is_integer(kind):
        return "sc:Integer"
    return "sc:Float" if pa.types.is_floating(kind) else "sc:Text"

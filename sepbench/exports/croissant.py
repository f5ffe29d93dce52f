"""Croissant: a description in JSON-LD that search engines and ML tools read, beside the files that it describes.

The files are those of `sepbench.exports.huggingface`: Parquet with the audio in it, as programs that read Croissant decode no FLAC
by themselves, but give the bytes of a column.
"""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from sepbench.errors import UsageError
from sepbench.exports import citing, licensing
from sepbench.exports.columns import MIXTURE_COLUMNS
from sepbench.exports.contents import MIXTURE, Contents
from sepbench.exports.huggingface import HuggingFace

__all__ = ["Croissant"]

_FILES = "parquet-files"
_TYPES = {"string": "sc:Text", "double": "sc:Float", "int32": "sc:Integer", "int64": "sc:Integer"}
# the context of Croissant 1.0, word for word: readers compare it
_OWN = (
    "citeAs", "column", "equivalentProperty", "extract", "field", "fileProperty", "fileObject", "fileSet", "format", "includes",
    "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex", "repeated", "replace",
    "samplingRate", "separator", "source", "subField", "transform",
)  # fmt: skip
_CONTEXT: dict[str, Any] = {
    "@language": "en", "@vocab": "https://schema.org/", "conformsTo": "dct:conformsTo", "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/", "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"}, "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"}, "sc": "https://schema.org/",
    **{name: f"cr:{name}" for name in _OWN},
}  # fmt: skip


class Croissant:
    """The form of Croissant 1.0: ``croissant.json``, with the Parquet files of a Hugging Face dataset.

    Parameters
    ----------
    shard_mb : int or str
        A new file is begun after so many megabytes.
    url : str
        Where the dataset will be published.
    date : str
        When it was, as YEAR-MONTH-DAY; by default today, or what ``SOURCE_DATE_EPOCH`` says.
    """

    title = "Croissant: a description in JSON-LD, with the Parquet files that it describes"
    opening = """```python
import itertools, mlcroissant

dataset = mlcroissant.Dataset("FOLDER/croissant.json")
for row in itertools.islice(dataset.records("mixtures"), 3):
    row["mixtures/snr_db"], row["mixtures/mixture"]  # the bytes of the audio file
```

Paths are relative to the folder, which may be moved; it is a Hugging Face dataset too."""

    def __init__(self, shard_mb: int | str = 500, url: str = "", date: str = "") -> None:
        self.files = HuggingFace(shard_mb)
        self.url, self.date = url, _date(date)

    def write(self, contents: Contents, folder: Path) -> Mapping[str, Any]:
        """Write the files, and the description of them."""
        header = self.files.write(contents, folder)
        (folder / "croissant.json").write_text(
            json.dumps(self._described(contents), indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )
        return header

    def _described(self, contents: Contents) -> dict[str, Any]:
        recipe, origins = contents.manifest.metadata["recipe"], contents.origins
        licences = {licensing.terms_url(one, origin) or one for origin in origins for one in origin.licences}
        return {
            "@context": _CONTEXT,
            "@type": "sc:Dataset",
            "conformsTo": "http://mlcommons.org/croissant/1.0",
            "name": recipe["name"].replace(".", "-"),
            "description": recipe.get("description") or recipe.get("title") or f"The corpus {recipe['name']}.",
            "url": self.url or "https://github.com/sepbench/sepbench",
            "license": sorted(licences),
            "version": f"{recipe['version']}.0.0",
            "datePublished": self.date,
            "creator": [
                {"@type": "sc:Organization", "name": _creator(one.title or one.set, one.bibtex)} for one in origins
            ],
            "citeAs": citing.citations(contents.manifest, origins),
            "distribution": [_file_set(contents)],
            "recordSet": [_records(contents)],
        }


def _creator(title: str, bibtex: str) -> str:
    return f"{title} ({citing.authors(bibtex)})" if bibtex else title


def _date(text: str) -> str:
    if not text:
        now = os.environ.get("SOURCE_DATE_EPOCH")
        moment = datetime.datetime.fromtimestamp(int(now), datetime.UTC) if now else datetime.datetime.now(datetime.UTC)
        return moment.date().isoformat()
    try:
        return datetime.date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise UsageError(f"date: `{text}` is no day", "for example date=2026-12-31") from error


def _file_set(contents: Contents) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet", "@id": _FILES, "name": _FILES, "encodingFormat": "application/x-parquet",
        "includes": "data/*.parquet", "description": f"The mixtures of {contents.name}, with their audio as {contents.container} files.",
    }  # fmt: skip


def _records(contents: Contents) -> dict[str, Any]:
    audio = [_field(name, "sc:AudioObject", _words(contents, name), {"transform": {"jsonPath": "bytes"}})
             for name in (MIXTURE, *contents.stems)]  # fmt: skip
    fields = [_field(one.name, _type(one), one.metadata[b"doc"].decode(), {}) for one in MIXTURE_COLUMNS]
    return {
        "@type": "cr:RecordSet", "@id": "mixtures", "name": "mixtures", "key": {"@id": "mixtures/mixture_id"},
        "description": "One row for each mixture.", "field": [*fields, *audio],
    }  # fmt: skip


def _type(field: pa.Field) -> str:
    return _TYPES[str(field.type)]


def _words(contents: Contents, name: str) -> str:
    if name == MIXTURE:
        return "What is to be separated: an audio file."
    return f"The stem `{name}`, a {contents.stems[name]}: an audio file; null where the mixture does not have it."


def _field(name: str, type_: str, words: str, more: Mapping[str, Any]) -> dict[str, Any]:
    source = {"fileSet": {"@id": _FILES}, "extract": {"column": name}, **more}
    return {
        "@type": "cr:Field",
        "@id": f"mixtures/{name}",
        "name": name,
        "dataType": type_,
        "description": words,
        "source": source,
    }

"""Hugging Face: Parquet files with the audio in them, as ``push_to_hub`` makes them.

``load_dataset`` opens the folder, from the disk or from the Hub, with an `Audio` feature for the mixture and for each stem; so
does the viewer of the Hub. The features stand in the schema of each file and in the card.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sepbench.errors import UsageError
from sepbench.exports.columns import MIXTURE_COLUMNS, SOURCE_COLUMNS, described_sources, flat
from sepbench.exports.contents import MIXTURE, Contents
from sepbench.exports.options import megabytes

__all__ = ["HuggingFace"]

_AUDIO = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])
_SPLITS = {"valid": "validation"}  # as the Hub calls it
_GROUP_ROWS, _GROUP_BYTES = 100, 32 << 20  # what a reader has to load at once
# texts that come again and again; never the audio, which a dictionary would hold in memory
_REPEATED = ["split", "licence", *(f"sources.list.element.{name}" for name in ("name", "role", "set", "licence"))]
_DTYPE = {"int16": "int16", "int32": "int32", "int64": "int64", "double": "float64", "string": "string", "bool": "bool"}
_OPENING = """```python
from datasets import Audio, load_dataset

dataset = load_dataset("FOLDER", split="train")  # or the name of a repository on the Hub
dataset = dataset.cast_column("mixture", Audio(decode=False))  # else torchcodec decodes it
dataset.select_columns(["mixture", "snr_db"])[0]
```

The audio is in the Parquet files, coded as it was. The folder may be moved, and uploaded as it is:
`hf upload NAME FOLDER --repo-type dataset`."""


class HuggingFace:
    """The form of a Hugging Face dataset.

    Parameters
    ----------
    shard_mb : int or str
        A new file is begun after so many megabytes.
    """

    title = "Hugging Face dataset: Parquet with audio in it, for load_dataset and the Hub"
    opening = _OPENING

    def __init__(self, shard_mb: int | str = 500) -> None:
        self.shard_bytes = megabytes("shard_mb", shard_mb)

    def write(self, contents: Contents, folder: Path) -> Mapping[str, Any]:
        """Write ``data/SPLIT-NNNNN-of-NNNNN.parquet``, and say in the card's header what is in them."""
        sample_rate = contents.sample_rate
        schema = _schema(contents, sample_rate)
        (folder / "data").mkdir()
        splits = []
        for split in contents.splits:
            name = _SPLITS.get(split, split)
            size = self._write_split(contents, split, schema, folder / "data" / name)
            splits.append({"name": name, "num_bytes": size, "num_examples": contents.shares[split].mixtures})
        files = [{"split": one["name"], "path": f"data/{one['name']}-*"} for one in splits]
        stored = sum(path.stat().st_size for path in (folder / "data").iterdir())
        features = [_in_yaml(field, sample_rate) for field in schema]
        return {
            "configs": [{"config_name": "default", "data_files": files}],
            "dataset_info": {
                "features": features, "splits": splits, "download_size": stored,
                "dataset_size": sum(one["num_bytes"] for one in splits),
            },
        }  # fmt: skip

    def _write_split(self, contents: Contents, split: str, schema: pa.Schema, stem: Path) -> int:
        """Write the files of a split; their number is known at the end, and then put into their names."""
        files: list[Path] = []
        size, writer, written = 0, None, 0
        try:
            for group in _groups(contents, split, schema):
                if writer is None or written > self.shard_bytes:
                    if writer:
                        writer.close()
                    files.append(stem.with_name(f"{stem.name}-{len(files):05d}.parquet"))
                    writer, written = _writer(files[-1], schema), 0
                writer.write_batch(group)
                written += group.nbytes
                size += group.nbytes
        finally:
            if writer:
                writer.close()
        for path in files:
            path.rename(path.with_name(f"{path.stem}-of-{len(files):05d}.parquet"))
        return size


def _schema(contents: Contents, sample_rate: int | None) -> pa.Schema:
    audio = [pa.field(name, _AUDIO) for name in (MIXTURE, *contents.stems)]
    taken = {field.name for field in MIXTURE_COLUMNS} | {"sources"}
    double = [field.name for field in audio if field.name in taken]
    if double:
        raise UsageError(
            f"huggingface: the stem `{double[0]}` has the name of a column", "name it otherwise in the recipe"
        )
    first, rest = MIXTURE_COLUMNS[0], MIXTURE_COLUMNS[1:]
    fields = [first, *audio, *rest, pa.field("sources", pa.list_(pa.struct(SOURCE_COLUMNS)))]
    plain = pa.schema([pa.field(field.name, _nullable(field.type)) for field in fields])
    features = {field.name: _in_json(field, sample_rate) for field in plain}
    return plain.with_metadata({"huggingface": json.dumps({"info": {"features": features}})})


def _nullable(type_: pa.DataType) -> pa.DataType:
    """Take away what Hugging Face's own types can't say: that there are no nulls, and what a column means."""
    if pa.types.is_struct(type_):
        return pa.struct([pa.field(field.name, _nullable(field.type)) for field in type_])
    return pa.list_(_nullable(type_.value_type)) if pa.types.is_list(type_) else type_


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    return pq.ParquetWriter(
        path, schema, compression="zstd", use_dictionary=_REPEATED, write_page_checksum=True, write_page_index=True
    )


def _groups(contents: Contents, split: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Give the rows of a split in groups that fit into memory, whatever the length of the mixtures."""
    rows: list[dict[str, Any]] = []
    size = 0
    for row in contents.rows(split):
        there = [MIXTURE, *(stem["name"] for stem in row["proof"]["stems"])]
        audio = {name: _embedded(contents, row, name) for name in there}
        size += sum(len(one["bytes"]) for one in audio.values())
        sources = list(described_sources(row, contents.transcripts))
        rows.append(flat(row) | audio | {"sources": sources})
        if len(rows) >= _GROUP_ROWS or size >= _GROUP_BYTES:
            yield pa.RecordBatch.from_pylist(rows, schema)
            rows, size = [], 0
    if rows:
        yield pa.RecordBatch.from_pylist(rows, schema)


def _embedded(contents: Contents, row: Mapping[str, Any], name: str) -> dict[str, Any]:
    path = contents.audio(row, name)
    return {"bytes": path.read_bytes(), "path": f"{row['mixture_id']}.{name}{path.suffix}"}


def _in_json(field: pa.Field, sample_rate: int | None) -> Any:
    """Describe a column as Hugging Face does in the metadata of a schema."""
    if field.type == _AUDIO:
        return ({"sampling_rate": sample_rate} if sample_rate else {}) | {"_type": "Audio"}
    return _feature(field.type)


def _feature(type_: pa.DataType) -> Any:
    if pa.types.is_struct(type_):
        return {field.name: _feature(field.type) for field in type_}
    if pa.types.is_list(type_):
        return [_feature(type_.value_type)]
    return {"dtype": _DTYPE[str(type_)], "_type": "Value"}


def _in_yaml(field: pa.Field, sample_rate: int | None) -> dict[str, Any]:
    """Describe a column as Hugging Face does in the header of a card."""
    if field.type == _AUDIO:
        return {"name": field.name, "dtype": {"audio": {"sampling_rate": sample_rate}} if sample_rate else "audio"}
    if pa.types.is_list(field.type):
        inner = field.type.value_type
        listed = [_in_yaml(one, sample_rate) for one in inner] if pa.types.is_struct(inner) else _DTYPE[str(inner)]
        return {"name": field.name, "list": listed}
    return {"name": field.name, "dtype": _DTYPE[str(field.type)]}

"""The columns by which rows are compared, and what a row has in each."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sepbench.canonical import canonical_rows, texts_of, with_values
from sepbench.columns import flattened
from sepbench.manifest import PLANNED, SOURCE

__all__ = ["MADE", "PLAN", "Leaves", "made_rows", "prints_of"]

Prints = NDArray[np.uint32]
_OUTCOME = ("status", "gains", "common_gain")
_SAMPLES = "samples."


class Leaves(NamedTuple):
    """A way to take rows apart: into columns, and a single row into values of the same names."""

    columns: Callable[[pa.RecordBatch], dict[str, pa.Array]]
    values: Callable[[Mapping[str, Any]], dict[str, Any]]


def _planned(batch: pa.RecordBatch) -> dict[str, pa.Array]:
    found = {name: batch[name] for name in PLANNED if name not in ("mixture_id", "sources")}
    each = batch["sources"].flatten()
    return found | {
        f"sources.{field.name}": with_values(batch["sources"], pc.struct_field(each, field.name)) for field in SOURCE
    }


def _planned_values(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in PLANNED} | {
        f"sources.{field.name}": [source[field.name] for source in row["sources"]] for field in SOURCE
    }


def _made(batch: pa.RecordBatch) -> dict[str, pa.Array]:
    proof = batch["proof"]
    found = {name: pc.struct_field(proof, name) for name in _OUTCOME}
    found[f"{_SAMPLES}mixture"] = pc.struct_field(proof, "mixture_pcm_sha256")
    stems = flattened(batch, pc.struct_field(proof, "stems"), ("name", "stem_pcm_sha256"))
    for name in pc.unique(stems["name"]).to_pylist():
        mine = stems.filter(pc.equal(stems["name"], name))
        place = pc.index_in(pa.array(range(len(batch))), mine["row"].combine_chunks())
        found[_SAMPLES + name] = mine["stem_pcm_sha256"].combine_chunks().take(place)
    return found


def _made_values(row: Mapping[str, Any]) -> dict[str, Any]:
    proof = row["proof"]
    found = {name: proof[name] for name in _OUTCOME} | {f"{_SAMPLES}mixture": proof["mixture_pcm_sha256"]}
    return found | {_SAMPLES + stem["name"]: stem["stem_pcm_sha256"] for stem in proof["stems"]}


PLAN = Leaves(_planned, _planned_values)
MADE = Leaves(_made, _made_values)


def made_rows(batch: pa.RecordBatch) -> pa.Array:
    """Give what came of each row as canonical JSON, null where it was not rendered; no float, and no words of an error."""
    proof = batch["proof"]
    stems = pc.struct_field(proof, "stems")
    names = ("name", "stem_pcm_sha256")
    each = pa.StructArray.from_arrays([pc.struct_field(stems.flatten(), name) for name in names], names=names)
    columns = {name: pc.struct_field(proof, name) for name in (*_OUTCOME, "mixture_pcm_sha256")}
    columns["stems"] = with_values(stems, each)
    texts = canonical_rows(pa.StructArray.from_arrays(list(columns.values()), names=list(columns)))
    return pc.if_else(proof.is_valid(), texts, None)


def prints_of(values: pa.Array) -> Prints:
    """Give a fingerprint of each value of a column; 0 where it has none.

    CRC-32 never takes two texts for one that differ within 32 bits, as neighbouring numbers do, and others once in 2^32.
    """
    texts = pc.fill_null(canonical_rows(values), "")
    return np.fromiter(map(zlib.crc32, texts_of(texts)), np.uint32, len(texts))

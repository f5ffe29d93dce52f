"""Rows of two manifests, brought together by their ids in whatever order they stand.

Of each row 32 bytes and its id are kept: hashes of what was planned and of what came out. Rows that differ are read a second
time, for the columns in which they do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sepbench.canonical import texts_of
from sepbench.comparing.comparison import Column, Differing, Example, Rows
from sepbench.comparing.leaves import Leaves, Prints, made_rows, prints_of
from sepbench.manifest import Manifest, planned_rows

__all__ = ["Digests", "Join", "differing", "joined", "missing"]

Places = NDArray[np.int64]
Words = NDArray[np.uint64]


class Digests:
    """The ids of rows, and a hash of each: of what was planned, and of what came out, which is zero before rendering."""

    def __init__(self) -> None:
        self._ids: list[pa.Array] = []
        self._planned: list[bytes] = []
        self._made: list[bytes] = []

    def add(self, batch: pa.RecordBatch) -> None:
        """Add rows of a manifest."""
        self._ids.append(batch["mixture_id"])
        self._planned.append(_hashed(planned_rows(batch)))
        self._made.append(_hashed(pc.fill_null(made_rows(batch), "")))

    @property
    def ids(self) -> pa.Array:
        """Ids of all rows."""
        return pa.chunked_array(self._ids, pa.string()).combine_chunks()

    @property
    def planned(self) -> Words:
        """What was planned, shape (row, 2)."""
        return np.frombuffer(b"".join(self._planned), np.uint64).reshape(-1, 2)

    @property
    def made(self) -> Words:
        """What came out, shape (row, 2)."""
        return np.frombuffer(b"".join(self._made), np.uint64).reshape(-1, 2)


def _hashed(texts: pa.Array) -> bytes:
    return b"".join(hashlib.blake2b(text, digest_size=16).digest() if text else bytes(16) for text in texts_of(texts))


class Join(NamedTuple):
    """Places of rows: those that only one has, and in pairs those that both have, by what became of them.

    Attributes
    ----------
    only_a, only_b : ndarray of int, shape (row,)
    planned, made : ndarray of int, shape (2, row)
        Rows that were planned otherwise; rows that were planned alike and rendered twice, to something else.
    """

    only_a: Places
    only_b: Places
    planned: Places
    made: Places


def joined(a: Digests, b: Digests) -> Join:
    """Bring rows together by their ids."""
    ids_a, ids_b = a.ids, b.ids
    found = pc.index_in(ids_b, ids_a)
    common = np.asarray(found.is_valid())
    pairs = np.stack([found.drop_null().to_numpy().astype(np.int64), np.flatnonzero(common)])
    alone = np.ones(len(ids_a), bool)
    alone[pairs[0]] = False
    planned_otherwise = (a.planned[pairs[0]] != b.planned[pairs[1]]).any(axis=1)
    one, other = a.made[pairs[0]], b.made[pairs[1]]
    rendered = one.any(axis=1) & other.any(axis=1)
    made_otherwise = (one != other).any(axis=1) & rendered & ~planned_otherwise
    return Join(
        _by_id(np.flatnonzero(alone), ids_a),
        _by_id(np.flatnonzero(~common), ids_b),
        *(
            pairs[:, mask][:, _order(ids_a.take(pa.array(pairs[0, mask])))]
            for mask in (planned_otherwise, made_otherwise)
        ),
    )


def _order(ids: pa.Array) -> Places:
    """Say in which order ids are named: their own, since the rows of A and of B may stand in different ones."""
    found: Places = pc.sort_indices(ids).to_numpy().astype(np.int64)
    return found


def _by_id(places: Places, ids: pa.Array) -> Places:
    return places[_order(ids.take(pa.array(places)))]


def missing(places: Places, ids: pa.Array, limit: int) -> Rows:
    """Name rows that the other manifest does not have."""
    return Rows(len(places), tuple(ids.take(pa.array(places[:limit])).to_pylist()))


def differing(a: Manifest, b: Manifest, pairs: Places, leaves: Leaves, limit: int) -> Differing:
    """Say in which columns rows differ.

    Parameters
    ----------
    a, b : Manifest
    pairs : ndarray of int, shape (2, row)
        Places of the same rows in both, in the order in which they are to be named.
    leaves : Leaves
    limit : int
        How many rows are named for each column.
    """
    if not pairs.size:
        return Differing(0, ())
    ones, others = (_prints(manifest, places, leaves) for manifest, places in zip((a, b), pairs, strict=True))
    none = np.zeros(pairs.shape[1], np.uint32)
    unlike = {
        name: np.flatnonzero(ones.get(name, none) != others.get(name, none)) for name in dict.fromkeys([*ones, *others])
    }
    wanted = sorted({int(place) for places in unlike.values() for place in places[:limit]})
    texts = [dict(_values(m, places[wanted], leaves)) for m, places in zip((a, b), pairs, strict=True)]
    columns = [
        Column(name, len(places), tuple(_example(name, *pairs[:, place], *texts) for place in places[:limit]))
        for name, places in unlike.items()
        if len(places)
    ]
    return Differing(pairs.shape[1], tuple(sorted(columns, key=lambda column: (-column.rows, column.name))))


def _prints(manifest: Manifest, places: Places, leaves: Leaves) -> dict[str, Prints]:
    """Give a fingerprint of each value of some rows, by column, in their order."""
    order = np.argsort(places)
    ascending = places[order]
    found: dict[str, Prints] = {}
    start = 0
    for batch in manifest.batches():
        low, high = np.searchsorted(ascending, (start, start + len(batch)))
        here = ascending[low:high] - start
        start += len(batch)
        if not len(here):
            continue
        for name, values in leaves.columns(batch.take(pa.array(here))).items():
            column = found.setdefault(name, np.zeros(len(places), np.uint32))
            column[order[low:high]] = prints_of(values)
    return found


def _values(manifest: Manifest, places: Places, leaves: Leaves) -> Iterator[tuple[int, tuple[str, dict[str, object]]]]:
    """Read a few rows, in the order in which they lie in the file."""
    for place in np.sort(places).tolist():
        row = manifest[place]
        yield place, (row["mixture_id"], leaves.values(row))


_Texts = dict[int, tuple[str, dict[str, object]]]


def _example(name: str, place_a: int, place_b: int, texts_a: _Texts, texts_b: _Texts) -> Example:
    mixture_id, of_a = texts_a[place_a]
    return Example(mixture_id, of_a.get(name), texts_b[place_b][1].get(name))

"""Whether the rows of a manifest or a catalog can be true, before anybody acts on them.

Tables come from other people. Their texts become names of folders and files, their numbers become lengths of arrays, so
each value is held against what sepbench would have written. Nothing here opens audio. All is done column by column:
a million rows take a few seconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sepbench.audio import MAX_CHANNELS, MAX_SAMPLE_RATE, MAX_SAMPLES, MIN_SAMPLE_RATE
from sepbench.errors import TableError
from sepbench.level import MAX_LEVEL_MDB

__all__ = [
    "is_file_name",
    "refuse_repeated",
    "refuse_unsound",
    "refuse_unsound_catalog",
    "refuse_unsound_metadata",
    "stands_for_a_file",
]

_ALTERED = "the table was altered, or not made by sepbench: fetch or make it again"
_MAX_TEXT = 1 << 16
_MAX_NAME = 4096  # bytes of a path
_MAX_SOURCES = 1024
_SPLITS = ("train", "valid", "test")

# what becomes a folder or a file: safe on every system, in a shell, and in a table
_FILE_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,126}[A-Za-z0-9_-]$|^[A-Za-z0-9]$"
_RESERVED = r"(?i)^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?$|^mixture$"
_OUT_OF_THE_ROOT = r"^/|^[A-Za-z]:|\\|^[A-Za-z][A-Za-z0-9+.-]*://|(^|/)\.\.?(/|$)|//|/$"
_CONTROL = r"[\x00-\x1f\x7f-\x9f]"
_SHA256 = r"^[0-9a-f]{64}$"


@dataclass(frozen=True)
class _Column:
    """The values of one leaf of a table, nulls left out, and the row that each stands in."""

    values: pa.Array
    rows: pa.Array

    @cached_property
    def distinct(self) -> pa.Array:
        return pc.unique(self.values)


class _Part:
    """Some rows of a table, taken apart."""

    def __init__(self, batch: pa.RecordBatch, path: Path, key: str) -> None:
        self.batch, self.path, self.key = batch, path, key
        self.columns: dict[str, _Column] = {}
        self.rows = pa.array(np.arange(len(batch), dtype=np.int32))
        for field in batch.schema:
            self._take_apart(field.name, field, batch.column(field.name), self.rows)

    def _take_apart(self, name: str, field: pa.Field, values: pa.Array, rows: pa.Array, element: bool = False) -> None:
        if values.null_count:
            if element or not field.nullable:
                self.refuse(name, pc.is_null(values), _Column(values, rows), "is missing")
            there = pc.is_valid(values)
            values, rows = values.filter(there), rows.filter(there)
        if pa.types.is_struct(field.type):
            for child in field.type:
                self._take_apart(f"{name}.{child.name}", child, pc.struct_field(values, child.name), rows)
        elif pa.types.is_list(field.type):
            inner, parents = pc.list_flatten(values), pc.list_parent_indices(values)
            self._take_apart(name, field.type.value_field, inner, rows.take(parents), element=True)
        else:
            self.columns[name] = _Column(values, rows)

    def whole(self, name: str) -> _Column:
        """Give a column as it is, nulls and lists included."""
        return _Column(self.batch.column(name), self.rows)

    def refuse(self, name: str, wrong: pa.Array, column: _Column, words: str, hint: str = _ALTERED) -> None:
        """Refuse the table if a value is wrong; name its row and what it says."""
        at = pc.index(wrong, True).as_py()
        if at < 0:
            return
        value, row = column.values[at].as_py(), column.rows[at].as_py()
        shown = "" if value is None else f" is {_shown(value)}:"
        raise TableError(
            f"{self.path}: row {_shown(self.batch.column(self.key)[row].as_py())}: `{name}`{shown} {words}", hint
        )


def _shown(value: Any) -> str:
    text = repr(value)
    return f"{text[:77]}…" if len(text) > 80 else text


Check = Callable[[_Part, str], None]


def _check(wrong: Callable[[pa.Array], pa.Array], words: str, part: _Part, name: str) -> None:
    """Look at each different value once: most columns repeat a few."""
    column = part.columns[name]
    if pc.any(wrong(column.distinct)).as_py():
        part.refuse(name, wrong(column.values), column, words)


def _matches(pattern: str, words: str, part: _Part, name: str) -> None:
    _check(lambda values: pc.invert(pc.match_substring_regex(values, pattern)), words, part, name)


def _lacks(pattern: str, words: str, part: _Part, name: str) -> None:
    _check(lambda values: pc.match_substring_regex(values, pattern), words, part, name)


def _one_of(known: Collection[str] | Collection[int], part: _Part, name: str) -> None:
    words = f"expected one of {', '.join(map(str, sorted(known))) or 'nothing: none is known'}"
    allowed = pa.array(sorted(known), part.columns[name].values.type)
    _check(lambda values: pc.invert(pc.is_in(values, value_set=allowed)), words, part, name)


def _within(low: int, high: int, part: _Part, name: str) -> None:
    column = part.columns[name]
    wrong = pc.or_(pc.less(column.values, low), pc.greater(column.values, high))
    part.refuse(name, wrong, column, f"expected {low} to {high}")


def _no_longer(most: int, part: _Part, name: str) -> None:
    _check(lambda values: pc.greater(pc.binary_length(values), most), f"is longer than {most} bytes", part, name)


def _file_name(part: _Part, name: str) -> None:
    _matches(_FILE_NAME, "can't be the name of a file (letters, digits, `.`, `_`, `-`)", part, name)
    _lacks(_RESERVED, "is a reserved name", part, name)


def _relative_path(part: _Part, name: str) -> None:
    _lacks(_OUT_OF_THE_ROOT, "is no plain path below the set's root", part, name)
    _plain(part, name)


def _plain(part: _Part, name: str) -> None:
    _lacks(_CONTROL, "holds a control character", part, name)
    _lacks("^$", "is empty", part, name)
    _no_longer(_MAX_NAME, part, name)


_HASH: Check = partial(_matches, _SHA256, "expected a SHA-256 in 64 hexadecimal digits")
_LEVEL: Check = partial(_within, -MAX_LEVEL_MDB, MAX_LEVEL_MDB)
_RATE: Check = partial(_within, MIN_SAMPLE_RATE, MAX_SAMPLE_RATE)
_FRAMES: Check = partial(_within, 1, MAX_SAMPLES)
_MANIFEST: Mapping[str, Check] = {
    "mixture_id": _file_name,
    "split": partial(_one_of, _SPLITS),
    "sample_rate": _RATE,
    "channels": partial(_within, 1, MAX_CHANNELS),
    "bits": partial(_one_of, (16, 24)),
    "frames": _FRAMES,
    "snr_mdb": _LEVEL,
    "clipping": partial(_one_of, ("scale", "fail")),
    "peak_mdbfs": partial(_within, -60000, 0),
    "sources.name": _file_name,
    "sources.role": partial(_one_of, ("target", "interferer", "noise")),
    "sources.set": _plain,
    "sources.item": _plain,
    "sources.path": _relative_path,
    "sources.sample_rate": _RATE,
    "sources.source_pcm_sha256": _HASH,
    "sources.downmix": partial(_one_of, ("none", "mean", "first", "copy")),
    "sources.start": partial(_within, 0, MAX_SAMPLES * 128),  # at the mixture's rate, which may be higher
    "sources.frames": _FRAMES,
    "sources.offset": partial(_within, 0, MAX_SAMPLES),
    "sources.snr_mdb": _LEVEL,
    "sources.level_mdbfs": _LEVEL,
    "sources.transforms.name": _file_name,
    "sources.follows": _file_name,
    "sources.gain_mantissa": partial(_within, 1 << 27, (1 << 28) - 1),
    "sources.gain_shift": partial(_within, -512, 512),
    "level_mdbfs": _LEVEL,
    "degradations.name": _file_name,
    "rendering.name": _file_name,
    "snr_over": partial(_one_of, ("active",)),
    "proof.status": partial(_matches, "^[a-z][a-z_]{0,63}$", "is no status"),
    "proof.gains.mantissa": partial(_within, 1 << 27, (1 << 28) - 1),
    "proof.gains.shift": partial(_within, -512, 512),
    "proof.common_gain.mantissa": partial(_within, 1 << 27, (1 << 28) - 1),
    "proof.common_gain.shift": partial(_within, -512, 512),
    "proof.stems.name": _file_name,
    "proof.stems.stem_pcm_sha256": _HASH,
    "proof.mixture_pcm_sha256": _HASH,
}
_CATALOG: Mapping[str, Check] = {
    "set": _plain,
    "status": partial(_one_of, ("ok", "silent", "unreadable")),
    "sample_rate": _RATE,
    "channels": partial(_within, 1, MAX_CHANNELS),
    "frames": _FRAMES,
    "bits": partial(_one_of, (16, 24)),
    "pcm_sha256": _HASH,
}


def stands_for_a_file(path: str) -> bool:
    """Say whether a table may hold this path, on every system.

    Examples
    --------
    >>> stands_for_a_file("train/a b.wav"), stands_for_a_file("../a.wav"), stands_for_a_file("C:/a.wav")
    (True, False, False)
    """
    return not re.search(f"{_CONTROL}|{_OUT_OF_THE_ROOT}", path)


def is_file_name(name: str) -> bool:
    """Say whether a stem or a mixture may have this name: it becomes a file or a folder.

    Examples
    --------
    >>> is_file_name("speech"), is_file_name("con"), is_file_name("-rf"), is_file_name("mixture")
    (True, False, False, False)
    """
    return bool(re.search(_FILE_NAME, name)) and not re.search(_RESERVED, name)


def refuse_unsound(table: pa.Table | pa.RecordBatch, path: Path) -> None:
    """Refuse a manifest, or a part of one, with a row that can't be true.

    Parameters
    ----------
    table : pyarrow.Table or pyarrow.RecordBatch
        As `sepbench.manifest.SCHEMA` says.
    path : Path
        For the error's words.

    Raises
    ------
    TableError
        Naming the file, the row, the column, and what stands there.
    """
    for part in _parts(table, path, "mixture_id"):
        _apply(_MANIFEST, part)
        _refuse_impossible_mixtures(part)
        _refuse_impossible_proofs(part)


def refuse_unsound_catalog(table: pa.Table, path: Path) -> None:
    """Refuse a catalog with a row that can't be true; see `refuse_unsound`."""
    if not len(table):
        raise TableError(f"{path}: holds no recordings", "index the set again")
    refuse_repeated(table["item"], path, ignore_case=False)
    for part in _parts(table, path, "item"):
        _apply(_CATALOG, part)
        for name in ("sample_rate", "channels", "frames", "bits", "level_profile_dbfs", "pcm_sha256"):
            values = part.batch.column(name)
            ok = pc.equal(part.batch.column("status"), "ok")
            part.refuse(name, pc.and_(ok, pc.is_null(values)), part.whole(name), "is missing, though the status is ok")
    # what could not be read keeps its name, however odd: nobody opens it
    usable = table.filter(pc.not_equal(table["status"], "unreadable"))
    for part in _parts(usable, path, "item"):
        _apply({"item": _plain, "path": _relative_path}, part)


def refuse_repeated(ids: pa.ChunkedArray, path: Path, *, ignore_case: bool = True) -> None:
    """Refuse ids of which two are the same.

    Parameters
    ----------
    ids : pyarrow.ChunkedArray of string
        Of all rows.
    path : Path
        For the error's words.
    ignore_case : bool
        Whether ids that differ in case alone are the same, as folders of macOS and Windows are.
    """
    folded = pc.utf8_lower(ids) if ignore_case else ids
    if len(pc.unique(folded)) == len(folded):
        return
    counts = pc.value_counts(folded)
    double = next(one["values"] for one in counts.filter(pc.greater(counts.field("counts"), 1)).to_pylist())
    words = " (upper and lower case are the same folder on many systems)" if ignore_case else ""
    raise TableError(f"{path}: two rows have the id {_shown(double)}{words}", _ALTERED)


def refuse_unsound_metadata(metadata: Mapping[str, Any], path: Path) -> None:
    """Refuse a manifest whose metadata lack what is read of them, or would lead elsewhere."""
    recipe, hints = metadata.get("recipe"), metadata.get("root_hints", {})
    if not isinstance(recipe, Mapping) or not isinstance(recipe.get("name"), str):
        _refuse_metadata(path, "recipe", "expected a recipe with a name")
    if not isinstance(metadata.get("plan_hash"), str):
        _refuse_metadata(path, "plan_hash", "expected a hash")
    if not isinstance(metadata.get("corpus_hash", ""), str):
        _refuse_metadata(path, "corpus_hash", "expected a hash")
    if metadata.get("container", "flac") not in ("flac", "wav"):
        _refuse_metadata(path, "container", "expected flac or wav")
    if not isinstance(hints, Mapping) or not all(isinstance(hint, str) and "\0" not in hint for hint in hints.values()):
        _refuse_metadata(path, "root_hints", "expected a folder for each set")


def _refuse_metadata(path: Path, key: str, words: str) -> NoReturn:
    raise TableError(f"{path}: its metadata are wrong at `{key}`: {words}", _ALTERED)


def _parts(table: pa.Table | pa.RecordBatch, path: Path, key: str) -> Iterator[_Part]:
    batches = [table] if isinstance(table, pa.RecordBatch) else table.to_batches(max_chunksize=1 << 16)
    return (_Part(batch, path, key) for batch in batches)


def _apply(checks: Mapping[str, Check], part: _Part) -> None:
    for name, column in part.columns.items():
        if name in checks:
            checks[name](part, name)
        if pa.types.is_string(column.values.type):
            _no_longer(_MAX_TEXT, part, name)


def _refuse_impossible_mixtures(part: _Part) -> None:
    """Hold the columns of a row against each other."""
    batch, columns = part.batch, part.columns
    size = pc.multiply(batch.column("frames"), batch.column("channels").cast(pa.int64()))
    part.refuse("frames", pc.greater(size, MAX_SAMPLES), part.whole("frames"), "is too long for so many channels")
    counts = pc.list_value_length(batch.column("sources"))
    wrong = pc.or_(pc.less(counts, 1), pc.greater(counts, _MAX_SOURCES))
    part.refuse("sources", wrong, _Column(counts, part.rows), f"expected 1 to {_MAX_SOURCES} sources")
    frames, offset = columns["sources.frames"], columns["sources.offset"]
    of_mixture = batch.column("frames").take(frames.rows)
    plain = pc.equal(pc.list_value_length(pc.struct_field(batch.column("sources").flatten(), "transforms")), 0)
    ends = pc.if_else(plain, pc.add(frames.values, offset.values), offset.values)  # a stretched source may have more
    late = pc.greater(ends, of_mixture)
    part.refuse("sources.frames", late, frames, "ends behind the mixture")
    mantissas, shifts = (
        pc.struct_field(batch.column("sources").flatten(), f"gain_{half}") for half in ("mantissa", "shift")
    )
    halved = pc.xor(pc.is_null(mantissas), pc.is_null(shifts))
    part.refuse("sources.gain_mantissa", halved, _Column(mantissas, frames.rows), "expected both mantissa and shift")
    _refuse_orphans(part)
    roles = columns["sources.role"]
    with_target = pc.unique(roles.rows.filter(pc.equal(roles.values, "target")))
    without = pc.invert(pc.is_in(part.rows, value_set=with_target))
    part.refuse("sources.role", without, part.whole("sources"), "no source is a target")


def _refuse_orphans(part: _Part) -> None:
    """Refuse a source that follows none before it."""
    follows = part.columns.get("sources.follows")
    if follows is None or not len(follows.values):
        return
    sources = part.batch.column("sources").take(pc.unique(follows.rows)).to_pylist()
    wrong = [
        at
        for at, row in zip(pc.unique(follows.rows).to_pylist(), sources, strict=True)
        if any(
            one["follows"] is not None
            and one["follows"] not in [other["name"] for other in row[:place] if other["follows"] is None]
            for place, one in enumerate(row)
        )
    ]
    part.refuse(
        "sources.follows", pc.is_in(follows.rows, pa.array(wrong, pa.int32())), follows, "names no source before it"
    )


def _refuse_impossible_proofs(part: _Part) -> None:
    """Refuse a proof of success that lacks what it is a proof of."""
    proof = part.batch.column("proof")
    if proof.null_count == len(proof):
        return
    rows = part.rows
    ok = pc.fill_null(pc.equal(pc.struct_field(proof, "status"), "ok"), False)
    for name in ("mixture_pcm_sha256", "common_gain"):
        values = pc.struct_field(proof, name)
        part.refuse(
            f"proof.{name}", pc.and_(ok, pc.is_null(values)), _Column(values, rows), "is missing, though all is ok"
        )
    gains = pc.fill_null(pc.list_value_length(pc.struct_field(proof, "gains")), 0)
    sources = pc.list_value_length(part.batch.column("sources"))
    part.refuse(
        "proof.gains", pc.and_(ok, pc.not_equal(gains, sources)), _Column(gains, rows), "expected one for each source"
    )
    stems = pc.fill_null(pc.list_value_length(pc.struct_field(proof, "stems")), 0)
    part.refuse("proof.stems", pc.and_(ok, pc.equal(stems, 0)), _Column(stems, rows), "expected the stems")

"""The catalog: one row per recording of a public set, with what a plan needs to know of it."""

from __future__ import annotations

import csv
import itertools
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

import pyarrow as pa

from sepbench import parquet, scanning, soundness, stamps
from sepbench.errors import LayoutError, PlaceError, TableError, UsageError
from sepbench.scanning import leads_out

__all__ = ["SCHEMA", "VERSION", "Item", "PublicSet", "index", "leads_out", "read", "roots_hint"]

VERSION = 1
LABEL = pa.struct([pa.field("name", pa.string(), nullable=False), pa.field("value", pa.string(), nullable=False)])
_column = parquet.column
SCHEMA = pa.schema(
    [
        _column("set", pa.string(), "Name of the public set's reader."),
        _column("set_version", pa.string(), "Version of the public set."),
        _column("item", pa.string(), "Name of the recording, unique within the set."),
        _column("path", pa.string(), "Path relative to the set's root, with `/`; it may go on behind a file: `clip.wav/channel2`."),
        _column("split", pa.string(), "The set's own split or fold; empty where it has none."),
        _column("group", pa.string(), "The unit that must not cross splits: speaker, song, original recording."),
        _column("labels", pa.list_(LABEL), "What the set says of it: speaker, class, stem …, sorted by name."),
        _column("transcript", pa.string(), "What is said, where the set has it.", nullable=True),
        _column("licence", pa.string(), "SPDX expression, or the set's own words."),
        _column("status", pa.string(), "`ok`, or why the recording can't be used: `unreadable`, `silent`."),
        _column("reason", pa.string(), "The error's words where the status is not `ok`.", nullable=True),
        _column("sample_rate", pa.int32(), "In Hz.", nullable=True),
        _column("channels", pa.int16(), "Number of channels.", nullable=True),
        _column("frames", pa.int64(), "Length in samples per channel.", nullable=True),
        _column("bits", pa.int16(), "Bit class of the decoded samples: 16 or 24.", nullable=True),
        _column("peak_dbfs", pa.float32(), "Largest magnitude; 0 is full scale.", nullable=True),
        _column("loudness_lufs", pa.float32(), "Integrated loudness, BS.1770-4; null below 0.4 s.", nullable=True),
        _column("level_profile_dbfs", pa.list_(pa.int8()), "RMS of each started second; -128: silence.", nullable=True),
        _column("pcm_sha256", pa.string(), "Hash of the decoded samples (`sepbench.audio.pcm_sha256`).", nullable=True),
        _column("file_bytes", pa.int64(), "Size of the file when it was indexed.", nullable=True),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Item:
    """What a reader knows of a recording without opening it."""

    item: str
    path: PurePosixPath
    group: str
    split: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    transcript: str | None = None
    licence: str = ""


class PublicSet(Protocol):
    """A reader of one public set; one small file each in `sepbench.corpora`.

    Attributes
    ----------
    name, version, title, url, licence : str
        What the set is, and where it is published. `licence` is an SPDX expression, or the set's own words.
    layout : str
        One line that says how the set lies on disk; errors quote it.
    published : sepbench.published.Published, optional
        Where its files are to be had, and what is known to be wrong with them.
    require : callable, optional
        Raises `MissingExtraError` where the set can't be decoded as things are.
    """

    name: str
    version: str
    title: str
    url: str
    licence: str
    layout: str

    def items(self, root: Path) -> Iterable[Item]:
        """List the recordings under `root`, in any order, without opening them.

        Raises
        ------
        LayoutError
            If the folder does not lie as the set is published; names what is missing.
        """
        ...


def index(
    set: PublicSet | str,
    root: Path | str,
    out: Path | str,
    *,
    workers: int | None = None,
    options: Mapping[str, str] | None = None,
    licences: Path | str | None = None,
    afresh: bool = False,
    progress: Any = None,
) -> pa.Table:
    """Scan a public set and write its catalog.

    A recording that can't be decoded stays in the catalog with a status and a reason, and is never used.

    Where the catalog is there already, what it says of the samples of files that have not changed since (by size and
    time, or else by their bytes) is taken over; all else is made anew.

    Parameters
    ----------
    set : PublicSet or str
        A reader, or its name: see ``sepbench list sets``.
    root : path
        The folder that holds the set.
    out : path
        The catalog to write, a Parquet file.
    workers : int, optional
        Worker processes; all processors by default, 0 for none.
    options : mapping, optional
        Options of the reader, such as the pattern of `folder`.
    licences : path, optional
        A CSV file with the columns ``path`` and ``licence``, for recordings whose licences differ from the set's: a
        path, or a pattern with ``*``, relative to `root`; the first that matches counts.
    afresh : bool
        Measure all recordings, those that have not changed too.
    progress : callable, optional
        Called as ``progress(done, total)``.

    Returns
    -------
    pyarrow.Table
        The catalog, sorted by item, as `SCHEMA` says.

    Raises
    ------
    LayoutError
        If the set does not lie as published, or no recording in it can be decoded.
    UsageError
        If the reader does not know an option.
    MissingExtraError
        If the set can't be decoded without an extra that is not installed.
    """
    from sepbench import __version__, shelf

    reader: PublicSet = shelf.made("sets", set, options or {}, kind="reader") if isinstance(set, str) else set
    root, out = Path(root), Path(out)
    if not root.is_dir():
        raise PlaceError(f"{root}: there is no such folder", f"expected the folder that holds {reader.layout}")
    items = sorted(reader.items(root), key=lambda item: item.item)
    if not items:
        raise LayoutError(f"{root}: holds no recordings of {reader.title}", f"expected {reader.layout}")
    getattr(reader, "require", lambda: None)()
    _refuse_doubles(items, root)
    _refuse_odd_names(items, root)
    own = _own_licences(Path(licences), items) if licences else {}
    begun = time.time_ns()
    known = {} if afresh else _measured_before(out, reader.name, root)
    described = [_row(reader, item) | own.get(item.item, {}) for item in items]
    rows, seen = scanning.measure(root, described, known, workers=workers, progress=progress)
    if not any(row["status"] == "ok" for row in rows):
        raise LayoutError(
            f"{root}: none of {len(rows)} recordings can be used; the first: {rows[0]['reason']}",
            f"is this {reader.title}? Expected {reader.layout}",
        )
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    parquet.write_parquet(
        table, out, kind="catalog", version=VERSION,
        metadata={"sepbench": __version__, "set": reader.name, "root_hint": str(root.resolve())},
    )  # fmt: skip
    stamps.write(out, seen, scanning.maker(), root, begun)
    return table


def _measured_before(out: Path, name: str, root: Path) -> dict[str, scanning.Measured]:
    """Read what an earlier catalog of the set says of the samples of each file, with the file's stamp."""
    seen = stamps.read(out, scanning.maker(), root)
    try:
        if not seen or parquet.table_metadata(out, kind="catalog", version=VERSION).get("set") != name:
            return {}
        rows = read(out).select(["path", *SCHEMA.names[SCHEMA.names.index("status") :]]).to_pylist()
    except TableError:  # of another version: it will be replaced
        return {}
    return {path: (row, seen[path]) for row in rows if (path := row.pop("path")) in seen}


def read(path: Path | str) -> pa.Table:
    """Read a catalog."""
    table = parquet.read_parquet(Path(path), SCHEMA, kind="catalog", version=VERSION)
    soundness.refuse_unsound_catalog(table, Path(path))
    return table


def roots_hint(path: Path | str) -> str:
    """Give the folder in which the set lay when it was indexed: a hint, covered by no hash."""
    return str(parquet.table_metadata(Path(path), kind="catalog", version=VERSION).get("root_hint", ""))


def labels_of(row: Mapping[str, Any]) -> dict[str, str]:
    """Give a row's labels as a dictionary."""
    return {label["name"]: label["value"] for label in row["labels"]}


def label_list(labels: Mapping[str, str]) -> list[dict[str, str]]:
    """Give labels as the tables hold them: sorted by name."""
    return [{"name": name, "value": labels[name]} for name in sorted(labels)]


def _row(reader: PublicSet, item: Item) -> dict[str, Any]:
    return {
        "set": reader.name,
        "set_version": reader.version,
        "item": item.item,
        "path": item.path.as_posix(),
        "split": item.split,
        "group": item.group,
        "labels": label_list(item.labels),
        "transcript": item.transcript,
        "licence": item.licence or reader.licence,
    }


def _refuse_doubles(items: list[Item], root: Path) -> None:
    for before, after in itertools.pairwise(items):
        if before.item == after.item:
            raise TableError(
                f"{root}: two recordings have the name `{after.item}`: {before.path} and {after.path}",
                "names must be unique within a set: index the folders apart, or take one of the copies away",
            )


def _refuse_odd_names(items: list[Item], root: Path) -> None:
    """Refuse what no table can hold: a name that is not Unicode, a path that leads out of the root."""
    for item in items:
        try:
            f"{item.item}{item.path}".encode()
        except UnicodeEncodeError as error:
            raise LayoutError(f"{root}: the name {item.path.as_posix()!r} is not Unicode", "rename it") from error
        if item.path.is_absolute() or ".." in item.path.parts:
            raise LayoutError(f"{root}: the path `{item.path}` leads out of it", "the set's table was altered")


def _own_licences(path: Path, items: list[Item]) -> dict[str, dict[str, str]]:
    """Read which recordings have a licence of their own."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:  # a spreadsheet puts a mark in front
            rules = [(row["path"], row["licence"]) for row in csv.DictReader(file)]
    except (OSError, KeyError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path}: can't be read as a table of licences ({error})",
                         "expected a CSV file with the columns `path` and `licence`") from error  # fmt: skip
    found: dict[str, dict[str, str]] = {}
    if any(not (pattern and licence) for pattern, licence in rules):
        raise UsageError(f"{path}: a row lacks its path or its licence", "expected both in each row")
    for pattern, licence in reversed(rules):
        matching = [item.item for item in items if fnmatchcase(item.path.as_posix(), pattern)]
        if not matching:
            raise UsageError(f"{path}: `{pattern}` matches no recording", "paths are relative to the set's root")
        found |= {name: {"licence": licence} for name in matching}
    return found

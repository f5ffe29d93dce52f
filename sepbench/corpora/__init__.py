"""Readers of public sets, one small file each; here is what they share.

A reader looks at names and tables only: `sepbench.catalog.index` opens the audio. Hidden files are never part of a
set: macOS puts a ``._NAME`` beside each file that it copies to a foreign disk, and some archives hold them.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from sepbench.catalog import PublicSet
from sepbench.errors import LayoutError

__all__ = [
    "lines",
    "misplaced",
    "read_csv",
    "read_json",
    "read_yaml",
    "refuse_gaps",
    "relative",
    "require",
    "top_folder",
    "visible",
]

_ANCHOR = re.compile(r"(?:^|[\s\[{,])&\w", re.MULTILINE)
_UNPACK = "unpack the file from the archive again"


def top_folder(reader: PublicSet, root: Path, *, names: Sequence[str], marks: Sequence[str]) -> Path:
    """Find the folder that holds a set: one of `names` in `root`, or `root` itself.

    Some archives hold the set's folder, others only what is in it: one that was unpacked into a folder of its own name
    may lie a level deeper.

    Parameters
    ----------
    names : sequence of str
        What the folder is called when the published archive is unpacked.
    marks : sequence of str
        Glob patterns; the folder is the first in which any of them matches.

    Raises
    ------
    LayoutError
        If it is nowhere.
    """
    named = [root / name for name in names]
    for folder in (*named, *(folder / folder.name for folder in named), root):
        if any(visible(folder, mark) for mark in marks):
            return folder
    for name in names:
        if (root / name).is_dir():
            raise misplaced(reader, root / name, " or ".join(f"`{mark}`" for mark in marks))
    expected = [f"`{name}/`" for name in names] + [f"`{mark}`" for mark in marks]
    raise misplaced(reader, root, " or ".join(expected))


def require(reader: PublicSet, top: Path, *pieces: str) -> None:
    """Refuse a set of which a file, or a folder (named with a final ``/``), is not there.

    Raises
    ------
    LayoutError
    """
    for piece in pieces:
        if not ((top / piece).is_dir() if piece.endswith("/") else (top / piece).is_file()):
            raise misplaced(reader, top, f"`{piece}`")


def misplaced(reader: PublicSet, folder: Path, expected: str) -> LayoutError:
    """Make the error that says what a folder should hold, and what it holds."""
    return LayoutError(f"{folder}: expected {expected}, found {_found(folder)}", _lies_as(reader))


def visible(folder: Path, pattern: str) -> list[Path]:
    """List what matches a glob pattern, sorted, without anything hidden; with a final ``/``, folders only."""
    paths = folder.glob(pattern)
    return sorted(path for path in paths if not any(part[0] == "." for part in path.relative_to(folder).parts))


def relative(path: Path, root: Path) -> PurePosixPath:
    """Give a path as the catalog holds it."""
    return PurePosixPath(path.relative_to(root).as_posix())


def lines(path: Path) -> list[str]:
    """Read a text file of a set.

    Raises
    ------
    LayoutError
        If it is not UTF-8.
    """
    try:
        with open(path, encoding="utf-8-sig") as file:
            return [line.rstrip("\n") for line in file]
    except UnicodeDecodeError as error:
        raise LayoutError(f"{path}: is not UTF-8 text ({error.reason})", _UNPACK) from error


def read_csv(path: Path, *, columns: Sequence[str]) -> list[dict[str, str]]:
    """Read a table of a set, and hold it against the columns that it must have.

    Raises
    ------
    LayoutError
        If a column is missing, or a row is cut short.
    """
    table = csv.DictReader(lines(path))
    header = table.fieldnames or ()
    missing = [name for name in columns if name not in header]
    if missing:
        raise LayoutError(f"{path}: lacks the columns {', '.join(missing)}, has {', '.join(header) or 'none'}", _UNPACK)
    rows = [{name: row[name] for name in columns} for row in table]
    for number, row in enumerate(rows, 1):
        if None in row.values():
            raise LayoutError(f"{path}: row {number} is cut short", _UNPACK)
    return rows


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file of a set that holds an object.

    Raises
    ------
    LayoutError
    """
    try:
        content = json.loads("\n".join(lines(path)))
    except (json.JSONDecodeError, RecursionError) as error:
        raise LayoutError(f"{path}: is not JSON ({error})", _UNPACK) from error
    return _object(content, path)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file of a set that holds a mapping; tags that would make objects, and anchors, are refused.

    Raises
    ------
    LayoutError
    """
    import yaml

    text = "\n".join(lines(path))
    if _ANCHOR.search(text):  # a few lines that refer to each other can come to gigabytes of text
        raise LayoutError(f"{path}: is not plain YAML (it has anchors)", _UNPACK)
    try:
        content = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError) as error:
        raise LayoutError(f"{path}: is not plain YAML ({' '.join(str(error).split())})", _UNPACK) from error
    return _object(content, path)


def _object(content: Any, path: Path) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise LayoutError(f"{path}: expected names and values, got {type(content).__name__}", _UNPACK)
    return content


def refuse_gaps(reader: PublicSet, table: Path, listed: Iterable[Path], there: Iterable[Path]) -> None:
    """Refuse a set whose table knows other recordings than are there.

    Up to half of them may be missing: each keeps its row in the catalog, as `unreadable`.

    Raises
    ------
    LayoutError
        If more than half of the listed recordings are not there, or one that is there is not listed.
    """
    listed, there = set(listed), set(there)
    missing, unlisted = sorted(listed - there), sorted(there - listed)
    if 2 * len(missing) > len(listed):
        raise LayoutError(
            f"{table}: {len(missing)} of its {len(listed)} recordings are not there; the first: {missing[0]}",
            f"unpack the archive again. {_lies_as(reader)}",
        )
    if unlisted:
        raise LayoutError(
            f"{table}: has no row for {len(unlisted)} of the recordings that are there; the first: {unlisted[0]}",
            "take them away, or restore the table: without its row, nothing is known of a recording",
        )


def _lies_as(reader: PublicSet) -> str:
    return f"{reader.title} lies as {reader.layout}"


def _found(folder: Path) -> str:
    if not folder.is_dir():
        return "no such folder"
    names = [f"`{path.name}{'/' if path.is_dir() else ''}`" for path in visible(folder, "*")]
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more or "nothing"

"""Any folder of recordings, for sets that have no reader of their own."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from sepbench.catalog import Item, leads_out
from sepbench.corpora import relative
from sepbench.errors import LayoutError, PlaceError, UsageError

__all__ = ["Folder"]


class Folder:
    """The reader of any folder: each audio file in it, or below it, is an item.

    Parameters
    ----------
    pattern : str, optional
        A regular expression for the whole relative path without suffix, with ``/``. Its named groups `split` and
        `group` become the item's; every other named group is a label.
    extensions : str
        Suffixes of audio files, with commas between them.
    licence : str
        Of all recordings, as an SPDX expression.

    Examples
    --------
    >>> songs = Folder(pattern="(?P<split>train|test)/(?P<group>[^/]+)/(?P<stem>[^/]+)")
    """

    name = "folder"
    version = "unversioned"
    title = "a folder of recordings"
    url = "https://github.com/sepbench/sepbench/blob/main/docs/sets.md"
    layout = "audio files at any depth"

    def __init__(
        self, pattern: str | None = None, extensions: str = "wav,flac,ogg,mp3,aiff", licence: str = "unknown"
    ) -> None:
        try:
            self.pattern = None if pattern is None else re.compile(pattern)
        except re.error as error:
            raise UsageError(
                f"folder: `{pattern}` is not a regular expression ({error})", r"for example `(?P<split>[^/]+)/.*`"
            ) from error
        self.suffixes = {f".{word.strip().lstrip('.').lower()}" for word in extensions.split(",") if word.strip(" .")}
        if not self.suffixes:
            raise UsageError(f"folder: `{extensions}` names no extension", "for example `wav,flac`")
        self.licence = licence

    def items(self, root: Path) -> Iterator[Item]:
        """List the audio files, in the order of their names' bytes.

        Raises
        ------
        LayoutError
            If a file does not match the pattern, or a link leads out of the folder.
        """
        paths = sorted(self._paths(root), key=lambda path: _name(path).encode("utf-8", "surrogateescape"))
        if self.pattern is not None:
            self._refuse_strangers(root, [_name(path) for path in paths])
        for path in paths:
            name = _name(path)
            match = self.pattern.fullmatch(name) if self.pattern else None
            found = {key: value for key, value in match.groupdict().items() if value is not None} if match else {}
            split, group = found.pop("split", ""), found.pop("group", "") or name
            folder = name.rpartition("/")[0]
            yield Item(item=name, path=path, group=group, split=split, labels={"folder": folder} | found)

    def _paths(self, root: Path) -> list[PurePosixPath]:
        """Find the audio files; a link that leads to another place within the root is as good as a file."""
        paths, outside = [], []
        for folder, folders, files in os.walk(root, onerror=_refuse):
            folders[:] = [name for name in folders if not name.startswith(".")]
            audio = [name for name in files if not name.startswith(".") and Path(name).suffix.lower() in self.suffixes]
            here = Path(folder)
            outside += [
                here / name
                for name in (*folders, *audio)
                if (here / name).is_symlink() and leads_out(root, relative(here / name, root).as_posix())
            ]
            paths += [relative(here / name, root) for name in audio]
        if outside:
            raise LayoutError(
                f"{root}: holds links that lead out of it ({len(outside)}); the first: {min(outside)}",
                "copy what they point to, or index the folder in which it lies",
            )
        return paths

    def _refuse_strangers(self, root: Path, names: list[str]) -> None:
        assert self.pattern is not None
        strangers = [name for name in names if not self.pattern.fullmatch(name)]
        if strangers:
            raise LayoutError(
                f"{root}: {len(strangers)} of {len(names)} recordings do not match the pattern "
                f"`{self.pattern.pattern}`; the first: `{strangers[0]}`",
                "the pattern must match the whole path without suffix; write `(?:…)` or `.*` for what is no label",
            )


def _name(path: PurePosixPath) -> str:
    """Name an item by its path: macOS hands accents out decomposed, other systems as they were written."""
    return unicodedata.normalize("NFC", path.with_suffix("").as_posix())


def _refuse(error: OSError) -> None:
    raise PlaceError(f"{error.filename}: can't be listed ({error.strerror})", "is it readable for you?") from error

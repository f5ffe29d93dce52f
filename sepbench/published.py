"""What the publishers of a set say of it: where its files are, how long they are, under which terms, and what is wrong.

These are data, not code. They lie in a TOML file beside the reader, ``librispeech.toml`` beside ``librispeech.py``::

    licence_url = "https://creativecommons.org/licenses/by/4.0/"
    bibtex = '''
    @inproceedings{panayotov2015librispeech,
      author = {Panayotov, Vassil and …},
      …
    }'''

    [[files]]
    part = "dev-clean"
    urls = ["https://www.openslr.org/resources/12/dev-clean.tar.gz"]
    bytes = 337926286
    sha256 = "76f87d090650617fca0cac8f88b9416e0ebf80350acb97b343a85fa903728ab3"

    [[errata]]
    items = ["dev-clean/1092_134562_000013_000004"]
    action = "exclude"
    fault = "can't be decoded"
    source = "lhotse, recipes/libritts.py"

A reader from another package may give the same as a `Published` of its own.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from sepbench.catalog import Item

__all__ = ["ACTIONS", "NO_FAULT", "Erratum", "Published", "RemoteFile", "with_errata"]

ACTIONS = ("exclude", "warn", "note")
NO_FAULT = "none"


@dataclass(frozen=True)
class RemoteFile:
    """One file of a set, as its publisher offers it.

    Attributes
    ----------
    urls : sequence of str
        The same file at several places, tried in this order; none where the site asks for a form first.
    part : str
        What ``--part`` calls it; several files may make one part.
    name : str
        By default the last piece of the first URL.
    bytes : int, optional
    sha256, md5 : str
        As published, or as several independent tools have it; empty where nobody says.
    listed_at : str
        Where the publisher's own list has its size and MD5, as a record of Zenodo's API; asked where they are not known
        here.
    into : str
        Folder below the target in which the archive is unpacked; empty for the target itself.
    unpacked_bytes : int, optional
        What the unpacked files take, where it is known.
    unpack : bool
        Whether it is unpacked, rather than kept as it is.
    default : bool
        Whether it is fetched where no part is named.
    """

    urls: Sequence[str] = ()
    part: str = "all"
    name: str = ""
    bytes: int | None = None
    sha256: str = ""
    md5: str = ""
    listed_at: str = ""
    into: str = ""
    unpacked_bytes: int | None = None
    unpack: bool = True
    default: bool = True

    def __post_init__(self) -> None:
        if not self.name and not self.urls:
            raise ValueError("a file needs a URL, or a name where the site asks for a form")
        if not self.name:
            object.__setattr__(self, "name", unquote(urlsplit(self.urls[0]).path.rpartition("/")[2]))
        if self.name in ("", ".", "..") or {"/", "\\"} & {*self.name} or ".." in Path(self.into).parts:
            raise ValueError(f"file `{self.name}` into `{self.into}`: is no name of a file within a folder")

    @property
    def known_hash(self) -> str | None:
        """The sum in the words of pooch, the stronger one where there are two."""
        return f"sha256:{self.sha256}" if self.sha256 else f"md5:{self.md5}" if self.md5 else None


@dataclass(frozen=True)
class Erratum:
    """What is known to be wrong with a set.

    Attributes
    ----------
    fault : str
        What is wrong, in a few words.
    source : str
        Who found it, and where it can be read.
    items : sequence of str
        Names of items, or patterns with ``*``; empty where it is about the set as a whole.
    action : {"exclude", "warn", "note"}
        ``exclude`` leaves the items out, ``warn`` puts the fault into their label `fault`, ``note`` only says so.
    """

    fault: str
    source: str
    items: Sequence[str] = ()
    action: str = "warn"

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise ValueError(f"erratum `{self.fault}`: unknown action `{self.action}`; known are {', '.join(ACTIONS)}")

    def concerns(self, item: str) -> bool:
        """Say whether an item is among those that are faulty."""
        return any(pattern == item or fnmatchcase(item, pattern) for pattern in self.items)


@dataclass(frozen=True)
class Published:
    """What is known of a set without having it.

    Attributes
    ----------
    licence_url : str
        Where the terms can be read in full.
    files : sequence of RemoteFile
    form : str
        What to do where the site wants to know who asks; empty where the files can be fetched as they are.
    afterwards : str
        What remains to be done by hand once the files are there.
    errata : sequence of Erratum
    bibtex : str
        How the authors want to be cited: one entry, in plain ASCII.
    """

    licence_url: str = ""
    files: Sequence[RemoteFile] = ()
    form: str = ""
    afterwards: str = ""
    errata: Sequence[Erratum] = ()
    bibtex: str = ""

    @classmethod
    def beside(cls, module: str) -> Published:
        """Read the TOML file beside a module, given its ``__file__``."""
        content: dict[str, Any] = tomllib.loads(Path(module).with_suffix(".toml").read_text(encoding="utf-8"))
        files = [RemoteFile(**entry) for entry in content.pop("files", ())]
        errata = [Erratum(**entry) for entry in content.pop("errata", ())]
        return cls(**content, files=tuple(files), errata=tuple(errata))

    @property
    def parts(self) -> list[str]:
        """Names of the parts, in the order of the publisher."""
        return list(dict.fromkeys(file.part for file in self.files))


def with_errata(items: Iterable[Item], errata: Sequence[Erratum]) -> Iterator[Item]:
    """Leave out the items that are known to be unusable, and label those that are known to be faulty.

    Where any erratum is a warning, every item has the label `fault`, ``none`` for most: so a recipe may ask for it.
    """
    warnings = [erratum for erratum in errata if erratum.action == "warn"]
    excluded = [erratum for erratum in errata if erratum.action == "exclude"]
    for item in items:
        if any(erratum.concerns(item.item) for erratum in excluded):
            continue
        if warnings:
            faults = "; ".join(erratum.fault for erratum in warnings if erratum.concerns(item.item))
            item = replace(item, labels={**item.labels, "fault": faults or NO_FAULT})
        yield item

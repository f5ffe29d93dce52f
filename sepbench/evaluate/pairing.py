"""Which recordings belong together: by name, never by order."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from sepbench.corpora.folder import Folder
from sepbench.errors import UsageError

__all__ = ["Pair", "Pairing", "paired_files"]

_EXTENSIONS = "wav,flac,ogg,oga,opus,mp3,aiff,aif,au,snd,sph,rf64"
_LISTED = 5  # names in an error


class Pair(NamedTuple):
    """An estimate, and what there is to hold it against; `name` is that of its file, without suffix."""

    name: str
    reference: Path | None
    estimate: Path
    mixture: Path | None


class Pairing(NamedTuple):
    """The pairs in the order of their names, and who has no partner, in words."""

    pairs: tuple[Pair, ...]
    missing: tuple[str, ...]


def paired_files(reference: Path | None, estimate: Path, mixture: Path | None) -> Pairing:
    """Pair two files, or the files of two folders that have the same path below them, whatever their suffixes are.

    Parameters
    ----------
    reference, estimate, mixture : path
        All files, or all folders; one mixture may be that of a whole folder.

    Raises
    ------
    UsageError
        If one is not there, files stand beside folders, two files of a folder have one name, or nothing fits together.
    """
    _refuse_odd(reference, estimate, mixture)
    if not estimate.is_dir():  # what is no regular file is refused where it is read
        return Pairing((Pair(estimate.stem, reference, estimate, mixture),), ())
    estimates = _by_name(estimate)
    references = {} if reference is None else _by_name(reference)
    mixtures = _by_name(mixture) if mixture is not None and mixture.is_dir() else dict.fromkeys(estimates, mixture)
    names = [name for name in estimates if reference is None or name in references]
    missing = [f"`{name}` has no estimate" for name in references if name not in estimates]
    missing += [f"`{name}` has no reference" for name in estimates if reference is not None and name not in references]
    missing += [f"`{name}` has no mixture" for name in names if name not in mixtures]
    pairs = tuple(
        Pair(name, references.get(name), estimates[name], mixtures[name]) for name in sorted(names) if name in mixtures
    )
    if not pairs:
        raise UsageError(
            f"{estimate}: none of {len(estimates)} recordings has a partner; the first: {', '.join(missing[:_LISTED])}",
            "recordings are paired by their path within the folder, without suffix",
        )
    return Pairing(pairs, tuple(missing))


def _refuse_odd(reference: Path | None, estimate: Path, mixture: Path | None) -> None:
    for path in (reference, estimate, mixture):
        if path is not None and not path.exists():
            raise UsageError(f"{path}: there is no such file or folder", "name two recordings, or two folders of them")
    for name, path in (("reference", reference), ("mixture", mixture)):
        shared = name == "mixture" and path is not None and path.is_file()
        if path is not None and path.is_dir() != estimate.is_dir() and not (shared and estimate.is_dir()):
            kinds = ["a folder" if one.is_dir() else "a file" for one in (path, estimate)]
            raise UsageError(
                f"{path}: the {name} is {kinds[0]} but the estimate is {kinds[1]}",
                "name two recordings, or two folders",
            )


def _by_name(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for item in Folder(extensions=_EXTENSIONS).items(folder):
        path = folder / item.path
        if item.item in found:
            raise UsageError(
                f"{folder}: `{found[item.item].name}` and `{path.name}` have the same name", "keep one of them"
            )
        found[item.item] = path
    if not found:
        raise UsageError(f"{folder}: holds no recordings", f"expected files named *.{_EXTENSIONS.replace(',', ', *.')}")
    return found

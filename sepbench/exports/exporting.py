"""Exporting: one folder in the form of another tool, whole or absent, with its card, licences and citations."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from sepbench import __version__, shelf, storage
from sepbench.errors import PlaceError, SepbenchError
from sepbench.exports import cards, citing, licensing
from sepbench.exports.contents import Contents
from sepbench.manifest import Progress

__all__ = ["MARK", "Exported", "Format", "export"]

MARK = "sepbench-export.json"


class Format(Protocol):
    """A form in which another tool opens a corpus; one small file each in `sepbench.exports`.

    Built as ``Class(**options)``. It may have a method ``require()``, which raises `MissingExtraError` where it can't be
    written as things are.

    Attributes
    ----------
    title : str
        What it is, in a line.
    opening : str
        How the export is opened, as Markdown with a block of code; the card shows it.
    """

    title: str
    opening: str

    def write(self, contents: Contents, folder: Path) -> Mapping[str, Any]:
        """Write the mixtures into an empty folder.

        Returns
        -------
        mapping
            What the YAML header of the card says of it; empty for most.
        """
        ...


class Exported(NamedTuple):
    """What an export has: its folder, how many mixtures, how many were left out by status, and how it is opened."""

    folder: Path
    mixtures: int
    left_out: dict[str, int]
    opening: str


def export(
    corpus: Path | str,
    format: str | Format,
    out: Path | str,
    *,
    split: str | None = None,
    force: bool = False,
    options: Mapping[str, str] | None = None,
    catalogs: Mapping[str, Path | str] | None = None,
    progress: Progress | None = None,
    say: Callable[[str], None] | None = None,
) -> Exported:
    """Write a corpus as a folder that another tool opens, with a card, the licences and the BibTeX of its sources.

    The samples are those of the corpus: no audio is decoded or coded again. Mixtures without audio are left out, and
    counted. The folder appears when it is whole.

    Parameters
    ----------
    corpus : path
        Folder of a corpus that `mix` made.
    format : str or Format
        The name of a format (see ``sepbench list exports``), ``module:Class``, or one that was made.
    out : path
        The folder to write.
    split : {"train", "valid", "test"}, optional
        Export one split.
    force : bool
        Replace an earlier export at this place; anything else that lies there is never replaced.
    options : mapping of str to str, optional
        Options of the format, such as ``{"audio": "copy"}``.
    catalogs : mapping of str to path, optional
        The catalog of each set: for transcripts, where the format has a place for them.
    progress : callable, optional
        Called as ``progress(done, total)`` in mixtures.
    say : callable, optional
        Called with a line of text for what one should know.

    Returns
    -------
    Exported

    Raises
    ------
    TableError
        If the corpus was only planned, or none of its mixtures has audio.
    PlaceError
        If the place is taken, or can't be written; what lay there is as before.
    UsageError
        If there is no such format, option or split.
    MissingExtraError
        If the format needs a package that is not installed.

    Examples
    --------
    ::

        sepbench.export("corpora/speech-demo", "huggingface", "speech-demo-hf")
        datasets.load_dataset("speech-demo-hf", split="train")[0]["mixture"]
    """
    form: Format = shelf.made("exports", format, options or {}, kind="format") if isinstance(format, str) else format
    getattr(form, "require", lambda: None)()
    out = Path(out)
    _bring_back(out)
    _refuse_place(out, Path(corpus), force)
    contents = Contents(corpus, split=split, catalogs=catalogs, target=out.resolve(), progress=progress)
    with _appearing(out.resolve()) as folder:
        header = form.write(contents, folder)
        _describe(contents, form, header, folder)
        _refuse_place(out, Path(corpus), force)  # somebody may have taken it meanwhile
    missing = sum(contents.left_out.values())
    if missing and say:
        reasons = ", ".join(f"{count} {status}" for status, count in contents.left_out.items())
        say(f"left out: {missing} of {len(contents.manifest)} mixtures have no audio ({reasons})")
    return Exported(out, len(contents), contents.left_out, form.opening)


def _refuse_place(out: Path, corpus: Path, force: bool) -> None:
    """Refuse a place that is taken; only an earlier export is ever replaced."""
    here, there = out.resolve(), corpus.resolve()
    if here == there or there in here.parents or here in there.parents:
        raise PlaceError(
            f"{out}: an export can't lie in the corpus {corpus}, nor hold it", "name another folder with --out"
        )
    if not os.path.lexists(out):
        return
    if not force:
        raise PlaceError(
            f"{out}: is there already", "name a new folder with --out, or replace an earlier export with --force"
        )
    if not (out / MARK).is_file() or out.is_symlink():
        raise PlaceError(f"{out}: is no export of sepbench, and is not replaced", "take it away yourself, or name a new folder with --out")  # fmt: skip


@contextlib.contextmanager
def _appearing(out: Path) -> Iterator[Path]:
    """Give an empty folder beside the target, which takes its name at the end, or vanishes."""
    aside = out.with_name(f".{out.name}.exporting")
    ours = False  # not before the lock: another run may be writing there
    try:
        with storage.locked(aside):
            ours = True
            _clear(aside)  # of an export that was killed
            yield aside
            _to_disk(aside)
        _replace(aside, out)
    except BaseException as error:
        if ours:
            shutil.rmtree(aside, ignore_errors=True)
        elif not isinstance(error.__cause__, BlockingIOError):
            _forget_lock(aside)
        words = _in_words(out, error)
        if words is error:
            raise
        raise words from error


def _forget_lock(folder: Path) -> None:
    """Take away a folder that was made for a lock, which the disk had no room for."""
    with contextlib.suppress(OSError):
        if [path.name for path in folder.iterdir()] == [".lock"]:
            (folder / ".lock").unlink()
        folder.rmdir()


def _in_words(out: Path, error: BaseException) -> BaseException:
    """Turn what the system refused into an error that names the export, not the place where it was being written."""
    cause = error.__cause__ if isinstance(error, PlaceError) else error
    if not isinstance(cause, OSError) or isinstance(cause, (SepbenchError, BlockingIOError)):
        return error
    reason = os.strerror(cause.errno) if cause.errno else str(cause)
    return PlaceError(
        f"{out}: can't be written ({reason})", "make room, or choose another place with --out; nothing was left there"
    )


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != ".lock":
            path.unlink()


def _to_disk(folder: Path) -> None:
    """Force what was written to the disk, before it has its name; audio that was linked is there already."""
    for path in folder.rglob("*"):
        if path.is_file() and path.stat().st_nlink == 1 and path.name != ".lock":
            with open(path, "rb") as file:
                os.fsync(file.fileno())


def _replace(folder: Path, out: Path) -> None:
    """Give the folder its name; an earlier export goes when the new one is there."""
    if not out.exists():
        os.rename(folder, out)
        return
    old = _replaced(out)
    shutil.rmtree(old, ignore_errors=True)
    os.rename(out, old)
    try:
        os.rename(folder, out)
    except OSError:
        os.rename(old, out)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _replaced(out: Path) -> Path:
    return out.with_name(f".{out.name}.replaced")


def _bring_back(out: Path) -> None:
    """Bring an earlier export back that a run had put aside when it was killed, an instant before the new one had its name."""
    if out.name and not os.path.lexists(out) and (_replaced(out) / MARK).is_file():
        with storage.naming(out):
            os.rename(_replaced(out), out)


def _describe(contents: Contents, form: Format, header: Mapping[str, Any], folder: Path) -> None:
    """Write what every export has: the card, the licences, the citations, and what it is."""
    title = str(contents.manifest.metadata["recipe"].get("title") or contents.name)
    pages = {
        cards.FILE_NAME: cards.written(contents, form.opening, header),
        licensing.FILE_NAME: licensing.licences_page(title, contents.origins),
        citing.FILE_NAME: citing.citations(contents.manifest, contents.origins),
    }
    for name, text in pages.items():
        storage.write_text(folder / name, text)
    storage.write_json(folder / MARK, {
        "format": type(form).__name__, "corpus": contents.name, "corpus_hash": contents.manifest.corpus_hash,
        "split": contents.split, "mixtures": len(contents), "left_out": contents.left_out, "sepbench": __version__,
    })  # fmt: skip

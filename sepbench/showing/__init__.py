"""A corpus as one page to look at and to listen to, before anybody trains on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from sepbench import storage
from sepbench.errors import PlaceError, UsageError
from sepbench.manifest import FILE_NAME, Manifest
from sepbench.recipe import SPLITS
from sepbench.showing.cautions import cautions
from sepbench.showing.examples import heard
from sepbench.showing.page import page
from sepbench.showing.survey import survey

__all__ = ["Shown", "show"]


class Shown(NamedTuple):
    """What `show` has made.

    Attributes
    ----------
    page : Path
        One HTML file that needs nothing else.
    mixtures, examples : int
        How many it is about, and how many can be listened to.
    cautions : tuple of str
        What stands out, as on the page.
    """

    page: Path
    mixtures: int
    examples: int
    cautions: tuple[str, ...]


def show(
    corpus: Path | str,
    out: Path | str | None = None,
    *,
    examples: int = 4,
    split: str | None = None,
    roots: Mapping[str, Path | str] | None = None,
    force: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Shown:
    """Draw what one wants to see of a corpus before training on it, as one HTML page.

    Levels as distributions, what the sources are taken from and how often, labels, licences, what stands out, and a few
    mixtures from the lowest SNR to the highest with spectrograms and players. The manifest is read once, in bounded memory.

    Parameters
    ----------
    corpus : path
        The folder of a corpus, or a manifest. One that was only planned shows what a plan knows.
    out : path, optional
        The page; by default it lies beside the corpus, under its name.
    examples : int
        How many mixtures to listen to. Long ones are cut to 10 s.
    split : {"train", "valid", "test"}, optional
        Show one split.
    roots : mapping of str to path, optional
        The folder of each public set, for examples of a corpus whose audio is not there.
    force : bool
        Replace a page that is there.
    progress : callable, optional
        Called as ``progress(done, total)`` in rows.

    Returns
    -------
    Shown

    Raises
    ------
    UsageError
        If `examples` is negative, the split has no mixtures, or the page has no name of a page.
    TableError
        If the corpus has no manifest, or a damaged one.
    PlaceError
        If the page is there already, or can't be written.
    """
    if examples < 0:
        raise UsageError(f"show: expected at least 0 examples, got {examples}", "ask for 4, say; 0 for none")
    path = Path(corpus)
    place = Path(out) if out is not None else _beside(path)
    _refuse_place(place, force)
    rows = Manifest.read(path).select(split=split)
    if not len(rows):
        raise UsageError(f"{path}: the split `{split}` has no mixtures", f"choose one of {', '.join(SPLITS)}, or all")
    found = survey(rows, progress=progress)
    listened, silent = heard(path, found, examples, split=split, roots=roots or {})
    offsets = [(f"`{signal.name}` of {one.mixture_id}", signal.mean) for one in listened for signal in one.signals]
    said = cautions(found, offsets)
    storage.write_text(place, page(found, listened, cautions=said, silent=silent, split=split))
    return Shown(place, len(rows), len(listened), tuple(said))


def _beside(corpus: Path) -> Path:
    """Name the page of a corpus: not in its folder, which belongs to builds."""
    whole = corpus.resolve()
    whole = whole.parent if whole.name == FILE_NAME else whole
    return whole.with_name(f"{whole.stem if whole.suffix == '.parquet' else whole.name}.html")


def _refuse_place(place: Path, force: bool) -> None:
    if place.suffix.lower() not in (".html", ".htm"):  # with `force` a slip would cost a manifest
        raise UsageError(f"{place}: expected the name of a page", "name it with .html at the end")
    if place.is_dir():
        raise PlaceError(f"{place}: is a folder", "name a file with --out, page.html, say")
    if place.exists() and not force:
        raise PlaceError(f"{place}: is there already", "choose another name with --out, or say --force")

"""Comparison tables that anybody can rebuild: for the terminal, as Markdown, as CSV, and as a static page.

`publish` reads folders of results, refuses to mix what can't be compared, and writes a site that works from the disk:
no server, no network, no script needed to read it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sepbench.errors import PlaceError
from sepbench.leaderboard.board import Board, boards
from sepbench.leaderboard.collect import Result, collect
from sepbench.leaderboard.tables import terminal
from sepbench.storage import write_text

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["Board", "Published", "Result", "boards", "collect", "publish", "terminal"]

MARKER = "sepbench-site.json"  # a folder with it is ours to replace


class Published(NamedTuple):
    """What `publish` has made.

    Attributes
    ----------
    tables : list of rich.table.Table
        One per corpus and target, for the terminal.
    page, markdown, csv : Path
        The files; `page` is the site's ``index.html``.
    """

    tables: list[Table]
    page: Path
    markdown: Path
    csv: Path


def publish(
    results: Path | str | Iterable[Path | str], out: Path | str, *, main: str | None = None, width: int = 110
) -> Published:
    """Write the comparison tables of results, and the page to listen to them, into a folder.

    The same results give the same bytes. The folder is replaced as a whole at the end, or stays as it was.

    Parameters
    ----------
    results : path or iterable of path
        Folders ``RESULTS``, ``RESULTS/<corpus>`` or ``RESULTS/<corpus>/<separator>``, in any mixture.
    out : path
        A new or empty folder, or an earlier site.
    main : str, optional
        The metric to rank by, as it is called in the score table; by default the corpus's own.
    width : int
        Of the tables for the terminal, in characters.

    Raises
    ------
    UsageError
        If there are no results, or two of one corpus differ in its hash or in a metric's version.
    TableError
        If a result is damaged, or contradicts itself.
    PlaceError
        If `out` holds something that is no site of sepbench, or can't be written.

    Notes
    -----
    Ranks are by the mean of the main metric. Neighbours whose paired difference is a tie share a rank. Oracles and
    trivial separators stand below, without one.
    """
    from sepbench.leaderboard.page import write_page

    found = collect([results] if isinstance(results, Path | str) else results)
    tables = boards(found, main=main)
    out = Path(out)
    _refuse_place(out, found)
    with _replaced(out) as folder:
        write_page(tables, folder)
        write_text(folder / MARKER, '{"made_by": "sepbench publish", "site_version": 1}\n')
    return Published(
        [terminal(board, width=width) for board in tables],
        out / "index.html",
        out / "leaderboard.md",
        out / "leaderboard.csv",
    )


def _refuse_place(out: Path, results: list[Result]) -> None:
    if not out.exists():
        return
    if not out.is_dir():
        raise PlaceError(f"{out}: expected a folder, found a file", "choose another place with --out")
    if any(out.iterdir()) and not (out / MARKER).is_file():
        raise PlaceError(
            f"{out}: holds something that is no site of sepbench (no {MARKER})",
            "choose a new or an empty folder with --out",
        )
    for result in results:
        if result.folder.resolve().is_relative_to(out.resolve()):
            raise PlaceError(f"{out}: replacing it would remove {result.folder}", "choose another place with --out")


@contextlib.contextmanager
def _replaced(out: Path) -> Iterator[Path]:
    """Give a folder to build in, which takes the place of `out` at the end, or vanishes."""
    out = out.resolve()
    new, old = (out.with_name(f".{out.name}.{os.getpid()}.{kind}") for kind in ("new", "old"))
    try:
        new.mkdir(parents=True)
        yield new
        if out.exists():
            os.rename(out, old)
        try:
            os.rename(new, out)
        except OSError:
            if old.exists():
                os.rename(old, out)
            raise
    except OSError as error:
        if isinstance(error, PlaceError):
            raise
        raise PlaceError(
            f"{out}: can't be written ({error.strerror or error})", "choose another place with --out"
        ) from error
    finally:
        for folder in (new, old):
            shutil.rmtree(folder, ignore_errors=True)

"""The main job on the bundled recordings: what `sepbench demo` runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sepbench import catalog, mixing
from sepbench.evaluate import score
from sepbench.leaderboard import publish

if TYPE_CHECKING:
    from sepbench.leaderboard import Published

__all__ = ["RECORDINGS", "SETS", "demo"]

RECORDINGS = Path(__file__).parent / "recordings"
SETS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("librispeech", "speech", {}),
    ("esc50", "noise", {}),
    ("folder", "music", {"pattern": "(?P<split>train|test)/(?P<group>[^/]+)/(?P<stem>[^/]+)"}),
)
_JOBS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    (
        "speech-demo",
        ("librispeech", "esc50"),
        ("mixture", "irm", "ibm", "spectral-gate", "conv1d-speech-16k", "unet-speech-16k"),
    ),
    ("vocals-demo", ("folder",), ("mixture", "irm", "ibm", "hpss")),
)
_VERIFIED_ROWS = 8


def demo(
    out: Path | str = "demo-output",
    *,
    workers: int | None = None,
    say: Callable[[str], None] = lambda text: None,
    progress: Callable[[str], AbstractContextManager[Any]] = lambda what: nullcontext(),
) -> Published:
    """Index, mix, verify, score and publish, on the recordings that ship with sepbench.

    Parameters
    ----------
    out : path
        Folder for catalogs, corpora, results and the site. What is there already is not made again.
    workers : int, optional
        Worker processes; all processors by default, 0 for none.
    say : callable, optional
        Called with a line of text before and after each step.
    progress : callable, optional
        Gives a context manager whose value is called as ``progress(done, total)``.

    Returns
    -------
    Published
        The tables, and where the page is.
    """
    out = Path(out)
    begun = time.monotonic()
    catalogs = {name: out / "catalogs" / f"{name}.parquet" for name, _, _ in SETS}
    for name, folder, options in SETS:
        with progress(f"indexing {name}") as show:
            table = catalog.index(
                name, RECORDINGS / folder, catalogs[name], workers=0, options=options, progress=show,
                licences=RECORDINGS / f"{folder}.licences.csv",
            )  # fmt: skip
        say(f"index  {name}: {len(table)} recordings -> {catalogs[name]}")
    for recipe, sets, separators in _JOBS:
        corpus = out / "corpora" / recipe
        with progress(f"mixing {recipe}") as show:
            manifest = mixing.mix(
                recipe, corpus, catalogs={name: catalogs[name] for name in sets}, workers=workers, progress=show
            )
        say(f"mix    {recipe}: {len(manifest)} mixtures -> {corpus}")
        with progress(f"verifying {recipe}") as show:
            found = mixing.verify(corpus, limit=_VERIFIED_ROWS, workers=0, progress=show)
        say(f"verify {recipe}: {found.rows} rows remade, {len(found.differences)} differences")
        with progress(f"scoring {recipe}") as show:
            folders = score(separators, corpus, out / "results", workers=workers, progress=show)
        say(f"score  {recipe}: {len(folders)} separators -> {folders[0].parent}")
    published = publish([out / "results"], out / "site")
    say(f"done in {time.monotonic() - begun:.0f} s; everything is in {out}")
    return published

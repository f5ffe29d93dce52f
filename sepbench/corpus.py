"""Reading a corpus: the same examples from rendered audio or made on the fly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepbench import mixing
from sepbench.audio import Ints, read_pcm
from sepbench.errors import TableError
from sepbench.manifest import FILE_NAME, Manifest
from sepbench.mixing.recordings import Recordings
from sepbench.mixing.roots import find_roots

__all__ = ["Corpus", "Example"]

Signal = NDArray[np.float32]


@dataclass(frozen=True)
class Example:
    """A mixture and its sources.

    Attributes
    ----------
    mixture_id : str
    mixture : ndarray of float32, shape (channel, time)
        The stored integers divided by full scale; read-only.
    sources : dict of str to ndarray of float32, shape (channel, time)
        They sum up to the mixture.
    sample_rate : int
        In Hz.
    row : dict
        The row of the manifest.
    """

    mixture_id: str
    mixture: Signal
    sources: dict[str, Signal]
    sample_rate: int
    row: dict[str, Any]

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the sources that the task asks for."""
        return tuple(dict.fromkeys(s["name"] for s in self.row["sources"] if s["role"] == "target"))


class Corpus:
    """The mixtures of a corpus folder, in the order of its manifest.

    Parameters
    ----------
    path : path
        The folder of the corpus.
    split : str, optional
        Keep one split.
    roots : mapping of str to path, optional
        The folder of each public set, for rows that are made on the fly.
    on_the_fly : bool, optional
        Render each example from its sources instead of reading its files. By default files are read where the corpus
        was rendered. The samples are the same.

    Notes
    -----
    Rows without audio (a silent excerpt, a source that is gone) are not examples; `skipped` counts them.

    Examples
    --------
    ::

        corpus = sepbench.Corpus("corpora/speech-demo", split="test")
        example = corpus[0]
        example.mixture, example.sources["speech"]
    """

    def __init__(
        self,
        path: Path | str,
        *,
        split: str | None = None,
        roots: Mapping[str, Path | str] | None = None,
        on_the_fly: bool | None = None,
    ) -> None:
        self.path = Path(path)
        whole = Manifest.read(self.path)
        self.manifest = whole.select(split=split)
        rendered = "corpus_hash" in whole.metadata
        self.on_the_fly = not rendered if on_the_fly is None else on_the_fly
        if not self.on_the_fly and not rendered:
            raise TableError(f"{self.path / FILE_NAME}: the corpus was planned but not rendered", "run `sepbench mix`")
        rows = list(self.manifest)
        self._rows = [row for row in rows if row["proof"] is None or row["proof"]["status"] == "ok"]
        self.skipped = len(rows) - len(self._rows)
        self._given_roots = dict(roots or {})
        self._recordings: Recordings | None = None

    @property
    def name(self) -> str:
        """Name of the recipe."""
        return self.manifest.name

    @property
    def corpus_hash(self) -> str:
        """Hash of the whole corpus, whatever the split."""
        return self.manifest.corpus_hash

    def __len__(self) -> int:
        return len(self._rows)

    def places(self) -> dict[str, int]:
        """Give the index of each mixture by its id."""
        return {row["mixture_id"]: place for place, row in enumerate(self._rows)}

    def __iter__(self) -> Iterator[Example]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> Example:
        row = self._rows[index]
        mixture, stems = self._render(row) if self.on_the_fly else self._read(row)
        scale = np.float32(2.0 ** (1 - row["bits"]))
        sources = {name: _as_floats(stem, scale) for name, stem in stems.items()}
        return Example(row["mixture_id"], _as_floats(mixture, scale), sources, row["sample_rate"], row)

    def _read(self, row: Mapping[str, Any]) -> tuple[Ints, dict[str, Ints]]:
        container = self.manifest.metadata["container"]

        def read(name: str) -> Ints:
            return read_pcm(mixing.audio_path(self.path, row, name, container)).samples

        return read("mixture"), {stem["name"]: read(stem["name"]) for stem in row["proof"]["stems"]}

    def _render(self, row: dict[str, Any]) -> tuple[Ints, dict[str, Ints]]:
        if self._recordings is None:
            sets = sorted({source["set"] for row in self._rows for source in row["sources"]})
            roots = find_roots(sets, self._given_roots, self.manifest.metadata.get("root_hints", {}))
            self._recordings = Recordings(roots)
        rendered = mixing.render(row, self._recordings)
        if rendered.proof["status"] != "ok":
            raise TableError(f"{row['mixture_id']}: {rendered.proof['reason']}", "run `sepbench verify` on the corpus")
        return rendered.mixture, rendered.stems


def _as_floats(samples: Ints, scale: np.float32) -> Signal:
    signal = samples.astype(np.float32) * scale  # exact: 24 bits fit into the mantissa
    signal.flags.writeable = False
    return signal

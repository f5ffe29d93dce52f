"""Reading a corpus: the same examples from rendered audio or made on the fly, one by one or in batches."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepbench import catalog, mixing
from sepbench import recipe as recipes
from sepbench.audio import read_pcm
from sepbench.draws import Draws, draws_for
from sepbench.errors import SignalError, TableError, UnknownNameError, UsageError, did_you_mean
from sepbench.manifest import FILE_NAME, Manifest, stems_of
from sepbench.mixing.packing import Pack, cache_folder
from sepbench.mixing.recordings import Recordings
from sepbench.mixing.rendering import render_into
from sepbench.mixing.roots import find_roots

__all__ = ["Batches", "Corpus", "Example"]

Signal = NDArray[np.float32]
_KEPT_ROWS = 1 << 14


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
        Make each example from its recordings instead of reading its files. By default files are read where the corpus
        was rendered. The samples are the same.
    catalogs : mapping of str to path, optional
        The catalog of each set, for other epochs than 0.
    cache : path, optional
        Folder of packs, as for `sepbench.mix`; recordings that are in its pack are read from there.

    Notes
    -----
    Rows without audio (a silent excerpt, a source that is gone) are not examples; `skipped` counts them.

    It may be pickled and sent to the workers of a torch ``DataLoader``: files are opened where they are read.

    Examples
    --------
    ::

        corpus = sepbench.Corpus("corpora/speech-demo", split="test")
        example = corpus[0]
        example.mixture, example.sources["speech"]

        loader = torch.utils.data.DataLoader(corpus.batches(16), batch_size=None, num_workers=2)
        for batch in loader:
            batch["mixture"], batch["sources"]["speech"]
    """

    def __init__(
        self,
        path: Path | str,
        *,
        split: str | None = None,
        roots: Mapping[str, Path | str] | None = None,
        on_the_fly: bool | None = None,
        catalogs: Mapping[str, Path | str] | None = None,
        cache: Path | str | None = None,
    ) -> None:
        self.path = Path(path)
        self.split = split
        whole = Manifest.read(self.path)
        rendered = "corpus_hash" in whole.metadata
        self.on_the_fly = not rendered if on_the_fly is None else on_the_fly
        if not self.on_the_fly and not rendered:
            raise TableError(f"{self.path / FILE_NAME}: the corpus was planned but not rendered", "run `sepbench mix`")
        self.manifest = whole.select(split=split)
        if split is not None and len(self.manifest) == 0 and split not in recipes.SPLITS:
            hint = did_you_mean(split, recipes.SPLITS, kind="splits")
            raise UnknownNameError(f"{self.path}: unknown split `{split}`", hint)
        self.epoch = 0
        self._places = _places_with_audio(self.manifest)
        self.skipped = len(self.manifest) - len(self._places)
        self._given_roots = dict(roots or {})
        self._catalogs = dict(catalogs or {})
        self._cache = Path(cache) if cache else cache_folder()
        self._drawn: mixing.Plan | None = None
        self._forget()

    def _forget(self) -> None:
        """Drop what belongs to this process: open files and rows that were read."""
        self._rows: OrderedDict[int, dict[str, Any]] = OrderedDict()
        self._recordings: Recordings | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_rows", "_recordings")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._forget()

    @property
    def name(self) -> str:
        """Name of the recipe."""
        return self.manifest.name

    @property
    def corpus_hash(self) -> str:
        """Hash of the whole corpus, whatever the split."""
        return self.manifest.corpus_hash

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """Names of all sources that a mixture may have, in the order of the recipe."""
        return recipes.parse(self.manifest.metadata["recipe"], where=self.name).stems

    def __len__(self) -> int:
        return len(self._places)

    def places(self) -> dict[str, int]:
        """Give the index of each mixture by its id."""
        return {self._row(place)["mixture_id"]: place for place in range(len(self))}

    def __iter__(self) -> Iterator[Example]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> Example:
        row = self._row(index)
        mixture, sources = self._audio(row)
        for signal in (mixture, *sources.values()):
            signal.flags.writeable = False
        return Example(row["mixture_id"], mixture, sources, row["sample_rate"], row)

    def set_epoch(self, epoch: int) -> None:
        """Draw all mixtures anew, as the recipe says, under the key of an epoch; 0 is the manifest.

        Number and ids of the mixtures stay. Any epoch can be had at any time: none depends on another.

        Raises
        ------
        UsageError
            If the corpus was opened without the catalogs that drawing takes.
        """
        if epoch and "listed" in self.manifest.metadata["recipe"]:
            raise UsageError(f"{self.path}: its mixtures are those of a list: nothing is drawn", "stay at epoch 0")
        if epoch and self._drawn is None and not self._catalogs:
            raise UsageError(
                f"{self.path}: mixtures of epoch {epoch} are drawn from the catalogs, which are not known",
                'name them: Corpus(path, catalogs={"SET": "FILE", …})',
            )
        self.epoch = epoch
        if epoch:
            self._drawn = self._drawn.at_epoch(epoch) if self._drawn is not None else self._plan(epoch)
        self._rows.clear()

    def _plan(self, epoch: int) -> mixing.Plan:
        recipe = recipes.parse(self.manifest.metadata["recipe"], where=self.name)
        tables = {name: catalog.read(path) for name, path in self._catalogs.items()}
        return mixing.Plan(recipe, tables, seed=self.manifest.metadata["seed"], epoch=epoch)

    @property
    def _first(self) -> int:
        """Place of the split's first row in the whole plan."""
        counts = self.manifest.metadata["recipe"]["splits"]
        splits = [split for split in recipes.SPLITS if split in counts]
        before = splits[: splits.index(self.split)] if self.split in splits else []
        return sum(counts[split] for split in before)

    def batches(
        self, size: int, *, shuffle: bool = True, segment_s: float | None = None, drop_last: bool = True
    ) -> Batches:
        """Give whole batches, for a torch ``DataLoader`` with ``batch_size=None`` or any loop; see `Batches`."""
        return Batches(self, size, shuffle=shuffle, segment_s=segment_s, drop_last=drop_last)

    def batch(
        self, indices: Sequence[int], *, segment: int | None = None, starts: Sequence[int] | None = None
    ) -> dict[str, Any]:
        """Give several mixtures in arrays.

        Parameters
        ----------
        indices : sequence of int
        segment : int, optional
            Keep so many samples of each; shorter mixtures are followed by silence.
        starts : sequence of int, optional
            Where each segment begins; 0 by default.

        Returns
        -------
        dict
            ``mixture``: float32 array of shape (batch, channel, time); ``sources``: the same for each source by name, silence
            where a mixture does not have it; ``mixture_id``: list of str.

        Raises
        ------
        SignalError
            If the mixtures have several lengths, and no segment is asked for.
        """
        rows = [self._row(index) for index in indices]
        lengths = {row["frames"] for row in rows}
        if segment is None and len(lengths) > 1:
            raise SignalError(
                f"{self.path}: the mixtures of a batch have lengths of {min(lengths)} to {max(lengths)} samples",
                "ask for segments of one length, with segment_s, or for batches of one",
            )
        frames = segment or lengths.pop()
        names = self.sources
        # one array: the larger it is, the fewer and larger are the pages that the system has to find
        whole = np.empty((1 + len(names), len(rows), rows[0]["channels"], frames), np.float32)
        mixture, sources = whole[0], dict(zip(names, whole[1:], strict=True))
        for at, row in enumerate(rows):
            there = stems_of(row)
            for name in set(names) - set(there):
                sources[name][at] = 0
            into = mixture[at], {name: signal[at] for name, signal in sources.items() if name in there}
            if segment is None:
                self._audio(row, into)
            else:
                start = starts[at] if starts is not None else 0
                mixed, stems = self._audio(row)
                for part, signal in ((into[0], mixed), *((into[1][name], stem) for name, stem in stems.items())):
                    cut = signal[:, start : start + segment]
                    part[:, : cut.shape[1]] = cut
                    part[:, cut.shape[1] :] = 0
        return {"mixture": mixture, "sources": sources, "mixture_id": [row["mixture_id"] for row in rows]}

    def _row(self, index: int) -> dict[str, Any]:
        place = self._places[range(len(self))[index]]
        row = self._rows.get(place)
        if row is None:
            if self.epoch and self._drawn is not None:
                row = self._drawn.row(self._first + int(place))
            else:
                row = self.manifest[int(place)]
            self._rows[place] = row
            if len(self._rows) > _KEPT_ROWS:
                self._rows.popitem(last=False)
        return row

    def _audio(
        self, row: Mapping[str, Any], into: tuple[Signal, dict[str, Signal]] | None = None
    ) -> tuple[Signal, dict[str, Signal]]:
        """Give mixture and sources as floats, in the given arrays or new ones."""
        if into is None:
            shape = (row["channels"], row["frames"])
            into = np.empty(shape, np.float32), {name: np.empty(shape, np.float32) for name in stems_of(row)}
        if self.on_the_fly or self.epoch:
            self._render(row, into)
        else:
            self._read(row, into)
        return into

    def _read(self, row: Mapping[str, Any], into: tuple[Signal, dict[str, Signal]]) -> None:
        container = self.manifest.metadata["container"]
        scale = np.float32(2.0 ** (1 - row["bits"]))  # exact: 24 bits fit into the mantissa
        for name, signal in (("mixture", into[0]), *into[1].items()):
            path = mixing.audio_path(self.path, row, name, container)
            samples = read_pcm(path).samples
            if samples.shape != signal.shape:
                raise TableError(
                    f"{path}: has shape {samples.shape}, the manifest says {signal.shape}", "run `sepbench verify`"
                )
            np.multiply(samples, scale, out=signal, casting="unsafe")

    def _render(self, row: Mapping[str, Any], into: tuple[Signal, dict[str, Signal]]) -> None:
        if self._recordings is None:
            self._recordings = self._open()
        reason = render_into(row, self._recordings, into[1], into[0])
        if reason:
            raise TableError(f"{row['mixture_id']}: {reason}", "run `sepbench verify` on the corpus")

    def _open(self) -> Recordings:
        roots = find_roots(self.manifest.sets, self._given_roots, self.manifest.metadata.get("root_hints", {}))
        pack = Pack(self._cache)
        return Recordings(roots, pack if len(pack) else None)


def _places_with_audio(manifest: Manifest) -> NDArray[np.int64]:
    """Give the places of the rows that are examples: planned, or rendered with success."""
    import pyarrow.compute as pc

    if "corpus_hash" not in manifest.metadata:
        return np.arange(len(manifest))
    usable = [np.asarray(pc.equal(pc.struct_field(batch["proof"], "status"), "ok")) for batch in manifest.batches()]
    return np.flatnonzero(np.concatenate([np.zeros(0, bool), *usable]))


class Batches:
    """Whole batches of a corpus, in an order of their own.

    Parameters
    ----------
    corpus : Corpus
    size : int
        Mixtures in a batch.
    shuffle : bool
        Deal the mixtures anew in each epoch, under a key of corpus, split and epoch.
    segment_s : float, optional
        Cut a segment of so many seconds out of each mixture, at a place drawn under the same key; what is shorter is
        followed by silence.
    drop_last : bool
        Leave out the last batch where it is not full.

    Notes
    -----
    ``batches[k]`` depends on k and the epoch alone, so it does not matter which worker makes it, and training goes on
    after a stop where it was. It is a map-style dataset for torch::

        batches = corpus.batches(16, segment_s=4)
        loader = torch.utils.data.DataLoader(batches, batch_size=None, num_workers=2)
        for epoch in range(10):
            batches.set_epoch(epoch)
            for batch in loader:
                ...

    With ``persistent_workers=True`` workers keep the epoch that they began with: leave it out.
    """

    def __init__(
        self,
        corpus: Corpus,
        size: int,
        *,
        shuffle: bool = True,
        segment_s: float | None = None,
        drop_last: bool = True,
    ) -> None:
        if size < 1:
            raise UsageError(f"batches: expected a size of at least 1, got {size}", "ask for 16, say")
        self.corpus, self.size, self.shuffle, self.drop_last = corpus, size, shuffle, drop_last
        self.segment_s = segment_s
        self._order = self._dealt()

    def __len__(self) -> int:
        return len(self.corpus) // self.size if self.drop_last else -(-len(self.corpus) // self.size)

    def set_epoch(self, epoch: int, *, redraw: bool = True) -> None:
        """Go to an epoch: another order, and with `redraw` other mixtures (see `Corpus.set_epoch`)."""
        if redraw:
            self.corpus.set_epoch(epoch)
        self._epoch = epoch
        self._order = self._dealt()

    _epoch = 0

    def __getitem__(self, index: int) -> dict[str, Any]:
        at = range(len(self))[index] * self.size
        chosen = self._order[at : at + self.size].tolist()
        if self.segment_s is None:
            return self.corpus.batch(chosen)
        rows = [self.corpus._row(one) for one in chosen]
        segment = round(self.segment_s * rows[0]["sample_rate"])
        starts = [self._draws(row["mixture_id"]).between(0, max(0, row["frames"] - segment)) for row in rows]
        return self.corpus.batch(chosen, segment=segment, starts=starts)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[index] for index in range(len(self)))

    def _draws(self, item: str) -> Draws:
        metadata = self.corpus.manifest.metadata
        recipe, seed = metadata["recipe"], metadata["seed"]
        return draws_for(recipe["name"], recipe["version"], seed, self.corpus.split or "", item, "batches", self._epoch)

    def _dealt(self) -> NDArray[np.int64]:
        numbers = [str(number) for number in range(len(self.corpus))]
        return np.array(self._draws("").shuffled(numbers) if self.shuffle else numbers, dtype=np.int64)

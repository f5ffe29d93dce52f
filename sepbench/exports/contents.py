"""What of a corpus goes into an export: the mixtures that have audio, where it lies, and what is left out."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sepbench.errors import PlaceError, TableError, UsageError, did_you_mean
from sepbench.exports import transcripts
from sepbench.exports.origins import Origin, origins
from sepbench.manifest import FILE_NAME, Manifest, Progress
from sepbench.mixing import audio_path
from sepbench.recipe import SPLITS

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["MIXTURE", "Contents", "Share"]

MIXTURE = "mixture"


class Share(NamedTuple):
    """What one split has: mixtures, seconds, and the lowest, mean and highest achieved SNR, where there is one."""

    mixtures: int
    seconds: float
    snr_db: tuple[float, float, float] | None


class Contents:
    """The mixtures of a corpus that have audio.

    Parameters
    ----------
    corpus : path
        Folder of a corpus that was rendered, or the manifest in it.
    split : str, optional
        Keep one split.
    catalogs : mapping of str to path, optional
        The catalog of each set, for transcripts.
    target : path, optional
        Where the export will lie in the end; formats write it under another name first.
    progress : callable, optional
        Called as ``progress(done, total)`` in mixtures.

    Attributes
    ----------
    left_out : dict of str to int
        How many mixtures have no audio, by their status.

    Raises
    ------
    TableError
        If nothing was rendered.
    UsageError
        If the corpus has no such split.
    """

    def __init__(
        self,
        corpus: Path | str,
        *,
        split: str | None = None,
        catalogs: Mapping[str, Path | str] | None = None,
        target: Path | str = "",
        progress: Progress | None = None,
    ) -> None:
        self.corpus = Path(corpus).parent if Path(corpus).is_file() else Path(corpus)
        self.target = Path(target)
        whole = Manifest.read(self.corpus)
        if "corpus_hash" not in whole.metadata:
            raise TableError(f"{self.corpus / FILE_NAME}: was planned but not rendered: there is no audio to export",
                             f"run `sepbench mix {self.corpus} --out FOLDER`, and export that")  # fmt: skip
        self.manifest = whole.select(split=split)
        self.split = split
        if split and not len(self.manifest):
            raise UsageError(f"{self.corpus}: has no mixtures in the split `{split}`",
                             did_you_mean(split, whole.metadata["recipe"]["splits"], kind="splits"))  # fmt: skip
        self.left_out = dict(sorted(Counter(one.status for one in self.manifest.failures()).items()))
        self._progress = progress
        self._catalogs = dict(catalogs or {})
        if not len(self):
            raise TableError(f"{self.corpus}: none of its {len(self.manifest)} mixtures has audio",
                             "the manifest says why: `sepbench mix` makes those again that can be made")  # fmt: skip

    def __len__(self) -> int:
        return len(self.manifest) - sum(self.left_out.values())

    @property
    def name(self) -> str:
        """Name of the recipe."""
        return self.manifest.name

    @property
    def container(self) -> str:
        """Suffix of the audio files."""
        return str(self.manifest.metadata["container"])

    def batches(self, split: str | None = None) -> Iterator[pa.RecordBatch]:
        """Give the rows that have audio, in the order of the manifest; those of one split where it is named."""
        import pyarrow.compute as pc

        manifest = self.manifest.select(split=split) if split else self.manifest
        for batch in manifest.batches(1024):
            yield batch.filter(pc.equal(pc.struct_field(batch["proof"], "status"), "ok"))

    def rows(self, split: str | None = None) -> Iterator[dict[str, Any]]:
        """Give the rows that have audio one by one, those of one split where it is named, and say how far it is."""
        done = sum(self.shares[one].mixtures for one in self._before(split))
        for batch in self.batches(split):
            for row in batch.to_pylist():
                yield row
                done += 1
                if self._progress:
                    self._progress(done, len(self))

    def _before(self, split: str | None) -> list[str]:
        return self.splits[: self.splits.index(split)] if split in self.splits else []

    @cached_property
    def shares(self) -> dict[str, Share]:
        """What each split has, in the order of train, valid, test."""
        import pyarrow as pa
        import pyarrow.compute as pc

        parts = [
            pa.table({
                "split": batch["split"], "seconds": pc.divide(pc.cast(batch["frames"], "double"), batch["sample_rate"]),
                "snr": pc.struct_field(batch["proof"], "achieved_snr_db"),
            })
            for batch in self.batches()
        ]  # fmt: skip
        sums = [("seconds", "sum"), ("seconds", "count"), ("snr", "min"), ("snr", "mean"), ("snr", "max")]
        found = {row["split"]: row for row in pa.concat_tables(parts).group_by("split").aggregate(sums).to_pylist()}
        return {split: _share(found[split]) for split in SPLITS if split in found}

    @property
    def splits(self) -> list[str]:
        """The splits that have mixtures."""
        return list(self.shares)

    @cached_property
    def stems(self) -> dict[str, str]:
        """The role of each stem that a mixture may have, in the order in which they come."""
        import pyarrow.compute as pc

        found: dict[str, str] = {}
        for batch in self.batches():
            each = pc.struct_field(batch["proof"], "stems").flatten()
            names, roles = (pc.struct_field(each, key).to_pylist() for key in ("name", "role"))
            for name, role in zip(names, roles, strict=True):
                found.setdefault(name, role)
        return found

    @cached_property
    def sample_rate(self) -> int | None:
        """In Hz; none where mixtures that somebody else made have several."""
        rates = {rate for batch in self.batches() for rate in batch["sample_rate"].unique().to_pylist()}
        return int(rates.pop()) if len(rates) == 1 else None

    @cached_property
    def origins(self) -> list[Origin]:
        """The public sets that went in."""
        return origins(self.batches(), transcripts.versions(self._catalogs))

    @cached_property
    def transcripts(self) -> dict[tuple[str, str], transcripts.Transcript]:
        """What is said in the recordings, by set and item; empty without catalogs."""
        return transcripts.read(self._catalogs)

    def audio(self, row: Mapping[str, Any], name: str = MIXTURE) -> Path:
        """Say where the audio of a row lies in the corpus.

        Raises
        ------
        PlaceError
            If it is not there.
        """
        path = audio_path(self.corpus, row, name, self.container)
        if not path.is_file():
            raise PlaceError(f"{path}: is not there, though the manifest says that it was made",
                             "see what else is gone with `sepbench verify`, or make the corpus again")  # fmt: skip
        return path

    def bring(self, row: Mapping[str, Any], name: str, folder: Path, audio: str) -> str:
        """Bring the audio of a row into an export, under ``audio/``, and say where it lies.

        Parameters
        ----------
        row : mapping
        name : str
            A stem, or ``mixture``.
        folder : path
            Where the export is being written.
        audio : {"link", "copy", "refer"}
            A hard link, or a copy where the file system has none; a copy; or nothing, but the corpus's own file.

        Returns
        -------
        str
            The path relative to the export; with ``refer`` the absolute one in the corpus.
        """
        source = self.audio(row, name)
        if audio == "refer":
            return str(source.resolve())
        relative = source.relative_to(self.corpus)
        _place(source, folder / relative, audio)
        return relative.as_posix()


def _share(row: Mapping[str, Any]) -> Share:
    ratios = (row["snr_min"], row["snr_mean"], row["snr_max"])
    return Share(row["seconds_count"], row["seconds_sum"], None if None in ratios else ratios)


def _place(source: Path, target: Path, audio: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if audio == "link":
        try:
            os.link(source, target)
            return
        except OSError:
            pass  # another disk, or a file system without links
    shutil.copyfile(source, target)

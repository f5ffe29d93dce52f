"""WHAM! noise: 82 hours of background noise of cafés, restaurants and bars, 16 kHz, two microphones.

References
----------
G. Wichern et al.: "WHAM!: Extending speech separation to noisy environments", Interspeech 2019.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sepbench.catalog import Item
from sepbench.corpora import misplaced, read_csv, refuse_gaps, relative, require, top_folder, visible
from sepbench.published import Published

__all__ = ["WhamNoise"]

_SPLITS = ("tr", "cv", "tt")
_LABELS = {
    "Noise Band": "band", "File ID": "recording", "L to R Width (cm)": "width_cm", "Reverberation Level": "reverberation",
    "Location ID": "location", "Location Day ID": "location_day",
}  # fmt: skip


class WhamNoise:
    """The reader of WHAM! noise; a group is what was recorded at one go, which its `File ID` names."""

    name = "wham-noise"
    version = "1.0"
    title = "WHAM! noise"
    url = "https://wham.whisper.ai/"
    licence = "CC-BY-NC-4.0"
    layout = "wham_noise/{tr,cv,tt}/*.wav, with metadata/noise_meta_{tr,cv,tt}.csv"
    published = Published.beside(__file__)

    def items(self, root: Path) -> Iterator[Item]:
        """List the noises of the splits that are there.

        Raises
        ------
        LayoutError
            If there is none, or a split and its table do not fit together.
        """
        top = top_folder(self, root, names=("wham_noise",), marks=tuple(f"{split}/" for split in _SPLITS))
        for split in (split for split in _SPLITS if (top / split).is_dir()):
            table = f"metadata/noise_meta_{split}.csv"
            require(self, top, table)
            rows = read_csv(top / table, columns=("utterance_id", *_LABELS))
            paths = [top / split / f"{row['utterance_id'].removesuffix('.wav')}.wav" for row in rows]
            if not visible(top / split, "*.wav"):
                raise misplaced(self, top / split, "`*.wav`")
            refuse_gaps(self, top / table, paths, visible(top / split, "*.wav"))
            for row, path in zip(rows, paths, strict=True):
                labels = {label: row[name] for name, label in _LABELS.items()}
                yield Item(f"{split}/{path.stem}", relative(path, root), labels["recording"], split, labels)

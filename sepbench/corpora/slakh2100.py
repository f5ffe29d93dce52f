"""Slakh2100: 2100 MIDI songs rendered with sampled instruments, with their mixture and all stems, 44.1 kHz mono.

References
----------
E. Manilow, G. Wichern, P. Seetharaman, J. Le Roux: "Cutting music source separation some Slakh: A dataset to study the
impact of training data quality and quantity", WASPAA 2019.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sepbench.catalog import Item
from sepbench.corpora import misplaced, read_yaml, relative, require, top_folder, visible
from sepbench.errors import LayoutError
from sepbench.published import Published, with_errata

__all__ = ["Slakh2100"]

_SPLITS = {"train": "train", "validation": "valid", "test": "test", "omitted": "omitted"}
_NAMES = ("slakh2100_flac_redux", "slakh2100_flac", "slakh2100", "babyslakh_16k", "babyslakh")


class Slakh2100:
    """The reader of Slakh2100: redux, the first edition, and BabySlakh.

    The group is the MIDI file. In the first edition some of these are in two splits, so a corpus of it may be refused;
    redux moved them to `omitted`.
    """

    name = "slakh2100"
    version = "redux"
    title = "Slakh2100"
    url = "https://doi.org/10.5281/zenodo.4599666"
    licence = "CC-BY-4.0"
    layout = (
        "slakh2100_flac_redux/SPLIT/Track00001/{mix.flac,metadata.yaml,stems/S00.flac}; BabySlakh has no SPLIT and WAVs"
    )
    published = Published.beside(__file__)

    def items(self, root: Path) -> Iterator[Item]:
        """List the mixtures and stems.

        Raises
        ------
        LayoutError
            If there are no tracks, or one's stems are not those that its metadata name.
        """
        top = top_folder(self, root, names=_NAMES, marks=("*/Track*/", "Track*/"))
        baby = bool(visible(top, "Track*/"))
        if baby and any((top / split).is_dir() for split in _SPLITS):
            raise LayoutError(
                f"{top}: holds BabySlakh, `Track…/`, and splits of Slakh2100 at once",
                "keep each in a folder of its own: the tracks of the one are in the other",
            )
        self.version = "baby" if baby else "redux" if (top / "omitted").is_dir() or "redux" in top.name else "1"
        yield from with_errata(self._tracks(root, top, baby), self.published.errata)

    def _tracks(self, root: Path, top: Path, baby: bool) -> Iterator[Item]:
        if not baby:
            require(self, top, *(f"{folder}/" for folder in _SPLITS if folder != "omitted"))
        for folder, split in ((top, ""),) if baby else ((top / name, split) for name, split in _SPLITS.items()):
            for track in visible(folder, "Track*/"):
                yield from self._track(root, track, split)

    def _track(self, root: Path, track: Path, split: str) -> Iterator[Item]:
        require(self, track, "metadata.yaml", "stems/")
        facts = read_yaml(track / "metadata.yaml")
        group, stems = str(facts.get("UUID") or track.name), facts.get("stems")
        mixtures = visible(track, "mix.*")
        if not mixtures:
            raise misplaced(self, track, "`mix.flac` or `mix.wav`")
        if not isinstance(stems, dict) or not all(isinstance(stem, dict) for stem in stems.values()):
            raise LayoutError(f"{track / 'metadata.yaml'}: names no stems", "unpack the archive again")
        labels = {"track": track.name}
        yield Item(f"{track.name}/mixture", relative(mixtures[0], root), group, split, labels | {"stem": "mixture"})
        rendered = {name: stem for name, stem in stems.items() if stem.get("audio_rendered")}
        for name, stem in sorted(rendered.items()):
            path = track / "stems" / f"{name}{mixtures[0].suffix}"
            require(self, track / "stems", path.name)
            own = {
                "stem": name, "instrument": stem.get("inst_class"), "program": stem.get("midi_program_name"),
                "drums": bool(stem.get("is_drum")),
            }  # fmt: skip
            own_labels = {key: str("" if value is None else value) for key, value in own.items()}
            yield Item(f"{track.name}/{name}", relative(path, root), group, split, labels | own_labels)

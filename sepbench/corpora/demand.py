"""DEMAND: 18 environments of 5 minutes, recorded by an array of 16 microphones, 48 kHz and 16 kHz.

References
----------
J. Thiemann, N. Ito, E. Vincent: "The Diverse Environments Multi-channel Acoustic Noise Database (DEMAND)", Proceedings
of Meetings on Acoustics 19, 2013.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sepbench.catalog import Item
from sepbench.corpora import relative, require, top_folder, visible
from sepbench.errors import UsageError
from sepbench.published import Published, with_errata

__all__ = ["Demand"]

_CATEGORIES = {"D": "domestic", "N": "nature", "O": "office", "P": "public", "S": "street", "T": "transportation"}
_CHANNELS = tuple(str(number) for number in range(1, 17))
# Valentini-Botinhao et al., "Investigating RNN-based speech enhancement methods for noise-robust TTS", SSW 2016, sec. 4
_VOICEBANK = {
    "train": ("DKITCHEN", "OMEETING", "PCAFETER", "PRESTO", "PSTATION", "STRAFFIC", "TCAR", "TMETRO"),
    "test": ("DLIVING", "OOFFICE", "SCAFE", "SPSQUARE", "TBUS"),
}


class Demand:
    """The reader of DEMAND.

    The label `voicebank` says whether an environment is in the training or the test of VoiceBank-DEMAND, else ``none``.

    Parameters
    ----------
    channel : str
        Which microphone of the array, from 1 to 16. One only: all heard the same at the same time.
    """

    name = "demand"
    version = "1.0"
    title = "DEMAND"
    url = "https://doi.org/10.5281/zenodo.1227121"
    licence = "CC-BY-SA-3.0"  # of the document in the record; the record itself says CC-BY-4.0: the stricter one counts
    layout = "DEMAND/ENVIRONMENT/ch01.wav … ch16.wav, with ENVIRONMENT as in DKITCHEN"
    published = Published.beside(__file__)

    def __init__(self, channel: str = "1") -> None:
        if channel not in _CHANNELS:
            raise UsageError(f"demand: unknown channel `{channel}`", "known are 1 to 16")
        self.channel = channel

    def items(self, root: Path) -> Iterator[Item]:
        """List the environments that are there.

        Raises
        ------
        LayoutError
            If there is none, or one lacks a channel.
        """
        names = ("DEMAND", "demand")
        top = top_folder(self, root, names=names, marks=("[DNOPST]*/ch*.wav",))
        yield from with_errata(self._environments(root, top), self.published.errata)

    def _environments(self, root: Path, top: Path) -> Iterator[Item]:
        for folder in (folder for folder in visible(top, "[DNOPST]*/") if visible(folder, "ch*.wav")):
            require(self, folder, *(f"ch{int(number):02}.wav" for number in _CHANNELS))
            used = [part for part, names in _VOICEBANK.items() if folder.name in names]
            yield Item(
                item=f"{folder.name}/ch{int(self.channel):02}",
                path=relative(folder / f"ch{int(self.channel):02}.wav", root),
                group=folder.name,
                labels={
                    "class": folder.name, "category": _CATEGORIES[folder.name[0]], "channel": self.channel,
                    "voicebank": used[0] if used else "none",
                },
            )  # fmt: skip

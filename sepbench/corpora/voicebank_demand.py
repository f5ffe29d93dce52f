"""VoiceBank-DEMAND: pairs of clean and noisy speech for the training of enhancers, 48 kHz.

References
----------
C. Valentini-Botinhao: "Noisy speech database for training speech enhancement algorithms and TTS models", University of
Edinburgh, 2017, doi:10.7488/ds/2117.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from sepbench.catalog import Item
from sepbench.corpora import lines, relative, top_folder, visible
from sepbench.errors import LayoutError
from sepbench.published import Published, with_errata

__all__ = ["VoiceBankDemand"]

_SUBSETS = {"trainset_28spk": "train", "trainset_56spk": "train", "testset": "test"}
_KINDS = ("clean", "noisy")


class VoiceBankDemand:
    """The reader of VoiceBank-DEMAND: clean and noisy recordings, told apart by the label `kind`.

    The label `pair` joins the two; where the authors' logs are there, `noise` and `snr_db` say what was added.
    """

    name = "voicebank-demand"
    version = "2791"
    title = "VoiceBank-DEMAND"
    url = "https://doi.org/10.7488/ds/2117"
    licence = "CC-BY-4.0"
    layout = (
        "{clean,noisy}_{trainset_28spk,trainset_56spk,testset}_wav/SPEAKER_SENTENCE.wav, "
        "with log_testset.txt, log_trainset_28spk.txt and testset_txt/ where they are wanted"
    )
    published = Published.beside(__file__)

    def items(self, root: Path) -> Iterator[Item]:
        """List the recordings of all subsets that are there.

        Raises
        ------
        LayoutError
            If there is no subset, or the clean and the noisy recordings of one have other names.
        """
        names = ("VoiceBank-DEMAND", "DS_10283_2791")
        top = top_folder(self, root, names=names, marks=("clean_*set*_wav/", "noisy_*set*_wav/"))
        yield from with_errata(self._subsets(root, top), self.published.errata)

    def _subsets(self, root: Path, top: Path) -> Iterator[Item]:
        for subset, split in _SUBSETS.items():
            folders = {kind: top / f"{kind}_{subset}_wav" for kind in _KINDS}
            recordings = {kind: visible(folder, "*.wav") for kind, folder in folders.items() if folder.is_dir()}
            _refuse_widows(folders, recordings)
            logged = _log(top, subset)
            for kind, paths in recordings.items():
                for path in paths:
                    text = top / f"{subset}_txt" / f"{path.stem}.txt"
                    yield Item(
                        item=f"{subset}/{kind}/{path.stem}",
                        path=relative(path, root),
                        group=path.stem.partition("_")[0],
                        split=split,
                        labels={
                            "kind": kind, "pair": path.stem, "speaker": path.stem.partition("_")[0], "subset": subset,
                            **(logged.get(path.stem, {}) if kind == "noisy" else {}),
                        },
                        transcript=" ".join(lines(text)).strip() if text.is_file() else None,
                    )  # fmt: skip


def _refuse_widows(folders: Mapping[str, Path], recordings: Mapping[str, list[Path]]) -> None:
    """Refuse a subset of which one side was unpacked in part; a side that is wholly absent is not asked for."""
    for kind, paths in recordings.items():
        if not paths:
            raise LayoutError(f"{folders[kind]}: expected `SPEAKER_SENTENCE.wav`, found nothing", "unpack it again")
    if len(recordings) == len(_KINDS):
        clean, noisy = ({path.name for path in recordings[kind]} for kind in _KINDS)
        if clean != noisy:
            raise LayoutError(
                f"{folders['noisy']}: {len(clean ^ noisy)} recordings have no partner in {folders['clean'].name}; "
                f"the first: {min(clean ^ noisy)}",
                "unpack both archives again: each noisy recording belongs to the clean one of the same name",
            )


def _log(top: Path, subset: str) -> dict[str, dict[str, str]]:
    """Read what was added to each recording; the log lies beside the archives, or in a folder of its own."""
    paths = [path for name in (f"log_{subset}.txt", f"logfiles/log_{subset}.txt") if (path := top / name).is_file()]
    rows = [line.split() for path in paths[:1] for line in lines(path) if line.strip()]
    for number, row in enumerate(rows, 1):
        if len(row) != 3:
            raise LayoutError(f"{paths[0]}: row {number} is not a name, a noise and an SNR", "fetch the log again")
    return {name: {"noise": noise, "snr_db": snr} for name, noise, snr in rows}

"""A few mixtures to look at and to listen to, spread over the range of SNR, as what goes into one page."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sepbench import corpus as corpora
from sepbench.audio import encoded, quantised
from sepbench.catalog import labels_of
from sepbench.errors import SepbenchError
from sepbench.manifest import FILE_NAME
from sepbench.showing.survey import Survey
from sepbench.spectrograms import Spectrogram, spectrograms_of

__all__ = ["Example", "Heard", "Source", "heard", "spread"]

_LONGEST_S = 10.0  # of each signal: the page holds all of them
_BITS = 16
_MIXTURE = "mixture"


class Heard(NamedTuple):
    """One signal, with sound and picture as ``data:`` addresses.

    Attributes
    ----------
    name, role : str
        ``mixture``, or the name of a source; its role, empty for the mixture.
    audio, picture : str
    spectrogram : Spectrogram
    mean : float
        Of its samples, the largest of its channels; full scale is 1.
    """

    name: str
    role: str
    audio: str
    picture: str
    spectrogram: Spectrogram
    mean: float


class Source(NamedTuple):
    """What a source is, in words."""

    name: str
    item: str
    labels: str
    licence: str
    facts: tuple[str, ...]


@dataclass(frozen=True)
class Example:
    """A mixture to look at and to listen to.

    Attributes
    ----------
    mixture_id, split : str
    facts : dict of str to str
    sources : tuple of Source
    signals : tuple of Heard
        The mixture first.
    cut : str
        Which part of a long mixture this is; empty where it is all of it.
    """

    mixture_id: str
    split: str
    facts: dict[str, str]
    sources: tuple[Source, ...]
    signals: tuple[Heard, ...]
    cut: str


def spread(survey: Survey, count: int) -> list[int]:
    """Pick mixtures with audio from the lowest SNR to the highest, at even steps of rank.

    Returns
    -------
    list of int
        Their numbers among the rows with audio. Without an SNR they are spread over the corpus.
    """
    total = int(survey.usable.sum())
    known = [survey.levels[name] for name in ("achieved_snr_db", "snr_db") if name in survey.levels]
    ratio = known[0][survey.usable] if known else np.full(total, np.nan)
    ranked = np.argsort(ratio, kind="stable")  # what has no SNR comes last
    ranked = ranked[: int(np.isfinite(ratio).sum()) or total]
    chosen = np.unique(np.rint(np.linspace(0, len(ranked) - 1, min(count, len(ranked)))).astype(int))
    return [int(ranked[place]) for place in chosen]


def heard(
    path: Path, survey: Survey, count: int, *, split: str | None, roots: Mapping[str, Path | str]
) -> tuple[list[Example], str]:
    """Get the signals of a few mixtures.

    Returns
    -------
    list of Example
    str
        Why some are missing: the first error's words; empty where none is.
    """
    found, complaint = [], ""
    if not count or not survey.usable.any():
        return [], ""
    try:
        corpus = _opened(path, split, roots)
    except SepbenchError as error:
        return [], str(error)
    for place in spread(survey, count):
        try:
            found.append(_example(corpus[place]))
        except SepbenchError as error:
            complaint = complaint or str(error)
    return found, complaint


def _opened(path: Path, split: str | None, roots: Mapping[str, Path | str]) -> corpora.Corpus:
    """Open a corpus where its audio is, or to be made on the fly."""
    folder = path.parent if path.name == FILE_NAME else path
    if (folder / "audio").is_dir():
        return corpora.Corpus(folder, split=split, roots=roots)
    return corpora.Corpus(path, split=split, roots=roots, on_the_fly=True)


def _example(example: corpora.Example) -> Example:
    rate, row = example.sample_rate, example.row
    length, most = example.mixture.shape[1], round(_LONGEST_S * rate)
    start = max(0, (length - most) // 2)
    whole = {_MIXTURE: example.mixture} | example.sources
    parts = {name: signal[:, start : start + most] for name, signal in whole.items()}
    pictures = spectrograms_of({name: (signal, rate) for name, signal in parts.items()})
    roles = {source["name"]: source["role"] for source in row["sources"]}
    signals = [
        Heard(
            name,
            roles.get(name, ""),
            _address("audio/flac", b"".join(encoded(quantised(signal, _BITS), rate, _BITS, "flac"))),
            _address("image/png", pictures[name].png),
            pictures[name],
            _mean(whole[name]),
        )
        for name, signal in parts.items()
    ]
    cut = f"{_LONGEST_S:g} s from {start / rate:.1f} s of {length / rate:.1f} s" if length > most else ""
    return Example(
        row["mixture_id"], row["split"], _facts(row), tuple(map(_source, row["sources"])), tuple(signals), cut
    )


def _mean(signal: NDArray[np.float32]) -> float:
    means = signal.mean(axis=1, dtype=np.float64)
    return float(means[np.abs(means).argmax()])


def _address(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _facts(row: Mapping[str, Any]) -> dict[str, str]:
    proof = row["proof"] or {}
    gain = proof.get("common_gain")
    values = {
        "SNR wanted": _decibels(row["snr_mdb"] and row["snr_mdb"] / 1000, "dB"),
        "achieved": _decibels(proof.get("achieved_snr_db"), "dB"),
        "while the target is active": _decibels(proof.get("active_snr_db"), "dB"),
        "loudness": _decibels(proof.get("loudness_lufs"), "LUFS", 1),
        "common gain": _decibels(gain and 20 * np.log10(gain["mantissa"] / 2.0 ** gain["shift"]), "dB"),
        "duration": f"{row['frames'] / row['sample_rate']:.2f} s",
    }
    return {name: value for name, value in values.items() if value}


def _decibels(value: float | None, unit: str, decimals: int = 2) -> str:
    return "" if value is None else f"{value:.{decimals}f} {unit}".replace("-", "−")


def _source(source: Mapping[str, Any]) -> Source:
    labels = ", ".join(f"{name}: {value}" for name, value in labels_of(source).items())
    rate = source["sample_rate"]
    facts = [
        f"SNR {source['snr_mdb'] / 1000:g} dB wanted" if source["snr_mdb"] is not None else "",
        f"{source['level_mdbfs'] / 1000:g} dBFS wanted" if source["level_mdbfs"] is not None else "",
        f"recorded at {rate / 1000:g} kHz",
        *(step["name"] for step in source["transforms"]),
    ]
    return Source(
        source["name"], f"{source['set']} {source['item']}", labels, source["licence"], tuple(filter(None, facts))
    )

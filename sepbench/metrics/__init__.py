"""Metrics: functions of signals, and what the scorer makes of them.

The functions take ``reference, estimate`` in this order, arrays or torch tensors, and return float64 with NaN and
infinities as IEEE arithmetic gives them. `load` gives the registered metrics, which turn what is undefined into a status and a reason.
"""

from __future__ import annotations

from collections.abc import Iterable

from sepbench import shelf
from sepbench.errors import UnknownNameError, UsageError
from sepbench.metrics.bss_eval import BssEval, bss_eval_sources
from sepbench.metrics.bss_eval_images import BssEvalImages, bss_eval_images, framewise_sdr
from sepbench.metrics.composite import Composite, composite
from sepbench.metrics.dnsmos import Dnsmos, dnsmos, plcmos
from sepbench.metrics.improvement import improvement
from sepbench.metrics.loudness import level_difference, loudness
from sepbench.metrics.lsd import lsd
from sepbench.metrics.metric import Metric, Score, Scores, metric_id
from sepbench.metrics.permutation import Permuted, best_permutation, permuted
from sepbench.metrics.pesq import pesq_nb, pesq_wb
from sepbench.metrics.segmental import fw_seg_snr, seg_snr
from sepbench.metrics.si_sdr import sd_sdr, si_sdr
from sepbench.metrics.silence import Silence, silence
from sepbench.metrics.snr import sa_sdr, snr
from sepbench.metrics.spectral import llr, wss
from sepbench.metrics.stoi import estoi, stoi
from sepbench.metrics.visqol import visqol_audio, visqol_speech
from sepbench.metrics.wer import cer, error_rate_metric, wer

__all__ = [
    "BssEval",
    "BssEvalImages",
    "Composite",
    "Dnsmos",
    "Metric",
    "Permuted",
    "Score",
    "Scores",
    "Silence",
    "best_permutation",
    "bss_eval_images",
    "bss_eval_sources",
    "cer",
    "composite",
    "dnsmos",
    "error_rate_metric",
    "estoi",
    "framewise_sdr",
    "fw_seg_snr",
    "improvement",
    "level_difference",
    "llr",
    "load",
    "loudness",
    "lsd",
    "metric_id",
    "permuted",
    "pesq_nb",
    "pesq_wb",
    "plcmos",
    "sa_sdr",
    "sd_sdr",
    "seg_snr",
    "si_sdr",
    "silence",
    "snr",
    "stoi",
    "visqol_audio",
    "visqol_speech",
    "wer",
    "wss",
]


def load(names: Iterable[str] | None = None) -> list[Metric]:
    """Give registered metrics by name, in the order asked for; all of them, sorted by name, if no names are given.

    Raises
    ------
    UnknownNameError
        If there is no metric of a name.
    UsageError
        If what stands under a name is no `Metric`.

    Examples
    --------
    >>> [metric.title for metric in load(["si_sdr", "snr"])]
    ['SI-SDR', 'SNR']
    """
    return [_loaded(name) for name in (shelf.names("metrics") if names is None else names)]


def _loaded(name: str) -> Metric:
    try:
        found = shelf.load("metrics", name)
    except UnknownNameError as error:
        base = name.partition(":")[0].removesuffix("_i")
        families = [metric.name for metric in load() if base in metric.ids]
        if families:
            raise UnknownNameError(error.message, f"it comes with `{families[0]}`: ask for that") from error
        raise
    if not isinstance(found, Metric):
        raise UsageError(
            f"`{name}`: expected a Metric, got {type(found).__name__}",
            "an entry point of `sepbench.metrics` names a `sepbench.metrics.Metric`",
        )
    return found

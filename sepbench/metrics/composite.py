"""Composite measures of speech quality: signal, background and overall (CSIG, CBAK, COVL)."""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from sepbench.metrics.channels import Row, at_rate, score_several
from sepbench.metrics.extras import version_of
from sepbench.metrics.metric import Floats, Metric, Score
from sepbench.metrics.pesq import pesq_score, pesq_wb
from sepbench.metrics.segmental import seg_snr
from sepbench.metrics.spectral import llr, wss

__all__ = ["COMPOSITE", "Composite", "composite"]

_RATE = 16000
_LOWEST, _HIGHEST = 1.0, 5.0


class Composite(NamedTuple):
    """Predicted mean opinion scores, 1 to 5: of the signal, of the background, and overall."""

    csig: Floats
    cbak: Floats
    covl: Floats


def composite(reference: Any, estimate: Any, sample_rate: int) -> Composite:
    """Compute the composite measures CSIG, CBAK and COVL with wideband PESQ.

    ::

        CSIG = 3.093 - 1.029 LLR + 0.603 PESQ - 0.009 WSS
        CBAK = 1.634 + 0.478 PESQ - 0.007 WSS + 0.063 segmental SNR
        COVL = 1.594 + 0.805 PESQ - 0.512 LLR - 0.007 WSS

    each limited to 1 to 5. The paper fitted them to the raw score of narrowband P.862 at 8 kHz; what is published for
    speech at 16 kHz since takes P.862.2 instead, and so does this.

    Parameters
    ----------
    reference, estimate : array_like of shape (..., time)
        Same shape. Neither is modified.
    sample_rate : int
        16000.

    Returns
    -------
    Composite
        Three arrays of float64, shape (...); NaN where `pesq_wb` has no value.

    Raises
    ------
    MissingExtraError
        If the `pesq` package is not installed.
    SignalError
        As for `pesq_wb`.

    References
    ----------
    Hu and Loizou, *Evaluation of objective quality measures for speech enhancement*, IEEE TASLP 16(1), 2008.
    """
    pesq = pesq_wb(reference, estimate, sample_rate)
    return _composed(pesq, *(part(reference, estimate, sample_rate) for part in (llr, wss, seg_snr)))


def _composed(pesq: Floats, llr: Floats, wss: Floats, segmental: Floats) -> Composite:
    predicted = (
        3.093 - 1.029 * llr + 0.603 * pesq - 0.009 * wss,
        1.634 + 0.478 * pesq - 0.007 * wss + 0.063 * segmental,
        1.594 + 0.805 * pesq - 0.512 * llr - 0.007 * wss,
    )
    return Composite(*(np.clip(value, _LOWEST, _HIGHEST) for value in predicted))


def _measure(reference: Floats, estimate: Floats, sample_rate: int) -> Row:
    pesq = pesq_score(reference, estimate, sample_rate, mode="wb")
    if pesq.value is None:
        return (pesq,) * 3
    s, s_hat = (at_rate(signal, sample_rate, (_RATE,))[0] for signal in (reference, estimate))
    values = _composed(np.array(pesq.value), *(part(s, s_hat, _RATE) for part in (llr, wss, seg_snr)))
    if any(math.isnan(value) for value in values):
        return (Score(None, "metric_failed", "the value is not a number"),) * 3
    return tuple(Score(float(value)) for value in values)


_IDS = ("csig_wb", "cbak_wb", "covl_wb")
COMPOSITE = Metric(
    name="composite",
    ids=_IDS,
    title="CSIG, CBAK, COVL",
    unit="MOS",
    reference="Hu and Loizou, Evaluation of objective quality measures for speech enhancement, IEEE TASLP 16(1), 2008",
    definition="Predicted opinion of the signal, the background and the whole, limited to 1 to 5: 3.093 - 1.029 LLR + "
    "0.603 PESQ - 0.009 WSS; 1.634 + 0.478 PESQ - 0.007 WSS + 0.063 segmental SNR; 1.594 + 0.805 PESQ - 0.512 LLR - 0.007 "
    "WSS. PESQ is `pesq_wb`, as in what is published for 16 kHz; the paper took the raw score of narrowband P.862 at "
    "8 kHz. LLR and WSS are means over the 95 % smallest of the frames, LLR without limit; segmental SNR is `seg_snr`. "
    "Where a frame is digital silence, Loizou's code goes by an epsilon; here a silent frame of the reference says "
    "nothing of LLR and WSS, and one of the estimate is flat. At 16000 Hz, other rates resampled (soxr VHQ); each channel "
    "and the mean.",
    version=f"sepbench 1, {version_of('pesq')}",
    score=partial(score_several, _IDS, _measure, native_rates=(_RATE,)),
    lowest=_LOWEST,
    highest=_HIGHEST,
    rates=(_RATE,),
    titles={"csig_wb": "CSIG", "cbak_wb": "CBAK", "covl_wb": "COVL"},
)

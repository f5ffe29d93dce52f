"""Opinion scores that networks predict without a reference: DNSMOS and PLCMOS, as the `speechmos` package computes them."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sepbench.errors import MissingExtraError, SignalError
from sepbench.metrics.channels import Row, at_rate, checked_alone, score_alone, unusable
from sepbench.metrics.extras import installed, version_of
from sepbench.metrics.metric import Floats, Metric, Score

__all__ = ["DNSMOS", "PLCMOS", "Dnsmos", "dnsmos", "plcmos"]

_RATE = 16000
_PLCMOS_SHORTEST_S = 0.25
_SEED = 0  # of the raters that PLCMOS imagines


class Dnsmos(NamedTuple):
    """Predicted opinion of the signal, the background and the whole (P.835), and of the whole (P.808), shape (channel)."""

    sig: Floats
    bak: Floats
    ovrl: Floats
    p808: Floats


def dnsmos(estimate: Any, sample_rate: int) -> Dnsmos:
    """Predict how listeners would rate noisy or enhanced speech, without a reference.

    Clips below 9.01 s are repeated until they are long enough, as in the authors' script.

    Parameters
    ----------
    estimate : array_like of shape (channel, time)
        Within full scale, which is 1. Not modified.
    sample_rate : int
        16000.

    Returns
    -------
    Dnsmos
        NaN where a channel is silent, not finite, or beyond full scale.

    Raises
    ------
    MissingExtraError
        If the `speechmos` package is not installed.
    SignalError
        If the shape or the rate is another, or there are no samples.

    References
    ----------
    Reddy, Gopal and Cutler, *DNSMOS P.835: a non-intrusive perceptual objective speech quality metric to evaluate noise
    suppressors*, ICASSP 2022.
    """
    return Dnsmos(*_over_channels("dnsmos", 4, _dnsmos_row, estimate, sample_rate))


def plcmos(estimate: Any, sample_rate: int) -> Floats:
    """Predict how listeners would rate speech after packet loss concealment, without a reference.

    The network is asked for the opinion of 15 random raters. The package takes them from numpy's global generator; here
    they are the same in every call, and the generator is left as it was.

    Parameters
    ----------
    estimate, sample_rate
        As for `dnsmos`.

    Returns
    -------
    ndarray of float64, shape (channel)
        NaN as for `dnsmos`, and below 0.25 s.

    Raises
    ------
    MissingExtraError, SignalError
        As for `dnsmos`.

    References
    ----------
    Diener, Purin, Sootla, Saabas, Aichner and Cutler, *PLCMOS: a data-driven non-intrusive metric for the evaluation of
    packet loss concealment algorithms*, Interspeech 2023.
    """
    return _over_channels("plcmos", 1, _plcmos_row, estimate, sample_rate)[0]


def _over_channels(
    name: str, count: int, measure: Callable[[Floats, int], Row], estimate: Any, sample_rate: int
) -> list[Floats]:
    signal = checked_alone(estimate, where=name)
    if sample_rate != _RATE:
        raise SignalError(
            f"{name}: expected a sample rate of {_RATE}, got {sample_rate!r}",
            "resample the signal first; the scorer does so",
        )
    if not installed("speechmos"):
        raise MissingExtraError(f"{name}: the package `speechmos` is not installed", 'pip install "sepbench[dnsmos]"')
    rows = []
    for channel in signal:
        missing = unusable(channel)
        rows.append((missing,) * count if missing else measure(channel, _RATE))
    return [np.array([math.nan if row[k].value is None else row[k].value for row in rows]) for k in range(count)]


def _dnsmos_row(signal: Floats, sample_rate: int) -> Row:
    refused = _refused("dnsmos", signal)
    if refused:
        return (refused,) * 4
    found = _dnsmos_model()(at_rate(signal, sample_rate, (_RATE,))[0].clip(-1, 1), _RATE, False)
    return tuple(Score(float(found[f"{key}_mos"])) for key in ("sig", "bak", "ovrl", "p808"))


def _plcmos_row(signal: Floats, sample_rate: int) -> Row:
    if len(signal) < _PLCMOS_SHORTEST_S * sample_rate:
        return (Score(None, "too_short", f"shorter than {_PLCMOS_SHORTEST_S:g} s"),)
    refused = _refused("plcmos", signal)
    if refused:
        return (refused,)
    with _drawn_from(_SEED):
        found = _plcmos_model()(at_rate(signal, sample_rate, (_RATE,))[0].clip(-1, 1))
    return (Score(float(found["plcmos"])),)


def _refused(name: str, signal: Floats) -> Score | None:
    if not installed("speechmos"):
        return Score(None, "not_installed", f"{name}: not installed")
    # what resampling overshoots is clipped; what comes in beyond full scale would be clipped by a file too, and heard
    if (peak := float(np.abs(signal).max())) > 1:
        return Score(None, "out_of_range", f"the peak of {peak:.3g} is beyond full scale")
    return None


@contextlib.contextmanager
def _drawn_from(seed: int) -> Any:
    state = np.random.get_state()  # noqa: NPY002 - what the package draws from
    try:
        np.random.seed(seed)  # noqa: NPY002
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002


def _session(path: Path | str) -> Any:
    """Open a network with one thread, as everything in a worker has."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


@cache
def _dnsmos_model() -> Any:
    from speechmos import dnsmos as package

    class OneThread(package.DNSMOS):  # type: ignore[misc]
        def __init__(self, folder: Path) -> None:
            self.onnx_sess = _session(folder / "sig_bak_ovr.onnx")
            self.p808_onnx_sess = _session(folder / "model_v8.onnx")

    return OneThread(Path(package.__file__).parent / "dnsmos_models")


@cache
def _plcmos_model() -> Any:
    from speechmos import plcmos as package

    model = package.PLCMOS()
    model.session = _session(model.model_path)
    return model


_SCALE = (
    "At 16000 Hz, other rates resampled (soxr VHQ), within full scale; without a reference; each channel and the mean."
)
DNSMOS = Metric(
    name="dnsmos",
    ids=("dnsmos_sig", "dnsmos_bak", "dnsmos_ovrl", "dnsmos_p808"),
    title="DNSMOS",
    unit="MOS",
    reference="Reddy, Gopal and Cutler, DNSMOS P.835, ICASSP 2022; Reddy, Gopal and Cutler, DNSMOS, ICASSP 2021",
    definition="A network's prediction of how listeners rate the signal, the background and the whole (P.835), and the whole "
    "(P.808): the mean over windows of 9.01 s, a second apart; what is shorter is repeated, as in the authors' script. "
    + _SCALE,
    version=version_of("speechmos"),
    score=partial(
        score_alone, ("dnsmos_sig", "dnsmos_bak", "dnsmos_ovrl", "dnsmos_p808"), _dnsmos_row, native_rates=(_RATE,)
    ),
    lowest=0.0,
    highest=5.5,
    rates=(_RATE,),
    titles={
        "dnsmos_sig": "DNSMOS SIG",
        "dnsmos_bak": "DNSMOS BAK",
        "dnsmos_ovrl": "DNSMOS OVRL",
        "dnsmos_p808": "DNSMOS P.808",
    },
    needs_reference=False,
)
PLCMOS = Metric(
    name="plcmos",
    ids=("plcmos",),
    title="PLCMOS",
    unit="MOS",
    reference="Diener, Purin, Sootla, Saabas, Aichner and Cutler, PLCMOS, Interspeech 2023",
    definition="A network's prediction (version 2) of how listeners rate speech after packet loss concealment, the mean over "
    "15 raters that are drawn the same way each time. " + _SCALE,
    version=version_of("speechmos"),
    score=partial(score_alone, ("plcmos",), _plcmos_row, native_rates=(_RATE,)),
    lowest=0.0,
    highest=5.5,
    rates=(_RATE,),
    needs_reference=False,
)

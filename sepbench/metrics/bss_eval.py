"""BSS Eval version 3, *sources*: SDR, SIR and SAR with a distortion filter of 512 taps.

The decomposition is `mir_eval`'s. It is called per estimate, which its public function does not allow: there every
reference needs an estimate, although without permutation no estimate has a part in another's values.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sepbench.errors import SignalError
from sepbench.metrics.metric import Floats, Metric, Score, Scores, decibels, matched, metric_id, together, undefined

__all__ = ["BSS_EVAL_SOURCES", "BssEval", "bss_eval_sources"]

TAPS = 512
IDS = ("sdr_v3_512", "sir_v3_512", "sar_v3_512")


class BssEval(NamedTuple):
    """Values in dB, one per estimate in the order of the references, and which estimate each of them is."""

    sdr: Floats
    sir: Floats
    sar: Floats
    permutation: NDArray[np.intp]


def bss_eval_sources(references: Any, estimates: Any, *, compute_permutation: bool = False) -> BssEval:
    """Compute SDR, SIR and SAR of BSS Eval version 3 in dB.

    Parameters
    ----------
    references : array_like of shape (source, time)
        All sources of the mixture. A silent one is left out of the projection: it spans nothing.
    estimates : array_like of shape (target, time)
        Estimate *k* is scored against reference *k*; there may be fewer estimates than references.
    compute_permutation : bool
        Whether to assign the estimates to the references by the best mean SIR. It needs as many estimates as
        references.

    Returns
    -------
    BssEval
        NaN where the estimate or its reference is silent or the references are linearly dependent; SIR is +inf where
        nothing but the target is left of the references.

    Raises
    ------
    SignalError
        If the arrays do not fit together.

    References
    ----------
    Vincent, Gribonval and Févotte, *Performance measurement in blind audio source separation*, IEEE TASLP 14(4), 2006.

    Examples
    --------
    >>> noise = np.random.default_rng(1).standard_normal((3, 4000))
    >>> found = bss_eval_sources(noise[:2], noise[:2] + 0.1 * noise[2])
    >>> bool((found.sdr < found.sir).all()), found.permutation.tolist()
    (True, [0, 1])
    >>> swapped = bss_eval_sources(noise[:2], noise[1::-1] + 0.1 * noise[2], compute_permutation=True)
    >>> swapped.permutation.tolist()
    [1, 0]
    >>> bss_eval_sources(noise[:1], 0 * noise[:1]).sdr.tolist()
    [nan]
    """
    references, estimates = _matrices(references, estimates, square=compute_permutation)
    order = tuple(range(len(estimates)))
    if compute_permutation:
        pairs = itertools.product(estimates, range(len(references)))
        table = np.array([_criteria(references, estimate, k) for estimate, k in pairs])
        table = table.reshape(len(estimates), len(references), 3)
        order = _best_order(table[..., 1])
        values = table[order, np.arange(len(order))]
    else:
        values = np.array([_criteria(references, estimate, k) for k, estimate in enumerate(estimates)])
    return BssEval(values[:, 0], values[:, 1], values[:, 2], np.array(order, dtype=np.intp))


def _matrices(references: Any, estimates: Any, *, square: bool) -> tuple[Floats, Floats]:
    references, estimates = np.asarray(references), np.asarray(estimates)
    for name, signals in (("references", references), ("estimates", estimates)):
        if signals.dtype.kind not in "fiu":
            raise SignalError(f"bss_eval_sources: the {name} are an array of {signals.dtype}", "pass real numbers")
        if signals.ndim != 2 or signals.size == 0:
            raise SignalError(
                f"bss_eval_sources: expected {name} of shape (source, time), got {signals.shape}",
                "score one channel at a time; a single source is `signal[None]`",
            )
    fits = len(estimates) == len(references) if square else len(estimates) <= len(references)
    if references.shape[1] != estimates.shape[1] or not fits:
        raise SignalError(
            f"bss_eval_sources: references have shape {references.shape} but estimates have {estimates.shape}",
            "lengths must be equal and every estimate needs its reference"
            + ("; a permutation needs as many of one as of the other" if square else ""),
        )
    return references.astype(np.float64), estimates.astype(np.float64)


def _best_order(sir: Floats) -> tuple[int, ...]:
    sir = np.where(np.isnan(sir), 0.0, sir)  # what has no SIR has no say in the order
    sources = np.arange(len(sir))
    return max(itertools.permutations(range(len(sir))), key=lambda order: sir[order, sources].sum())


def _audible(references: Floats) -> NDArray[np.bool_]:
    """Say which references span anything; a silent one would make the Gram matrix singular."""
    return np.array([reference.any() for reference in references])


def _criteria(references: Floats, estimate: Floats, target: int) -> tuple[float, float, float]:
    """Give SDR, SIR and SAR of one estimate, NaN where there are none."""
    from mir_eval.separation import _bss_decomp_mtifilt, _bss_source_crit

    if not (references[target].any() and estimate.any()):
        return np.nan, np.nan, np.nan
    audible = _audible(references)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        # Where the Gram matrix is singular mir_eval reaches for `np.linalg.linalg` and `lstsq` without `rcond`: that
        # raises with numpy 2.4 and warns with older ones. One rule for all of them: no value.
        warnings.filterwarnings("error", message=".*(linalg|rcond)")
        try:
            parts = _bss_decomp_mtifilt(references[audible], estimate, int(audible[:target].sum()), TAPS)
        except (AttributeError, Warning, np.linalg.LinAlgError):
            return np.nan, np.nan, np.nan
        sdr, sir, sar = _bss_source_crit(*parts)
    return float(sdr), float(sir), float(sar)


def _score_channel(references: Floats, estimate: Floats, target: int) -> tuple[Score, Score, Score]:
    missing = undefined(references[target], estimate)
    if missing:
        return missing, missing, missing
    sdr, sir, sar = (decibels(value) for value in _criteria(references, estimate, target))
    if sdr.status == "metric_failed":
        failed = Score(None, "metric_failed", "the references are linearly dependent or not finite")
        return failed, failed, failed
    if _audible(references).sum() == 1:
        sir = Score(None, "no_interferer")
    return sdr, sir, sar


def _score(references: Mapping[str, Floats], estimates: Mapping[str, Floats], sample_rate: int) -> Scores:
    scores: Scores = {}
    names = list(references)
    for target in estimates:
        _, estimate = matched(references, target, estimates[target], where="bss_eval_sources")
        sources = np.stack([matched(references, name, estimate, where="bss_eval_sources")[0] for name in names], axis=1)
        channels = [
            _score_channel(channel, estimate[number], names.index(target)) for number, channel in enumerate(sources)
        ]
        scores[target] = {
            metric_id(name, channels=len(channels)): together(parts)
            for name, parts in zip(IDS, zip(*channels, strict=True), strict=True)
        }
    return scores


BSS_EVAL_SOURCES = Metric(
    name="bss_eval_sources",
    ids=IDS,
    title="SDR, SIR, SAR (BSS Eval v3)",
    unit="dB",
    reference="Vincent, Gribonval and Févotte, Performance measurement in blind audio source separation, IEEE TASLP "
    "14(4), 2006",
    definition="BSS Eval version 3, sources: the estimate is projected on its reference, and on all references, each "
    "delayed by 0 to 511 samples, over the whole signal and without permutation; each channel and the mean. Above "
    "100 dB it counts as saturated.",
    version=f"mir_eval {version('mir_eval')}",
    score=_score,
    lowest=-np.inf,
    highest=np.inf,
    titles={key: f"{key[:3].upper()} v3" for key in IDS},
)

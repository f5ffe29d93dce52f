"""BSS Eval version 3, *sources*: SDR, SIR and SAR with a distortion filter of 512 taps.

An estimate is projected on its reference, and on all references, each with all its delays. The filters of the projections
solve block Toeplitz systems of correlations. A projection's energy follows from its filter and the same correlations, so
waveforms are needed only where one energy is small beside those whose difference it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sepbench.errors import SignalError, did_you_mean
from sepbench.metrics.arrays import matching_sets, padded, to_host, to_namespace
from sepbench.metrics.correlation import correlations
from sepbench.metrics.filtering import filtered, pieces, responses
from sepbench.metrics.metric import Floats, Metric, Score, Scores, decibels, matched, metric_id, together, undefined
from sepbench.metrics.permutation import best_permutation
from sepbench.metrics.toeplitz import DEPENDENT, Solution, solve

__all__ = ["BSS_EVAL_SOURCES", "DEPENDENT", "BssEval", "bss_eval_sources", "ill_conditioned"]

TAPS = 512
IDS = ("sdr_v3_512", "sir_v3_512", "sar_v3_512")
_CLOSE = 3e-5  # an energy so small beside those it is the difference of (45 dB) is measured on the waveform
_ROUNDING = 1e-13  # and one below this is a rounding error
_NOTHING = 1e-26  # as is a projection of so little of the estimate's energy


class BssEval(NamedTuple):
    """Values in dB, one per estimate in the order of the references.

    Attributes
    ----------
    sdr, sir, sar : ndarray (or tensor) of float64, shape (target,)
        SIR is what some texts call the target-to-interference ratio.
    permutation : ndarray of int, shape (target,)
        Which estimate each of them is of.
    independence : float
        The smallest share of its energy that any delayed reference holds beyond the others. Below 1e-11 the references
        are nearly dependent (copies of each other, or filtered ones, or more taps than samples), and SIR and SAR depend
        on rounding.
    """

    sdr: Any
    sir: Any
    sar: Any
    permutation: NDArray[np.intp]
    independence: float


def bss_eval_sources(
    references: Any, estimates: Any, *, compute_permutation: bool = False, taps: int = TAPS, backend: str = "sepbench"
) -> BssEval:
    """Compute SDR, SIR and SAR of BSS Eval version 3 in dB.

    Parameters
    ----------
    references : array_like or torch.Tensor of shape (source, time)
        All sources of the mixture. A silent one is left out of the projection: it spans nothing.
    estimates : array_like or torch.Tensor of shape (target, time)
        Estimate *k* is scored against reference *k*; there may be fewer estimates than references.
    compute_permutation : bool
        Whether to assign the estimates to the references by the best mean SIR. It needs as many estimates as
        references.
    taps : int
        Length of the distortion filter: how many delays of a reference count as the reference.
    backend : str
        ``"mir_eval"`` computes the same by that package while it has it, in some hundred times the time.

    Returns
    -------
    BssEval
        NaN where the estimate or its reference is silent or not finite; SIR is +inf where nothing but the target is
        left of the references. Above 100 dB values are rounding noise.

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
    >>> bss_eval_sources(noise[[0, 0]], noise[:2]).independence < DEPENDENT
    True
    """
    references, estimates, xp = matching_sets(
        references, estimates, where="bss_eval_sources", axes="source, time", square=compute_permutation,
        hint="score one channel at a time; a single source is `signal[None]`",
    )  # fmt: skip
    if taps != int(taps) or taps < 1:
        raise SignalError(f"bss_eval_sources: expected taps of at least 1, got {taps}", "the definition has 512")
    if backend == "mir_eval":
        from sepbench.metrics.bss_eval_by_mir_eval import by_mir_eval

        found: Any = by_mir_eval(to_host(references, xp), to_host(estimates, xp), taps)
    elif backend == "sepbench":
        found = Projections(references, estimates, taps, xp)
    else:
        raise SignalError(
            f"bss_eval_sources: unknown backend `{backend}`", did_you_mean(backend, ("mir_eval", "sepbench"))
        )
    rows = range(len(estimates))
    order = np.arange(len(estimates), dtype=np.intp)
    if compute_permutation:
        table = [[found.criteria(source, estimate) for estimate in rows] for source in rows]
        order = best_permutation([[sir for _, sir, _ in row] for row in table])
        values = [table[source][estimate] for source, estimate in enumerate(order)]
    else:
        values = [found.criteria(row, row) for row in rows]
    sdr, sir, sar = to_namespace(np.array(values).T, references, xp)
    return BssEval(sdr, sir, sar, order, found.independence)


class Projections:
    """All projections of estimates on references, and what is left of them.

    Parameters
    ----------
    references, estimates : arrays of shape (source, time) and (target, time)
        float64, of the namespace `xp`.
    taps : int
        Length of the filters.
    """

    def __init__(self, references: Any, estimates: Any, taps: int, xp: Any) -> None:
        self._references, self._estimates, self._taps, self._xp = references, estimates, taps, xp
        energies, self._energies = (to_host(xp.einsum("st,st->s", one, one), xp) for one in (references, estimates))
        self._audible = np.flatnonzero(energies != 0)  # a silent one spans nothing
        heard = references if len(self._audible) == len(energies) else references[self._audible]
        self._lagged, self._right = correlations(heard, estimates, taps, xp)
        self._alone: dict[int, Solution] = {}

    @cached_property
    def _together(self) -> Solution:
        return solve(self._lagged, self._right)

    @property
    def interferers(self) -> bool:
        """Say whether more than one reference sounds."""
        return len(self._audible) > 1

    @property
    def independence(self) -> float:
        """Give the smallest share of energy that a tap of a reference holds beyond all others."""
        return self._together.smallest if len(self._audible) else 0.0

    def own_independence(self, source: int) -> float:
        """Give the same for one reference alone, on which SDR depends."""
        return self._own(int(np.searchsorted(self._audible, source))).smallest

    def _own(self, row: int) -> Solution:
        if row not in self._alone:
            one = slice(row, row + 1)
            self._alone[row] = (
                self._together if len(self._audible) == 1 else solve(self._lagged[one, one], self._right[one])
            )
        return self._alone[row]

    def criteria(self, source: int, estimate: int) -> tuple[float, float, float]:
        """Give SDR, SIR and SAR of an estimate against a reference, NaN where there are none."""
        total = self._energies[estimate]
        if source not in self._audible or not 0 < total < np.inf:
            return np.nan, np.nan, np.nan
        row = int(np.searchsorted(self._audible, source))
        target, every = self._own(row).energies[estimate], self._together.energies[estimate]
        target, every = (energy if energy > _NOTHING * total else 0.0 for energy in (target, every))
        interference = 0.0 if len(self._audible) == 1 else every - target
        with np.errstate(divide="ignore", invalid="ignore"):  # an estimate may hold nothing of the references
            ratios = np.divide((total - target, interference, total - every), (target, target, every))
            if any(_ROUNDING < ratio < _CLOSE for ratio in ratios):
                ratios = np.divide(self._remainders(row, estimate), (target, target, every))
            sdr, sir, sar = -10 * np.log10(np.maximum(ratios, 0.0))
        return sdr, sir, sar

    def _remainders(self, row: int, estimate: int) -> tuple[float, float, float]:
        """Measure all distortion, interference, and artefacts on the waveforms.

        An error of the filters moves these energies by its square only: they are smallest where the filters are right.
        """
        xp, picked = self._xp, [int(source) for source in self._audible]
        cut = pieces(self._references[picked], self._taps, xp)
        target, every = (
            filtered(
                cut._replace(spectra=spectra), responses(found.filters[:, [estimate]], cut, self._references, xp), xp
            )
            for spectra, found in ((cut.spectra[row : row + 1], self._own(row)), (cut.spectra, self._together))
        )
        whole = padded(self._estimates[estimate : estimate + 1], 0, self._taps - 1, xp)
        parts = whole - target, every - target, whole - every
        return tuple(float(xp.square(part).sum()) for part in parts)  # type: ignore[return-value]


def ill_conditioned(share: float) -> Score | None:
    """Say that a value depends on rounding, if it does."""
    if share >= DEPENDENT:
        return None
    return Score(None, "ill_conditioned", f"a reference holds {max(share, 0):.1g} of its energy beyond the others")


def _score(references: Mapping[str, Floats], estimates: Mapping[str, Floats], sample_rate: int) -> Scores:
    pairs = {
        name: matched(references, name, estimate, where="bss_eval_sources") for name, estimate in estimates.items()
    }
    if not pairs:
        return {}
    distinct = list({id(estimate): estimate for _, estimate in pairs.values()}.values())  # the mixture comes many times
    places = {name: next(n for n, one in enumerate(distinct) if one is pair[1]) for name, pair in pairs.items()}
    channels = [
        _score_channel(channel, np.stack([estimate[number] for estimate in distinct]), list(references), places)
        for number, channel in enumerate(_by_channel(references, distinct))
    ]
    return {
        target: {
            metric_id(name, channels=len(channels)): together([channel[target][criterion] for channel in channels])
            for criterion, name in enumerate(IDS)
        }
        for target in estimates
    }


def _by_channel(references: Mapping[str, Floats], estimates: list[Floats]) -> Floats:
    """Stack all references as (channel, source, time)."""
    signals = [matched(references, name, estimates[0], where="bss_eval_sources")[0] for name in references]
    return np.stack(signals, axis=1)


def _score_channel(
    references: Floats, estimates: Floats, names: list[str], places: Mapping[str, int]
) -> dict[str, tuple[Score, Score, Score]]:
    """Score one channel of every target; `places` says which estimate is whose."""
    if not np.isfinite(references).all():
        fault = Score(None, "metric_failed", "a reference holds NaN or infinity")
        return {
            target: _three(undefined(references[names.index(target)], estimates[place]) or fault)
            for target, place in places.items()
        }
    with np.errstate(all="ignore"):
        found = Projections(references, estimates, TAPS, np)
    scores = {}
    for target, place in places.items():
        source = names.index(target)
        missing = undefined(references[source], estimates[place])
        scores[target] = _three(missing) if missing else _score_pair(found, source, place)
    return scores


def _three(score: Score) -> tuple[Score, Score, Score]:
    return score, score, score


def _score_pair(found: Projections, source: int, estimate: int) -> tuple[Score, Score, Score]:
    sdr, sir, sar = (decibels(value) for value in found.criteria(source, estimate))
    sdr = ill_conditioned(found.own_independence(source)) or sdr
    sir, sar = (ill_conditioned(found.independence) or score for score in (sir, sar))
    return sdr, sir if found.interferers else Score(None, "no_interferer"), sar


BSS_EVAL_SOURCES = Metric(
    name="bss_eval_sources",
    ids=IDS,
    title="SDR, SIR, SAR (BSS Eval v3)",
    unit="dB",
    reference="Vincent, Gribonval and Févotte, Performance measurement in blind audio source separation, IEEE TASLP "
    "14(4), 2006",
    definition="BSS Eval version 3, sources: the estimate is projected on its reference, and on all references, each "
    "delayed by 0 to 511 samples, over the whole signal and without permutation; each channel and the mean. SIR is the "
    "target-to-interference ratio (TIR) of some texts. Above 100 dB a value counts as saturated; where a reference holds "
    f"less than {DEPENDENT:g} of its energy beyond what the others predict (copies of one recording), the values depend on "
    "rounding and are `ill_conditioned`.",
    version="sepbench 2",
    score=_score,
    lowest=-np.inf,
    highest=np.inf,
    titles={key: f"{key[:3].upper()} v3" for key in IDS},
)

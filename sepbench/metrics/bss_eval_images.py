"""BSS Eval version 4, *images*: SDR, ISR, SIR and SAR of multichannel recordings, whole or frame by frame.

The distortion filters are fitted once, to the whole recording, as `museval` does it; what is framewise is where energies
are summed. So SDR needs no filter at all: it is the SNR of each frame.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sepbench.errors import SignalError, did_you_mean
from sepbench.metrics.arrays import matching_sets, padded, to_namespace
from sepbench.metrics.bss_eval import DEPENDENT, TAPS, ill_conditioned
from sepbench.metrics.correlation import correlations
from sepbench.metrics.filtering import Pieces, filtered, pieces, responses
from sepbench.metrics.metric import Floats, Framed, Metric, Score, Scores, decibels, framed, matched, undefined
from sepbench.metrics.permutation import best_permutation
from sepbench.metrics.toeplitz import Solution, solve

__all__ = ["BSS_EVAL_IMAGES", "BSS_EVAL_MUSEVAL", "BssEvalImages", "bss_eval_images", "framewise_sdr"]

SILENCE = {
    "museval": "a frame in which any reference or any estimate is silent has no value for any stem",
    "per-stem": "a frame has no value for the stem whose reference is silent in it; a silent estimate has its SDR, 0 dB",
}
SDR, ISR, SIR, SAR = range(4)


class BssEvalImages(NamedTuple):
    """Values in dB, of shape (target,), or (target, frame) where there was a window.

    Attributes
    ----------
    sdr, isr, sir, sar : ndarray (or tensor) of float64
        Source to distortion, image to spatial distortion, source to interference (some texts: target to interference,
        TIR), and sources to artefacts ratio.
    permutation : ndarray of int, shape (target,)
        Which estimate each of them is of.
    independence : float
        As in `BssEval`: below 1e-11 all but SDR depend on rounding.
    """

    sdr: Any
    isr: Any
    sir: Any
    sar: Any
    permutation: NDArray[np.intp]
    independence: float


def bss_eval_images(
    references: Any,
    estimates: Any,
    *,
    window: int | None = None,
    hop: int | None = None,
    silence: str = "per-stem",
    compute_permutation: bool = False,
    taps: int = TAPS,
) -> BssEvalImages:
    """Compute SDR, ISR, SIR and SAR of BSS Eval version 4 in dB.

    Parameters
    ----------
    references : array_like or torch.Tensor of shape (source, channel, time)
        All sources of the mixture. A silent channel, or one that repeats another of its source, spans nothing.
    estimates : array_like or torch.Tensor of shape (target, channel, time)
        Estimate *k* is scored against reference *k*; there may be fewer estimates than references.
    window, hop : int, optional
        Length of a frame and the way to the next, in samples; a last frame that is not full is left out. `museval` takes
        one second for both. Without a window there is one value for the whole recording.
    silence : {"per-stem", "museval"}
        ``"museval"``: a frame in which any reference or any estimate is silent is NaN for all stems. ``"per-stem"``: it
        is NaN for the stem whose reference is silent, and for ISR, SIR and SAR of one whose estimate is.
    compute_permutation : bool
        Whether to assign the estimates to the references by the best mean SIR. It needs as many estimates as
        references.
    taps : int
        Length of the distortion filters.

    Returns
    -------
    BssEvalImages
        NaN where there is no value; ISR is +inf where the image is not distorted, SIR where nothing but the target is
        left of the references.

    Raises
    ------
    SignalError
        If the arrays do not fit together.

    References
    ----------
    Vincent, Sawada, Bofill, Makino and Rosca, *First stereo audio source separation evaluation campaign*, ICA 2007.
    Stöter, Liutkus and Ito, *The 2018 signal separation evaluation campaign*, LVA/ICA 2018.

    Examples
    --------
    >>> noise = np.random.default_rng(1).standard_normal((3, 2, 4000))
    >>> found = bss_eval_images(noise[:2], noise[:2] + 0.1 * noise[2], window=1000, hop=1000)
    >>> found.sdr.shape, bool((found.sdr < found.isr).all())
    ((2, 4), True)
    >>> bss_eval_images(noise[:2], 2 * noise[:2]).sdr.tolist()  # unlike `bss_eval_sources` it hears the level
    [0.0, 0.0]
    >>> pause = np.where(np.arange(4000) < 1000, 0.0, noise[:1])
    >>> found = bss_eval_images(np.concatenate([pause, noise[:1]]), noise[1:], window=1000, hop=1000)
    >>> np.isnan(found.sdr).sum(axis=1).tolist()
    [1, 0]
    """
    _known(silence)
    references, estimates, xp = _images(references, estimates, square=compute_permutation)
    fits = _Fits(references, estimates, taps, xp)
    spans = list(_spans(references.shape[-1], window, hop))
    order = np.arange(len(estimates), dtype=np.intp)
    if compute_permutation:
        pairs = [(source, estimate) for source in range(len(order)) for estimate in range(len(order))]
        values = fits.criteria(spans, pairs, silence).reshape(4, len(order), len(order), -1)
        order = best_permutation(np.nan_to_num(values[SIR], nan=0.0, posinf=np.inf, neginf=-np.inf).mean(axis=-1))
        values = values[:, np.arange(len(order)), order]
    else:
        values = fits.criteria(spans, [(k, k) for k in range(len(order))], silence)
    values = values if window is not None else values[..., 0]
    sdr, isr, sir, sar = to_namespace(values, references, xp)
    return BssEvalImages(sdr, isr, sir, sar, order, fits.independence)


def framewise_sdr(
    references: Any, estimates: Any, *, window: int | None = None, hop: int | None = None, silence: str = "per-stem"
) -> Any:
    """Compute the SDR of `bss_eval_images` alone in dB, hundreds of times quicker.

    Parameters
    ----------
    references, estimates, window, hop, silence
        As for `bss_eval_images`.

    Returns
    -------
    ndarray (or tensor) of float64, shape (target,) or (target, frame)

    Examples
    --------
    >>> noise = np.random.default_rng(1).standard_normal((3, 2, 4000))
    >>> sdr = framewise_sdr(noise[:2], noise[:2] + 0.1 * noise[2], window=1000, hop=500)
    >>> bool((sdr == bss_eval_images(noise[:2], noise[:2] + 0.1 * noise[2], window=1000, hop=500).sdr).all())
    True
    """
    _known(silence)
    references, estimates, xp = _images(references, estimates, square=False)
    spans = list(_spans(references.shape[-1], window, hop))
    pairs = [(k, k) for k in range(len(estimates))]
    frames = [_against_reference(references[..., span], estimates[..., span], pairs, xp) for span in spans]
    sdr = _ratios(np.moveaxis(np.array(frames), 0, -1))
    if silence == "museval":
        sdr[_without_value(references, estimates, spans, pairs, silence)[0]] = np.nan
    else:
        sdr[np.array(frames)[:, 0].T == 0] = np.nan
    return to_namespace(sdr if window is not None else sdr[..., 0], references, xp)


def _known(silence: str) -> None:
    if silence not in SILENCE:
        raise SignalError(
            f"bss_eval_images: unknown policy `{silence}`", did_you_mean(silence, SILENCE, kind="policies")
        )


def _images(references: Any, estimates: Any, *, square: bool) -> tuple[Any, Any, Any]:
    return matching_sets(
        references, estimates, where="bss_eval_images", axes="source, channel, time", square=square,
        hint="mono recordings have one channel: `signals[:, None]`",
    )  # fmt: skip


def _spans(length: int, window: int | None, hop: int | None) -> Iterator[slice]:
    """Cut the time into frames, as museval does: one that is not full is left out unless it is the only one."""
    if window is None or window >= length:
        yield slice(0, length)
        return
    hop = window if hop is None else hop
    if window < 1 or hop < 1:
        raise SignalError(f"bss_eval_images: window {window} and hop {hop}", "give both as samples, above 0")
    for start in range(0, length - window + 1, hop):
        yield slice(start, start + window)


class _Fits:
    """The filters that bring references nearest to estimates, and what they leave in each frame."""

    def __init__(self, references: Any, estimates: Any, taps: int, xp: Any) -> None:
        self._references, self._estimates, self._taps, self._xp = references, estimates, taps, xp
        self._channels = references.shape[1]
        kept = _spanning(references, xp)
        self._rows = [[row for row, (source, _) in enumerate(kept) if source == one] for one in range(len(references))]
        channels, targets = (images.reshape(-1, images.shape[-1]) for images in (references, estimates))
        rows = [source * self._channels + channel for source, channel in kept]
        self._heard = channels if len(rows) == len(channels) else channels[rows]  # no copy of what may be an hour
        self._lagged, self._right = correlations(self._heard, targets, taps, xp)
        self._together = (
            solve(self._lagged, self._right) if kept else Solution(self._right, np.zeros(self._right.shape[1]), 0.0)
        )
        self.independence = self._together.smallest

    def criteria(self, spans: list[slice], pairs: list[tuple[int, int]], silence: str) -> Floats:
        """Give SDR, ISR, SIR and SAR in dB, shape (4, pair, frame)."""
        energies = np.ones((4, 2, len(pairs), len(spans)))
        own = {pair: self._alone(*pair) for pair in pairs}
        ready: dict[Any, Any] = {}
        for frame, span in enumerate(spans):
            s, s_hat = self._references[..., span], self._estimates[..., span]
            cut = pieces(self._heard[..., span], self._taps, self._xp)
            if not ready:  # frames are of one length
                filters: dict[Any, Floats] = {"together": self._together.filters, **own}
                ready = {name: responses(one, cut, s, self._xp) for name, one in filters.items()}
            energies[SDR, :, :, frame] = _against_reference(s, s_hat, pairs, self._xp)
            energies[ISR:, :, :, frame] = self._against_projections(s, s_hat, pairs, cut, ready)
        values = _ratios(energies)
        nowhere, only_sdr = _without_value(self._references, self._estimates, spans, pairs, silence)
        values[:, nowhere] = np.nan
        values[ISR:, only_sdr] = np.nan
        return values

    def _against_projections(
        self, s: Any, s_hat: Any, pairs: list[tuple[int, int]], cut: Pieces, ready: Mapping[Any, Any]
    ) -> Floats:
        """Give the energies whose ratios are ISR, SIR and SAR of a frame, shape (3, 2, pair)."""
        xp, tail = self._xp, self._taps - 1
        projected = filtered(cut, ready["together"], xp).reshape(len(s_hat), self._channels, -1)
        sums = np.empty((3, 2, len(pairs)))
        for number, (source, estimate) in enumerate(pairs):
            alone = cut._replace(spectra=cut.spectra[self._rows[source]])
            target, every = filtered(alone, ready[source, estimate], xp), projected[estimate]
            image, whole = padded(s[source], 0, tail, xp), padded(s_hat[estimate], 0, tail, xp)
            parts = (image, target - image), (target, every - target), (every, whole - every)
            sums[..., number] = [[float(xp.square(part).sum()) for part in pair] for pair in parts]
        return sums

    def _alone(self, source: int, estimate: int) -> Floats:
        """Fit the channels of one source to an estimate."""
        rows = self._rows[source]
        right = self._right[rows, estimate * self._channels : (estimate + 1) * self._channels]
        return solve(self._lagged[np.ix_(rows, rows)], right).filters if rows else right


def _spanning(references: Any, xp: Any) -> list[tuple[int, int]]:
    """List source and channel of what spans anything: no silence, and no channel that repeats one of its source."""
    kept = []
    for source, image in enumerate(references):
        for channel, signal in enumerate(image):
            repeats = any(bool((signal == image[earlier]).all()) for earlier in range(channel))
            if bool((signal != 0).any()) and not repeats:
                kept.append((source, channel))
    return kept


def _against_reference(s: Any, s_hat: Any, pairs: list[tuple[int, int]], xp: Any) -> list[list[float]]:
    """Give the energies of references and of what estimates differ from them by."""
    references = [float(xp.square(s[source]).sum()) for source, _ in pairs]
    return [references, [float(xp.square(s_hat[estimate] - s[source]).sum()) for source, estimate in pairs]]


def _without_value(
    references: Any, estimates: Any, spans: list[slice], pairs: list[tuple[int, int]], silence: str
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Say where the policy on silence leaves no value, and where none but SDR; both of shape (pair, frame)."""
    if silence == "museval":  # to it, a source whose channels cancel is silent
        any_silent = [_silent(images.sum(axis=1)[:, None], spans).any(axis=0) for images in (references, estimates)]
        everywhere = np.broadcast_to(any_silent[0] | any_silent[1], (len(pairs), len(spans)))
        return everywhere, everywhere
    no_reference = _silent(references, spans)[[source for source, _ in pairs]]
    no_estimate = _silent(estimates, spans)[[estimate for _, estimate in pairs]]
    return no_reference, no_reference | no_estimate


def _silent(images: Any, spans: list[slice]) -> NDArray[np.bool_]:
    """Say which images are silent in which frames, shape (image, frame)."""
    return np.array([[not bool((image[..., span] != 0).any()) for span in spans] for image in images])


def _ratios(energies: Floats) -> Floats:
    with np.errstate(all="ignore"):
        decibel: Floats = 10 * np.log10(energies[..., 0, :, :] / energies[..., 1, :, :])
    return decibel


def _frame_scores(values: Floats, sdr: Floats, unlike: Score | None) -> Framed:
    """Turn the values of one criterion in all frames into scores; what has no SDR has a silent reference."""
    silent = [Score(None, "silent_reference" if np.isnan(one) else "silent_estimate") for one in sdr]
    frames = zip(values, silent, strict=True)
    return framed([score if np.isnan(value) else unlike or decibels(float(value)) for value, score in frames])


def _score(
    references: Mapping[str, Floats],
    estimates: Mapping[str, Floats],
    sample_rate: int,
    *,
    silence: str,
    ids: tuple[str, ...],
) -> Scores:
    where = "bss_eval_images"
    pairs = {target: matched(references, target, estimate, where=where) for target, estimate in estimates.items()}
    defined = silence == "per-stem"
    missing = {target: undefined(*pair, silence_is_defined=defined) for target, pair in pairs.items()}
    scores: Scores = {target: dict.fromkeys(ids, score) for target, score in missing.items() if score}
    broken = [name for name, reference in references.items() if not np.isfinite(reference).all()]
    sound = [target for target in estimates if not missing[target]]
    if broken:
        fault = Score(None, "metric_failed", f"the reference `{broken[0]}` holds NaN or infinity")
        scores |= {target: dict.fromkeys(ids, fault) for target in sound}
    elif sound:
        others = [name for name in references if name not in sound]
        sources = np.stack([matched(references, name, pairs[sound[0]][1], where=where)[0] for name in sound + others])
        images = np.stack([pairs[target][1] for target in sound])
        found = bss_eval_images(sources, images, window=sample_rate, hop=sample_rate, silence=silence)
        unlike = ill_conditioned(found.independence)
        alone = np.count_nonzero(sources.any(axis=(1, 2))) == 1
        for number, target in enumerate(sound):
            values = [np.atleast_1d(criterion[number]) for criterion in found[:4]]
            row: list[Score] = [
                _frame_scores(value, values[SDR], None if criterion == SDR else unlike)
                for criterion, value in enumerate(values)
            ]
            if alone:
                row[SIR] = Score(None, "no_interferer")
            scores[target] = dict(zip(ids, row, strict=True))
    return {target: scores[target] for target in estimates}


def _metric(name: str, title: str, silence: str, suffix: str) -> Metric:
    ids = tuple(f"{one}{suffix}" for one in ("sdr_v4", "isr_v4_512", "sir_v4_512", "sar_v4_512"))
    return Metric(
        name=name,
        ids=ids,
        title=title,
        unit="dB",
        reference="Vincent et al., First stereo audio source separation evaluation campaign, ICA 2007; Stöter, Liutkus and "
        "Ito, The 2018 signal separation evaluation campaign, LVA/ICA 2018",
        definition="BSS Eval version 4, images, in frames of one second that do not overlap, with distortion filters of 512 "
        "taps fitted to the whole recording; all channels together; the value of a recording is the median of its frames. "
        f"Policy on silence `{silence}`: {SILENCE[silence]}. SIR is the target-to-interference ratio (TIR) of some texts. "
        f"Above 100 dB a value counts as saturated; where a reference holds less than {DEPENDENT:g} of its energy beyond what "
        "the others predict, all but SDR depend on rounding and are `ill_conditioned`.",
        version="sepbench 2",
        score=partial(_score, silence=silence, ids=ids),
        lowest=-np.inf,
        highest=np.inf,
        per_channel=False,
        titles={one: f"{one[:3].upper()} v4{' (museval)' if suffix else ''}" for one in ids},
    )


BSS_EVAL_IMAGES = _metric("bss_eval_images", "SDR, ISR, SIR, SAR (BSS Eval v4)", "per-stem", "")
BSS_EVAL_MUSEVAL = _metric("bss_eval_museval", "SDR, ISR, SIR, SAR (BSS Eval v4 as museval)", "museval", "_museval")

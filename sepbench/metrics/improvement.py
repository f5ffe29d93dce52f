"""How much better an estimate is than the mixture that it was made from: the ``_i`` of every metric.

The SNR improvement is the denoising SNR of some texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sepbench.metrics.metric import Framed, Metric, Score, framed

__all__ = ["improvement", "improvement_id", "improvements"]


def improvement(measure: Callable[[Any, Any], Any], reference: Any, estimate: Any, mixture: Any) -> Any:
    """Subtract the value of the mixture from that of the estimate, both against the same reference.

    Parameters
    ----------
    measure : callable
        A metric of this package, such as `si_sdr`, or ``partial(stoi, sample_rate=16000)``.
    reference, estimate, mixture : array_like or torch.Tensor of shape (..., time)
        Same shape.

    Returns
    -------
    ndarray (or tensor) of float64, shape (...)

    Raises
    ------
    SignalError
        If the shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> from sepbench.metrics import snr
    >>> speech, noise = np.random.default_rng(1).standard_normal((2, 1000))
    >>> round(float(improvement(snr, speech, speech + 0.1 * noise, speech + noise)), 6)
    20.0
    """
    return measure(reference, estimate) - measure(reference, mixture)


def improvement_id(metric_id: str) -> str:
    """Name the improvement of a metric over the mixture.

    Examples
    --------
    >>> improvement_id("si_sdr"), improvement_id("si_sdr:channel-mean")
    ('si_sdr_i', 'si_sdr_i:channel-mean')
    """
    name, colon, qualifiers = metric_id.partition(":")
    return f"{name}_i{colon}{qualifiers}"


def improvements(
    scores: Mapping[str, Score], unprocessed: Mapping[str, Score], measures: Iterable[Metric]
) -> dict[str, Score]:
    """Subtract the mixture's scores, where a difference means something; artefacts have none, since the mixture has none.

    Parameters
    ----------
    scores, unprocessed : mapping of str to Score
        By metric id: of the estimate, and of the mixture in its place. What has frames is subtracted frame by frame.
    measures : iterable of Metric
        Those that gave the scores. One that is neither better nor worse, loudness, say, has no improvement.

    Examples
    --------
    >>> from sepbench.metrics import load
    >>> scores = {"snr": Score(9.0), "loudness": Score(-23.0), "sar_v3_512": Score(9.0)}
    >>> improvements(scores, scores | {"snr": Score(2.0)}, load(["snr", "loudness", "bss_eval_sources"]))
    {'snr_i': Score(value=7.0, status='ok', reason=None)}
    """
    described = {name for metric in measures if metric.higher_is_better is None for name in metric.ids}
    return {
        improvement_id(metric_id): _difference(score, unprocessed[metric_id])
        for metric_id, score in scores.items()
        if metric_id in unprocessed
        and not metric_id.startswith("sar_")
        and metric_id.partition(":")[0] not in described
    }


def _difference(score: Score, before: Score) -> Score:
    if isinstance(score, Framed) and isinstance(before, Framed):
        return framed([_difference(*pair) for pair in zip(score.frames, before.frames, strict=True)])
    if score.value is not None and before.value is not None:
        return Score(score.value - before.value)
    if before.status == "saturated_high":
        return Score(None, "no_interferer", "the mixture is the reference: there is nothing to improve")
    if score.value is not None and before.status == "saturated_low":
        return Score(None, "saturated_high", "the mixture holds nothing of the reference")
    blame = score if score.value is None else before
    return Score(None, blame.status, blame.reason)

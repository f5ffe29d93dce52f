"""What happens to samples that are too loud for what records them."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from sepbench.errors import UsageError
from sepbench.transforms.decibels import factor
from sepbench.transforms.packages import ours
from sepbench.transforms.transform import Floats, Parameter, Transform

__all__ = ["CLIP", "CLIP_QUANTILES", "clip", "clip_quantiles"]


def clip(samples: Floats, sample_rate: int, *, level_dbfs: float) -> Floats:
    """Cut off what is above a level.

    Examples
    --------
    >>> clip(np.array([[0.05, -0.5, 1.0]]), 16000, level_dbfs=-20.0)
    array([[ 0.05, -0.1 ,  0.1 ]])
    """
    limit = factor(level_dbfs)
    return np.clip(samples, -limit, limit)


def clip_quantiles(samples: Floats, sample_rate: int, *, low: float, high: float) -> Floats:
    """Cut off what is below one quantile of the samples, or above another.

    A quantile is the smallest sample, of all channels, that at least this share of them does not exceed (the inverse of the
    distribution function), so it is one of the samples, the same on every machine.

    Raises
    ------
    UsageError
        If `low` is not below `high`.

    Examples
    --------
    >>> clip_quantiles(np.arange(-5.0, 5.0)[None], 16000, low=0.2, high=0.9)
    array([[-4., -4., -3., -2., -1.,  0.,  1.,  2.,  3.,  3.]])
    """
    if low >= high:
        raise UsageError(f"clip_quantiles: `low` is {low:g}, not below `high`, {high:g}", "draw them from ranges apart")
    ordered = np.sort(samples, axis=None)
    places = [max(1, math.ceil(Fraction(str(share)) * ordered.size)) - 1 for share in (low, high)]
    return np.clip(samples, ordered[places[0]], ordered[places[1]])


CLIP = Transform(
    name="clip",
    title="Clipping at a level",
    definition="Samples above `level_dbfs` in magnitude become that level; 0 is full scale.",
    reference="Hard clipping, as in Zhang et al., URGENT challenge, Interspeech 2024, but at a level.",
    parameters={"level_dbfs": Parameter("Where it clips.", "dBFS", -80, 0, -20.0)},
    function=clip,
    stage=ours,
    exact=True,
)
CLIP_QUANTILES = Transform(
    name="clip_quantiles",
    title="Clipping at quantiles",
    definition="Samples below the quantile `low` or above the quantile `high` of all samples of the excerpt become that quantile (inverse of the "
    "distribution function, without interpolation); so the share that is clipped does not depend on the level.",
    reference="The clipping of the URGENT challenges, where low is from 0 to 0.1 and high from 0.9 to 1: Zhang et al., URGENT challenge, "
    "Interspeech 2024.",
    parameters={
        "low": Parameter("Share of the samples at or below the lower limit.", "", 0, 1, 0.1),
        "high": Parameter("Share of the samples at or below the upper limit.", "", 0, 1, 0.9),
    },
    function=clip_quantiles,
    stage=ours,
    exact=True,
)

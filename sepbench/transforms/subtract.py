"""Subtraction: what is left of a mixture when a part of it is taken away."""

from __future__ import annotations

from sepbench.errors import SignalError
from sepbench.transforms.packages import ours
from sepbench.transforms.transform import Floats, Parameter, Transform

__all__ = ["SUBTRACT", "subtract"]


def subtract(samples: Floats, sample_rate: int, *, recording: Floats) -> Floats:
    """Take another recording away, sample by sample from the first on.

    Raises
    ------
    SignalError
        If it has neither one channel nor as many as the signal.

    Examples
    --------
    >>> import numpy as np
    >>> subtract(np.array([[0.5, 0.25]]), 8000, recording=np.array([[0.25]]))
    array([[0.25, 0.25]])
    """
    if len(recording) not in (1, len(samples)):
        raise SignalError(
            f"subtract: the recording has {len(recording)} channels, the signal has {len(samples)}",
            "both must be of one mixture",
        )
    left = samples.copy()
    common = min(samples.shape[1], recording.shape[1])
    left[:, :common] -= recording[:, :common]
    return left


SUBTRACT = Transform(
    name="subtract",
    title="Difference",
    definition="The signal without another recording, both from their beginning on: exact for recordings of up to 24 bits.",
    reference="Arithmetic.",
    parameters={"recording": Parameter("What is taken away.", kind="recording")},
    function=subtract,
    stage=ours,
    exact=True,
)

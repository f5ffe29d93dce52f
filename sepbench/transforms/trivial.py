"""Faults of cabling: a wire turned round, channels swapped, a constant added."""

from __future__ import annotations

from sepbench.transforms.packages import ours
from sepbench.transforms.transform import Floats, Parameter, Transform

__all__ = ["DC_OFFSET", "POLARITY", "REVERSE_CHANNELS", "dc_offset", "polarity", "reverse_channels"]


def polarity(samples: Floats, sample_rate: int) -> Floats:
    """Invert the polarity."""
    return -samples


def dc_offset(samples: Floats, sample_rate: int, *, offset: float) -> Floats:
    """Add a constant; 1 is full scale."""
    return samples + offset


def reverse_channels(samples: Floats, sample_rate: int) -> Floats:
    """Put the channels into reverse order: of two, left is right."""
    return samples[::-1]


POLARITY = Transform(
    name="polarity",
    title="Inverted polarity",
    definition="Each sample with the other sign.",
    reference="Arithmetic.",
    parameters={},
    function=polarity,
    stage=ours,
    exact=True,
)
DC_OFFSET = Transform(
    name="dc_offset",
    title="DC offset",
    definition="Adds a constant to all samples; 1 is full scale.",
    reference="Arithmetic.",
    parameters={"offset": Parameter("What is added; 1 is full scale.", "", -1, 1, 0.01, per_unit=100_000)},
    function=dc_offset,
    stage=ours,
    exact=True,
)
REVERSE_CHANNELS = Transform(
    name="reverse_channels",
    title="Reversed channels",
    definition="The channels in reverse order: of two, left becomes right; one channel stays as it is.",
    reference="Arithmetic.",
    parameters={},
    function=reverse_channels,
    stage=ours,
    exact=True,
)

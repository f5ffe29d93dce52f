"""What a transform is: a registered description, and a function from samples and parameters to samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["Parameter", "Transform"]

Floats = NDArray[np.float64]
Value = int | str


@dataclass(frozen=True)
class Parameter:
    """One parameter of a transform.

    Attributes
    ----------
    meaning : str
        One sentence, for the reference of recipes.
    unit : str
        ``dB``, ``s``, ``Hz``, ``semitones`` …; empty for a plain number.
    lowest, highest : float
        Range, both included; a recipe that asks for more is refused.
    default : float or str, optional
        What it is where the recipe does not say; None where it must.
    choices : tuple of str
        For a parameter that is a word: what it may be.
    per_unit : int
        The row holds the value times this, as an integer: 1000 for thousandths of a decibel, 1 for whole numbers.
    kind : {"number", "word", "seed", "recording"}
        A ``seed`` is drawn by the plan and can't be set: what is noise-like is made from it. A ``recording`` is drawn from
        a public set that the recipe names (``set``, ``where``), an impulse response, say.
    """

    meaning: str
    unit: str = ""
    lowest: float = 0.0
    highest: float = 0.0
    default: float | str | None = None
    choices: tuple[str, ...] = ()
    per_unit: int = 1000
    kind: str = "number"


@dataclass(frozen=True)
class Transform:
    """A transform as the plan and the renderer see it.

    Attributes
    ----------
    name : str
        As a recipe has it. Raised to another name whenever the same parameters give other samples.
    title, definition, reference : str
        For docs: what it does in a line, what exactly in one or two sentences, and where that is from.
    parameters : mapping of str to Parameter
    apply : callable
        ``apply(samples, sample_rate, parameters, recordings)``: float64 samples of shape (channel, time), the rate in Hz, the
        parameters as integers and words, and for each parameter that is a recording its samples at that rate, float64 of
        shape (channel, time). Gives new samples of the same shape (but see `frames_needed`), and leaves what it was given
        alone. It has no state and draws no random number.
    stage : callable
        Gives what made the samples, with its version, as ``scipy 1.17.1``: the proof names it.
    frames_needed : callable, optional
        ``frames_needed(frames, parameters)``: how many samples go in, for so many that come out, where these differ (a time stretch).
    """

    name: str
    title: str
    definition: str
    reference: str
    parameters: Mapping[str, Parameter]
    apply: Callable[[Floats, int, Mapping[str, Value], Mapping[str, Floats]], Floats]
    stage: Callable[[], str]
    frames_needed: Callable[[int, Mapping[str, Value]], int] | None = field(default=None)

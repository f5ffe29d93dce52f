"""What a transform is: a registered description, and a function from samples and parameters to samples.

The rules that hold for all of them live here, once: what goes in and what comes out is checked in `Transform.apply`, and the
integers of a row become numbers with units in `Parameter.value`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepbench.errors import SignalError, TransformError, UsageError, did_you_mean

__all__ = ["Parameter", "Transform"]

Floats = NDArray[np.float64]
Value = int | str
_LAST_SEED = (1 << 63) - 1
_NO_RECORDINGS: Mapping[str, Floats] = {}


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
        A ``seed`` is drawn by the plan and can't be set: what is noise-like is made from it; it is from 0 to 2^63 - 1. A
        ``recording`` is drawn from a public set that the recipe names (``set``, ``where``), an impulse response, say.
    """

    meaning: str
    unit: str = ""
    lowest: float = 0.0
    highest: float = 0.0
    default: float | str | None = None
    choices: tuple[str, ...] = ()
    per_unit: int = 1000
    kind: str = "number"

    def planned(self, value: Any) -> Value:
        """Give a value as the row holds it.

        Raises
        ------
        UsageError
            If it is beyond the range, or no choice.

        Examples
        --------
        >>> Parameter("Gain.", "dB", -60, 60).planned(-0.7)
        -700
        >>> Parameter("Where.", choices=("left", "right"), kind="word").planned("up")
        Traceback (most recent call last):
        sepbench.errors.UsageError: expected one of left, right, got `up`
        """
        if self.kind == "number" and not isinstance(value, str) and math.isfinite(value):
            value = int((Decimal(repr(value)) * self.per_unit).to_integral_value())
        self.value(value)
        converted: Value = value
        return converted

    def value(self, planned: Any) -> float | int | str:
        """Give what a value of the row stands for, in its unit.

        Raises
        ------
        UsageError
            If it is beyond the range, or no choice: rows come from strangers too.

        Examples
        --------
        >>> Parameter("Gain.", "dB", -60, 60).value(-700)
        -0.7
        """
        if self.kind == "word":
            if planned not in self.choices:
                raise UsageError(f"expected one of {', '.join(self.choices)}, got `{planned}`")
            return str(planned)
        lowest, highest = (0, _LAST_SEED) if self.kind == "seed" else (self.lowest, self.highest)
        per_unit = 1 if self.kind == "seed" else self.per_unit
        if type(planned) is not int or not lowest * per_unit <= planned <= highest * per_unit:
            unit = f" {self.unit}" if self.unit else ""
            shown = planned / per_unit if type(planned) is int and per_unit > 1 else planned
            raise UsageError(f"expected a number from {lowest:g} to {highest:g}{unit}, got `{shown}`")
        return planned if per_unit == 1 else planned / per_unit


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
    function : callable
        ``function(samples, sample_rate, **parameters)``: float64 samples of shape (channel, time), read-only, the rate in Hz, and
        each parameter by its name: numbers in their units, words, seeds, and for a recording its samples at that rate,
        float64 of shape (channel, time). Gives new samples of the same shape (but see `pace`). It has no state and draws no
        random number; where the samples have no answer, silence that shall have a level, say, it raises `SignalError`.
    stage : callable
        Gives what made the samples, with its version, as ``scipy 1.17.1``: the proof names it.
    exact : bool
        Whether every machine and version gives the same samples, to the last bit: only IEEE operations that are rounded
        correctly, each by itself. Else the proof names the `stage`.
    pace : callable, optional
        ``pace(**parameters)``: how many samples go in for each that comes out, as a `Fraction`, where these differ (a time stretch).
    """

    name: str
    title: str
    definition: str
    reference: str
    parameters: Mapping[str, Parameter]
    function: Callable[..., Floats]
    stage: Callable[[], str]
    exact: bool = False
    pace: Callable[..., Fraction] | None = None

    def planned(self, **given: float | str) -> dict[str, Value]:
        """Give the parameters as a row holds them; what is not given has its default.

        Raises
        ------
        UsageError
            If one is unknown, beyond its range, or missing where there is no default.
        """
        inside = {key: one for key, one in self.parameters.items() if one.kind != "recording"}
        for key in given:
            if key not in inside:
                raise UsageError(
                    f"`{self.name}` has no parameter `{key}`", did_you_mean(key, inside, kind="parameters")
                )
        values = {}
        for key, one in inside.items():
            value = given.get(key, one.default)
            if value is None:
                raise UsageError(f"`{self.name}` needs `{key}`: {one.meaning}")
            values[key] = self._named(key, one.planned, value)
        return values

    def frames_made(self, frames: int, parameters: Mapping[str, Value]) -> int:
        """Say how many samples come out of so many."""
        pace = self._pace(parameters)
        return -(-frames * pace.denominator // pace.numerator)

    def frames_needed(self, frames: int, parameters: Mapping[str, Value]) -> int:
        """Say how many samples go in, at least, for so many that come out.

        Where it slows down, the last of them may give a few more samples than asked for: `apply` leaves these out.
        """
        pace = self._pace(parameters)
        return (frames - 1) * pace.numerator // pace.denominator + 1 if frames else 0

    def apply(
        self,
        samples: NDArray[Any],
        sample_rate: int,
        parameters: Mapping[str, Value],
        recordings: Mapping[str, NDArray[Any]] = _NO_RECORDINGS,
        *,
        frames: int | None = None,
    ) -> Floats:
        """Transform samples.

        Parameters
        ----------
        samples : ndarray, shape (channel, time)
            1 is full scale. Not modified.
        sample_rate : int
            In Hz.
        parameters : mapping of str to int or str
            As a row holds them, complete: see `planned`.
        recordings : mapping of str to ndarray of shape (channel, time)
            For each parameter that is a recording its samples, at the same rate.
        frames : int, optional
            How many samples shall come out, where these are `frames_needed` for so many; by default all, `frames_made`.

        Returns
        -------
        ndarray of float64, shape (channel, time)
            New samples.

        Raises
        ------
        SignalError
            If the samples are none, not finite, or have no answer: silence that shall have a level, say.
        UsageError
            If a parameter is missing, unknown, beyond its range, or makes no sense at this rate; or `frames` are more than come.
        MissingExtraError
            If a package that it needs is not installed.
        TransformError
            If what comes out is not as many finite samples as it should be.
        """
        samples = self._admitted(samples, "samples")
        values = self._values(parameters)
        wanted = {key for key, one in self.parameters.items() if one.kind == "recording"}
        if set(recordings) != wanted:
            raise UsageError(f"`{self.name}`: expected the recordings {sorted(wanted)}, got {sorted(recordings)}")
        values |= {key: self._admitted(recording, key) for key, recording in recordings.items()}
        given = samples.shape[1]
        coming = self.frames_made(given, parameters)
        if frames is not None and frames > coming:
            needed = self.frames_needed(frames, parameters)
            raise UsageError(f"`{self.name}`: expected {needed} samples, of which {frames} come, got {given}")
        made = self.function(samples, sample_rate, **values)
        self._refuse_broken(made, (samples.shape[0], coming))
        made = np.ascontiguousarray(made[:, :frames])
        return made.copy() if np.may_share_memory(made, samples) else made

    def _pace(self, parameters: Mapping[str, Value]) -> Fraction:
        return self.pace(**self._values(parameters)) if self.pace else Fraction(1)

    def _values(self, parameters: Mapping[str, Value]) -> dict[str, Any]:
        inside = {key: one for key, one in self.parameters.items() if one.kind != "recording"}
        if set(parameters) != set(inside):
            raise UsageError(
                f"`{self.name}`: expected the parameters {', '.join(inside) or '(none)'}, got {', '.join(parameters) or 'none'}",
                "`planned` gives them, with the defaults of those that are not said",
            )
        return {key: self._named(key, one.value, parameters[key]) for key, one in inside.items()}

    def _named(self, key: str, convert: Callable[[Any], Any], value: Any) -> Any:
        try:
            return convert(value)
        except UsageError as error:
            raise UsageError(f"`{self.name}`: `{key}`: {error.message}", error.hint) from error

    def _admitted(self, samples: NDArray[Any], what: str) -> Floats:
        """Give a read-only view, or a copy, as float64 in C order."""
        shown: Floats = np.ascontiguousarray(samples, dtype=np.float64).view()
        shown.flags.writeable = False
        if samples.ndim != 2 or not samples.size:
            raise SignalError(f"{self.name}: expected {what} of shape (channel, time), got {samples.shape}")
        if not np.isfinite(shown).all():
            raise SignalError(f"{self.name}: the {what} hold NaN or infinity", "leave the recording out")
        return shown

    def _refuse_broken(self, made: Any, shape: tuple[int, int]) -> None:
        if not isinstance(made, np.ndarray) or made.dtype != np.float64 or made.shape != shape:
            got = f"{made.dtype} {made.shape}" if isinstance(made, np.ndarray) else type(made).__name__
            raise TransformError(f"`{self.name}`: expected float64 {shape}, got {got}", "mend the transform")
        if not np.isfinite(made).all():
            raise TransformError(f"`{self.name}`: what came out holds NaN or infinity", "mend the transform")

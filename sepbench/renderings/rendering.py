"""What a rendering is: a registered description, and a function from recordings to the samples that a script writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sepbench.errors import SignalError

__all__ = ["Heard", "Made", "Rendering", "as_libsndfile_writes"]

Floats = NDArray[Any]


class Heard(NamedTuple):
    """One source as a script hears it.

    Attributes
    ----------
    name, role : str
        Of the stem.
    samples : ndarray of float64, shape (channel, time)
        1 is full scale; exactly what a library gives that divides integers by their full scale.
    """

    name: str
    role: str
    samples: Floats


class Made(NamedTuple):
    """What a script writes.

    Attributes
    ----------
    stems : dict of str to ndarray of int16, shape (channel, time)
        In the order of the sources.
    mixture : ndarray of int16, shape (channel, time)
    """

    stems: dict[str, NDArray[np.int16]]
    mixture: NDArray[np.int16]


@dataclass(frozen=True)
class Rendering:
    """A rendering as the plan and the renderer see it.

    Attributes
    ----------
    name : str
        As a recipe has it.
    title, definition, reference : str
        For docs: what it does in a line, what exactly in a few sentences, and whose script it is.
    function : callable
        ``function(row, sources, parameters)``: a row of the manifest, its sources as `Heard`, and what the row gives for
        parameters. Gives `Made`. It has no state and draws no random number; where the script has no answer, it raises
        `SignalError`.
    stage : callable
        Gives what made the samples, with its version: the proof names it.
    needs : tuple of str
        Levels of a recipe that it takes: ``snr_db``, ``level_dbfs``.
    listed : bool
        Whether its parameters come from a list of mixtures; else a recipe that draws may name it.
    whole : bool
        Whether it hears whole recordings at their own rates, and brings them to the corpus's rate and length itself; else it
        hears the excerpts in their places, at the corpus's rate.
    """

    name: str
    title: str
    definition: str
    reference: str
    function: Callable[[Mapping[str, Any], Sequence[Heard], Mapping[str, Any]], Made]
    stage: Callable[[], str]
    needs: tuple[str, ...] = ()
    listed: bool = False
    whole: bool = False

    def make(self, row: Mapping[str, Any], sources: Sequence[Heard], parameters: Mapping[str, Any]) -> Made:
        """Make stems and mixture, and look whether they are what the row says.

        Raises
        ------
        SignalError
            If the script has no answer, or what it made has another shape.
        """
        try:
            made = self.function(row, sources, parameters)
        except (KeyError, IndexError, TypeError, ValueError) as error:  # parameters of a row come from strangers
            raise SignalError(
                f"{self.name}: the parameters of the row do not fit ({error})", "make its list anew"
            ) from error
        if set(made.stems) != {one.name for one in sources}:
            raise SignalError(
                f"{self.name}: gives the stems {', '.join(made.stems)}, the row has {', '.join(one.name for one in sources)}"
            )
        wanted = (row["channels"], row["frames"])
        for name, samples in [*made.stems.items(), ("mixture", made.mixture)]:
            if samples.shape != wanted or samples.dtype != np.int16 or row["bits"] != 16:
                raise SignalError(f"{self.name}: `{name}` has shape {samples.shape}, the row says {wanted} at 16 bits")
        return made


def as_libsndfile_writes(samples: Floats) -> NDArray[np.int16]:
    """Turn floats into 16 bits as python-soundfile writes them into a WAV file.

    It asks libsndfile to clip, and that way of it scales to 32 bits, rounds there, and drops the lower half: so samples are
    rounded down, by half a step on the average.

    Examples
    --------
    >>> as_libsndfile_writes(np.array([0.5, -0.5, 0.99999, 1.5, -1.5]) * 2**-15 * np.array([1, 1, 1, 1e9, 1e9])).tolist()
    [0, -1, 0, 32767, -32768]
    """
    scaled = np.rint(samples * samples.dtype.type(2.0**31)).astype(np.float64)
    written: NDArray[np.int16] = np.clip(np.floor(scaled / 2.0**16), -(1 << 15), (1 << 15) - 1).astype(np.int16)
    return written

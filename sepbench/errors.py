"""The errors that sepbench raises.

::

    SepbenchError                    exit code 2 unless said
    ├── UsageError (ValueError)      an argument, or an input that is unusable as a whole
    │   ├── UnknownNameError         a recipe, set, metric, separator … that does not exist
    │   ├── RecipeError              a recipe that is not well formed, or that asks for what the catalogs lack
    │   ├── LayoutError              a public set that does not lie as published
    │   └── TableError               a catalog, manifest or score table that is not what it says
    ├── AudioError (ValueError)      a recording that can't be decoded or is beyond the limits
    ├── SignalError (ValueError)     arrays that do not fit together
    │   ├── SilentSignalError        a signal without power where a ratio needs one
    │   └── UndefinedLoudnessError   a signal that has no loudness after BS.1770: too short, too quiet
    ├── SeparatorError (RuntimeError) a separator that does not keep the contract
    ├── TransformError (RuntimeError) a transform that does not keep the contract
    ├── DifferenceError              exit code 1: what was remade differs from what was recorded
    ├── ExactnessError (ArithmeticError) exit code 4: this machine computes sums of integers wrongly
    ├── PlaceError (OSError)         exit code 4: a folder that can't be used as asked
    ├── FetchError (OSError)         exit code 4: a file that can't be had, or is not the one that was published
    ├── ArchiveError (ValueError)    an archive that is damaged, or would write what it must not
    ├── TooManyFailedError           exit code 5: so much failed that something must be wrong as a whole
    └── MissingExtraError (ImportError) exit code 4: an optional dependency that is not installed
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "ArchiveError",
    "AudioError",
    "DifferenceError",
    "ExactnessError",
    "FetchError",
    "LayoutError",
    "MissingExtraError",
    "PlaceError",
    "RecipeError",
    "SeparatorError",
    "SepbenchError",
    "SignalError",
    "SilentSignalError",
    "TableError",
    "TooManyFailedError",
    "TransformError",
    "UndefinedLoudnessError",
    "UnknownNameError",
    "UsageError",
    "did_you_mean",
]


class SepbenchError(Exception):
    """The root of all errors that sepbench raises on purpose.

    Parameters
    ----------
    message : str
        One sentence: where, what was expected, what came.
    hint : str
        The remedy, printed on its own line.
    """

    exit_code = 2

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[type[SepbenchError], tuple[str, str]]:
        return type(self), (self.message, self.hint)  # they cross process borders


class UsageError(SepbenchError, ValueError):
    """An argument is wrong, or an input is unusable as a whole."""


class UnknownNameError(UsageError):
    """A name that no shelf and no entry point knows."""


class RecipeError(UsageError):
    """A recipe is not well formed, or asks for what the catalogs do not have."""


class LayoutError(UsageError):
    """A public set does not lie in the layout in which it was published."""


class TableError(UsageError):
    """A Parquet table is not what its name says, or was made by a newer sepbench."""


class AudioError(SepbenchError, ValueError):
    """A recording can't be decoded, or is beyond the limits."""


class SignalError(SepbenchError, ValueError):
    """Arrays do not fit together: shape, length, type or content."""


class SilentSignalError(SignalError):
    """A signal has no power where a ratio needs one."""


class UndefinedLoudnessError(SignalError):
    """A signal has no loudness after BS.1770 where one is needed: too short, too many channels, or below the gates."""


class SeparatorError(SepbenchError, RuntimeError):
    """A separator does not keep the contract."""


class TransformError(SepbenchError, RuntimeError):
    """A transform does not keep the contract."""


class DifferenceError(SepbenchError):
    """What was remade differs from what was recorded."""

    exit_code = 1


class ExactnessError(SepbenchError, ArithmeticError):
    """This machine, or a library on it, computes wrongly what is exact."""

    exit_code = 4


class PlaceError(SepbenchError, OSError):
    """A folder or file can't be used as asked: missing, taken, locked, read-only."""

    exit_code = 4


class FetchError(SepbenchError, OSError):
    """A file can't be had from its publisher, or what came is not what was published."""

    exit_code = 4


class ArchiveError(SepbenchError, ValueError):
    """An archive is damaged, or would write something else than plain files in one folder."""


class TooManyFailedError(SepbenchError):
    """So many items failed that something must be wrong as a whole: a wrong folder, a disk that is gone."""

    exit_code = 5


class MissingExtraError(SepbenchError, ImportError):
    """An optional dependency is not installed."""

    exit_code = 4


def did_you_mean(name: str, known: Iterable[str], *, kind: str = "names") -> str:
    """Suggest the nearest known name and list them all, sorted.

    Examples
    --------
    >>> did_you_mean("sampel_rate", ["name", "sample_rate"], kind="keys")
    'did you mean `sample_rate`? Known keys: name, sample_rate'
    >>> did_you_mean("x", [], kind="sets")
    'no sets are known'
    """
    known = sorted(known)
    if not known:
        return f"no {kind} are known"
    near = difflib.get_close_matches(name, known, n=1)
    start = f"did you mean `{near[0]}`? " if near else ""
    return f"{start}Known {kind}: {', '.join(known)}"

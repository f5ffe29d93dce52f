"""BSS Eval version 3 by `mir_eval`, while it lives: an independent witness, and the way to repeat old numbers.

Its decomposition is called per estimate, which its public function does not allow: there every reference needs an
estimate, although without permutation no estimate has a part in another's values.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from sepbench.errors import MissingExtraError
from sepbench.metrics.metric import Floats

__all__ = ["by_mir_eval"]


class _MirEval:
    independence = np.nan  # it does not say

    def __init__(self, references: Floats, estimates: Floats, taps: int, separation: Any) -> None:
        self._references, self._estimates, self._taps, self._separation = references, estimates, taps, separation
        self._audible = np.any(references != 0, axis=-1)  # a silent one would make the Gram matrix singular

    def criteria(self, source: int, estimate: int) -> tuple[float, float, float]:
        """Give SDR, SIR and SAR of an estimate against a reference, NaN where there are none."""
        if not (self._audible[source] and self._estimates[estimate].any()):
            return np.nan, np.nan, np.nan
        place = int(self._audible[:source].sum())
        with np.errstate(all="ignore"), warnings.catch_warnings():
            # Where the Gram matrix is singular mir_eval reaches for `np.linalg.linalg` and `lstsq` without `rcond`: that
            # raises with numpy 2.4 and warns with older ones. One rule for all of them: no value.
            warnings.filterwarnings("error", message=".*(linalg|rcond)")
            try:
                parts = self._separation._bss_decomp_mtifilt(
                    self._references[self._audible], self._estimates[estimate], place, self._taps
                )
            except (AttributeError, Warning, np.linalg.LinAlgError):
                return np.nan, np.nan, np.nan
            sdr, sir, sar = self._separation._bss_source_crit(*parts)
        return float(sdr), float(sir), float(sar)


def by_mir_eval(references: Floats, estimates: Floats, taps: int) -> _MirEval:
    """Prepare its decomposition.

    Raises
    ------
    MissingExtraError
        If mir_eval is not installed, or has given this up (it will with 0.9).
    """
    try:
        import mir_eval.separation as separation
    except ImportError as error:
        raise MissingExtraError("mir_eval: not installed, or without BSS Eval", 'pip install "mir_eval<0.9"') from error
    return _MirEval(references, estimates, taps, separation)

"""What a careful colleague would say of a corpus before anybody trains on it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

import numpy as np

from sepbench.amounts import counted
from sepbench.showing.survey import Survey

__all__ = ["cautions"]

_FEW_GROUPS = {"train": 20, "valid": 3, "test": 5}  # talkers, songs: below it a split says little about others
_PURPOSE = {
    "train": "learn what others sound like",
    "valid": "say when training should end",
    "test": "say how it goes with others",
}
_MUCH_USED = 0.1  # of the mixtures of a split
_LEAST_ROWS = 20  # in fewer everything is used often
_SNR_ERROR_DB = 0.1
_TURNED_DOWN = 0.25
_LOW_DB = -12.0
_OFFSET = 0.005  # -46 dBFS: more than a good converter leaves
_RESTRICTED = {
    r"(?i)\bNC\b|non-?commercial": "may not be used commercially",
    r"(?i)\bND\b|no-?deriv": "may not be shared in altered form, and a mixture is one",
    r"(?i)^$|unknown|not stated": "come without a licence that is known: find out what may be done with them",
    r"LicenseRef": "are under licences of their own: read them",
}


def cautions(survey: Survey, offsets: Sequence[tuple[str, float]] = ()) -> list[str]:
    """Give what stands out, one sentence each, the gravest first.

    Parameters
    ----------
    survey : Survey
    offsets : sequence of (str, float)
        The mean of what was listened to, by the words for it; full scale is 1.
    """
    parts = (_leaks(survey), _failures(survey), _levels(survey), _pools(survey), _licences(survey), _offsets(offsets))
    return list(itertools.chain.from_iterable(parts))


def _leaks(survey: Survey) -> Iterator[str]:
    for one, other in itertools.combinations(survey.splits, 2):
        both = survey.heard[one].shared_with(survey.heard[other])
        if both.groups or both.recordings:
            yield (
                f"A leak: in `{one}` and in `{other}` there are the same {counted(len(both.recordings), 'recording')} and "
                f"{counted(both.groups, 'group')} (speakers, songs, sounds)."
            )


def _failures(survey: Survey) -> Iterator[str]:
    for status, (count, reason) in survey.failures.items():
        yield f"{_of(count, len(survey.usable))} have no audio: {status}; the first: {reason or 'no reason is recorded'}"


def _of(count: int, total: int) -> str:
    return f"{count:,} of {total:,} mixtures ({100 * count / total:.1f} %)"


def _levels(survey: Survey) -> Iterator[str]:
    total = len(survey.usable)
    clipped = int((survey.clipped > 0).sum())
    if clipped:
        yield f"{_of(clipped, total)} have samples at full scale, {int(survey.clipped.max()):,} in the worst: they may be clipped."
    errors = np.abs(survey.levels.get("snr_error_db", np.zeros(0)))
    missed = int((errors > _SNR_ERROR_DB).sum())
    if missed:
        yield f"{_of(missed, total)} miss the SNR that was asked for by more than {_SNR_ERROR_DB:g} dB, the worst by {np.nanmax(errors):.2f} dB."
    gains = survey.levels.get("common_gain_db", np.zeros(0))
    down, far = int((gains < 0).sum()), int((gains < _LOW_DB).sum())
    if down > _TURNED_DOWN * total:
        yield f"{_of(down, total)} were turned down as a whole, so as not to clip: levels asked for are lower there by up to {-np.nanmin(gains):.1f} dB."
    elif far:
        yield f"{_of(far, total)} were turned down by more than {-_LOW_DB:g} dB, so as not to clip."


def _pools(survey: Survey) -> Iterator[str]:
    for pool in survey.pools:
        few = _FEW_GROUPS[pool.split]
        if len(pool.groups) < few:
            yield f"`{pool.split}` has {counted(len(pool.groups), 'group')} for `{pool.source}`: too few to {_PURPOSE[pool.split]}."
        most, rows = pool.recordings[0], int((survey.split == pool.split).sum())
        if rows >= _LEAST_ROWS and most.n >= _MUCH_USED * rows:
            yield (
                f"One recording, `{most.name}` of {most.set}, is `{pool.source}` in {_of(most.n, rows)} of `{pool.split}`; "
                f"there are {len(pool.recordings):,} in all."
            )


def _licences(survey: Survey) -> Iterator[str]:
    for pattern, words in _RESTRICTED.items():
        found: dict[str, int] = {}
        for (licence,), count in survey.counts("licences").items():
            for one in set(licence.split(" AND ")):
                if re.search(pattern, one):
                    found[one] = found.get(one, 0) + count
        if found:
            listed = ", ".join(
                f"{name or 'none'} in {count:,} {'mixture' if count == 1 else 'mixtures'}"
                for name, count in found.items()
            )
            yield f"Some recordings {words} ({listed})."


def _offsets(offsets: Sequence[tuple[str, float]]) -> Iterator[str]:
    found = [one for one in offsets if abs(one[1]) > _OFFSET]
    if found:
        words, offset = max(found, key=lambda one: abs(one[1]))
        yield (
            f"{len(found)} of {len(offsets)} signals that can be heard here are not centred (DC): the mean of {words} is "
            f"{100 * offset:.2f} % of full scale."
        )

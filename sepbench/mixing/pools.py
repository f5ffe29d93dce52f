"""Pools: which recordings may serve a source in a split, and why the others may not."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa

from sepbench.catalog import labels_of
from sepbench.draws import draws_for
from sepbench.errors import RecipeError, did_you_mean
from sepbench.recipe import Recipe, Source
from sepbench.resample import resampled_frames

__all__ = ["Card", "cards_of", "pool_of", "refuse_leaks"]

_NUMBERS = ("duration_s", "sample_rate", "channels", "peak_dbfs", "loudness_lufs")
_TEXTS = ("split", "group", "item")
_SEEN = ("status", "licence", "labels", "frames", "level_profile_dbfs", *_TEXTS, *_NUMBERS[1:])


@dataclass(frozen=True)
class Card:
    """A recording as the conditions of a recipe see it."""

    row: Mapping[str, Any]

    @cached_property
    def labels(self) -> dict[str, str]:
        """Labels by name."""
        return labels_of(self.row)

    @property
    def item(self) -> str:
        """Name of the recording."""
        return str(self.row["item"])

    @property
    def group(self) -> str:
        """The unit that must not cross splits."""
        return str(self.row["group"])

    def frames_at(self, sample_rate: int) -> int:
        """Give the length at a rate in Hz; 0 for a recording that could not be read."""
        frames, own_rate = self.row["frames"], self.row["sample_rate"]
        return resampled_frames(frames, own_rate, sample_rate) if frames and own_rate else 0

    def value(self, key: str) -> Any:
        """Give what a condition on `key` looks at."""
        if key == "duration_s":
            return self.row["frames"] / self.row["sample_rate"]
        return self.row[key] if key in _NUMBERS or key in _TEXTS else self.labels.get(key)


def cards_of(table: pa.Table) -> list[Card]:
    """Give the recordings of a catalog, in its order."""
    return [Card(row) for row in table.select(_SEEN).to_pylist()]


def pool_of(recipe: Recipe, seed: int, split: str, source: Source, cards: Sequence[Card]) -> list[int]:
    """Keep the recordings that a split may use for a source.

    Returns
    -------
    list of int
        Their places in `cards`.

    Raises
    ------
    RecipeError
        If none is left; says what removed them.
    """
    _refuse_unknown_labels(recipe, source, cards)
    shares = {group: _share(recipe, seed, source, group) for group in {card.group for card in cards}}
    removed: dict[str, int] = {}
    pool = []
    for place, card in enumerate(cards):
        reason = _unfit(recipe, split, source, card, shares)
        if reason:
            removed[reason] = removed.get(reason, 0) + 1
        else:
            pool.append(place)
    if not pool:
        counts = ", ".join(f"{count} {reason}" for reason, count in sorted(removed.items(), key=lambda e: -e[1]))
        raise RecipeError(
            f"{recipe.name}: none of {len(cards)} recordings of `{source.set}` can serve as `{source.name}` "
            f"in split `{split}`: {counts or 'the catalog is empty'}",
            "change the source's `splits`, `where` or `when_short`, or index more of the set",
        )
    return pool


def _share(recipe: Recipe, seed: int, source: Source, group: str) -> str:
    """Put a group into a split by a draw of its own, so that one more group moves no other."""
    if source.shares is None:
        return ""
    draw = draws_for(recipe.name, recipe.version, seed, "", f"{source.set}:{group}", "share")
    at = draw.below(sum(source.shares.values()))
    for split, share in source.shares.items():
        if at < share:
            return split
        at -= share
    raise AssertionError("unreachable")


def _unfit(recipe: Recipe, split: str, source: Source, card: Card, shares: Mapping[str, str]) -> str:
    if card.row["status"] != "ok":
        return f"{card.row['status']}"
    if source.splits is not None and card.row["split"] not in source.splits.get(split, ()):  # type: ignore[call-overload]
        return "in other splits"
    if source.shares is not None and shares[card.group] != split:
        return "in groups of other splits"
    if not all(_fits(card.value(key), condition) for key, condition in source.where.items()):
        return "excluded by `where`"
    if card.row["channels"] > 1 and recipe.channels > 1 and card.row["channels"] != recipe.channels:
        return f"with {card.row['channels']} channels"
    if source.min_level_dbfs is not None and max(card.row["level_profile_dbfs"]) < source.min_level_dbfs:
        return "never reaching `min_level_dbfs`"
    frames = round(recipe.length * recipe.sample_rate) if isinstance(recipe.length, float) else 0
    if source.when_short == "exclude" and card.frames_at(recipe.sample_rate) < frames:
        return f"shorter than {recipe.length:g} s"
    return ""


def _fits(value: Any, condition: Any) -> bool:
    if isinstance(condition, Mapping):
        if "not" in condition:
            return not _fits(value, condition["not"])
        return bool(condition.get("min", -math.inf) <= _number(value) <= condition.get("max", math.inf))
    if isinstance(condition, list | tuple):
        return any(_fits(value, one) for one in condition)
    if isinstance(condition, bool):
        return str(value).lower() == str(condition).lower()
    if isinstance(condition, int | float):
        return bool(_number(value) == condition)
    return bool(str(value) == condition)


def _number(value: Any) -> float:
    """Read a label as a number; one that is none fits no condition on numbers."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def _refuse_unknown_labels(recipe: Recipe, source: Source, cards: Sequence[Card]) -> None:
    known = {*_NUMBERS, *_TEXTS}.union(*(card.labels for card in cards)) if source.where else set()
    for key, condition in source.where.items():
        if key not in known:
            raise RecipeError(
                f"{recipe.name}: `{source.name}` has a condition on `{key}`, which no recording of `{source.set}` has",
                did_you_mean(key, known, kind="labels"),
            )
        if isinstance(condition, Mapping) and not (set(condition) <= {"not"} or set(condition) <= {"min", "max"}):
            raise RecipeError(
                f"{recipe.name}: `{source.name}`: the condition on `{key}` has unknown keys",
                "expected `{not = [values]}` or `{min = a, max = b}`",
            )


def refuse_leaks(recipe: Recipe, groups: Mapping[str, Sequence[Iterable[str]]]) -> None:
    """Refuse a group that serves two splits: it is a leak.

    Parameters
    ----------
    groups : mapping of str to sequence of iterable of str
        For each split, the groups of each source's pool.
    """
    home: dict[tuple[str, str], str] = {}
    for split, by_source in groups.items():
        for source, own in zip(recipe.sources, by_source, strict=True):
            for group in own:
                other = home.setdefault((source.set, group), split)
                if other != split:
                    raise RecipeError(
                        f"{recipe.name}: the group `{group}` of `{source.set}` would be in `{other}` and in `{split}`",
                        "give each split its own `splits` of the set, or divide the groups with `shares`",
                    )

"""Pools: which recordings may serve a source in a split, and why the others may not."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa

from sepbench.catalog import labels_of
from sepbench.draws import draws_for
from sepbench.errors import RecipeError, did_you_mean
from sepbench.mixing.chains import most_needed
from sepbench.recipe import Draw, Pool, Recipe, Source
from sepbench.resample import resampled_frames

__all__ = ["ASKED", "Card", "cards_of", "frames_wanted", "listed_by_count", "pool_of"]

# what the recipe itself leaves out; all else is said to people
_OTHER_GROUPS = "in groups of other splits"
ASKED = ("in other splits", _OTHER_GROUPS, "excluded by `where`")
_NUMBERS = ("duration_s", "sample_rate", "channels", "peak_dbfs", "loudness_lufs")
_TEXTS = ("split", "group", "item")
_SEEN = ("status", "path", "pcm_sha256", "licence", "labels", "frames", "level_profile_dbfs", *_TEXTS, *_NUMBERS[1:])


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


def pool_of(
    recipe: Recipe, seed: int, split: str, set_: str, pool: Pool, cards: Sequence[Card], *, name: str
) -> tuple[list[int], dict[str, int]]:
    """Keep the recordings that a split may use for a source, or for a transform of one.

    Parameters
    ----------
    recipe, seed, split
        Of the corpus.
    set_ : str
        The set that they are of.
    pool : Pool
        What is asked of them.
    cards : sequence of Card
        All recordings of the set.
    name : str
        What they are for, in messages.

    Returns
    -------
    list of int
        Their places in `cards`.
    dict of str to int
        How many were left out for which reason.

    Raises
    ------
    RecipeError
        If none is left; says what removed them.
    """
    _refuse_unknown_labels(recipe, set_, pool, cards, name)
    _refuse_unknown_groups(recipe, split, set_, pool, cards, name)
    shares = {group: _share(recipe, seed, set_, pool, group) for group in {card.group for card in cards}}
    listed = None if pool.groups is None else frozenset(pool.groups.get(split, ()))  # type: ignore[call-overload]
    wanted = frames_wanted(recipe, pool) if isinstance(pool, Source) else 0
    removed: dict[str, int] = {}
    places = []
    for place, card in enumerate(cards):
        reason = _unfit(recipe, split, pool, card, shares, listed, wanted)
        if reason:
            removed[reason] = removed.get(reason, 0) + 1
        else:
            places.append(place)
    if not places:
        raise RecipeError(
            f"{recipe.name}: none of {len(cards)} recordings of `{set_}` can serve as `{name}` "
            f"in split `{split}`: {listed_by_count(removed) or 'the catalog is empty'}",
            f"`shares` draws for each of the {len(shares)} groups by itself, and few leave a split empty: take another seed, or "
            "name each split's `groups`"
            if pool.shares is not None and removed.get(_OTHER_GROUPS, 0) > len(cards) / 2
            else "change the source's `splits`, `where` or `when_short`, or index more of the set",
        )
    return places, removed


def listed_by_count(removed: Mapping[str, int]) -> str:
    """Write how many were left out for which reason, most first."""
    return ", ".join(f"{count} {reason}" for reason, count in sorted(removed.items(), key=lambda entry: -entry[1]))


def frames_wanted(recipe: Recipe, source: Source) -> int:
    """Give the samples that a recording must have not to be too short, at most; 0 where any will do."""
    if source.when_short != "exclude":
        return 0
    seconds = recipe.length if isinstance(recipe.length, float) else 0.0
    if seconds and isinstance(source.offset_s, Draw):
        seconds -= (source.offset_s.bounds() or (0.0,))[0]
    if source.duration_s is not None:
        longest = (source.duration_s.bounds() or (0.0, 0.0))[1]
        seconds = min(seconds, longest) if seconds else longest
    return most_needed(source, round(seconds * recipe.sample_rate))


def _share(recipe: Recipe, seed: int, set_: str, pool: Pool, group: str) -> str:
    """Put a group into a split by a draw of its own, so that one more group moves no other."""
    if pool.shares is None:
        return ""
    draw = draws_for(recipe.name, recipe.version, seed, "", f"{set_}:{group}", "share")
    at = draw.below(sum(pool.shares.values()))
    for split, share in pool.shares.items():
        if at < share:
            return split
        at -= share
    raise AssertionError("unreachable")


def _unfit(
    recipe: Recipe,
    split: str,
    pool: Pool,
    card: Card,
    shares: Mapping[str, str],
    listed: frozenset[str] | None,
    wanted: int,
) -> str:
    if card.row["status"] != "ok":
        return f"{card.row['status']}"
    if pool.splits is not None and card.row["split"] not in pool.splits.get(split, ()):  # type: ignore[call-overload]
        return "in other splits"
    if (pool.shares is not None and shares[card.group] != split) or (listed is not None and card.group not in listed):
        return _OTHER_GROUPS
    if not all(_fits(card.value(key), condition) for key, condition in pool.where.items()):
        return "excluded by `where`"
    if card.row["channels"] > 1 and recipe.channels > 1 and card.row["channels"] != recipe.channels:
        return f"with {card.row['channels']} channels"
    if not isinstance(pool, Source):
        return ""
    if pool.min_level_dbfs is not None and max(card.row["level_profile_dbfs"]) < pool.min_level_dbfs:
        return "never reaching `min_level_dbfs`"
    if wanted and card.frames_at(recipe.sample_rate) < wanted:
        return f"shorter than {wanted / recipe.sample_rate:g} s"
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


def _refuse_unknown_labels(recipe: Recipe, set_: str, pool: Pool, cards: Sequence[Card], name: str) -> None:
    known = {*_NUMBERS, *_TEXTS}.union(*(card.labels for card in cards)) if pool.where else set()
    for key, condition in pool.where.items():
        if key not in known:
            raise RecipeError(
                f"{recipe.name}: `{name}` has a condition on `{key}`, which no recording of `{set_}` has",
                did_you_mean(key, known, kind="labels"),
            )
        if isinstance(condition, Mapping) and not (set(condition) <= {"not"} or set(condition) <= {"min", "max"}):
            raise RecipeError(
                f"{recipe.name}: `{name}`: the condition on `{key}` has unknown keys",
                "expected `{not = [values]}` or `{min = a, max = b}`",
            )


def _refuse_unknown_groups(recipe: Recipe, split: str, set_: str, pool: Pool, cards: Sequence[Card], name: str) -> None:
    """Refuse a list with a group that the set does not have: a typing error would leave it out in silence."""
    if pool.groups is None:
        return
    known = {card.group for card in cards}
    unknown = [group for group in pool.groups.get(split, ()) if group not in known]  # type: ignore[call-overload]
    if unknown:
        raise RecipeError(
            f"{recipe.name}: `{name}` lists {len(unknown)} groups for split `{split}` that `{set_}` does not have, the first: "
            f"`{unknown[0]}`",
            did_you_mean(unknown[0], sorted(known)[:200], kind="groups"),
        )

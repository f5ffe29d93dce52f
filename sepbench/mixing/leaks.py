"""The guard against leaks: what is heard in one split, or in a corpus that is to be kept apart, is heard in no other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from sepbench.errors import RecipeError
from sepbench.manifest import Manifest
from sepbench.mixing.hearing import heard_by_split
from sepbench.mixing.pools import Card
from sepbench.overlaps import Unit, knows_items, units_of
from sepbench.recipe import Recipe

__all__ = ["refuse_leaks", "refuse_shared"]

_NAMED = 20
Picked = Iterable[tuple[str, Card]]


class _Heard(NamedTuple):
    """Where something is heard: a split, or a corpus; which set it is of, and which group or item."""

    where: str
    set: str
    name: str


def refuse_leaks(recipe: Recipe, by_split: Mapping[str, Picked]) -> None:
    """Refuse a group, or a recording, that serves two splits.

    Parameters
    ----------
    recipe : Recipe
    by_split : mapping of str to iterable of (str, Card)
        The recordings that may serve each split, with their sets.

    Raises
    ------
    RecipeError
    """
    units: dict[Unit, _Heard] = {}
    recordings: dict[str, _Heard] = {}
    for split, picked in by_split.items():
        cards = list(picked)
        for unit, here in _units(split, cards):
            there = units.setdefault(unit, here)
            if there.where != split:
                raise _leak(recipe, "group", here, there, "" if unit.kind == here.set else f": {unit.kind}")
        for set_, card in cards:
            here = _Heard(split, set_, card.item)
            there = recordings.setdefault(card.row["pcm_sha256"], here)
            if there.where != split:
                raise _leak(recipe, "recording", here, there, ": their samples are the same")


def _leak(recipe: Recipe, what: str, here: _Heard, there: _Heard, why: str) -> RecipeError:
    if (here.set, here.name) == (there.set, there.name):
        words = f"the {what} `{here.name}` of `{here.set}` would be in `{there.where}` and in `{here.where}`"
    else:
        words = (
            f"the {what} `{here.name}` of `{here.set}` in `{here.where}` is `{there.name}` of `{there.set}` in "
            f"`{there.where}`"
        )
    return RecipeError(
        f"{recipe.name}: {words}{why}",
        "give each split its own `splits` of the set, divide the groups with `shares` or `groups`, or leave some out with "
        "`where`",
    )


def refuse_shared(recipe: Recipe, by_split: Mapping[str, Picked], others: Sequence[Path | str]) -> None:
    """Refuse a plan that may take a group, or a recording, of another corpus.

    Parameters
    ----------
    recipe, by_split
        As in `refuse_leaks`.
    others : sequence of path
        Folders of corpora, or manifests.

    Raises
    ------
    RecipeError
        Naming the other corpus, how many groups it shares, and what to write to leave them out.
    """
    cards = [one for picked in by_split.values() for one in picked]
    ours = dict(_units("", cards))
    hashes = {card.row["pcm_sha256"]: (set_, card.group) for set_, card in cards}
    for path in others:
        shared: set[tuple[str, str]] = set()
        for heard in heard_by_split(Manifest.read(path).batches()).values():
            shared |= {(ours[unit].set, ours[unit].name) for unit in ours.keys() & heard.units}
            shared |= {hashes[pcm] for pcm in hashes.keys() & heard.recordings}
        if shared:
            (set_, first), *_ = sorted(shared)
            names = sorted(name for of, name in shared if of == set_)[:_NAMED]
            listed = ", ".join(f'"{name}"' for name in names) + (", …" if len(shared) > len(names) else "")
            raise RecipeError(
                f"{recipe.name}: {len(shared)} groups that it may take are in {path} too, the first: `{first}` of `{set_}`",
                f"leave them out: where = {{ group = {{ not = [{listed}] }} }}",
            )


def _units(where: str, cards: Iterable[tuple[str, Card]]) -> Iterator[tuple[Unit, _Heard]]:
    """Give what recordings are known by, each once."""
    known = dict.fromkeys(
        (set_, card.group, card.item if knows_items(set_) else "") for set_, card in cards
    )  # of millions of recordings, a few thousand
    for set_, group, item in known:
        for unit in units_of(set_, group, item):
            yield unit, _Heard(where, set_, group)

"""Seats: the places at the table of a mixture, one for each source that it may have, with what every row asks of them."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from sepbench.draws import Purpose
from sepbench.mixing.chains import Chain, steps_of
from sepbench.mixing.pools import Card
from sepbench.recipe import NUMBER, Draw, Recipe, Source

__all__ = ["Pools", "Recordings", "Seat", "seats_of"]


class Recordings(NamedTuple):
    """What dealing needs to know of the recordings of a set, by their places in the catalog; frames at the corpus rate."""

    items: list[str]
    groups: list[str]
    licences: list[str]
    frames: list[int]
    powers: list[array[float]]
    cards: Sequence[Card]

    @classmethod
    def of(cls, recipe: Recipe, name: str, cards: Sequence[Card]) -> Recordings:
        """Take it from the cards of a set; the level profiles only where they are asked for."""
        leveled = any(source.set == name and source.min_level_dbfs is not None for source in recipe.sources)
        return cls(
            [card.item for card in cards],
            [card.group for card in cards],
            [card.row["licence"] for card in cards],
            [card.frames_at(recipe.sample_rate) for card in cards],
            [_powers(card.row["level_profile_dbfs"] or ()) for card in cards] if leveled else [],
            cards if any(one.set == name for source in recipe.sources for one in source.transforms) else (),
        )


def _powers(profile: Iterable[int]) -> array[float]:
    return array("d", [10.0 ** (level / 10) for level in profile])


class Pools(NamedTuple):
    """The recordings that may serve a source, by their places in the catalog; those for its transforms, by the place of each."""

    own: list[int]
    of_transforms: Mapping[int, list[int]]


class Seat(NamedTuple):
    """A source of the recipe in one split, or one of several of a kind.

    Attributes
    ----------
    source : Source
    place, copy : int
        Which source of the recipe, and the how many-eth of it.
    name : str
        Of its stem.
    leader : str or None
        The source whose group and start it shares.
    loops : bool
    recordings : Recordings
        Of its set.
    frames : list of int
        Lengths of these at the corpus rate.
    first : int
        Where its catalog begins among those of all sources.
    pool : list of int
    start : Purpose
    present, snr, level, duration, offset, overlap : callable
        What is drawn for a mixture: whether it is there, its levels, seconds and shares in thousandths; None for none.
    chain : Chain
    """

    source: Source
    place: int
    copy: int
    name: str
    leader: str | None
    loops: bool
    recordings: Recordings
    frames: list[int]
    first: int
    pool: list[int]
    start: Purpose
    present: Callable[[str], bool]
    snr: Callable[[str], int | None]
    level: Callable[[str], int | None]
    duration: Callable[[str], int | None]
    offset: Callable[[str], int | None]
    overlap: Callable[[str], int | None]
    chain: Chain

    @property
    def is_plain(self) -> bool:
        """Whether it begins with the mixture, is as long as there is room for, and left as it is."""
        return not (
            self.source.duration_s
            or self.source.offset_s
            or self.source.overlap
            or self.chain.steps
            or self.chain.always
        )


def seats_of(
    recipe: Recipe,
    purpose: Callable[[str], Purpose],
    sets: Mapping[str, Recordings],
    pools: Sequence[Pools],
) -> list[Seat]:
    """Make the seats of one split."""
    seats = []
    first = 0
    for place, (source, own) in enumerate(zip(recipe.sources, pools, strict=True)):
        for copy in range(source.count.most):
            seats.append(_seat(source, place, copy, purpose, sets, own, first))
        first += len(sets[source.set].items)
    return seats


def _seat(
    source: Source,
    place: int,
    copy: int,
    purpose: Callable[[str], Purpose],
    sets: Mapping[str, Recordings],
    pools: Pools,
    first: int,
) -> Seat:
    name = source.name.replace(NUMBER, str(copy + 1))
    label = label_of(source, copy)
    recordings = sets[source.set]

    def recording_of(at: int, draws: Purpose) -> Callable[[str], dict[str, Any]]:
        set_ = str(source.transforms[at].set)
        cards, pool = sets[set_].cards, pools.of_transforms[at]
        if not source.transforms[at].shared:
            return partial(_recording, draws, set_, cards, pool)
        by_group: dict[str, list[int]] = {}
        for one in pool:
            by_group.setdefault(cards[one].group, []).append(one)
        groups = [by_group[group] for group in sorted(by_group)]
        return partial(_recording_of_one_group, draws, purpose(f"shared:{set_}"), set_, cards, groups)

    return Seat(
        source,
        place,
        copy,
        name,
        source.coherent_with,
        source.when_short == "loop",
        recordings,
        recordings.frames,
        first,
        pools.own,
        purpose(f"start:{label}"),
        partial(_is_present, source.count.sampler(1), purpose(f"count:{source.name}"), copy) if copy else _always,
        drawn_by(purpose(f"snr:{label}"), source.snr_db),
        drawn_by(purpose(f"level:{label}"), source.level_dbfs),
        drawn_by(purpose(f"duration:{label}"), source.duration_s),
        drawn_by(purpose(f"offset:{label}"), source.offset_s if isinstance(source.offset_s, Draw) else None),
        drawn_by(purpose(f"overlap:{label}"), source.overlap),
        steps_of(source, label, purpose, recording_of),
    )


def label_of(source: Source, copy: int) -> str:
    """Tell a source from others in the keys of draws."""
    if NUMBER in source.name:
        return source.name.replace(NUMBER, str(copy + 1))
    return f"{source.name}#{copy + 1}" if copy else source.name


def drawn_by(purpose: Purpose, draw: Draw | None) -> Callable[[str], int | None]:
    """Give what draws a value in thousandths for any mixture; nothing, where the recipe says nothing."""
    return _nothing if draw is None else partial(draw.sampler(), purpose)


def _nothing(mixture_id: str) -> None:
    return None


def _always(mixture_id: str) -> bool:
    return True


def _is_present(sampler: Callable[[Purpose, str], int], purpose: Purpose, copy: int, mixture_id: str) -> bool:
    return copy < sampler(purpose, mixture_id)


def _recording_of_one_group(
    purpose: Purpose, shared: Purpose, set_: str, cards: Sequence[Card], groups: Sequence[Sequence[int]], item: str
) -> dict[str, Any]:
    """Draw a recording of the group that all sources of the mixture share."""
    return _recording(purpose, set_, cards, groups[shared.between(item, 0, len(groups) - 1)], item)


def _recording(purpose: Purpose, set_: str, cards: Sequence[Card], pool: Sequence[int], item: str) -> dict[str, Any]:
    """Draw a recording for a transform, and say all of it that a row has to."""
    row = cards[pool[purpose.between(item, 0, len(pool) - 1)]].row
    return {
        "set": set_, "item": row["item"], "path": row["path"], "pcm_sha256": row["pcm_sha256"], "licence": row["licence"],
    }  # fmt: skip

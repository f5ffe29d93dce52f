"""Dealing: which recordings, excerpts and levels the rows of one split get, as integers."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import accumulate
from typing import NamedTuple

from sepbench.draws import Purpose
from sepbench.errors import RecipeError
from sepbench.mixing.pools import Card
from sepbench.recipe import Draw, Recipe, Source

__all__ = ["Dealer", "Drawn", "Recordings", "Row"]

_ATTEMPTS = 64
_KEPT_ORDERS = 16


class Drawn(NamedTuple):
    """What is drawn for one source of a row: a recording, by its place in the sources' catalogs laid end to end."""

    recording: int
    start: int
    frames: int
    loop: bool
    snr_mdb: int | None
    level_mdbfs: int | None


class Row(NamedTuple):
    """What is drawn for a row, and what follows from it."""

    mixture_id: str
    frames: int
    snr_mdb: int | None
    licence: str
    sources: list[Drawn]


class Recordings(NamedTuple):
    """What dealing needs to know of the recordings of a set, by their places in the catalog; frames at the corpus rate."""

    items: list[str]
    groups: list[str]
    licences: list[str]
    frames: list[int]
    powers: list[array[float]]

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
        )


def _powers(profile: Iterable[int]) -> array[float]:
    return array("d", [10.0 ** (level / 10) for level in profile])


class _Seat(NamedTuple):
    """One source of the recipe in one split, with what every row asks of it at hand."""

    name: str
    leader: str | None
    loops: bool
    least_dbfs: float | None
    recordings: Recordings
    frames: list[int]
    first: int
    start: Purpose
    snr: Callable[[str], int | None]
    level: Callable[[str], int | None]


class Dealer:
    """Deals the rows of one split.

    Parameters
    ----------
    recipe, seed, split, epoch
        Of the corpus; part of every draw's key.
    sets : mapping of str to Recordings
    pools : sequence of list of int
        For each source, the places of the recordings that may serve it.

    Raises
    ------
    RecipeError
        If there are fewer different mixtures than are asked for, or a coherent source has no recording.
    """

    def __init__(
        self,
        recipe: Recipe,
        seed: int,
        split: str,
        epoch: int,
        sets: Mapping[str, Recordings],
        pools: Sequence[list[int]],
    ) -> None:
        self.recipe, self.split, self.pools = recipe, split, pools
        self.count = recipe.splits[split]  # type: ignore[index]
        self._purpose = partial(Purpose, recipe.name, recipe.version, seed, split, epoch=epoch)
        firsts = accumulate((len(sets[source.set].items) for source in recipe.sources), initial=0)
        self._seats = [
            self._seat(source, sets[source.set], first) for source, first in zip(recipe.sources, firsts, strict=False)
        ]
        self._snr = self._level_of("snr", recipe.levels.snr_db)
        self._free = [place for place, source in enumerate(recipe.sources) if source.coherent_with is None]
        self._target = recipe.sources.index(recipe.target)
        self._fixed = round(recipe.length * recipe.sample_rate) if isinstance(recipe.length, float) else None
        self._round = math.lcm(*(len(pools[place]) for place in self._free[:2]))
        self._refuse_repetition()
        self._first_orders = {place: self._shuffled(place, 0) for place in self._free[:2]}
        self._orders: dict[tuple[int, int], list[int]] = {}
        self._by_group = [
            self._grouped(place) if source.coherent_with else {} for place, source in enumerate(recipe.sources)
        ]
        self._refuse_gaps()

    def groups(self) -> list[Iterable[str]]:
        """Give the groups of each source's pool."""
        return [
            dict.fromkeys(seat.recordings.groups[place] for place in pool)
            for seat, pool in zip(self._seats, self.pools, strict=True)
        ]

    def draw(self, number: int) -> Row:
        """Draw one row of the split."""
        mixture_id = f"{self.split}-{number:06d}"
        dealt = self._deal(number)
        frames = self._length(dealt)
        starts: dict[str | None, int] = {}
        licences: set[str] = set()
        sources = []
        for seat, chosen in zip(self._seats, dealt, strict=True):
            start = starts.get(seat.leader)
            if start is None:
                start = self._start(seat, mixture_id, chosen[0], frames)
            starts.setdefault(seat.name, start)
            snr_mdb, level_mdbfs = seat.snr(mixture_id), seat.level(mixture_id)
            for recording in chosen:
                available = seat.frames[recording]
                loop = available < frames and seat.loops
                used = frames if loop else min(frames, available - start)
                sources.append(Drawn(seat.first + recording, start, used, loop, snr_mdb, level_mdbfs))
                licences.add(seat.recordings.licences[recording])
        return Row(mixture_id, frames, self._snr(mixture_id), " AND ".join(sorted(licences)), sources)

    def _seat(self, source: Source, recordings: Recordings, first: int) -> _Seat:
        return _Seat(
            source.name,
            source.coherent_with,
            source.when_short == "loop",
            source.min_level_dbfs,
            recordings,
            recordings.frames,
            first,
            self._purpose(f"start:{source.name}"),
            self._level_of(f"snr:{source.name}", source.snr_db),
            self._level_of(f"level:{source.name}", source.level_dbfs),
        )

    def _level_of(self, purpose: str, draw: Draw | None) -> Callable[[str], int | None]:
        """Give what draws a level for any mixture."""
        if draw is None:
            return _no_level
        bounds, choices = draw.millidecibels()
        levels = self._purpose(purpose)
        return partial(_uniform, levels, *bounds) if bounds else partial(_choice, levels, choices or ())

    def _refuse_repetition(self) -> None:
        """Refuse more mixtures than there are different ones."""
        if self._fixed is not None or self.recipe.length == "min":
            frames = self._fixed or 0
            pools = zip(self._seats, self.pools, strict=True)
            if any(seat.frames[place] > frames for seat, pool in pools for place in pool):
                return  # excerpts differ where recordings do not
        sizes = [len(self.pools[place]) for place in self._free[:2]]
        if self.count > math.prod(sizes):
            named = " × ".join(
                f"{size} of {self.recipe.sources[place].name}" for size, place in zip(sizes, self._free, strict=False)
            )
            raise RecipeError(
                f"{self.recipe.name}: split `{self.split}` asks for {self.count} mixtures, but {named} recordings "
                f"give {math.prod(sizes)} different ones",
                f"ask for at most {math.prod(sizes)}, or index more of the sets",
            )

    def _refuse_gaps(self) -> None:
        """Refuse a row whose group has no recording for a coherent source."""
        led = [by_group for by_group in self._by_group if by_group]
        leaders = {group for place in self._free for group in self.groups()[place]}
        if any(leaders - by_group.keys() for by_group in led):
            for number in range(self.count):
                self._deal(number)

    def _grouped(self, place: int) -> dict[str, list[int]]:
        """Give the recordings of each group, by name."""
        recordings = self._seats[place].recordings
        groups: dict[str, list[int]] = {}
        for at in sorted(self.pools[place], key=recordings.items.__getitem__):
            groups.setdefault(recordings.groups[at], []).append(at)
        return groups

    def _deal(self, number: int) -> list[list[int]]:
        """Choose the recordings of row `number`, a list for each source."""
        groups: dict[str, str] = {}
        dealt: list[list[int]] = []
        for place, seat in enumerate(self._seats):
            if seat.leader is not None:
                chosen = self._coherent(place, groups[seat.leader])
            else:
                chosen = [self._next(place, number)]
            groups.setdefault(seat.name, seat.recordings.groups[chosen[0]])
            dealt.append(chosen)
        return dealt

    def _next(self, place: int, number: int) -> int:
        size = len(self.pools[place])
        if place == self._free[0]:
            return self._first_orders[place][number % size]
        if place == self._free[1]:
            # (n mod a, (n + n div lcm(a, b)) mod b) goes through all a·b pairs
            return self._first_orders[place][(number + number // self._round) % size]
        cycle, at = divmod(number, size)
        return self._order(place, cycle)[at]

    def _order(self, place: int, cycle: int) -> list[int]:
        """Give the order of a later source's pool in a cycle; rows in order need one of each source at a time."""
        if (place, cycle) not in self._orders:
            if len(self._orders) >= _KEPT_ORDERS * len(self._free):
                del self._orders[next(iter(self._orders))]
            self._orders[place, cycle] = self._shuffled(place, cycle)
        return self._orders[place, cycle]

    def _shuffled(self, place: int, cycle: int) -> list[int]:
        items = self._seats[place].recordings.items
        at = {items[one]: one for one in self.pools[place]}
        draws = self._purpose(f"order:{place}:{self.recipe.sources[place].name}").draws(str(cycle))
        return [at[item] for item in draws.shuffled([items[one] for one in self.pools[place]])]

    def _coherent(self, place: int, group: str) -> list[int]:
        source = self.recipe.sources[place]
        chosen = self._by_group[place].get(group, [])
        if not chosen:
            raise RecipeError(
                f"{self.recipe.name}: the group `{group}` has no recording for `{source.name}`",
                "change the source's `where`",
            )
        return chosen if source.pick == "all" else chosen[:1]

    def _length(self, dealt: Sequence[Sequence[int]]) -> int:
        if self._fixed is not None:
            return self._fixed
        if self.recipe.length == "target":
            return self._seats[self._target].frames[dealt[self._target][0]]
        lengths = (seat.frames[at] for seat, chosen in zip(self._seats, dealt, strict=True) for at in chosen)
        return min(lengths) if self.recipe.length == "min" else max(lengths)

    def _start(self, seat: _Seat, mixture_id: str, recording: int, frames: int) -> int:
        """Draw where the excerpt begins, if the recording leaves a choice."""
        available = seat.frames[recording]
        if available < frames and not seat.loops:
            return 0
        last = available - 1 if available < frames else available - frames
        start = seat.start.between(mixture_id, 0, last)
        if seat.least_dbfs is None:
            return start
        rate, powers = self.recipe.sample_rate, seat.recordings.powers[recording]
        if _level_dbfs(powers[start // rate : -(-(start + frames) // rate)]) >= seat.least_dbfs:
            return start
        draws = seat.start.draws(mixture_id)
        for _ in range(_ATTEMPTS):
            start = draws.between(0, last)
            if _level_dbfs(powers[start // rate : -(-(start + frames) // rate)]) >= seat.least_dbfs:
                return start
        return min(powers.index(max(powers)) * rate, last)


def _level_dbfs(powers: array[float]) -> float:
    """Give the RMS of an excerpt as far as the catalog's profile, one value a second, knows it."""
    power = sum(powers) / max(1, len(powers))
    return 10 * math.log10(power) if power else -math.inf


def _no_level(mixture_id: str) -> None:
    return None


def _uniform(levels: Purpose, low: int, high: int, mixture_id: str) -> int:
    return levels.between(mixture_id, low, high)


def _choice(levels: Purpose, choices: Sequence[int], mixture_id: str) -> int:
    return choices[levels.between(mixture_id, 0, len(choices) - 1)]

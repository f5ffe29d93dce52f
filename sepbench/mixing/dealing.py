"""Dealing: which recordings, excerpts and levels the rows of one split get, as integers.

Recordings are dealt like cards: each pool is put into a keyed order, the first source goes through its order again and again, the
second is shifted against it after each common round, so that no pair comes twice before all have come once. Where
two sources would share what they may not share, the talker, the later one takes the next card.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from sepbench.draws import Purpose
from sepbench.errors import RecipeError
from sepbench.mixing.chains import degradations_of, written
from sepbench.mixing.placing import Layout, Spot
from sepbench.mixing.seats import Pools, Recordings, Seat, drawn_by, label_of, seats_of
from sepbench.overlaps import Unit, may_share, unit_of
from sepbench.recipe import Recipe

__all__ = ["Dealer", "Drawn", "Row"]

_KEPT_ORDERS = 16


class Drawn(NamedTuple):
    """What is drawn for one source of a row: a recording, by its place in the sources' catalogs laid end to end."""

    name: str
    role: str
    recording: int
    start: int
    frames: int
    offset: int
    loop: bool
    snr_mdb: int | None
    level_mdbfs: int | None
    transforms: list[dict[str, str]]
    follows: str | None
    gain_mantissa: int | None = None
    gain_shift: int | None = None


class Row(NamedTuple):
    """What is drawn for a row, and what follows from it."""

    mixture_id: str
    frames: int
    snr_mdb: int | None
    level_mdbfs: int | None
    degradations: list[dict[str, str]] | None
    licence: str
    sources: list[Drawn]


class Dealer:
    """Deals the rows of one split.

    Parameters
    ----------
    recipe, seed, split, epoch
        Of the corpus; part of every draw's key.
    sets : mapping of str to Recordings
    pools : sequence of Pools
        For each source, the places of the recordings that may serve it.

    Raises
    ------
    RecipeError
        If there are fewer different mixtures than are asked for, too few groups for the sources of one mixture, or a
        coherent source has no recording.
    """

    def __init__(
        self,
        recipe: Recipe,
        seed: int,
        split: str,
        epoch: int,
        sets: Mapping[str, Recordings],
        pools: Sequence[Pools],
    ) -> None:
        self.recipe, self.split, self.pools = recipe, split, pools
        self.count = recipe.splits[split]  # type: ignore[index]
        self._purpose = partial(Purpose, recipe.name, recipe.version, seed, split, epoch=epoch)
        self._sets = sets
        self._seats = seats_of(recipe, self._purpose, sets, pools)
        self._layout = Layout(recipe, self._seats, self._purpose)
        self._snr = drawn_by(self._purpose("snr"), recipe.levels.snr_db or recipe.levels.active_snr_db)
        self._level = drawn_by(self._purpose("level"), recipe.levels.level_dbfs)
        self._degradations = degradations_of(recipe, self._purpose)
        self._varies = any(seat.copy and seat.source.count.most > 1 for seat in self._seats)
        self._free = [at for at, seat in enumerate(self._seats) if seat.leader is None]
        self._apart = _sharing(self._seats)
        self._round = math.lcm(*(len(self._seats[at].pool) for at in self._free[:2]))
        self._refuse_too_few()
        self._refuse_repetition()
        self._first_orders = {at: self._shuffled(at, 0) for at in self._free[:2]}
        self._orders: dict[tuple[int, int], list[int]] = {}
        self._by_group = [self._grouped(seat) if seat.leader else {} for seat in self._seats]
        self._refuse_gaps()

    def picked(self) -> Iterator[tuple[str, int]]:
        """Give all recordings that may be heard: their set, and their place in its catalog."""
        by_set: dict[str, set[int]] = {}
        for source, pools in zip(self.recipe.sources, self.pools, strict=True):
            by_set.setdefault(source.set, set()).update(pools.own)
            for at, pool in pools.of_transforms.items():
                by_set.setdefault(str(source.transforms[at].set), set()).update(pool)
        return ((name, place) for name, places in by_set.items() for place in sorted(places))

    def draw(self, number: int) -> Row:
        """Draw one row of the split."""
        mixture_id = f"{self.split}-{number:06d}"
        present = self._present(mixture_id)
        seats = [self._seats[at] for at in present]
        dealt = self._deal(number, present)
        frames, placed = self._layout.place(mixture_id, seats, dealt)
        licences: set[str] = set()
        sources: list[Drawn] = []
        for seat, spots in zip(seats, placed, strict=True):
            levels = seat.snr(mixture_id), seat.level(mixture_id)
            for spot in spots:
                sources += _drawn(seat, spot, levels)
                licences.add(seat.recordings.licences[spot.recording])
                if spot.links:
                    licences.update(_licences(spot))
        degradations = written(self._degradations.links(mixture_id)) if self.recipe.degradations else None
        levels_of_all = self._snr(mixture_id), self._level(mixture_id)
        return Row(mixture_id, frames, *levels_of_all, degradations, " AND ".join(sorted(licences)), sources)

    def _present(self, mixture_id: str) -> Sequence[int]:
        if not self._varies:
            return range(len(self._seats))
        return [at for at, seat in enumerate(self._seats) if seat.present(mixture_id)]

    # what can't be dealt

    def _refuse_too_few(self) -> None:
        """Refuse mixtures whose sources must be of different groups, where the pools have too few of them."""
        for at, others in self._apart.items():
            seat = self._seats[at]
            kind = seat.source.distinct
            own = {_unit(seat, one, kind) for one in seat.pool}
            sharing = [
                other
                for other in others
                if any(_unit(self._seats[other], one, kind) in own for one in self._seats[other].pool)
            ]
            if len(own) <= len(sharing):
                raise RecipeError(
                    f"{self.recipe.name}: split `{self.split}` has {len(own)} different {seat.source.distinct}s of "
                    f"`{seat.source.set}` for `{seat.name}`, and a mixture needs {len(sharing) + 1}",
                    'index more of the set, ask for fewer sources, or allow them to share: `distinct = "none"`',
                )

    def _refuse_repetition(self) -> None:
        """Refuse more mixtures than there are different ones."""
        seats = [self._seats[at] for at in self._free[:2]]
        if not all(seat.is_plain for seat in self._seats):
            return  # what is drawn beside the recordings differs
        frames = 0 if self.recipe.length == "min" else self._layout.fixed
        if frames is not None and any(seat.frames[one] > frames for seat in self._seats for one in seat.pool):
            return  # excerpts differ where recordings do not
        different = self._different(seats)
        if self.count > different:
            named = " × ".join(f"{len(seat.pool)} of {seat.name}" for seat in seats)
            raise RecipeError(
                f"{self.recipe.name}: split `{self.split}` asks for {self.count} mixtures, but {named} recordings "
                f"give {different} different ones",
                f"ask for at most {different}, or index more of the sets",
            )

    def _different(self, seats: Sequence[Seat]) -> int:
        """Count the pairs that the first two sources can make."""
        if len(seats) < 2 or self._free[0] not in self._apart.get(self._free[1], ()):
            return math.prod(len(seat.pool) for seat in seats)
        one, other = seats
        counts = Counter(_unit(one, at, other.source.distinct) for at in one.pool)
        return sum(len(one.pool) - counts[_unit(other, at, other.source.distinct)] for at in other.pool)

    def _refuse_gaps(self) -> None:
        """Refuse a row whose group has no recording for a coherent source."""
        led = [by_group for by_group in self._by_group if by_group]
        leaders = {self._seats[at].recordings.groups[one] for at in self._free for one in self._seats[at].pool}
        if any(leaders - by_group.keys() for by_group in led):
            for number in range(self.count):
                self._deal(number, self._present(f"{self.split}-{number:06d}"))

    # dealing

    def _grouped(self, seat: Seat) -> dict[str, list[int]]:
        """Give the recordings of each group, by name."""
        groups: dict[str, list[int]] = {}
        for at in sorted(seat.pool, key=seat.recordings.items.__getitem__):
            groups.setdefault(seat.recordings.groups[at], []).append(at)
        return groups

    def _deal(self, number: int, present: Sequence[int]) -> list[list[int]]:
        """Choose the recordings of row `number`, a list for each seat that is there."""
        groups: dict[str, str] = {}
        taken: dict[int, int] = {}
        dealt: list[list[int]] = []
        for at in present:
            seat = self._seats[at]
            if seat.leader is not None:
                chosen = self._coherent(at, groups[seat.leader])
            else:
                chosen = [self._next(at, number, taken)]
            groups.setdefault(seat.name, seat.recordings.groups[chosen[0]])
            dealt.append(chosen)
        return dealt

    def _next(self, at: int, number: int, taken: dict[int, int]) -> int:
        """Take the card whose turn it is, or the first after it that shares nothing with those on the table."""
        order, place = self._turn(at, number)
        chosen = order[place]
        if at in self._apart:
            seat = self._seats[at]
            kind = seat.source.distinct
            gone = {_unit(self._seats[other], taken[other], kind) for other in self._apart[at] if other in taken}
            while _unit(seat, chosen, kind) in gone:  # `_refuse_too_few` saw to it that there is an end
                place = (place + 1) % len(order)
                chosen = order[place]
        taken[at] = chosen
        return chosen

    def _turn(self, at: int, number: int) -> tuple[list[int], int]:
        """Give the order of a seat's pool, and whose turn it is in it."""
        size = len(self._seats[at].pool)
        if at == self._free[0]:
            return self._first_orders[at], number % size
        if at == self._free[1]:
            # (n mod a, (n + n div lcm(a, b)) mod b) goes through all a·b pairs
            return self._first_orders[at], (number + number // self._round) % size
        cycle, place = divmod(number, size)
        return self._order(at, cycle), place

    def _order(self, at: int, cycle: int) -> list[int]:
        """Give the order of a later source's pool in a cycle; rows in order need one of each source at a time."""
        if (at, cycle) not in self._orders:
            if len(self._orders) >= _KEPT_ORDERS * len(self._free):
                del self._orders[next(iter(self._orders))]
            self._orders[at, cycle] = self._shuffled(at, cycle)
        return self._orders[at, cycle]

    def _shuffled(self, at: int, cycle: int) -> list[int]:
        seat = self._seats[at]
        items = seat.recordings.items
        by_item = {items[one]: one for one in seat.pool}
        draws = self._purpose(f"order:{seat.place}:{label_of(seat.source, seat.copy)}").draws(str(cycle))
        return [by_item[item] for item in draws.shuffled([items[one] for one in seat.pool])]

    def _coherent(self, at: int, group: str) -> list[int]:
        seat = self._seats[at]
        chosen = self._by_group[at].get(group, [])
        if not chosen:
            raise RecipeError(
                f"{self.recipe.name}: the group `{group}` has no recording for `{seat.name}`",
                "change the source's `where`",
            )
        return chosen if seat.source.pick == "all" else chosen[:1]


def _sharing(seats: Sequence[Seat]) -> dict[int, list[int]]:
    """Give for each seat the seats before it with which it may share no group, or no recording."""
    free = [(at, seat) for at, seat in enumerate(seats) if seat.leader is None]
    found = {}
    for at, seat in free:
        before = [other for other, one in free if other < at and may_share(one.source.set, seat.source.set)]
        if before and seat.source.distinct != "none":
            found[at] = before
    return found


def _unit(seat: Seat, recording: int, distinct: str) -> Unit:
    """Give what two sources may not share: the talker, or the recording."""
    set_, recordings = seat.source.set, seat.recordings
    item = recordings.items[recording]
    return Unit(set_, item) if distinct == "recording" else unit_of(set_, recordings.groups[recording], item)


def _drawn(seat: Seat, spot: Spot, levels: tuple[int | None, int | None]) -> list[Drawn]:
    """Give the source of a row; and the late part of a room as one of its own, where the recipe asks for it."""
    one = Drawn(
        seat.name, seat.source.role, seat.first + spot.recording, spot.start, spot.frames, spot.offset, spot.loop, *levels,
        written(spot.links) if spot.links else [], None,
    )  # fmt: skip
    if not (spot.links and seat.source.parts_late and spot.links[-1].parameters.get("part") == "early"):
        return [one]
    late = written([*spot.links[:-1], spot.links[-1].late()])
    return [
        one,
        one._replace(
            name=f"{seat.name}-late", role="noise", snr_mdb=None, level_mdbfs=None, transforms=late, follows=seat.name
        ),
    ]


def _licences(spot: Spot) -> Iterable[str]:
    """Give the licences of the recordings that its transforms take."""
    values = (value for link in spot.links for value in link.parameters.values())
    return (value["licence"] for value in values if isinstance(value, dict))

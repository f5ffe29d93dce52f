"""Placing: how long a mixture is, when each source begins in it, and which excerpt of its recording is heard."""

from __future__ import annotations

import itertools
import math
from array import array
from collections.abc import Callable, Sequence
from typing import NamedTuple

from sepbench.draws import Purpose
from sepbench.errors import RecipeError
from sepbench.mixing.chains import Link, frames_in, frames_out
from sepbench.mixing.seats import Seat, drawn_by
from sepbench.recipe import Recipe

__all__ = ["Layout", "Spot"]

_ATTEMPTS = 64


class Spot(NamedTuple):
    """Where a recording is heard: its excerpt, when it begins in the mixture, and what is done to it."""

    recording: int
    start: int
    frames: int
    offset: int
    loop: bool
    links: list[Link]


_UNTOUCHED: list[Link] = []


class _Span(NamedTuple):
    """When a source is heard, before the mixture's length is known: samples; None for ``anywhere``."""

    offset: int | None
    frames: int
    limited: bool
    links: list[Link]


class Layout:
    """Places the sources of the rows of one split.

    Parameters
    ----------
    recipe : Recipe
    seats : sequence of Seat
    purpose : callable
        Gives the draws for a purpose.
    """

    def __init__(self, recipe: Recipe, seats: Sequence[Seat], purpose: Callable[[str], Purpose]) -> None:
        self.recipe, self.rate = recipe, recipe.sample_rate
        self.fixed = round(recipe.length * recipe.sample_rate) if isinstance(recipe.length, float) else None
        self._target = recipe.sources.index(recipe.target)
        self._plain = recipe.padding is None and all(seat.is_plain for seat in seats)
        padding = recipe.padding
        self._before = drawn_by(purpose("padding:before"), padding.before_s if padding else None)
        self._after = drawn_by(purpose("padding:after"), padding.after_s if padding else None)

    def place(
        self, mixture_id: str, seats: Sequence[Seat], dealt: Sequence[Sequence[int]]
    ) -> tuple[int, list[list[Spot]]]:
        """Give the length of a mixture, and for each seat where its recordings are heard."""
        if self._plain:  # millions of rows are
            frames = self._plain_length(seats, dealt)
            where = [(0, frames, _UNTOUCHED)] * len(seats)
        else:
            spans = self._spans(mixture_id, seats, dealt)
            frames = self._length(seats, spans) if self.fixed is None else self.fixed
            frames, spans = self._padded(mixture_id, frames, seats, spans)
            where = self._where(mixture_id, frames, seats, spans)
        starts: dict[str | None, int] = {}
        placed = []
        for seat, (offset, heard, links), chosen in zip(seats, where, dealt, strict=True):
            wanted = frames_in(links, heard) if links else heard
            start = starts.get(seat.leader)
            if start is None:
                start = self._start(seat, mixture_id, chosen[0], wanted)
            starts.setdefault(seat.name, start)
            if seat.source.when_short == "append":
                placed.append(self._appended(mixture_id, seat, chosen[0], start, offset, heard, links))
            else:
                placed.append([_spot(seat, one, start, wanted, offset, links) for one in chosen])
        return frames, placed

    def _appended(
        self, mixture_id: str, seat: Seat, first: int, start: int, offset: int, heard: int, links: list[Link]
    ) -> list[Spot]:
        """Let other recordings of its group follow the first one, in a keyed order, until the place is full."""
        items, groups = seat.recordings.items, seat.recordings.groups
        by_item = {items[one]: one for one in seat.pool if groups[one] == groups[first] and one != first}
        order = [by_item[item] for item in seat.start.draws(f"{mixture_id}:append").shuffled(sorted(by_item))]
        following = itertools.chain(order, itertools.cycle([first, *order]))
        gap = round(seat.source.gap_s * self.rate)
        spots, at, end, recording = [], offset, offset + heard, first
        while at < end:
            spots.append(_spot(seat, recording, start, frames_in(links, end - at), at, links))
            at += min(frames_out(links, spots[-1].frames), end - at) + gap
            recording, start = next(following), 0
        return spots

    def _where(
        self, mixture_id: str, frames: int, seats: Sequence[Seat], spans: Sequence[_Span]
    ) -> list[tuple[int, int, list[Link]]]:
        """Give for each seat when it begins, how long it is heard, and its transforms; stems of one song go together."""
        found: dict[str | None, tuple[int, int]] = {}
        where = []
        for seat, span in zip(seats, spans, strict=True):
            place = found.get(seat.leader) or self._heard(mixture_id, frames, seat, span)
            found.setdefault(seat.name, place)
            where.append((*place, span.links))
        return where

    def _plain_length(self, seats: Sequence[Seat], dealt: Sequence[Sequence[int]]) -> int:
        if self.fixed is not None:
            return self.fixed
        by_seat = [[seat.frames[at] for at in chosen] for seat, chosen in zip(seats, dealt, strict=True)]
        match self.recipe.length:
            case "target":
                return next(one[0] for one, seat in zip(by_seat, seats, strict=True) if seat.place == self._target)
            case "targets":
                return max(one[0] for one, seat in zip(by_seat, seats, strict=True) if seat.source.role != "noise")
            case "min":
                return min(map(min, by_seat))
        return max(map(max, by_seat))

    def _spans(self, mixture_id: str, seats: Sequence[Seat], dealt: Sequence[Sequence[int]]) -> list[_Span]:
        """Say for each seat when it is heard, one after the other: an overlap is one with the seat before."""
        spans: list[_Span] = []
        before: _Span | None = None
        for seat, chosen in zip(seats, dealt, strict=True):
            links = seat.chain.links(mixture_id)
            if seat.leader is not None:
                led = next(span for span, other in zip(spans, seats, strict=False) if other.name == seat.leader)
                spans.append(led._replace(links=links))
                continue
            natural = max(frames_out(links, seat.frames[at]) for at in chosen)
            wanted = self._samples(seat.duration(mixture_id))
            goes_on = seat.loops or seat.source.when_short == "append"
            frames = natural if wanted is None else wanted if goes_on else min(wanted, natural)
            offset = self._offset(mixture_id, seat, frames, before)
            if self.fixed is not None and offset is not None:
                if offset >= self.fixed:
                    raise self._no_room(mixture_id, seat)
                frames = min(frames, self.fixed - offset)
            span = _Span(offset, max(1, frames), wanted is not None, links)
            spans.append(span)
            before = span if offset is not None else before
        return spans

    def _offset(self, mixture_id: str, seat: Seat, frames: int, before: _Span | None) -> int | None:
        if seat.source.offset_s == "anywhere":
            return None
        share = seat.overlap(mixture_id)
        if share is not None and before is not None and before.offset is not None:
            common = (2 * share * min(frames, before.frames) + 1000) // 2000
            return max(0, before.offset + before.frames - common)
        return self._samples(seat.offset(mixture_id)) or 0

    def _samples(self, milliseconds: int | None) -> int | None:
        return None if milliseconds is None else (2 * milliseconds * self.rate + 1000) // 2000

    def _length(self, seats: Sequence[Seat], spans: Sequence[_Span]) -> int:
        ends = [
            (span.offset + span.frames, seat)
            for span, seat in zip(spans, seats, strict=True)
            if span.offset is not None and seat.leader is None
        ]
        match self.recipe.length:
            case "target":
                ends = [one for one in ends if one[1].place == self._target][:1]
            case "targets":
                ends = [one for one in ends if one[1].source.role != "noise"]
            case "min":
                return min(end for end, _ in ends)
        if not ends:
            raise RecipeError(
                f"{self.recipe.name}: nothing says how long a mixture is: what `length` looks at may begin anywhere",
                "give `length` in seconds, or a source an `offset_s`",
            )
        return max(end for end, _ in ends)

    def _padded(
        self, mixture_id: str, frames: int, seats: Sequence[Seat], spans: Sequence[_Span]
    ) -> tuple[int, list[_Span]]:
        before = self._samples(self._before(mixture_id)) or 0
        after = self._samples(self._after(mixture_id)) or 0
        moved = [
            span if span.offset is None or seat.source.role == "noise" else span._replace(offset=span.offset + before)
            for span, seat in zip(spans, seats, strict=True)
        ]
        return frames + before + after, moved

    def _heard(self, mixture_id: str, frames: int, seat: Seat, span: _Span) -> tuple[int, int]:
        """Give when a source begins, and how long it is heard at most."""
        if span.offset is None:
            heard = min(span.frames, frames) if span.limited or not seat.loops else frames
            return seat.start.draws(f"{mixture_id}:offset").between(0, frames - heard), heard
        room = frames - span.offset
        if room <= 0:
            raise self._no_room(mixture_id, seat)
        # targets end where they end, so that what pads a mixture holds noise only
        ends = span.limited or (self.recipe.padding is not None and seat.source.role != "noise")
        return span.offset, min(span.frames, room) if ends else room

    def _no_room(self, mixture_id: str, seat: Seat) -> RecipeError:
        return RecipeError(
            f"{self.recipe.name}: {mixture_id}: `{seat.name}` would begin after the end of the mixture",
            "let it begin earlier (`offset_s`, `overlap`), or make the mixture longer (`length`)",
        )

    def _start(self, seat: Seat, mixture_id: str, recording: int, frames: int) -> int:
        """Draw where the excerpt begins, if the recording leaves a choice."""
        available = seat.frames[recording]
        if available < frames and not seat.loops:
            return 0
        last = available - 1 if available < frames else available - frames
        start = seat.start.between(mixture_id, 0, last)
        least = seat.source.min_level_dbfs
        if least is None:
            return start
        powers = seat.recordings.powers[recording]
        if _level_dbfs(powers[start // self.rate : -(-(start + frames) // self.rate)]) >= least:
            return start
        draws = seat.start.draws(mixture_id)
        for _ in range(_ATTEMPTS):
            start = draws.between(0, last)
            if _level_dbfs(powers[start // self.rate : -(-(start + frames) // self.rate)]) >= least:
                return start
        return min(powers.index(max(powers)) * self.rate, last)


def _spot(seat: Seat, recording: int, start: int, wanted: int, offset: int, links: list[Link]) -> Spot:
    """Take so many samples of a recording as are wanted, or as there are."""
    available = seat.frames[recording]
    loop = available < wanted and seat.loops
    return Spot(recording, start, wanted if loop else min(wanted, available - start), offset, loop, links)


def _level_dbfs(powers: array[float]) -> float:
    """Give the RMS of an excerpt as far as the catalog's profile, one value a second, knows it."""
    power = sum(powers) / max(1, len(powers))
    return 10 * math.log10(power) if power else -math.inf

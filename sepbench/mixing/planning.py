"""Planning: all the randomness of a corpus, and no audio.

Every number is drawn under a key of its own (`sepbench.draws`), so row *k* is the same alone and in bulk. Recordings
are dealt like cards: each pool is put into a keyed order, the first source goes through its order again and again, the
second is shifted against it after each common round, so that no pair comes twice before all have come once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa

from sepbench import __version__
from sepbench.catalog import labels_of
from sepbench.draws import Draws, draws_for
from sepbench.errors import RecipeError, did_you_mean
from sepbench.manifest import SCHEMA, Manifest, plan_hash
from sepbench.recipe import SPLITS, Draw, Recipe, Source
from sepbench.resample import resampled_frames

__all__ = ["plan"]

_BATCH = 4096
_ATTEMPTS = 64
_NUMBERS = ("duration_s", "sample_rate", "channels", "peak_dbfs", "loudness_lufs")
_TEXTS = ("split", "group", "item")


def plan(recipe: Recipe, catalogs: Mapping[str, pa.Table], *, seed: int | None = None, epoch: int = 0) -> Manifest:
    """Draw one row per mixture.

    Parameters
    ----------
    recipe : Recipe
    catalogs : mapping of str to pyarrow.Table
        A catalog for each set that the recipe names.
    seed : int, optional
        Instead of the recipe's own.
    epoch : int
        0 is the corpus; other epochs are the same recipe drawn anew, for training.

    Returns
    -------
    Manifest
        Without proof. Its metadata holds the recipe, the seed and the `plan_hash`.

    Raises
    ------
    RecipeError
        If the recipe asks for what the catalogs do not have, with numbers.
    """
    seed = recipe.seed if seed is None else seed
    missing = sorted(set(recipe.sets) - set(catalogs))
    if missing:
        raise RecipeError(
            f"{recipe.name}: no catalog for {', '.join(missing)}",
            " ".join(f"--catalog {name}=FILE" for name in missing) + "; make one with `sepbench index`",
        )
    cards = {name: _cards(table) for name, table in catalogs.items() if name in recipe.sets}
    batches = []
    pools_by_split: dict[str, list[list[_Card]]] = {}
    for split in SPLITS:
        if split in recipe.splits:
            dealer = _Dealer(recipe, seed, split, epoch, cards)
            pools_by_split[split] = dealer.pools
            batches += [pa.RecordBatch.from_pylist(rows, schema=SCHEMA) for rows in _batched(dealer.rows())]
    _refuse_leaks(recipe, pools_by_split)
    table = pa.Table.from_batches(batches, schema=SCHEMA)
    metadata: dict[str, Any] = {
        "sepbench": __version__,
        "recipe": recipe.model_dump(mode="json", exclude_defaults=True),
        "seed": seed,
        "epoch": epoch,
    }
    manifest = Manifest(table, metadata)
    manifest.metadata["plan_hash"] = plan_hash(manifest)
    return manifest


@dataclass(frozen=True)
class _Card:
    """A recording as the plan sees it."""

    row: Mapping[str, Any]

    @cached_property
    def labels(self) -> dict[str, str]:
        return labels_of(self.row)

    @property
    def item(self) -> str:
        return str(self.row["item"])

    @property
    def group(self) -> str:
        return str(self.row["group"])

    def frames_at(self, sample_rate: int) -> int:
        return resampled_frames(self.row["frames"], self.row["sample_rate"], sample_rate)

    def value(self, key: str) -> Any:
        if key == "duration_s":
            return self.row["frames"] / self.row["sample_rate"]
        return self.row[key] if key in _NUMBERS or key in _TEXTS else self.labels.get(key)


class _Dealer:
    """Deals the rows of one split."""

    def __init__(self, recipe: Recipe, seed: int, split: str, epoch: int, cards: Mapping[str, list[_Card]]) -> None:
        self.recipe, self.seed, self.split, self.epoch = recipe, seed, split, epoch
        self.count = recipe.splits[split]  # type: ignore[index]
        self.pools = [self._pool(source, cards[source.set]) for source in recipe.sources]
        self.cycles: dict[tuple[int, int], list[str]] = {}
        self.by_item = [{card.item: card for card in pool} for pool in self.pools]
        self.by_group = [self._grouped(pool) for pool in self.pools]
        self.free = [place for place, source in enumerate(recipe.sources) if source.coherent_with is None]
        self._refuse_repetition()

    def rows(self) -> Iterator[dict[str, Any]]:
        for number in range(self.count):
            yield self._row(number)

    def _draws(self, item: str, purpose: str) -> Draws:
        return draws_for(self.recipe.name, self.recipe.version, self.seed, self.split, item, purpose, self.epoch)

    def _pool(self, source: Source, cards: list[_Card]) -> list[_Card]:
        """Keep the recordings that this split may use; where none is left, say what removed them."""
        removed: dict[str, int] = {}
        pool = []
        _refuse_unknown_labels(self.recipe, source, cards)
        for card in cards:
            reason = self._unfit(source, card)
            if reason:
                removed[reason] = removed.get(reason, 0) + 1
            else:
                pool.append(card)
        if not pool:
            counts = ", ".join(f"{count} {reason}" for reason, count in sorted(removed.items(), key=lambda e: -e[1]))
            raise RecipeError(
                f"{self.recipe.name}: none of {len(cards)} recordings of `{source.set}` can serve as `{source.name}` "
                f"in split `{self.split}`: {counts or 'the catalog is empty'}",
                "change the source's `splits`, `where` or `when_short`, or index more of the set",
            )
        return pool

    def _unfit(self, source: Source, card: _Card) -> str:
        if card.row["status"] != "ok":
            return f"{card.row['status']}"
        if source.splits is not None and card.row["split"] not in source.splits.get(self.split, ()):  # type: ignore[call-overload]
            return "in other splits"
        if source.shares is not None and self._share(source, card.group) != self.split:
            return "in groups of other splits"
        if not all(_fits(card.value(key), condition) for key, condition in source.where.items()):
            return "excluded by `where`"
        if card.row["channels"] > 1 and self.recipe.channels > 1 and card.row["channels"] != self.recipe.channels:
            return f"with {card.row['channels']} channels"
        if source.min_level_dbfs is not None and max(card.row["level_profile_dbfs"]) < source.min_level_dbfs:
            return "never reaching `min_level_dbfs`"
        fixed = isinstance(self.recipe.length, float) and source.when_short == "exclude"
        if fixed and card.frames_at(self.recipe.sample_rate) < self._fixed_frames():
            return f"shorter than {self.recipe.length:g} s"
        return ""

    def _share(self, source: Source, group: str) -> str:
        """Put a group into a split by a draw of its own, so that one more group moves no other."""
        assert source.shares is not None
        draw = draws_for(self.recipe.name, self.recipe.version, self.seed, "", f"{source.set}:{group}", "share")
        at = draw.below(sum(source.shares.values()))
        for split, share in source.shares.items():
            if at < share:
                return split
            at -= share
        raise AssertionError("unreachable")

    def _grouped(self, pool: list[_Card]) -> dict[str, list[_Card]]:
        groups: dict[str, list[_Card]] = {}
        for card in sorted(pool, key=lambda card: card.item):
            groups.setdefault(card.group, []).append(card)
        return groups

    def _refuse_repetition(self) -> None:
        """Refuse more mixtures than there are different ones."""
        if isinstance(self.recipe.length, float) or self.recipe.length == "min":
            frames = self._fixed_frames() if isinstance(self.recipe.length, float) else 0
            if any(card.frames_at(self.recipe.sample_rate) > frames for pool in self.pools for card in pool):
                return  # excerpts differ where recordings do not
        sizes = [len(self.pools[place]) for place in self.free[:2]]
        if self.count > math.prod(sizes):
            named = " × ".join(
                f"{size} of {self.recipe.sources[place].name}" for size, place in zip(sizes, self.free, strict=False)
            )
            raise RecipeError(
                f"{self.recipe.name}: split `{self.split}` asks for {self.count} mixtures, but {named} recordings "
                f"give {math.prod(sizes)} different ones",
                f"ask for at most {math.prod(sizes)}, or index more of the sets",
            )

    def _fixed_frames(self) -> int:
        assert isinstance(self.recipe.length, float)
        return round(self.recipe.length * self.recipe.sample_rate)

    def _deal(self, number: int) -> list[list[_Card]]:
        """Choose the recordings of row `number`, one list per source."""
        chosen: dict[str, list[_Card]] = {}
        result: list[list[_Card]] = []
        for place, source in enumerate(self.recipe.sources):
            if source.coherent_with is not None:
                cards = self._coherent(place, source, chosen[source.coherent_with][0])
            else:
                cards = [self._next(place, number)]
            chosen.setdefault(source.name, cards)
            result.append(cards)
        return result

    def _next(self, place: int, number: int) -> _Card:
        size = len(self.pools[place])
        if place == self.free[0]:
            cycle, at = 0, number % size
        elif place == self.free[1]:
            # (n mod a, (n + n div lcm(a, b)) mod b) goes through all a·b pairs
            rounds = number // math.lcm(size, len(self.pools[self.free[0]]))
            cycle, at = 0, (number + rounds) % size
        else:
            cycle, at = divmod(number, size)
        return self.by_item[place][self._order(place, cycle)[at]]

    def _order(self, place: int, cycle: int) -> list[str]:
        if (place, cycle) not in self.cycles:
            source = self.recipe.sources[place]
            draws = self._draws(str(cycle), f"order:{place}:{source.name}")
            self.cycles[place, cycle] = draws.shuffled([card.item for card in self.pools[place]])
        return self.cycles[place, cycle]

    def _coherent(self, place: int, source: Source, leader: _Card) -> list[_Card]:
        cards = self.by_group[place].get(leader.group, [])
        if not cards:
            raise RecipeError(
                f"{self.recipe.name}: the group `{leader.group}` has no recording for `{source.name}`",
                "change the source's `where`",
            )
        return cards if source.pick == "all" else cards[:1]

    def _row(self, number: int) -> dict[str, Any]:
        recipe = self.recipe
        mixture_id = f"{self.split}-{number:06d}"
        dealt = self._deal(number)
        frames = self._length(dealt)
        starts: dict[str, int] = {}
        sources = []
        for source, cards in zip(recipe.sources, dealt, strict=True):
            start = starts.get(source.coherent_with or "")
            if start is None:
                start = self._start(mixture_id, source, cards[0], frames)
            starts.setdefault(source.name, start)
            snr = self._level(mixture_id, f"snr:{source.name}", source.snr_db)
            level = self._level(mixture_id, f"level:{source.name}", source.level_dbfs)
            sources += [self._source(source, card, start, frames, snr, level) for card in cards]
        return {
            "mixture_id": mixture_id,
            "split": self.split,
            "sample_rate": recipe.sample_rate,
            "channels": recipe.channels,
            "bits": recipe.bits,
            "frames": frames,
            "snr_mdb": self._level(mixture_id, "snr", recipe.levels.snr_db),
            "clipping": recipe.levels.clipping,
            "peak_mdbfs": round(recipe.levels.peak_dbfs * 1000),
            "licence": " AND ".join(sorted({source["licence"] for source in sources})),
            "sources": sources,
            "proof": None,
        }

    def _length(self, dealt: list[list[_Card]]) -> int:
        rate, length = self.recipe.sample_rate, self.recipe.length
        if isinstance(length, float):
            return self._fixed_frames()
        if length == "target":
            place = self.recipe.sources.index(self.recipe.target)
            return dealt[place][0].frames_at(rate)
        lengths = [card.frames_at(rate) for cards in dealt for card in cards]
        return min(lengths) if length == "min" else max(lengths)

    def _start(self, mixture_id: str, source: Source, card: _Card, frames: int) -> int:
        """Draw where the excerpt begins, if the recording leaves a choice."""
        available = card.frames_at(self.recipe.sample_rate)
        if available < frames and source.when_short != "loop":
            return 0
        last = available - 1 if available < frames else available - frames
        draws = self._draws(mixture_id, f"start:{source.name}")
        start = draws.between(0, last)
        if source.min_level_dbfs is None:
            return start
        for _ in range(_ATTEMPTS):
            if self._level_of(card, start, frames) >= source.min_level_dbfs:
                return start
            start = draws.between(0, last)
        profile = card.row["level_profile_dbfs"]
        return min(int(profile.index(max(profile))) * self.recipe.sample_rate, last)

    def _level_of(self, card: _Card, start: int, frames: int) -> float:
        """Give the RMS of an excerpt as far as the catalog's profile, one value a second, knows it."""
        rate = self.recipe.sample_rate
        seconds = card.row["level_profile_dbfs"][start // rate : -(-(start + frames) // rate)]
        power = sum(10.0 ** (value / 10) for value in seconds) / max(1, len(seconds))
        return 10 * math.log10(power) if power else -math.inf

    def _level(self, mixture_id: str, purpose: str, draw: Draw | None) -> int | None:
        if draw is None:
            return None
        bounds, choices = draw.millidecibels()
        draws = self._draws(mixture_id, purpose)
        return draws.between(*bounds) if bounds else (choices or ())[draws.below(len(choices or ()))]

    def _source(
        self, source: Source, card: _Card, start: int, frames: int, snr_mdb: int | None, level_mdbfs: int | None
    ) -> dict[str, Any]:
        available = card.frames_at(self.recipe.sample_rate)
        loop = available < frames and source.when_short == "loop"
        return {
            "name": source.name,
            "role": source.role,
            "set": source.set,
            "item": card.item,
            "path": card.row["path"],
            "group": card.group,
            "labels": card.row["labels"],
            "licence": card.row["licence"],
            "sample_rate": card.row["sample_rate"],
            "source_pcm_sha256": card.row["pcm_sha256"],
            "downmix": _downmix(card.row["channels"], self.recipe.channels, source.downmix),
            "start": start,
            "frames": frames if loop else min(frames, available - start),
            "offset": 0,
            "loop": loop,
            "snr_mdb": snr_mdb,
            "level_mdbfs": level_mdbfs,
            "transforms": [],
        }


def _downmix(have: int, want: int, policy: str) -> str:
    if have == want:
        return "none"
    return "copy" if have == 1 else policy


def _cards(table: pa.Table) -> list[_Card]:
    return [_Card(row) for row in table.to_pylist()]


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


def _refuse_unknown_labels(recipe: Recipe, source: Source, cards: list[_Card]) -> None:
    known = {*_NUMBERS, *_TEXTS}.union(*(card.labels for card in cards))
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


def _refuse_leaks(recipe: Recipe, pools: Mapping[str, list[list[_Card]]]) -> None:
    """A group that serves two splits is a leak, and an error."""
    home: dict[tuple[str, str], str] = {}
    for split, by_source in pools.items():
        for source, pool in zip(recipe.sources, by_source, strict=True):
            for card in pool:
                other = home.setdefault((source.set, card.group), split)
                if other != split:
                    raise RecipeError(
                        f"{recipe.name}: the group `{card.group}` of `{source.set}` would be in `{other}` and in "
                        f"`{split}`",
                        "give each split its own `splits` of the set, or divide the groups with `shares`",
                    )


def _batched(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch

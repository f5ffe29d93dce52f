"""Planning: all the randomness of a corpus, and no audio.

Every number is drawn under a key of its own (`sepbench.draws`), so row *k* is the same alone and in bulk. Recordings
are dealt like cards: each pool is put into a keyed order, the first source goes through its order again and again, the
second is shifted against it after each common round, so that no pair comes twice before all have come once.

What is drawn for a row is a handful of integers; what its recordings are comes from a table of all recordings, so that
rows are made in columns, thousands at a time.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate, chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sepbench import __version__, manifest, parquet
from sepbench.errors import RecipeError
from sepbench.manifest import PROOF, SCHEMA, SOURCE, Manifest, plan_hash
from sepbench.mixing.chains import refuse_impossible
from sepbench.mixing.dealing import Dealer, Drawn, Row
from sepbench.mixing.leaks import refuse_leaks, refuse_shared
from sepbench.mixing.pools import ASKED, Card, cards_of, listed_by_count, pool_of
from sepbench.mixing.seats import Pools, Recordings
from sepbench.recipe import SPLITS, Pool, Recipe, Source

__all__ = ["Plan", "plan", "refuse_missing"]

_COPIED = ("item", "path", "group", "labels", "licence", "sample_rate")


def plan(recipe: Recipe, catalogs: Mapping[str, pa.Table], *, seed: int | None = None, epoch: int = 0) -> Manifest:
    """Draw one row per mixture, in memory.

    Parameters
    ----------
    recipe, catalogs, seed, epoch
        As in `Plan`, which holds a corpus of any size.

    Returns
    -------
    Manifest
        Without proof. Its metadata holds the recipe, the seed and the `plan_hash`.

    Raises
    ------
    RecipeError
        If the recipe asks for what the catalogs do not have, with numbers.
    """
    drawn = Plan(recipe, catalogs, seed=seed, epoch=epoch)
    rows = Manifest(pa.Table.from_batches(drawn.batches(), SCHEMA), drawn.metadata)
    rows.metadata["plan_hash"] = plan_hash(rows)
    return rows


class Plan:
    """The rows of a corpus before they are drawn: any of them can be made alone, or all in batches.

    It can be pickled, and is cheap to use in many processes.

    Parameters
    ----------
    recipe : Recipe
    catalogs : mapping of str to pyarrow.Table
        A catalog for each set that the recipe names.
    seed : int, optional
        Instead of the recipe's own.
    epoch : int
        0 is the corpus; other epochs are the same recipe drawn anew, for training.
    disjoint_from : sequence of path
        Corpora of which nothing may be heard here: no group, no recording (`sepbench.overlaps` knows what sets share).

    Attributes
    ----------
    left_out : list of str
        Which recordings may not serve in their split, though it was not the recipe that said so: counts and reasons.

    Raises
    ------
    RecipeError
        If the recipe asks for what the catalogs do not have, with numbers, or for what would be a leak.
    """

    def __init__(
        self,
        recipe: Recipe,
        catalogs: Mapping[str, pa.Table],
        *,
        seed: int | None = None,
        epoch: int = 0,
        disjoint_from: Sequence[Path | str] = (),
    ) -> None:
        self.recipe, self.seed, self.epoch = recipe, recipe.seed if seed is None else seed, epoch
        refuse_missing(recipe, catalogs)
        refuse_impossible(recipe)
        cards = {name: cards_of(catalogs[name]) for name in recipe.sets}
        self._sets = {name: Recordings.of(recipe, name, cards[name]) for name in recipe.sets}
        self._recordings = _recordings(recipe, catalogs)
        self._dealers: list[Dealer] = []
        self.left_out: list[str] = []
        for split in (split for split in SPLITS if split in recipe.splits):
            pools = [self._pools(split, source, cards) for source in recipe.sources]
            self._dealers.append(Dealer(recipe, self.seed, split, epoch, self._sets, pools))
        picked = {
            dealer.split: [(name, cards[name][place]) for name, place in dealer.picked()] for dealer in self._dealers
        }
        refuse_leaks(recipe, picked)
        refuse_shared(recipe, picked, disjoint_from)

    def _pools(self, split: str, source: Source, cards: Mapping[str, Sequence[Card]]) -> Pools:
        """Find what may serve a source in a split, and its transforms."""
        own = self._pool(split, source.set, source, cards, source.name)
        of_transforms = {
            place: self._pool(split, one.set, one, cards, f"{source.name}: {one.name}.{one.recording}")
            for place, one in enumerate(source.transforms)
            if one.set is not None
        }
        return Pools(own, of_transforms)

    def _pool(self, split: str, set_: str, pool: Pool, cards: Mapping[str, Sequence[Card]], name: str) -> list[int]:
        places, removed = pool_of(self.recipe, self.seed, split, set_, pool, cards[set_], name=name)
        unasked = {reason: count for reason, count in removed.items() if reason not in ASKED}
        if unasked:
            self.left_out.append(
                f"{name}: {len(places)} recordings of `{set_}` may serve `{split}`, and {listed_by_count(unasked)} are left out"
            )
        return places

    def at_epoch(self, epoch: int) -> Plan:
        """Give the plan of another epoch, from the same pools."""
        other = copy.copy(self)
        other.epoch = epoch
        other._dealers = [
            Dealer(self.recipe, self.seed, dealer.split, epoch, self._sets, dealer.pools) for dealer in self._dealers
        ]
        return other

    @property
    def metadata(self) -> dict[str, Any]:
        """What the manifest says of itself, but for the hash."""
        return {
            "sepbench": __version__,
            "recipe": self.recipe.model_dump(mode="json", exclude_defaults=True),
            "seed": self.seed,
            "epoch": self.epoch,
        }

    def __len__(self) -> int:
        return sum(dealer.count for dealer in self._dealers)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for batch in self.batches(1024):
            yield from batch.to_pylist()

    def row(self, index: int) -> dict[str, Any]:
        """Make one row, in the order of the splits; no other is drawn."""
        at = range(len(self))[index]
        for dealer in self._dealers:
            if at < dealer.count:
                return self._row(dealer.split, dealer.draw(at))
            at -= dealer.count
        raise AssertionError("unreachable")

    def batches(self, rows: int = parquet.ROW_GROUP) -> Iterator[pa.RecordBatch]:
        """Make all rows, in the order of the splits, in batches of at most `rows` of one split."""
        for dealer in self._dealers:
            for start in range(0, dealer.count, rows):
                numbers = range(start, min(start + rows, dealer.count))
                yield self._batch(dealer.split, [dealer.draw(number) for number in numbers])

    def write(
        self, path: Path, *, metadata: Mapping[str, Any] | None = None, progress: manifest.Progress | None = None
    ) -> Manifest:
        """Write the manifest, without proof, in bounded memory.

        Parameters
        ----------
        path : Path
            The file.
        metadata : mapping, optional
            What the file is to say of itself besides `metadata` and the `plan_hash`.
        progress : callable, optional
            Called as ``progress(done, total)`` in rows.

        Returns
        -------
        Manifest
            On the file.
        """
        words = self.metadata | dict(metadata or {})
        return manifest.write(self.batches(), path, words, total=len(self), progress=progress)

    # the two forms of what is drawn: a dictionary, and columns of many

    def _row(self, split: str, row: Row) -> dict[str, Any]:
        sources = [self._source(one) for one in row.sources]
        values = self._same(split) | row._asdict() | {"sources": sources, "proof": None}
        return {name: values[name] for name in SCHEMA.names}

    def _source(self, one: Drawn) -> dict[str, Any]:
        recording = self._recordings.slice(one.recording, 1).to_pylist()[0]
        values = recording | one._asdict()
        return {field.name: values[field.name] for field in SOURCE}

    def _batch(self, split: str, rows: Sequence[Row]) -> pa.RecordBatch:
        columns: dict[str, Any] = dict(zip(Row._fields, zip(*rows, strict=True), strict=True))
        columns |= {name: [value] * len(rows) for name, value in self._same(split).items()}
        columns |= {"sources": self._sources(columns["sources"]), "proof": _no_proof(len(rows))}
        return pa.RecordBatch.from_arrays(_arrays(columns, SCHEMA), schema=SCHEMA)

    def _sources(self, by_row: Sequence[Sequence[Drawn]]) -> pa.ListArray:
        drawn = list(chain.from_iterable(by_row))
        columns: dict[str, Any] = dict(zip(Drawn._fields, zip(*drawn, strict=True), strict=True))
        recordings = self._recordings.take(pa.array(columns["recording"], pa.int32()))
        columns |= dict(zip(recordings.schema.names, recordings.columns, strict=True))
        values = pa.StructArray.from_arrays(_arrays(columns, SOURCE), fields=list(SOURCE))
        ends = pa.array(accumulate(map(len, by_row), initial=0), pa.int32())
        return pa.ListArray.from_arrays(ends, values, type=SCHEMA.field("sources").type)

    def _same(self, split: str) -> dict[str, Any]:
        """Give what all rows of a split have in common."""
        return {
            "split": split,
            "sample_rate": self.recipe.sample_rate,
            "channels": self.recipe.channels,
            "bits": self.recipe.bits,
            "rendering": self.recipe.rendering and {"name": self.recipe.rendering, "parameters": "{}"},
            "snr_over": "active" if self.recipe.levels.active_snr_db is not None else None,
            "clipping": self.recipe.levels.clipping,
            "peak_mdbfs": round(self.recipe.levels.peak_dbfs * 1000),
        }


@lru_cache(maxsize=4)
def _no_proof(count: int) -> pa.Array:
    """Give nulls, which Arrow fills with columns of their own."""
    return pa.array([None] * count, PROOF)


def _arrays(columns: Mapping[str, Any], fields: Iterable[pa.Field]) -> list[pa.Array]:
    """Make Arrow arrays of columns that are sequences, or arrays already."""
    return [
        column if isinstance(column := columns[field.name], pa.Array) else pa.array(column, field.type)
        for field in fields
    ]


def _recordings(recipe: Recipe, catalogs: Mapping[str, pa.Table]) -> pa.RecordBatch:
    """Give what a row says of each recording in each source: the catalogs of the sources, one after the other."""
    tables = [_as_source(recipe, source, catalogs[source.set]) for source in recipe.sources]
    return pa.concat_tables(tables).combine_chunks().to_batches()[0]


def _as_source(recipe: Recipe, source: Source, table: pa.Table) -> pa.Table:
    columns: dict[str, Any] = {name: table[name] for name in _COPIED} | {
        "set": [source.set] * len(table),
        "source_pcm_sha256": table["pcm_sha256"],
        "downmix": _downmix(table["channels"], recipe.channels, source.downmix),
    }
    # a recording that could not be read has nulls; it is in no pool
    return pa.table(columns).cast(pa.schema([SOURCE.field(name).with_nullable(True) for name in columns]))


def _downmix(have: pa.ChunkedArray, want: int, policy: str) -> pa.ChunkedArray:
    return pc.if_else(pc.equal(have, want), "none", pc.if_else(pc.equal(have, 1), "copy", policy))


def refuse_missing(recipe: Recipe, catalogs: Mapping[str, pa.Table]) -> None:
    """Refuse a recipe of which a set has no catalog."""
    missing = sorted(set(recipe.sets) - set(catalogs))
    if missing:
        raise RecipeError(
            f"{recipe.name}: no catalog for {', '.join(missing)}",
            " ".join(f"--catalog {name}=FILE" for name in missing) + "; make one with `sepbench index`",
        )

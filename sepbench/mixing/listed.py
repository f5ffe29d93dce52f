"""The rows of a corpus that somebody published as a list: nothing is drawn."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from sepbench import __version__, parquet
from sepbench.canonical import canonical_json
from sepbench.errors import PlaceError, RecipeError, TableError
from sepbench.level import Gain
from sepbench.manifest import SCHEMA
from sepbench.mixing.leaks import refuse_shared
from sepbench.mixing.lists import Mixture, Part, load
from sepbench.mixing.planning import refuse_missing
from sepbench.mixing.pools import Card, cards_of
from sepbench.mixing.roots import find_roots
from sepbench.recipe import SPLITS, Recipe, Source

__all__ = ["Listed"]

_NAMED = 3


class Listed:
    """The rows of a listed corpus, as `sepbench.mixing.planning.Plan` has those of one that is drawn.

    Parameters
    ----------
    recipe : Recipe
        With `listed`.
    catalogs : mapping of str to pyarrow.Table
        A catalog for each set that the recipe names.
    roots : mapping of str to path
        Where the files of the list lie.
    whole : bool
        Whether the list must have exactly as many mixtures as the recipe says, or just as many.
    leave_out : bool
        Leave out mixtures whose recordings are not there, instead of refusing all.
    disjoint_from : sequence of path
        As for `Plan`.

    Attributes
    ----------
    left_out : list of str
        How many mixtures of which split have no recordings, and the first of these.

    Raises
    ------
    RecipeError
        If recordings are not in the catalogs, with numbers and names.
    TableError
        If a file is another list than the recipe's.
    PlaceError
        If a file is not there.
    """

    def __init__(
        self,
        recipe: Recipe,
        catalogs: Mapping[str, pa.Table],
        roots: Mapping[str, Path | str],
        *,
        whole: bool = True,
        leave_out: bool = False,
        disjoint_from: Sequence[Path | str] = (),
    ) -> None:
        assert recipe.listed is not None
        self.recipe, self.left_out = recipe, list[str]()
        refuse_missing(recipe, catalogs)
        usable = {
            name: [card for card in cards_of(catalogs[name]) if card.row["status"] == "ok"] for name in recipe.sets
        }
        cards = {name: {card.item: card for card in own} for name, own in usable.items()}
        self._sources = {source.name: source for source in recipe.sources}
        self._mixtures: list[tuple[str, Mixture]] = []
        reader = load(recipe.listed.format)
        picked: dict[str, list[tuple[str, Card]]] = {}
        for split in (one for one in SPLITS if one in recipe.splits):
            files = _files(recipe, split, roots)
            found = list(reader.mixtures(recipe, split, files, cards))
            wanted = recipe.splits[split]
            if len(found) < wanted or (whole and len(found) != wanted):
                raise RecipeError(
                    f"{recipe.name}: split `{split}`: the list has {len(found)} mixtures, the recipe says {wanted}",
                    f"it is of another version, or incomplete; --mixtures {split}=N makes the first N",
                )
            self._refuse_repeated(split, found)
            kept = self._kept(split, found[:wanted], leave_out)
            self._mixtures += [(split, one) for one in kept]
            picked[split] = [(self._sources[part.name].set, part.card) for one in kept for part in one.parts]
        refuse_shared(recipe, picked, disjoint_from)

    def _refuse_repeated(self, split: str, found: Sequence[Mixture]) -> None:
        counts = Counter(one.mixture_id for one in found)
        counts.update(one.mixture_id for _, one in self._mixtures)
        double = next((name for name, count in counts.items() if count > 1), None)
        if double is not None:
            raise TableError(
                f"{self.recipe.name}: the list of `{split}` has a second `{double}`", "take the list as published"
            )

    def _kept(self, split: str, found: Sequence[Mixture], leave_out: bool) -> list[Mixture]:
        missing = list(dict.fromkeys(path for one in found for path in one.missing))
        kept = [one for one in found if not one.missing]
        if not missing:
            return kept
        named = ", ".join(missing[:_NAMED]) + (" …" if len(missing) > _NAMED else "")
        words = f"{len(found) - len(kept)} of the {len(found)} mixtures of `{split}` lack {len(missing)} recordings: {named}"
        if not leave_out or not kept:
            raise RecipeError(
                f"{self.recipe.name}: {words}",
                "index the whole sets" + (", or leave these mixtures out with --leave-out" if kept else ""),
            )
        self.left_out.append(f"left out: {words}")
        return kept

    @property
    def metadata(self) -> dict[str, Any]:
        """What the manifest says of itself, but for the hash."""
        words = {"sepbench": __version__, "recipe": self.recipe.model_dump(mode="json", exclude_defaults=True)}
        return words | {"seed": self.recipe.seed, "epoch": 0} | ({"left_out": self.left_out} if self.left_out else {})

    def __len__(self) -> int:
        return len(self._mixtures)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self.row(at) for at in range(len(self)))

    def row(self, index: int) -> dict[str, Any]:
        """Make one row, in the order of the splits and of the list."""
        split, one = self._mixtures[index]
        recipe = self.recipe
        licences = sorted({part.card.row["licence"] for part in one.parts})
        rendering = None
        if recipe.rendering is not None:
            rendering = {"name": recipe.rendering, "parameters": canonical_json(one.rendering or {}).decode()}
        return {
            "mixture_id": one.mixture_id, "split": split, "sample_rate": recipe.sample_rate, "channels": recipe.channels,
            "bits": recipe.bits, "frames": one.frames, "snr_mdb": None, "snr_over": None, "level_mdbfs": None,
            "degradations": None, "rendering": rendering, "clipping": recipe.levels.clipping,
            "peak_mdbfs": round(recipe.levels.peak_dbfs * 1000), "licence": " AND ".join(licences),
            "sources": [self._source(part) for part in one.parts], "proof": None,
        }  # fmt: skip

    def batches(self, rows: int = parquet.ROW_GROUP) -> Iterator[pa.RecordBatch]:
        """Make all rows, in batches of at most `rows`."""
        for start in range(0, len(self), rows):
            some = [self.row(at) for at in range(start, min(start + rows, len(self)))]
            yield pa.RecordBatch.from_pylist(some, SCHEMA)

    def _source(self, part: Part) -> dict[str, Any]:
        of, card = self._sources[part.name], part.card.row
        gain = None if part.gain is None else Gain.of(part.gain)
        return {
            "name": part.name, "role": of.role, "set": of.set, "item": card["item"], "path": card["path"],
            "group": card["group"], "labels": card["labels"], "licence": card["licence"], "sample_rate": card["sample_rate"],
            "source_pcm_sha256": card["pcm_sha256"], "downmix": _downmix(card["channels"], self.recipe.channels, of),
            "start": 0, "frames": part.frames, "offset": part.offset, "loop": False, "snr_mdb": None, "level_mdbfs": None,
            "transforms": list(part.transforms), "follows": None, "gain_mantissa": gain and gain.mantissa,
            "gain_shift": gain and gain.shift,
        }  # fmt: skip


def _downmix(have: int, want: int, source: Source) -> str:
    if have == want:
        return "none"
    return "copy" if have == 1 else source.downmix


def _files(recipe: Recipe, split: str, roots: Mapping[str, Path | str]) -> list[Path]:
    """Find the files of a split's list, and look whether they are the recipe's."""
    listed = recipe.listed
    if listed is None or listed.set is None:
        return []
    root = find_roots([listed.set], roots, {})[listed.set]
    found = []
    for name in listed.files.get(split, ()):  # type: ignore[call-overload]
        path = root / name
        if not path.is_file():
            raise PlaceError(
                f"{path}: the list of `{split}` is not there", f"fetch it with `sepbench fetch {listed.set}`"
            )
        wanted = listed.sha256.get(name)
        if wanted and hashlib.sha256(path.read_bytes()).hexdigest() != wanted:
            raise TableError(
                f"{path}: is another version than that of the recipe", f"`sepbench fetch {listed.set}` has it"
            )
        found.append(path)
    return found

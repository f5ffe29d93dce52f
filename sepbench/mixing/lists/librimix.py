"""The lists of LibriMix: one CSV for each subset, a row for each mixture, with paths and gains.

References
----------
J. Cosentino, M. Pariente, S. Cornell, A. Deleforge, E. Vincent: "LibriMix: An open-source dataset for generalizable speech
separation", arXiv 2005.11262, 2020; the CSVs and `create_librimix_from_metadata.py` of github.com/JorisCos/LibriMix.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NamedTuple

from sepbench.canonical import canonical_json
from sepbench.errors import RecipeError, TableError
from sepbench.mixing.lists import Mixture, Part
from sepbench.mixing.pools import Card
from sepbench.published import Published
from sepbench.recipe import Recipe
from sepbench.resample import resampled_frames
from sepbench.transforms import load as load_transform

__all__ = ["LibriMix"]

_RATE = 16000  # of the recordings, in Hz
_FADE_MS = 500
_FADE = _FADE_MS * _RATE // 1000 + 1  # samples of a cross-fade
_HINT = "take the CSVs of the LibriMix repository as they are: `sepbench fetch librimix`"


class _Listed(NamedTuple):
    """A recording as a row of a CSV has it."""

    path: str
    gain: Decimal

    @property
    def item(self) -> str:
        """Its name in the catalog: subset and name of the file, without the folders between."""
        subset, *_, name = self.path.split("/")
        return f"{subset}/{name.rpartition('.')[0]}"


class LibriMix:
    """LibriMix's CSVs: talkers and noise with gains.

    What a recipe's sources name is heard: ``speaker1`` and ``speaker2`` alone make `mix_clean`, with ``noise`` `mix_both`,
    ``speaker1`` and ``noise`` `mix_single`. All talkers of the list have their say in the length: `min` is as long as the shortest
    of them, `max` as the longest. The noise is cut to the longest, or repeated with cross-fades.
    """

    name = "librimix"
    version = "b898ca3"
    title = "LibriMix's lists"
    url = "https://github.com/JorisCos/LibriMix"
    licence = "MIT"
    published = Published.beside(__file__)

    def mixtures(
        self, recipe: Recipe, split: str, files: Sequence[Path], cards: Mapping[str, Mapping[str, Card]]
    ) -> Iterator[Mixture]:
        """Give the mixtures of a split; see `ListReader`."""
        if recipe.length not in ("min", "max") or recipe.channels != 1:
            raise RecipeError(
                f"{recipe.name}: LibriMix is mono, of length `min` or `max`", "say one of them, and `channels = 1`"
            )
        sets = {source.name: source.set for source in recipe.sources}
        for path in files:
            for number, (mixture_id, talkers, noise) in enumerate(_rows(path), 2):
                heard = {f"speaker{place}": one for place, one in enumerate(talkers, 1)}
                wanted = heard | ({"noise": noise} if "noise" in sets else {})
                if not set(sets) <= set(wanted):
                    raise TableError(
                        f"{path}: row {number}: has {len(talkers)} talkers, the recipe asks for {', '.join(sets)}",
                        "take the list of as many talkers",
                    )
                found = {name: cards[sets.get(name, sets["speaker1"])].get(one.item) for name, one in wanted.items()}
                missing = tuple(one.path for name, one in wanted.items() if found[name] is None)
                if missing:
                    yield Mixture(mixture_id, 0, (), missing=missing)
                else:
                    yield _mixture(recipe, mixture_id, wanted, {name: card for name, card in found.items() if card})


def _mixture(recipe: Recipe, mixture_id: str, wanted: Mapping[str, _Listed], cards: Mapping[str, Card]) -> Mixture:
    for name, card in cards.items():
        if card.row["sample_rate"] != _RATE:
            raise TableError(
                f"{card.item}: has {card.row['sample_rate']} Hz, the gains of LibriMix are for {_RATE}",
                f"index the set as it was published; it is `{name}`",
            )
    lengths = [card.row["frames"] for name, card in cards.items() if name != "noise"]
    at_rate = [resampled_frames(length, _RATE, recipe.sample_rate) for length in lengths]
    frames = min(at_rate) if recipe.length == "min" else max(at_rate)
    parts: list[Part] = []
    for name in (source.name for source in recipe.sources):
        card, gain = cards[name], wanted[name].gain
        own = resampled_frames(card.row["frames"], _RATE, recipe.sample_rate)
        if name == "noise" and card.row["frames"] < max(lengths):
            parts += _repeated(card, gain, max(lengths), frames, recipe.sample_rate)
        else:
            parts.append(Part(name, card, min(own, frames), gain=gain))
    by_name = {part.name: format(part.gain, "f") for part in parts if part.gain is not None}
    return Mixture(mixture_id, frames, parts, {"gains": list(by_name.values()), "longest": max(lengths)})


def _repeated(card: Card, gain: Decimal, longest: int, frames: int, sample_rate: int) -> Iterator[Part]:
    """Lay a short noise down again and again, each time while the one before fades out, until the longest talker ends."""
    transform = load_transform("fade")
    length = card.row["frames"]
    if length < 2 * _FADE - 1:
        raise TableError(
            f"{card.item}: a noise of {length} samples is too short to be repeated", "LibriMix has none below 3 s"
        )
    own = resampled_frames(length, _RATE, sample_rate)
    for start in range(0, longest, length - _FADE):
        offset = start * sample_rate // _RATE
        goes_on = start + length < longest
        if offset >= frames:
            return
        if start or goes_on:
            faded = transform.planned(in_ms=_FADE_MS if start else 0, out_ms=_FADE_MS if goes_on else 0)
            links = [{"name": transform.name, "parameters": canonical_json(faded).decode()}]
            yield Part("noise", card, own, offset, gain, links)
        else:
            yield Part("noise", card, min(own, frames), offset, gain)
        if not goes_on:
            return


def _rows(path: Path) -> Iterator[tuple[str, list[_Listed], _Listed]]:
    """Read a CSV: the id of each mixture, its talkers, its noise."""
    with path.open(encoding="utf-8", newline="") as file:
        table = csv.DictReader(file)
        columns = table.fieldnames or []
        talkers = sum(1 for name in columns if name.startswith("source_") and name.endswith("_path"))
        expected = ["mixture_ID"] + [f"source_{n}_{what}" for n in range(1, talkers + 1) for what in ("path", "gain")]
        missing = [name for name in [*expected, "noise_path", "noise_gain"] if name not in columns]
        if missing or not talkers:
            raise TableError(
                f"{path}: is no list of LibriMix: it has no column {missing[0] if missing else 'source_1_path'}", _HINT
            )
        for number, row in enumerate(table, 2):
            try:
                pairs = [_Listed(row[f"{who}_path"], Decimal(row[f"{who}_gain"])) for who in _who(talkers)]
            except (InvalidOperation, TypeError) as error:
                raise TableError(f"{path}: row {number}: is cut off, or a gain is no number", _HINT) from error
            if any(not one.gain.is_finite() or one.gain <= 0 or "/" not in one.path for one in pairs):
                raise TableError(f"{path}: row {number}: expected paths below a subset, and gains above 0", _HINT)
            yield row["mixture_ID"], pairs[:-1], pairs[-1]


def _who(talkers: int) -> list[str]:
    return [f"source_{n}" for n in range(1, talkers + 1)] + ["noise"]

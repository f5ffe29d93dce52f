"""Pairs of clean and noisy recordings that a set holds, as a list of mixtures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from sepbench.canonical import canonical_json
from sepbench.errors import RecipeError
from sepbench.mixing.lists import Mixture, Part
from sepbench.mixing.pools import Card, pool_of
from sepbench.recipe import Recipe

__all__ = ["Pairs"]

PAIR = "pair"


class Pairs:
    """Pairs of clean and noisy recordings, told by the label `pair`.

    The recipe has two sources of one set: the target, and what is heard with it. Recordings that may serve the second are
    mixtures of one that may serve the first, of the same `pair`; what is heard with the target is the difference of the two,
    sample by sample.
    """

    def mixtures(
        self, recipe: Recipe, split: str, files: Sequence[Path], cards: Mapping[str, Mapping[str, Card]]
    ) -> Iterator[Mixture]:
        """Give the mixtures of a split, in the order of their names; see `ListReader`."""
        if len(recipe.sources) != 2 or recipe.sources[0].set != recipe.sources[1].set:
            raise RecipeError(
                f"{recipe.name}: pairs have two sources of one set, got {len(recipe.sources)} sources",
                "the target, and what is heard with it, told apart by `where`",
            )
        all_cards = list(cards[recipe.sources[0].set].values())
        clean, noisy = (
            {(card.group, card.labels.get(PAIR, "")): card for card in _serving(recipe, split, at, all_cards)}
            for at in (0, 1)
        )
        for key in sorted(clean.keys() | noisy.keys()):
            lacking = [name for name, side in (("clean", clean), ("noisy", noisy)) if key not in side]
            if lacking or not key[1]:
                yield Mixture(
                    key[1] or "_", 0, (), missing=[f"the {' and the '.join(lacking)} recording of `{key[1]}`"]
                )
            else:
                yield _mixture(recipe, key[1], clean[key], noisy[key])


def _serving(recipe: Recipe, split: str, at: int, cards: Sequence[Card]) -> list[Card]:
    source = recipe.sources[at]
    places, _ = pool_of(recipe, 0, split, source.set, source, cards, name=source.name)
    return [cards[place] for place in places]


def _mixture(recipe: Recipe, pair: str, clean: Card, noisy: Card) -> Mixture:
    target, rest = recipe.sources
    frames = [card.frames_at(recipe.sample_rate) for card in (clean, noisy)]
    if frames[0] != frames[1]:
        return Mixture(pair, 0, (), missing=[f"a recording of `{pair}` as long as its partner"])
    taken = {
        "set": target.set, "item": clean.item, "path": clean.row["path"], "pcm_sha256": clean.row["pcm_sha256"],
        "licence": clean.row["licence"],
    }  # fmt: skip
    minus = {"name": "subtract", "parameters": canonical_json({"recording": taken}).decode()}
    return Mixture(
        pair, frames[0], [Part(target.name, clean, frames[0]), Part(rest.name, noisy, frames[0], transforms=[minus])]
    )

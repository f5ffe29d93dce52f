"""Lists of mixtures that somebody published: which recordings, with which gains, make which mixture.

A list is read, not drawn: `sepbench.mixing.listed` makes rows of it. Readers of lists come through the entry points of the
group ``sepbench.lists``; a reader is an object with the method `mixtures` of `ListReader`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from sepbench import shelf
from sepbench.errors import RecipeError, did_you_mean
from sepbench.mixing.pools import Card
from sepbench.recipe import Recipe

__all__ = ["ListReader", "Mixture", "Part", "load"]


class Part(NamedTuple):
    """One source of a listed mixture.

    Attributes
    ----------
    name : str
        Of the stem, as a source of the recipe has it.
    card : Card
        The recording.
    frames, offset : int
        How much of it is heard from its beginning on, and where that begins in the mixture, at the corpus's rate.
    gain : Decimal, optional
        What it is multiplied with.
    transforms : sequence of dict
        As a row has them.
    """

    name: str
    card: Card
    frames: int
    offset: int = 0
    gain: Decimal | None = None
    transforms: Sequence[dict[str, str]] = ()


class Mixture(NamedTuple):
    """A mixture of a list.

    Attributes
    ----------
    mixture_id : str
    frames : int
        Its length at the corpus's rate.
    parts : sequence of Part
        Its sources.
    rendering : dict, optional
        What the recipe's rendering takes for parameters.
    missing : sequence of str
        Recordings that no catalog has, as the list names them; then there are no parts.
    """

    mixture_id: str
    frames: int
    parts: Sequence[Part]
    rendering: dict[str, Any] | None = None
    missing: Sequence[str] = ()


class ListReader(Protocol):
    """What reads a kind of list."""

    def mixtures(
        self, recipe: Recipe, split: str, files: Sequence[Path], cards: Mapping[str, Mapping[str, Card]]
    ) -> Iterator[Mixture]:
        """Give the mixtures of a split.

        Parameters
        ----------
        recipe : Recipe
            Its sources say what of a list is heard; its `length` and `sample_rate` hold.
        split : str
        files : sequence of Path
            The files of the list, where the recipe names any.
        cards : mapping of str to mapping of str to Card
            The usable recordings of each set, by item.

        Raises
        ------
        TableError
            If a file is no list of this kind; names it, and the row.
        """


def load(name: str) -> ListReader:
    """Give the reader of a kind of list.

    Raises
    ------
    RecipeError
        If there is none of this name. A recipe's word never leads to other code than that of installed packages.
    """
    known = shelf.names("lists")
    if name not in known:
        raise RecipeError(f"unknown kind of list `{name}`", did_you_mean(name, known, kind="lists"))
    reader: ListReader = shelf.load("lists", name)()
    return reader

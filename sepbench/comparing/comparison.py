"""What `diff` found: everything as numbers, names and values, for people and programs alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from sepbench.recipe import Change
from sepbench.surveys import Distribution

__all__ = ["Column", "Comparison", "Count", "Differing", "Example", "LevelPair", "Rows", "Shared", "Side"]


class Side(NamedTuple):
    """One of the two corpora.

    Attributes
    ----------
    path : str
        As it was named.
    name, version : str, int
        Of its recipe.
    seed : int
    sepbench : str
        The version that made it.
    rows, rendered : int
        How many mixtures it has, and how many of them have a proof.
    plan_hash : str
    corpus_hash : str or None
        None where nothing was rendered.
    """

    path: str
    name: str
    version: int
    seed: int
    sepbench: str
    rows: int
    rendered: int
    plan_hash: str
    corpus_hash: str | None


class Rows(NamedTuple):
    """Some rows: how many, and the ids of the first."""

    n: int
    first: tuple[str, ...]


class Example(NamedTuple):
    """What a row has in A and in B."""

    mixture_id: str
    a: Any
    b: Any


class Column(NamedTuple):
    """A column in which rows differ: how many do, and the first of them."""

    name: str
    rows: int
    examples: tuple[Example, ...]


class Differing(NamedTuple):
    """Rows that are in both and differ: how many, and in which columns, those in which most differ first."""

    rows: int
    columns: tuple[Column, ...]


class LevelPair(NamedTuple):
    """The distribution of a level in A and in B; `name` is that of `sepbench.surveys`."""

    name: str
    a: Distribution
    b: Distribution


class Count(NamedTuple):
    """How often something is in A and in B."""

    name: str
    a: int
    b: int


class Shared(NamedTuple):
    """What is heard in a split of A and in a split of B.

    Attributes
    ----------
    split_a, split_b : str
    recordings, groups : int
        How many are the same: recordings by their samples, groups also across sets that share talkers, songs or sounds.
    """

    split_a: str
    split_b: str
    recordings: int
    groups: int


@dataclass(frozen=True)
class Comparison:
    """How two corpora differ.

    Attributes
    ----------
    a, b : Side
    recipe : tuple of Change
        Keys of the recipe that differ, with both values.
    only_a, only_b : Rows
        Rows, by their `mixture_id`, that the other does not have.
    planned : Differing
        Rows in both that were planned otherwise; a column of a source is called ``sources.NAME``.
    made : Differing
        Rows in both, planned alike and rendered twice, of which something else came out: ``status``, ``gains``,
        ``common_gain``, ``samples.STEM``, ``samples.mixture``.
    levels : tuple of LevelPair
    statuses, stages, sets, licences : tuple of Count
        Rows by status, rows by stage that is not exact (with the versions that made it), sources by public set, rows by
        the licence of the whole.
    shared : tuple of Shared
        For each split of A and of B that have something in common.
    """

    a: Side
    b: Side
    recipe: tuple[Change, ...]
    only_a: Rows
    only_b: Rows
    planned: Differing
    made: Differing
    levels: tuple[LevelPair, ...]
    statuses: tuple[Count, ...]
    stages: tuple[Count, ...]
    sets: tuple[Count, ...]
    licences: tuple[Count, ...]
    shared: tuple[Shared, ...]

    @property
    def same(self) -> bool:
        """Whether no difference was found: recipe, seed, rows, and what came of them.

        A corpus that was only planned is the same as what it is rendered to. Who made it, when, with which versions and
        in which container, is no difference as long as the samples are the same.
        """
        return self.same_corpus and not self.recipe and self.a.seed == self.b.seed

    @property
    def same_corpus(self) -> bool:
        """Whether rows, and what came of them, are the same, whatever their recipes say."""
        hashes = {self.a.corpus_hash, self.b.corpus_hash} - {None}
        differing = self.only_a.n + self.only_b.n + self.planned.rows + self.made.rows
        return self.a.plan_hash == self.b.plan_hash and len(hashes) < 2 and not differing

    @property
    def one_name(self) -> bool:
        """Whether these are two corpora under one name and version: results on them can't be compared, but look as if."""
        return not self.same_corpus and (self.a.name, self.a.version) == (self.b.name, self.b.version)

    @property
    def leaks(self) -> tuple[Shared, ...]:
        """What is heard in one split of A and in another of B: who trains on the one can't be tested on the other."""
        return tuple(one for one in self.shared if one.split_a != one.split_b)

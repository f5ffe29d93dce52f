"""Which recordings are the same talker, song or sound, across public sets: `overlaps.toml` is the list."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Unit", "family_of", "knows_items", "may_share", "unit_of", "units_of"]

_LIST = Path(__file__).with_suffix(".toml")


class Unit(NamedTuple):
    """What must not be in two splits: a group of a set, or a member of a family of sets.

    Attributes
    ----------
    kind : str
        The set, or the family's name.
    name : str
        As it is compared.
    """

    kind: str
    name: str


def units_of(set_: str, group: str, item: str) -> tuple[Unit, ...]:
    """Give what a recording must not share with another split: its group, and what it is in the family of its set.

    Examples
    --------
    >>> units_of("esc50", "100032", "1-100032-A-0")[1] == units_of("urbansound8k", "100032", "100032-3-0-0")[1]
    True
    >>> units_of("medleydb", "AvaLuna", "AvaLuna_Waterduct/S01")[1].name
    'avalunawaterduct'
    """
    own = Unit(set_, group)
    family = _families().get(set_)
    return (own,) if family is None else (own, _member(family, group, item))


def unit_of(set_: str, group: str, item: str) -> Unit:
    """Give what two sources of a mixture must not share: talkers of one family are the same people."""
    family = _families().get(set_)
    return Unit(set_, group) if family is None else _member(family, group, item)


def family_of(set_: str) -> str:
    """Name the family of a set; the set itself where it has none."""
    family = _families().get(set_)
    return set_ if family is None else family.name


def may_share(one: str, other: str) -> bool:
    """Say whether two sets may hold the same talkers, songs or sounds."""
    families = _families()
    return one == other or (one in families and other in families and families[one].name == families[other].name)


def knows_items(set_: str) -> bool:
    """Say whether `units_of` looks at more than the group."""
    family = _families().get(set_)
    return family is not None and family.key != "group"


class _Family(NamedTuple):
    name: str
    key: str


def _member(family: _Family, group: str, item: str) -> Unit:
    known_by = {"group": group, "song": item.partition("/")[0], "file": item.rpartition("/")[2]}[family.key]
    return Unit(family.name, "".join(filter(str.isalnum, known_by)).lower())


@cache
def _families() -> Mapping[str, _Family]:
    content: Mapping[str, Any] = tomllib.loads(_LIST.read_text(encoding="utf-8"))
    return {name: _Family(one["name"], key) for one in content["family"] for name, key in one["sets"].items()}

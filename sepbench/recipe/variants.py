"""Variants of a recipe: one file for corpora that differ in rate, length or what is heard.

A file with a table ``[variants]`` is a family. Each table in it is an axis, each entry of an axis what the choice adds to the
recipe; a corpus is named after the family and its choices, in the order of the axes::

    name = "libri2mix"

    [variants.rate]
    8k = { sample_rate = 8000 }
    16k = { sample_rate = 16000 }

    [variants.length]
    min = { length = "min" }
    max = { length = "max" }

is ``libri2mix-8k-min``, ``libri2mix-8k-max`` … A choice whose name is empty adds nothing to the name.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from sepbench.errors import RecipeError

__all__ = ["KEY", "chosen", "members", "pattern"]

KEY = "variants"
Axes = Mapping[str, Mapping[str, Mapping[str, Any]]]


def members(name: str, axes: Axes) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Give the name of each corpus of a family, with its choices.

    Examples
    --------
    >>> [one for one, _ in members("a", {"rate": {"8k": {}, "16k": {}}, "kind": {"": {}, "faithful": {}}})]
    ['a-8k', 'a-8k-faithful', 'a-16k', 'a-16k-faithful']
    """
    for choices in itertools.product(*axes.values()):
        yield "-".join((name, *filter(None, choices))), choices


def pattern(name: str, axes: Axes) -> str:
    """Write all names of a family as one.

    Examples
    --------
    >>> pattern("a", {"rate": {"8k": {}, "16k": {}}, "kind": {"": {}, "faithful": {}}})
    'a-{8k,16k}[-faithful]'
    """
    parts = [name]
    for axis in axes.values():
        named = [choice for choice in axis if choice]
        one = named[0] if len(named) == 1 else f"{{{','.join(named)}}}"
        parts.append(f"[-{one}]" if "" in axis else f"-{one}")
    return "".join(parts)


def chosen(content: Mapping[str, Any], name: str, where: str) -> dict[str, Any]:
    """Give the recipe of one corpus of a family, by its name.

    Raises
    ------
    RecipeError
        If the family has no such corpus, or its table of variants is none.
    """
    axes = content[KEY]
    whole = isinstance(axes, Mapping) and all(isinstance(axis, Mapping) and axis for axis in axes.values())
    if not whole or not all(isinstance(one, Mapping) for axis in axes.values() for one in axis.values()):
        raise RecipeError(
            f"{where}: `{KEY}`: expected a table of choices for each axis",
            "for example [variants.rate] 8k = { sample_rate = 8000 }",
        )
    family = str(content.get("name", ""))
    by_name = dict(members(family, axes))
    if name not in by_name:
        words = "names a family of corpora" if name == family else f"has no `{name}`"
        nearest = get_close_matches(name, by_name, 1) or [*by_name]
        raise RecipeError(f"{where}: {words}: {pattern(family, axes)}", f"for example `{nearest[0]}`")
    recipe = {key: value for key, value in content.items() if key != KEY}
    for axis, choice in zip(axes.values(), by_name[name], strict=True):
        recipe = _joined(recipe, axis[choice])
    return recipe | {"name": name}


def _joined(recipe: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one table over another; tables within are joined, all else is replaced."""
    return {**recipe} | {
        key: _joined(recipe[key], value)
        if isinstance(value, Mapping) and isinstance(recipe.get(key), Mapping)
        else value
        for key, value in more.items()
    }

"""The recipe: a TOML file that says what a corpus is made of.

A recipe is data. It names sources by role, the sets that they come from, how excerpts are chosen, what is done to them, and
the levels; the plan draws everything else. `docs/recipes.md` is generated from the models here.
"""

from sepbench.recipe.differing import Change, changes
from sepbench.recipe.grammar import DEGRADATION, NUMBER, SPLITS, Applied, Levels, Listed, Padding, Pool, Recipe, Source
from sepbench.recipe.loading import families, load, names, parse
from sepbench.recipe.values import Draw

__all__ = [
    "DEGRADATION",
    "NUMBER",
    "SPLITS",
    "Applied",
    "Change",
    "Draw",
    "Levels",
    "Listed",
    "Padding",
    "Pool",
    "Recipe",
    "Source",
    "changes",
    "families",
    "load",
    "names",
    "parse",
]

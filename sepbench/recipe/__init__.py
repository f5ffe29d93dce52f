"""The recipe: a TOML file that says what a corpus is made of.

A recipe is data. It names sources by role, the sets that they come from, how excerpts are chosen, what is done to them, and
the levels; the plan draws everything else. `docs/recipes.md` is generated from the models here.
"""

from sepbench.recipe.differing import Change, changes
from sepbench.recipe.grammar import NUMBER, SPLITS, Applied, Levels, Padding, Pool, Recipe, Source
from sepbench.recipe.loading import load, parse
from sepbench.recipe.values import Draw

__all__ = [
    "NUMBER",
    "SPLITS",
    "Applied",
    "Change",
    "Draw",
    "Levels",
    "Padding",
    "Pool",
    "Recipe",
    "Source",
    "changes",
    "load",
    "parse",
]

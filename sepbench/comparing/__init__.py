"""How two corpora differ: recipe, rows, samples, levels, and what is heard in both."""

from sepbench.comparing.comparison import Column, Comparison, Count, Differing, Example, LevelPair, Rows, Shared, Side
from sepbench.comparing.diffing import diff

__all__ = [
    "Column",
    "Comparison",
    "Count",
    "Differing",
    "Example",
    "LevelPair",
    "Rows",
    "Shared",
    "Side",
    "diff",
]

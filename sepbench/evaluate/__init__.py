"""Running and scoring: `score` takes separators over a corpus, `separate` over files."""

from sepbench.evaluate.score import score
from sepbench.evaluate.separate import separate

__all__ = ["score", "separate"]

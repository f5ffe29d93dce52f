"""Running and scoring: `score` takes separators over a corpus, `separate` over files."""

from sepbench.evaluate.scoring import score
from sepbench.evaluate.separating import separate

__all__ = ["score", "separate"]

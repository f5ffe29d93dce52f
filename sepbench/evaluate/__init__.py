"""Running and scoring: `score` takes separators over a corpus, `separate` and `measure` go over files."""

from sepbench.evaluate.measuring import Measurements, measure
from sepbench.evaluate.scoring import score
from sepbench.evaluate.separating import separate

__all__ = ["Measurements", "measure", "score", "separate"]

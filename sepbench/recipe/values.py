"""Values that a recipe leaves to the plan: numbers to be drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

from sepbench.draws import Purpose, standard_normal
from sepbench.level import MAX_LEVEL_MDB

__all__ = ["CountDraw", "CountField", "Draw", "DrawField", "LevelDraw", "LevelField", "Model", "Sampler", "as_draw"]

Sampler = Callable[[Purpose, str], int]
_NORMAL_BITS = 53


class Model(BaseModel):
    """What all parts of a recipe have in common: no unknown keys, no changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Draw(Model):
    """A number, or how it is drawn for each mixture: ``{uniform = [low, high]}``, ``{choice = [a, b, …]}`` or
    ``{normal = [mean, deviation]}``, in steps of a thousandth."""

    uniform: tuple[float, float] | None = None
    """Lowest and highest value, both included."""
    choice: tuple[float, ...] | None = None
    """Values of equal probability."""
    normal: tuple[float, float] | None = None
    """Mean and standard deviation."""

    @model_validator(mode="after")
    def _one_kind(self) -> Draw:
        given = [kind for kind in (self.uniform, self.choice, self.normal) if kind is not None]
        if len(given) != 1 or self.choice == ():
            raise ValueError(
                "expected a number, `uniform = [low, high]`, `choice = [a, b, …]` or `normal = [mean, deviation]`"
            )
        if any(not abs(value) < 1e9 for value in given[0]):
            raise ValueError("expected finite numbers")
        if self.uniform and self.uniform[0] > self.uniform[1]:
            raise ValueError(f"the lower bound {self.uniform[0]} is above the upper bound {self.uniform[1]}")
        if self.normal and self.normal[1] < 0:
            raise ValueError(f"the deviation {self.normal[1]} is negative")
        return self

    def bounds(self) -> tuple[float, float] | None:
        """Give the lowest and the highest value that can come; None where there is no bound."""
        if self.normal:
            return None
        values = self.uniform or self.choice or ()
        return min(values), max(values)

    def sampler(self, per_unit: int = 1000) -> Sampler:
        """Give what draws it for an item: integers, of which so many make a unit.

        The numbers are those of one key: `sepbench.draws`.
        """
        if self.uniform:
            low, high = (_scaled(value, per_unit) for value in self.uniform)
            return partial(_uniform, low, high)
        if self.choice:
            return partial(_choice, [_scaled(value, per_unit) for value in self.choice])
        mean, deviation = (Decimal(repr(value)) * per_unit for value in self.normal or ())
        return partial(_normal, mean, deviation)


def _scaled(value: float, per_unit: int) -> int:
    return int((Decimal(repr(value)) * per_unit).to_integral_value())


def _uniform(low: int, high: int, purpose: Purpose, item: str) -> int:
    return purpose.between(item, low, high)


def _choice(values: Sequence[int], purpose: Purpose, item: str) -> int:
    return values[purpose.between(item, 0, len(values) - 1)]


def _normal(mean: Decimal, deviation: Decimal, purpose: Purpose, item: str) -> int:
    word = purpose.between(item, 0, (1 << _NORMAL_BITS) - 1)
    return int((mean + deviation * standard_normal(word, _NORMAL_BITS)).to_integral_value())


class LevelDraw(Draw):
    """A level in dB."""

    @model_validator(mode="after")
    def _is_a_level(self) -> LevelDraw:
        limit = MAX_LEVEL_MDB / 1000
        if any(not abs(value) <= limit for value in self.uniform or self.choice or self.normal or ()):
            raise ValueError(f"levels lie between -{limit:g} and {limit:g} dB")
        if self.normal and abs(self.normal[0]) + 10 * self.normal[1] > limit:
            raise ValueError("the deviation is too large for levels")
        return self


class CountDraw(Draw):
    """How many: a whole number, or how it is drawn."""

    @model_validator(mode="after")
    def _is_a_count(self) -> CountDraw:
        if self.normal:
            raise ValueError("a count is a number, `uniform` or `choice`")
        if any(value != int(value) or not 1 <= value <= 64 for value in self.uniform or self.choice or ()):
            raise ValueError("a count is a whole number from 1 to 64")
        return self

    @property
    def most(self) -> int:
        """The most that can come."""
        return int(max(self.uniform or self.choice or (1,)))


def as_draw(value: Any) -> Any:
    """Let a plain number stand for a choice of one."""
    return {"choice": [value]} if isinstance(value, int | float) and not isinstance(value, bool) else value


DrawField = Annotated[Draw, BeforeValidator(as_draw)]
LevelField = Annotated[LevelDraw, BeforeValidator(as_draw)]
CountField = Annotated[CountDraw, BeforeValidator(as_draw)]

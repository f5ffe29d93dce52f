"""Values that a recipe leaves to the plan: numbers to be drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, field_validator, model_validator

from sepbench.draws import Purpose, standard_normal
from sepbench.errors import RecipeError
from sepbench.level import MAX_LEVEL_MDB

__all__ = ["CountDraw", "CountField", "Draw", "DrawField", "LevelDraw", "LevelField", "Model", "Sampler", "as_draw"]

Sampler = Callable[[Purpose, str], int]
_NORMAL_BITS = 53


class Model(BaseModel):
    """What all parts of a recipe have in common: no unknown keys, no changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Draw(Model):
    """A number, or how it is drawn for each mixture: ``{uniform = [low, high]}``, ``{choice = [a, b, …]}`` or
    ``{normal = [mean, deviation]}``, in steps of a thousandth; or one of these for each split."""

    uniform: tuple[float, float] | None = None
    """Lowest and highest value, both included."""
    choice: tuple[float, ...] | None = None
    """Values of equal probability."""
    normal: tuple[float, float] | None = None
    """Mean and standard deviation."""
    splits: dict[str, Draw] | None = None
    """How it is drawn in each split: ``{splits = {train = {uniform = [0, 20]}, test = {choice = [0, 10]}}}``."""

    @field_validator("splits", mode="before")
    @classmethod
    def _plain_numbers(cls, splits: Any) -> Any:
        return {split: as_draw(value) for split, value in splits.items()} if isinstance(splits, dict) else splits

    @model_validator(mode="after")
    def _one_kind(self) -> Draw:
        if self.splits is not None:
            return self._split_up()
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

    def _split_up(self) -> Draw:
        if self.uniform or self.choice or self.normal or not self.splits:
            raise ValueError("`splits` says all, for at least one split: it stands alone")
        if any(one.splits for one in self.splits.values()):
            raise ValueError("`splits` within `splits`")
        return self

    @property
    def parts(self) -> tuple[Draw, ...]:
        """What it is in each split, or itself."""
        return tuple(self.splits.values()) if self.splits else (self,)

    def bounds(self) -> tuple[float, float] | None:
        """Give the lowest and the highest value that can come; None where there is no bound."""
        if self.splits:
            ends = [one.bounds() for one in self.parts]
            known = [end for end in ends if end is not None]
            return None if len(known) < len(ends) else (min(low for low, _ in known), max(high for _, high in known))
        if self.normal:
            return None
        values = self.uniform or self.choice or ()
        return min(values), max(values)

    def sampler(self, per_unit: int = 1000) -> Sampler:
        """Give what draws it for an item: integers, of which so many make a unit.

        The numbers are those of one key: `sepbench.draws`.
        """
        if self.splits:
            return partial(_by_split, {split: one.sampler(per_unit) for split, one in self.splits.items()})
        if self.uniform:
            low, high = (_scaled(value, per_unit) for value in self.uniform)
            return partial(_uniform, low, high)
        if self.choice:
            return partial(_choice, [_scaled(value, per_unit) for value in self.choice])
        mean, deviation = (Decimal(repr(value)) * per_unit for value in self.normal or ())
        return partial(_normal, mean, deviation)


def _by_split(samplers: Mapping[str, Sampler], purpose: Purpose, item: str) -> int:
    if purpose.split not in samplers:
        raise RecipeError(
            f"a value is drawn by split, and none is given for `{purpose.split}`", "add it under `splits`"
        )
    return samplers[purpose.split](purpose, item)


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
        for one in self.parts:
            if any(not abs(value) <= limit for value in one.uniform or one.choice or one.normal or ()):
                raise ValueError(f"levels lie between -{limit:g} and {limit:g} dB")
            if one.normal and abs(one.normal[0]) + 10 * one.normal[1] > limit:
                raise ValueError("the deviation is too large for levels")
        return self


class CountDraw(Draw):
    """How many: a whole number, or how it is drawn."""

    @model_validator(mode="after")
    def _is_a_count(self) -> CountDraw:
        if self.normal or self.splits:
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

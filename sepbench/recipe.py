"""The recipe: a TOML file that says what a corpus is made of.

A recipe is data. It names sources by role, the sets that they come from, how excerpts are chosen, and the levels; the
plan draws everything else. `docs/recipes.md` is generated from the models below.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from sepbench import shelf
from sepbench.errors import RecipeError, did_you_mean
from sepbench.level import MAX_LEVEL_MDB
from sepbench.soundness import is_file_name

__all__ = ["Levels", "Recipe", "Source", "load"]

Split = Literal["train", "valid", "test"]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
SPLITS: tuple[Split, ...] = ("train", "valid", "test")


def _as_draw(value: Any) -> Any:
    return {"choice": [value]} if isinstance(value, int | float) else value


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Draw(_Model):
    """A level in dB: a number, ``{uniform = [low, high]}`` or ``{choice = [a, b, …]}``; drawn in steps of 0.001 dB."""

    uniform: tuple[float, float] | None = None
    """Lowest and highest value, both included."""
    choice: tuple[float, ...] | None = None
    """Values of equal probability."""

    @model_validator(mode="after")
    def _one_kind(self) -> Draw:
        if (self.uniform is None) == (self.choice is None) or self.choice == ():
            raise ValueError("expected a number, `uniform = [low, high]` or `choice = [a, b, …]`")
        if any(not abs(value) <= MAX_LEVEL_MDB / 1000 for value in self.uniform or self.choice or ()):
            raise ValueError(f"levels lie between -{MAX_LEVEL_MDB // 1000} and {MAX_LEVEL_MDB // 1000} dB")
        if self.uniform and self.uniform[0] > self.uniform[1]:
            raise ValueError(f"the lower bound {self.uniform[0]} is above the upper bound {self.uniform[1]}")
        return self

    def millidecibels(self) -> tuple[tuple[int, int] | None, tuple[int, ...] | None]:
        """Give the bounds, or the choices, in thousandths of a decibel."""
        if self.uniform:
            return (_milli(self.uniform[0]), _milli(self.uniform[1])), None
        return None, tuple(map(_milli, self.choice or ()))


def _milli(value: float) -> int:
    return int((Decimal(repr(value)) * 1000).to_integral_value())


DrawField = Annotated[Draw, BeforeValidator(_as_draw)]
Scalar = str | int | float | bool


class Source(_Model):
    """One source of every mixture."""

    name: Name
    """Name of the stem: ``speech``, ``noise``, ``vocals`` … Sources of one name are summed into one stem."""
    role: Literal["target", "interferer", "noise"]
    """``target`` is what the task asks for; the first target is the one that SNRs refer to."""
    set: str
    """Public set that the recordings come from; ``--catalog SET=FILE`` says where its catalog is. May carry a suffix,
    ``folder-street``, to use one reader for several catalogs."""
    splits: dict[Split, tuple[str, ...]] | None = None
    """Which splits of the set serve which split of the corpus."""
    shares: dict[Split, int] | None = None
    """For sets without splits: how the groups are divided, by a keyed draw for each group."""
    where: dict[str, Scalar | tuple[Scalar, ...] | dict[str, Any]] = {}
    """Conditions on labels and on ``duration_s``, ``sample_rate``, ``channels``, ``peak_dbfs``, ``loudness_lufs``: a
    value, a list of values, ``{not = [values]}`` or ``{min = a, max = b}``."""
    pick: Literal["one", "all"] = "one"
    """With ``coherent_with``: take one recording of the group, or all that fit (drums, bass and other, say)."""
    coherent_with: str | None = None
    """Name of an earlier source: take the recording from the same group, with the same start (stems of one song)."""
    when_short: Literal["exclude", "loop", "pad"] = "exclude"
    """What to do with a recording that is shorter than the mixture."""
    downmix: Literal["mean", "first"] = "mean"
    """How a recording with several channels becomes mono, in a mono corpus."""
    min_level_dbfs: float | None = None
    """Draw the excerpt where the recording's RMS is at least this; recordings that never are, are left out."""
    snr_db: DrawField | None = None
    """Wanted ratio of the first target to this source."""
    level_dbfs: DrawField | None = None
    """Wanted RMS of this source; by default a source keeps the level of its recording."""

    @model_validator(mode="after")
    def _fits(self) -> Source:
        if self.splits is not None and self.shares is not None:
            raise ValueError("`splits` and `shares` exclude each other")
        if self.pick == "all" and self.coherent_with is None:
            raise ValueError('`pick = "all"` needs `coherent_with`')
        if self.snr_db is not None and self.level_dbfs is not None:
            raise ValueError("`snr_db` and `level_dbfs` exclude each other")
        return self

    @property
    def reader(self) -> str:
        """Name of the set's reader."""
        return "folder" if self.set.startswith("folder-") else self.set


class Levels(_Model):
    """Levels of the whole mixture."""

    snr_db: DrawField | None = None
    """Wanted ratio of the first target to the sum of all other sources, over the whole mixture."""
    clipping: Literal["scale", "fail"] = "scale"
    """Above the peak: scale mixture and stems by one common gain, or give the row up with a status."""
    peak_dbfs: float = Field(default=-1.0, le=0, gt=-60)
    """The peak."""


class Recipe(_Model):
    """What a corpus is made of."""

    name: Name
    """Name of the corpus. It is part of every draw's key."""
    version: int = Field(ge=1)
    """Raised whenever a change of the recipe changes the corpus. Part of every draw's key."""
    title: str = ""
    """One line, for tables."""
    description: str = ""
    """What the corpus is for, what is exact about it and what is not."""
    notes: tuple[str, ...] = ()
    """Caveats that every published table repeats."""
    sample_rate: int = Field(ge=4000, le=384000)
    """Of the mixtures, in Hz."""
    channels: Literal[1, 2] = 1
    """Of the mixtures."""
    bits: Literal[16, 24] = 16
    """Depth of the rendered audio."""
    length: Annotated[float, Field(gt=0, le=3600)] | Literal["target", "min", "max"]
    """Seconds, or as long as the first target, the shortest or the longest of the chosen recordings."""
    seed: int = Field(default=0, ge=0)
    """Part of every draw's key; ``--seed`` overrides it."""
    splits: dict[Split, Annotated[int, Field(ge=1)]]
    """How many mixtures each split has."""
    sources: tuple[Source, ...] = Field(min_length=1)
    """The sources, in order; the first with role ``target`` is the one that SNRs refer to."""
    levels: Levels = Levels()
    """Levels of the whole mixture."""
    metrics: tuple[str, ...] = ("snr", "si_sdr", "bss_eval_sources", "pesq_wb", "pesq_nb", "stoi", "estoi")
    """What `sepbench score` computes by default."""
    main_metric: str = "si_sdr"
    """What tables are sorted by."""

    @model_validator(mode="after")
    def _fits(self) -> Recipe:
        targets = [source for source in self.sources if source.role == "target"]
        if not targets:
            raise ValueError('one source needs `role = "target"`')
        if targets[0].snr_db is not None:
            raise ValueError(f"sources.{targets[0].name}: the first target has no `snr_db` against itself")
        own = [source.name for source in self.sources if source.snr_db is not None or source.level_dbfs is not None]
        others = {source.name for source in self.sources} - {targets[0].name}
        if self.levels.snr_db is not None and (set(own) & others):
            raise ValueError(
                f"`levels.snr_db` and a level of {', '.join(sorted(set(own) & others))} exclude each other"
            )
        if self.levels.snr_db is not None and not others:
            raise ValueError("`levels.snr_db` needs a source besides the target")
        unfit = [source.name for source in self.sources if not is_file_name(source.name)]
        if unfit:
            raise ValueError(f"`{unfit[0]}` can't be the name of a stem: `mixture` is taken, others no system allows")
        seen: list[str] = []
        for source in self.sources:
            if source.coherent_with is not None and source.coherent_with not in seen:
                raise ValueError(f"sources.{source.name}: `coherent_with` names no earlier source")
            seen.append(source.name)
        return self

    @property
    def target(self) -> Source:
        """The first target."""
        return next(source for source in self.sources if source.role == "target")

    @property
    def stems(self) -> tuple[str, ...]:
        """Names of the stems, in order of first appearance."""
        return tuple(dict.fromkeys(source.name for source in self.sources))

    @property
    def sets(self) -> tuple[str, ...]:
        """Names of the sets that it takes, sorted."""
        return tuple(sorted({source.set for source in self.sources}))


def load(recipe: str | Path | Recipe) -> Recipe:
    """Load a recipe from the shelf by its name, or from a TOML file.

    Raises
    ------
    UnknownNameError
        If there is no such recipe.
    RecipeError
        If the file is no TOML, has an unknown key, or a value that does not fit; names the key and the remedy.
    """
    if isinstance(recipe, Recipe):
        return recipe
    path = shelf.find("mixers", str(recipe))
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path.name}: is not valid TOML ({error})", "see docs/recipes.md for an example") from error
    return parse(content, where=path.name)


def parse(content: Mapping[str, Any], *, where: str = "recipe") -> Recipe:
    """Check the content of a recipe; see `load`."""
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        raise _readable(error, where) from None


def _readable(error: ValidationError, where: str) -> RecipeError:
    first = error.errors(include_url=False)[0]
    place = [str(part) for part in first["loc"] if not (isinstance(part, str) and part.startswith(("function", "lit")))]
    if first["type"] == "extra_forbidden":
        known = _known_keys(first["loc"][:-1])
        return RecipeError(f"{where}: unknown key `{'.'.join(place)}`", did_you_mean(place[-1], known, kind="keys"))
    if first["type"] == "missing":
        return RecipeError(f"{where}: the key `{'.'.join(place)}` is missing", "add it; see docs/recipes.md")
    message = first["msg"].removeprefix("Value error, ")
    shown = "" if isinstance(first["input"], dict) else f", got `{first['input']}`"
    return RecipeError(f"{where}: `{'.'.join(place) or 'recipe'}`: {message}{shown}", "see docs/recipes.md")


def _known_keys(place: tuple[Any, ...]) -> list[str]:
    model: type[BaseModel] = Recipe
    if place and place[0] == "sources":
        model = Source
    elif place and place[0] == "levels":
        model = Levels
    if (place and str(place[-1]).endswith("_db")) or (place and str(place[-1]) == "level_dbfs"):
        model = Draw
    return sorted(model.model_fields)

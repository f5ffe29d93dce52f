"""Reading recipes, and saying in words what is wrong with one."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from sepbench import shelf
from sepbench.errors import RecipeError, UnknownNameError, did_you_mean
from sepbench.recipe import variants
from sepbench.recipe.grammar import Applied, Levels, Listed, Padding, Recipe, Source
from sepbench.recipe.values import Draw

__all__ = ["Family", "families", "load", "names", "parse"]


class Family(NamedTuple):
    """A file's recipes: all their names written as one, ``mine-{8k,16k}``, and each for itself."""

    pattern: str
    members: list[str]


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
    path, name = _found(str(recipe))
    content = _read(path)
    if variants.KEY in content:
        content = variants.chosen(content, name, path.name)
    return parse(_with_lists(content, path.parent, path.name), where=path.name)


def families() -> dict[str, Family]:
    """Give what each file on the shelf holds, by its name: one recipe, or a family of them."""
    found = {}
    for name in shelf.names("mixers"):
        axes = _read(shelf.find("mixers", name)).get(variants.KEY)
        members = [one for one, _ in variants.members(name, axes)] if axes else [name]
        found[name] = Family(variants.pattern(name, axes) if axes else name, members)
    return found


def names() -> list[str]:
    """List the recipes on the shelf: every name that `load` takes."""
    return [name for family in families().values() for name in family.members]


def _found(recipe: str) -> tuple[Path, str]:
    """Find the file of a recipe, and say which corpus is meant: the file's own, or one of its family."""
    name = recipe.removesuffix(".toml").rpartition("/")[2]
    try:
        return shelf.find("mixers", recipe), name
    except UnknownNameError as error:
        family = recipe.removesuffix(".toml")
        while "-" in family.rpartition("/")[2]:
            family = family.rpartition("-")[0]
            for one in (f"{family}.toml", family):
                if one in shelf.names("mixers") or Path(one).is_file():
                    path = shelf.find("mixers", one)
                    if variants.KEY in _read(path):
                        return path, name
        raise error


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path.name}: is not valid TOML ({error})", "see docs/recipes.md for an example") from error


def _with_lists(content: dict[str, Any], folder: Path, where: str) -> dict[str, Any]:
    """Put the lines of text files in the place of their names, so that the recipe, and its manifest, hold everything."""
    for source in _tables(content.get("sources")):
        for pool in (source, *_tables(source.get("transforms"))):
            groups = pool.get("groups")
            if isinstance(groups, dict):
                pool["groups"] = {
                    split: _lines(folder / value, where) if isinstance(value, str) else value
                    for split, value in groups.items()
                }
    return content


def _tables(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _lines(path: Path, where: str) -> list[str]:
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(
            f"{where}: the list of groups {path} can't be read ({error})", "name a text file beside the recipe"
        ) from error


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
    parts = [part for part in place if isinstance(part, str)]
    for part, inner in (
        ("sources", Source),
        ("levels", Levels),
        ("padding", Padding),
        ("listed", Listed),
        ("transforms", Applied),
    ):
        if part in parts:
            model = inner
    if parts and parts[-1] not in ("sources", "levels", "padding", "listed", "transforms"):
        model = Draw
    return sorted(model.model_fields)

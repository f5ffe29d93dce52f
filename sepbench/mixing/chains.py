"""Chains of transforms: their parameters drawn by the plan, frozen as integers, and applied when a row is rendered."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from sepbench import transforms
from sepbench.canonical import canonical_json
from sepbench.draws import Purpose
from sepbench.errors import RecipeError, SepbenchError, SignalError, UsageError
from sepbench.recipe import DEGRADATION, Applied, Draw, Recipe, Source
from sepbench.transforms import Transform

__all__ = [
    "Chain",
    "Link",
    "Step",
    "UnknownTransformError",
    "degradations_of",
    "most_needed",
    "parsed",
    "steps_of",
]

_SEED_BITS = 53  # what JSON numbers hold everywhere
_PART, _EARLY, _LATE = "part", "early", "late"
LOUDNESS, LOUDNESS_KEY = "to_loudness", "loudness_lufs"

Parameters = dict[str, Any]


class Link(NamedTuple):
    """A transform that was drawn for a source: what it is, and its parameters."""

    transform: Transform
    parameters: Parameters

    @property
    def numbers(self) -> Parameters:
        """The parameters without those that are recordings."""
        return {key: value for key, value in self.parameters.items() if not isinstance(value, dict)}

    def late(self) -> Link:
        """Give the same, for what is left when the early part is taken away."""
        return self._replace(parameters=self.parameters | {_PART: _LATE})


class Step(NamedTuple):
    """A transform of a recipe's source, with what draws its parameters at hand.

    Attributes
    ----------
    applied : Applied
    transform : Transform
    happens : callable
        Says for an item whether it is applied.
    values : mapping of str to callable
        Draw a parameter for an item.
    recording : (str, callable), optional
        Name of a parameter that is a recording, and what draws one: its place in the pool.
    """

    applied: Applied
    transform: Transform
    happens: Callable[[str], bool]
    values: Mapping[str, Callable[[str], int | str]]
    recording: tuple[str, Callable[[str], Parameters]] | None

    def link(self, item: str) -> Link | None:
        """Draw it for an item; None where it is not applied."""
        if not self.happens(item):
            return None
        parameters: Parameters = {key: draw(item) for key, draw in self.values.items()}
        if self.applied.reference == _EARLY:
            parameters[_PART] = _EARLY
        if self.recording:
            parameters[self.recording[0]] = self.recording[1](item)
        return Link(self.transform, parameters)


class Chain(NamedTuple):
    """The transforms of a source, or of whole mixtures.

    Attributes
    ----------
    steps : tuple of Step
    number : callable, optional
        Draws for an item how many of them it has; None where each has its own probability.
    choice : Purpose
        For which these are.
    always : tuple of Step
        Applied after them, and not counted.
    """

    steps: tuple[Step, ...]
    number: Callable[[str], int] | None
    choice: Purpose
    always: tuple[Step, ...] = ()

    def links(self, item: str) -> list[Link]:
        """Draw them for an item."""
        steps = self.steps
        if self.number is not None:
            places = self.choice.draws(item).shuffled([str(place) for place in range(len(steps))])
            steps = tuple(steps[place] for place in sorted(map(int, places[: self.number(item)])))
        return [link for step in (*steps, *self.always) if (link := step.link(item))]


def steps_of(
    source: Source,
    label: str,
    purpose: Callable[[str], Purpose],
    recording_of: Callable[[int, Purpose], Callable[[str], Parameters]],
) -> Chain:
    """Make what draws the transforms of a source.

    Parameters
    ----------
    source : Source
    label : str
        Tells it from others in the keys of draws.
    purpose : callable
        Gives the draws for a purpose.
    recording_of : callable
        Gives, for the place of a transform that takes a recording, what draws one.
    """
    level = []
    if source.loudness_lufs is not None:
        wanted = source.loudness_lufs.model_dump(exclude_none=True)
        level.append(Applied.model_validate({"name": LOUDNESS, LOUDNESS_KEY: wanted}))
    chain = _chain(source.transforms, f"transform:{label}", purpose, recording_of, source.transform_count)
    after = _steps(level, f"transform:{label}", purpose, recording_of, first=len(source.transforms))
    return chain._replace(always=after)


def degradations_of(recipe: Recipe, purpose: Callable[[str], Purpose]) -> Chain:
    """Make what draws the degradations of mixtures."""
    return _chain(recipe.degradations, "degradation", purpose, _no_recording, recipe.degradation_count)


def _chain(
    applied: Sequence[Applied],
    label: str,
    purpose: Callable[[str], Purpose],
    recording_of: Callable[[int, Purpose], Callable[[str], Parameters]],
    count: Draw | None,
) -> Chain:
    number = None if count is None else partial(count.sampler(1), purpose(f"{label}:count"))
    return Chain(_steps(applied, label, purpose, recording_of), number, purpose(f"{label}:which"))


def _steps(
    applied: Sequence[Applied],
    label: str,
    purpose: Callable[[str], Purpose],
    recording_of: Callable[[int, Purpose], Callable[[str], Parameters]],
    first: int = 0,
) -> tuple[Step, ...]:
    return tuple(
        _step(one, partial(_named, purpose, f"{label}:{place}:{one.name}"), place, recording_of)
        for place, one in enumerate(applied, first)
    )


def _no_recording(place: int, purpose: Purpose) -> Callable[[str], Parameters]:
    raise AssertionError("the grammar lets no degradation take a recording")


def _named(purpose: Callable[[str], Purpose], start: str, what: str) -> Purpose:
    return purpose(f"{start}:{what}")


def _step(
    applied: Applied,
    purpose: Callable[[str], Purpose],
    place: int,
    recording_of: Callable[[int, Purpose], Callable[[str], Parameters]],
) -> Step:
    transform = applied.transform
    values: dict[str, Callable[[str], int | str]] = {}
    for key, parameter, value in applied.quantities():
        if isinstance(value, Draw):
            values[key] = partial(value.sampler(parameter.per_unit), purpose(key))
        else:
            values[key] = partial(_same, str(value))
    for key, parameter in transform.parameters.items():
        if parameter.kind == "seed":
            values[key] = partial(_seed, purpose(key))
    recording = (applied.recording, recording_of(place, purpose(applied.recording))) if applied.recording else None
    permille = round(applied.probability * 1000)
    happens = partial(_happens, purpose("happens"), permille) if permille < 1000 else _always
    return Step(applied, transform, happens, values, recording)


def _same(value: str, item: str) -> str:
    return value


def _seed(purpose: Purpose, item: str) -> int:
    return purpose.between(item, 0, (1 << _SEED_BITS) - 1)


def _happens(purpose: Purpose, permille: int, item: str) -> bool:
    return purpose.between(item, 0, 999) < permille


def _always(item: str) -> bool:
    return True


# how many samples go in


def frames_in(links: Sequence[Link], frames: int) -> int:
    """Say how many samples a chain needs to give so many."""
    for link in reversed(links):
        frames = link.transform.frames_needed(frames, link.numbers)
    return frames


def frames_out(links: Sequence[Link], available: int) -> int:
    """Say how many samples a chain gives of so many."""
    for link in links:
        available = link.transform.frames_made(available, link.numbers)
    return available


def most_needed(source: Source, frames: int) -> int:
    """Say how many samples so many may need, whatever is drawn for a source's transforms."""
    for applied in reversed(source.transforms):
        if applied.transform.pace:
            frames = max(frames, *(applied.transform.frames_needed(frames, end) for end in _ends(applied)))
    return frames


def _ends(applied: Applied) -> tuple[Parameters, Parameters]:
    """Give the parameters with the lowest of all values that can be drawn, and with the highest."""
    ends: tuple[Parameters, Parameters] = ({}, {})
    for key, parameter, value in applied.quantities():
        bounds: Any = (value.bounds() or (0.0, 0.0)) if isinstance(value, Draw) else (value, value)
        for end, one in zip(ends, bounds, strict=True):
            end[key] = parameter.planned(one)
    seeds = {key: 1 for key, one in applied.transform.parameters.items() if one.kind == "seed"}
    return ends[0] | seeds, ends[1] | seeds


def refuse_impossible(recipe: Recipe) -> None:
    """Refuse what only a try shows: a corner above half the sample rate, a package that is not installed.

    Raises
    ------
    RecipeError
    MissingExtraError
    """
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, (recipe.channels, recipe.sample_rate // 2))
    chains = [(source.name, source.transforms) for source in recipe.sources]
    for name, chain in [*chains, (DEGRADATION, recipe.degradations)]:
        for applied in chain:
            recordings = {applied.recording: noise[:1]} if applied.recording else {}
            for end in _ends(applied):
                try:
                    applied.transform.apply(noise, recipe.sample_rate, end, recordings)
                except SignalError:
                    pass  # it is for something else than noise
                except UsageError as error:
                    raise RecipeError(f"{recipe.name}: {name}: {error.message}", error.hint) from error


# in a row


def written(links: Sequence[Link]) -> list[dict[str, str]]:
    """Write a chain as a row holds it."""
    return [
        {"name": link.transform.name, "parameters": canonical_json(link.parameters).decode("ascii")} for link in links
    ]


class UnknownTransformError(Exception):
    """A row names a transform that is not installed, or parameters that it can't have."""


def parsed(row_transforms: Sequence[Mapping[str, str]]) -> list[Link]:
    """Read a chain from a row, and hold its parameters against what the transforms allow.

    Raises
    ------
    UnknownTransformError
    """
    return [_parsed(one["name"], one["parameters"]) for one in row_transforms]


def _parsed(name: str, text: str) -> Link:
    try:
        transform = transforms.load(name)
        parameters = json.loads(text)
    except SepbenchError as error:
        raise UnknownTransformError(error.message) from error
    except ValueError as error:
        raise UnknownTransformError(f"the parameters of `{name}` are no JSON ({error})") from error
    if not isinstance(parameters, dict) or set(parameters) != set(transform.parameters):
        raise UnknownTransformError(
            f"`{name}` has the parameters {', '.join(sorted(transform.parameters))}: {text[:200]}"
        )
    for key, known in transform.parameters.items():
        if not _allowed(parameters[key], known):
            raise UnknownTransformError(f"`{name}`: `{key}` can't be {str(parameters[key])[:200]}")
    return Link(transform, parameters)


def _allowed(value: Any, known: transforms.Parameter) -> bool:
    if known.kind == "recording":
        return isinstance(value, dict) and all(isinstance(value.get(key), str) for key in ("set", "path", "pcm_sha256"))
    try:
        known.value(value)
    except UsageError:
        return False
    return True

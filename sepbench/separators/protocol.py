"""What a separator is, and how one is found, built and held to its word."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from sepbench import shelf
from sepbench.errors import SeparatorError, UnknownNameError, UsageError, did_you_mean

__all__ = ["Estimates", "Separator", "Signal", "build", "checked", "described"]

Signal = NDArray[np.float32]
Estimates = dict[str, Signal]


@runtime_checkable
class Separator(Protocol):
    """Anything that maps a mixture to estimates of its sources.

    Attributes
    ----------
    sample_rate : int or None
        The rate that it wants, in Hz; the runner resamples. None takes any rate: then `separate` is called with
        ``sample_rate=`` as a keyword.
    targets : tuple of str, or None
        Names of the sources that it returns. None means the targets of the corpus, whatever they are: then `separate`
        is called with ``targets=`` as a keyword.

    Notes
    -----
    Optional attributes, with their defaults:

    - ``name`` (the class's name in lower case), ``version`` (``"0"``) and ``description`` (the first line of the
      class's docstring), as the tables show them;
    - ``channels = None``: how many it wants; None takes any number;
    - ``latency_samples = 0``: a delay at its own rate, taken out by the runner;
    - ``needs_references = False``: an oracle. It is called with ``references=``, a mapping of the true sources, and
      never ranked;
    - ``trivial = False``: a yardstick such as the mixture itself; never ranked either;
    - ``interchangeable = False``: its outputs come in any order, and are scored in the one that suits them best by
      SI-SDR;
    - ``parameters = None``: number of trained weights;
    - ``training``: a mapping that says what it was trained on (``corpus_hash``, ``groups``).
    """

    sample_rate: int | None
    targets: tuple[str, ...] | None

    def separate(self, mixture: Signal) -> Mapping[str, Signal]:
        """Estimate the targets.

        Parameters
        ----------
        mixture : ndarray of float32, shape (channel, time)
            Read-only.

        Returns
        -------
        mapping of str to ndarray, shape (channel, time)
            One estimate per target, as long as the mixture.
        """
        ...


def build(name: str, options: Mapping[str, str] | None = None) -> Any:
    """Build a separator by its name, by a baseline's name or folder, or by ``module:Class``.

    Parameters
    ----------
    name : str
        See ``sepbench list separators`` and ``sepbench list baselines``.
    options : mapping, optional
        Keyword arguments of the class, as strings; numbers and booleans are read as such.
    """
    keywords = {key: _value(text) for key, text in (options or {}).items()}
    if ":" in name or name in shelf.offered("separators"):
        factory = shelf.load("separators", name)
    elif name in shelf.names("baselines") or (Path(name) / "config.toml").is_file():
        factory = shelf.load("models", "baseline")
        keywords["folder"] = shelf.find("baselines", name)
    else:
        known = [*shelf.offered("separators"), *shelf.names("baselines")]
        raise UnknownNameError(
            f"unknown separator `{name}`", did_you_mean(name, known, kind="separators") + "; or `module:Class`"
        )
    ready = hasattr(factory, "separate") and not inspect.isclass(factory)  # an object: a torch module is callable too
    if ready and keywords:
        raise UsageError(f"`{name}`: is built already and takes no options", "name its class instead")
    try:
        made = factory if ready else factory(**keywords)
    except TypeError as error:
        raise UsageError(f"`{name}`: can't be built ({error})", _options_hint(factory)) from error
    for attribute in ("sample_rate", "targets", "separate"):
        if not hasattr(made, attribute):
            raise SeparatorError(
                f"`{name}`: has no `{attribute}`", "a separator has `sample_rate`, `targets` and `separate(mixture)`"
            )
    return made


def described(separator: Any, name: str) -> dict[str, Any]:
    """Say what a separator is, as ``result.json`` holds it."""
    oracle, trivial = getattr(separator, "needs_references", False), getattr(separator, "trivial", False)
    parameters = getattr(separator, "parameters", None)
    kind = "oracle" if oracle else "trivial" if trivial else "separator"
    return {
        "name": getattr(separator, "name", None) or _own_name(name, separator),
        "version": str(getattr(separator, "version", "0")),
        "kind": kind,
        "ranked": kind == "separator",
        "parameters": parameters if isinstance(parameters, int) else None,  # a torch module has a method of this name
        "description": getattr(separator, "description", None)
        or (inspect.getdoc(type(separator)) or "").split("\n")[0],
        "training": dict(getattr(separator, "training", {}) or {}),
    }


def checked(
    separator: Any,
    mixture: Signal,
    *,
    sample_rate: int,
    targets: tuple[str, ...],
    references: Mapping[str, Signal] | None = None,
) -> Estimates:
    """Run a separator on one mixture at its own rate, and hold what comes back to the contract.

    Raises
    ------
    SeparatorError
        If what came back is no mapping, lacks a target, is no array of floats, or has another shape than the mixture,
        or the mixture was changed; says what came.
    """
    shown = _read_only(mixture)
    before = _digest(mixture)
    keywords: dict[str, Any] = {}
    if separator.sample_rate is None:
        keywords["sample_rate"] = sample_rate
    if separator.targets is None:
        keywords["targets"] = targets
    if getattr(separator, "needs_references", False):
        keywords["references"] = {name: _read_only(signal) for name, signal in (references or {}).items()}
    name = type(separator).__name__
    try:
        found = separator.separate(shown, **keywords)
    except ValueError as error:
        if "read-only" not in str(error):
            raise
        raise SeparatorError(f"{name}: tried to change the mixture, which is read-only", "work on a copy") from error
    if _digest(mixture) != before:
        raise SeparatorError(f"{name}: changed the mixture that it was given", "work on a copy")
    if not isinstance(found, Mapping):
        raise SeparatorError(
            f"{name}: expected a mapping of target to array, got {type(found).__name__}",
            f"return {{{', '.join(f'{target!r}: …' for target in separator.targets or targets)}}}",
        )
    estimates: Estimates = {}
    for target in separator.targets or targets:
        if target not in found:
            raise SeparatorError(
                f"{name}: returned no `{target}`", did_you_mean(target, map(str, found), kind="estimates")
            )
        estimates[target] = _as_signal(found[target], mixture.shape, f"{name}: `{target}`")
    return estimates


def _digest(signal: Signal) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(signal).data).digest()


def _read_only(signal: Signal) -> Signal:
    shown = signal.view()
    shown.flags.writeable = False
    return shown


def _as_signal(value: Any, shape: tuple[int, ...], where: str) -> Signal:
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        got = f"an array of {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__
        raise SeparatorError(f"{where}: expected an array of floats, got {got}", "return samples within [-1, 1]")
    if value.shape != shape:
        hint = "the estimate must be as long as the mixture, axes (channel, time)"
        if value.shape == shape[::-1]:
            hint = "it looks transposed: axes are (channel, time)"
        elif value.ndim != len(shape):
            hint = "keep the channel axis: axes are (channel, time), also for one channel"
        raise SeparatorError(f"{where}: expected shape {shape}, got {value.shape}", hint)
    with np.errstate(over="ignore"):  # beyond float32 is infinity, which the scorer reports
        return value.astype(np.float32, copy=False)


def _own_name(name: str, separator: Any) -> str:
    return type(separator).__name__.lower() if ":" in name else Path(name).resolve().name


def _options_hint(factory: Any) -> str:
    try:
        parameters = [name for name in inspect.signature(factory).parameters if name != "folder"]
    except (TypeError, ValueError):
        return "see its documentation for its options"
    return f"its options: {', '.join(parameters)}" if parameters else "it takes no options"


def _value(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text.lower(), text)

"""Separators: the protocol, oracles, and the yardsticks that every table holds."""

from __future__ import annotations

from sepbench.separators.protocol import Estimates, Separator, Signal, build, checked, described

__all__ = ["Estimates", "Separator", "Signal", "build", "checked", "described"]

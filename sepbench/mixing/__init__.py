"""Making corpora: `plan` draws, `render` makes audio, `mix` does both, `verify` does them again and compares."""

from sepbench.mixing.building import audio_path, mix
from sepbench.mixing.planning import Plan, plan
from sepbench.mixing.rendering import Rendered, render
from sepbench.mixing.verifying import Difference, Verification, verify

__all__ = ["Difference", "Plan", "Rendered", "Verification", "audio_path", "mix", "plan", "render", "verify"]

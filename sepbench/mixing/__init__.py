"""Making corpora: `plan` draws, `render` makes audio, `mix` does both, `verify` does them again and compares."""

from sepbench.mixing.building import mix
from sepbench.mixing.layout import audio_path
from sepbench.mixing.planning import Plan, plan
from sepbench.mixing.previewing import preview
from sepbench.mixing.rendering import Rendered, render
from sepbench.mixing.shards import may_come_out
from sepbench.mixing.verifying import Difference, Verification, verify

__all__ = [
    "Difference",
    "Plan",
    "Rendered",
    "Verification",
    "audio_path",
    "may_come_out",
    "mix",
    "plan",
    "preview",
    "render",
    "verify",
]

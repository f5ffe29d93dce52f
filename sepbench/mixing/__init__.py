"""Making corpora: `plan` draws, `render` makes audio, `mix` does both, `verify` does them again and compares."""

from sepbench.mixing.build import audio_path, mix
from sepbench.mixing.plan import plan
from sepbench.mixing.render import Rendered, render
from sepbench.mixing.verify import Difference, Verification, verify

__all__ = ["Difference", "Rendered", "Verification", "audio_path", "mix", "plan", "render", "verify"]

"""``python -m sepbench``."""

from sepbench.cli import console_script

console_script()

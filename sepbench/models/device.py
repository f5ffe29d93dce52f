"""Where a network runs."""

from __future__ import annotations

import torch

from sepbench.errors import UsageError

__all__ = ["usable_device"]


def usable_device(name: str | None) -> torch.device:
    """Give a device by its name in PyTorch, after a try; None is the GPU if there is one, else the processor.

    Raises
    ------
    UsageError
        If there is no such device here.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"device `{name}`: can't be used ({reason})", "use `cpu`, or `cuda`") from error
    return device

"""Level invariance: a network that only ever hears mixtures of one level gives the same answer at any level."""

from __future__ import annotations

import torch

__all__ = ["unit_rms"]


def unit_rms(mixture: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Bring mixtures to an RMS of 1.

    Parameters
    ----------
    mixture : Tensor of shape (batch, time)
        One channel each.

    Returns
    -------
    normalised : Tensor of shape (batch, time)
        The mixtures over their scale.
    scale : Tensor of shape (batch, 1)
        The RMS of each mixture, 1 where it is silent: multiplying with it undoes the normalisation.

    Examples
    --------
    >>> normalised, scale = unit_rms(torch.tensor([[0.5, -0.5], [0.0, 0.0]]))
    >>> normalised.tolist(), scale.tolist()
    ([[1.0, -1.0], [0.0, 0.0]], [[0.5], [1.0]])
    """
    peak = mixture.abs().amax(-1, keepdim=True)
    peak = torch.where(peak > 0, peak, torch.ones_like(peak))
    # the squares of a very quiet recording underflow in float32, so they are taken of what is scaled by the peak
    scale = peak * (mixture / peak).square().mean(-1, keepdim=True).sqrt()
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))
    return mixture / scale, scale

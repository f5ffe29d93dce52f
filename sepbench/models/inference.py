"""Running a network over recordings of any length and number of channels."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

__all__ = ["estimates"]

CHUNK_S = 30.0
OVERLAP_S = 2.0


def estimates(
    network: torch.nn.Module,
    mixture: NDArray[np.float32],
    sample_rate: int,
    *,
    chunk_s: float = CHUNK_S,
    overlap_s: float = OVERLAP_S,
) -> NDArray[np.float32]:
    """Estimate all targets of a recording; each channel is a mixture of its own.

    A recording of up to `chunk_s` goes through in one piece. A longer one is cut into chunks that overlap; within an
    overlap the estimates are cross-faded linearly, so the weights add up to 1 everywhere.

    Parameters
    ----------
    network : Module
        Maps (batch, time) to (batch, target, time). It is used as it is: put it into evaluation mode first.
    mixture : ndarray of float32, shape (channel, time)
        Any level.

    Returns
    -------
    ndarray of float32, shape (target, channel, time)
        On the processor.
    """
    device = next(network.parameters()).device
    length, overlap = round(chunk_s * sample_rate), round(overlap_s * sample_rate)
    signal = torch.from_numpy(np.array(mixture, np.float32))  # a copy: what is given may be read-only
    with torch.inference_mode():
        total = signal.shape[-1]
        if total <= length:
            whole = network(signal.to(device))
        else:
            whole = _overlapped(network, signal.to(device), length, overlap)
    found: NDArray[np.float32] = whole.float().transpose(0, 1).cpu().numpy()
    return found


def _overlapped(network: torch.nn.Module, signal: torch.Tensor, length: int, overlap: int) -> torch.Tensor:
    total = signal.shape[-1]
    pieces: torch.Tensor | None = None
    ramp = torch.arange(1, overlap + 1, device=signal.device) / (overlap + 1)
    for start in range(0, total - overlap, length - overlap):
        estimate = network(signal[:, start : start + length])  # (channel, target, time)
        if pieces is None:
            pieces = torch.zeros(*estimate.shape[:-1], total, device=signal.device)
        else:
            estimate[..., :overlap] *= ramp
        if start + length < total:
            estimate[..., -overlap:] *= ramp.flip(0)
        pieces[..., start : start + length] += estimate
    assert pieces is not None
    return pieces

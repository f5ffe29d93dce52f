"""Tensors of torch give the numbers of arrays: one mathematics."""

from __future__ import annotations

import subprocess
import sys
from functools import partial

import numpy as np
import pytest

from sepbench.errors import SignalError
from sepbench.metrics import (
    bss_eval_images,
    bss_eval_sources,
    estoi,
    framewise_sdr,
    permuted,
    sa_sdr,
    sd_sdr,
    si_sdr,
    snr,
    stoi,
)

torch = pytest.importorskip("torch")
RATIOS = {
    "snr": snr,
    "si_sdr": si_sdr,
    "si_sdr zero mean": partial(si_sdr, zero_mean=True),
    "sd_sdr": sd_sdr,
    "sa_sdr": sa_sdr,
    "stoi": partial(stoi, sample_rate=16000),
    "estoi": partial(estoi, sample_rate=16000),
    "stoi at an unwieldy rate": partial(stoi, sample_rate=16001),
}


@pytest.fixture(scope="module")
def pair(speech_like, noise):
    references = np.stack([speech_like(1.2), speech_like(1.2, seed=1)])
    return references, references + 0.3 * references[::-1] + 0.02 * noise(*references.shape)


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"))])  # fmt: skip
def on_tensors(request):
    return lambda signals, dtype=torch.float64: [
        torch.tensor(signal, dtype=dtype, device=request.param) for signal in signals
    ]


@pytest.mark.parametrize("name", RATIOS)
def test_tensors_have_the_values_of_arrays(on_tensors, pair, name):
    found, expected = RATIOS[name](*on_tensors(pair)), RATIOS[name](*pair)
    assert isinstance(found, torch.Tensor)
    assert found.dtype == torch.float64
    np.testing.assert_allclose(found.cpu().numpy(), expected, atol=1e-9, rtol=0)


@pytest.mark.parametrize("name", RATIOS)
def test_single_precision_costs_what_storing_the_samples_costs(on_tensors, pair, name):
    """Everything is computed in float64: the value is that of the float32 samples."""
    rounded = [signal.astype(np.float32) for signal in pair]
    found, expected = RATIOS[name](*on_tensors(pair, torch.float32)), RATIOS[name](*rounded)
    np.testing.assert_allclose(found.cpu().numpy(), expected, atol=1e-9, rtol=0)
    np.testing.assert_allclose(found.cpu().numpy(), RATIOS[name](*pair), atol=1e-6, rtol=0)  # 24 bits at some 10 dB


@pytest.mark.parametrize("permute", [False, True])
def test_bss_eval_of_tensors_is_that_of_arrays(on_tensors, pair, permute):
    found, expected = (bss_eval_sources(*two, compute_permutation=permute) for two in (on_tensors(pair), pair))
    for ours, theirs in zip(found[:3], expected[:3], strict=True):
        np.testing.assert_allclose(ours.cpu().numpy(), theirs, atol=1e-9, rtol=0)
    assert isinstance(found.sdr, torch.Tensor)


def test_waveforms_of_tensors_are_looked_at_too(on_tensors, pair):
    estimates = pair[0] + 1e-4 * pair[1]
    found, expected = (bss_eval_sources(*two) for two in (on_tensors((pair[0], estimates)), (pair[0], estimates)))
    assert expected.sar.max() > 50
    np.testing.assert_allclose(found.sar.cpu().numpy(), expected.sar, atol=1e-9, rtol=0)


@pytest.mark.parametrize("silence", ["per-stem", "museval"])
def test_images_of_tensors_are_those_of_arrays(on_tensors, noise, silence):
    references = noise(2, 2, 4000)
    references[0, :, :1000] = 0
    signals = references, references + 0.3 * references[::-1] + 0.1 * noise(2, 2, 4000, seed=1)
    found, expected = (bss_eval_images(*two, window=1000, silence=silence) for two in (on_tensors(signals), signals))
    for ours, theirs in zip(found[:4], expected[:4], strict=True):
        np.testing.assert_allclose(ours.cpu().numpy(), theirs, atol=1e-9, rtol=0)
    sdr = framewise_sdr(*on_tensors(signals), window=1000, silence=silence)
    np.testing.assert_allclose(sdr.cpu().numpy(), expected.sdr, atol=1e-9, rtol=0)


def test_tensors_in_any_order_are_arranged(on_tensors, pair):
    references, estimates = on_tensors(pair)
    found = permuted(si_sdr, references, estimates.flip(0))
    assert found.permutation.tolist() == [1, 0]
    assert isinstance(found.values, torch.Tensor)


def test_tensors_are_left_alone_and_need_no_graph(on_tensors, pair):
    references, estimates = on_tensors(pair)
    estimates.requires_grad_(True)
    before = references.clone()
    assert not si_sdr(references, estimates).requires_grad
    bss_eval_sources(references, estimates)
    assert torch.equal(references, before)


def test_a_tensor_beside_an_array_is_refused(pair):
    with pytest.raises(SignalError, match="expected tensors of one device, got cpu and ndarray") as caught:
        snr(torch.tensor(pair[0]), pair[1])
    assert caught.value.hint
    for wrong in (torch.ones(4, dtype=torch.complex64), torch.ones(4, dtype=torch.bool)):
        with pytest.raises(SignalError, match="is a tensor of torch"):
            snr(wrong, torch.ones(4))


def test_arrays_do_not_import_torch():
    code = (
        "import sys, numpy as np; from sepbench.metrics import bss_eval_sources, si_sdr, stoi;"
        "x = np.random.default_rng(0).standard_normal((2, 9000));"
        "si_sdr(x, 2 * x), stoi(x, x, 10000), bss_eval_sources(x, x); print('torch' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"

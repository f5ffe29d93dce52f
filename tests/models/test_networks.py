import numpy as np
import pytest
import torch

from sepbench.models.conv1d import Conv1dSeparator
from sepbench.models.normalise import unit_rms
from sepbench.models.unet import UNetSeparator

SMALL = {
    "conv1d": (
        Conv1dSeparator,
        {"filters": 32, "kernel": 16, "channels": 8, "hidden": 16, "dilations": 3, "repeats": 1},
    ),
    "unet": (UNetSeparator, {"fft_size": 64, "hop": 16, "channels": (4, 6, 8)}),
}


@pytest.fixture(params=sorted(SMALL))
def network(request):
    return build(request.param)


def build(name, targets=1):
    kind, options = SMALL[name]
    torch.manual_seed(0)
    return kind(targets=targets, **options).eval()


def noise(*shape):
    return torch.from_numpy(np.random.default_rng(0).standard_normal(shape).astype(np.float32))


@pytest.mark.parametrize("time", [1, 2, 15, 16, 17, 1000, 1001, 4097])
def test_estimates_are_as_long_as_the_mixture_whatever_its_length(network, time):
    assert network(noise(2, time)).shape == (2, 1, time)


@pytest.mark.parametrize("name", sorted(SMALL))
def test_each_target_has_an_estimate_of_its_own(name):
    estimate = build(name, targets=3)(noise(2, 500))
    assert estimate.shape == (2, 3, 500)
    assert not torch.allclose(estimate[:, 0], estimate[:, 1])


def test_silence_gives_silence_and_finite_gradients(network):
    network.train()
    estimate = network(torch.zeros(2, 800))
    estimate.square().sum().backward()
    assert not estimate.any()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)


def test_silence_within_a_mixture_is_harmless(network):
    mixture = noise(1, 2000)
    mixture[:, 500:1500] = 0
    network.train()
    estimate = network(mixture)
    estimate.square().sum().backward()
    assert torch.isfinite(estimate).all()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)


def test_every_weight_gets_a_gradient(network):
    network.train()
    network(noise(2, 2000)).square().sum().backward()
    # of the last block only what goes past the others is heard, as in the paper
    idle = {name for name, _ in network.named_parameters() if name.startswith("blocks.2.residual.")}
    assert {name for name, p in network.named_parameters() if p.grad is None} == idle


@pytest.mark.parametrize("gain", [1e-6, 0.01, 0.5, 1000.0])
def test_the_estimate_follows_the_level_of_the_mixture(network, gain):
    mixture = noise(1, 3000)
    with torch.inference_mode():
        plain, scaled = network(mixture), network(gain * mixture)
    # the normalised inputs differ by float32 rounding, 6e-8, which a network of some ten layers spreads
    torch.testing.assert_close(scaled / gain, plain, rtol=0, atol=1e-5)


def test_the_answer_for_a_mixture_does_not_depend_on_its_neighbours_in_the_batch(network):
    batch = noise(3, 1000)
    with torch.inference_mode():
        together, alone = network(batch), torch.cat([network(one[None]) for one in batch])
    # other batch sizes take other summation orders
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)


@pytest.mark.parametrize("scale", [1e-30, 1e-12, 1.0, 1e12])
def test_unit_rms_is_exact_far_from_full_scale(scale):
    normalised, found = unit_rms(scale * noise(2, 1000))
    # float32 has 24 bits
    torch.testing.assert_close(normalised.square().mean(-1), torch.ones(2), rtol=1e-5, atol=0)
    torch.testing.assert_close(normalised * found, scale * noise(2, 1000), rtol=1e-6, atol=0)


@pytest.mark.parametrize("name", sorted(SMALL))
def test_a_network_learns_one_batch_by_heart(name):
    network = build(name).train()
    time = torch.arange(2000) / 8000
    target = torch.sin(2 * torch.pi * 440 * time).repeat(2, 1)
    mixture = target + 0.7 * noise(2, 2000)
    optimizer = torch.optim.AdamW(network.parameters(), 5e-3)
    errors = []
    for _ in range(60):
        error = (network(mixture)[:, 0] - target).square().mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        errors.append(error.item())
    assert errors[-1] < 0.4 * errors[0]

import torch
from hypothesis import given
from hypothesis import strategies as st

from sepbench.models.unet import MaskUNet, UNetSeparator, bounded


@given(real=st.floats(-1e4, 1e4, width=32), imaginary=st.floats(-1e4, 1e4, width=32))
def test_a_mask_never_amplifies(real, imaginary):
    mask = bounded(torch.tensor([real, imaginary]).reshape(1, 1, 2, 1, 1))
    assert mask.abs().item() <= 1 + 1e-6  # float32


@given(real=st.floats(0.125, 2, width=32), imaginary=st.floats(0.125, 2, width=32))
def test_a_mask_keeps_the_phase_that_the_network_gave(real, imaginary):
    mask = bounded(torch.tensor([real, imaginary]).reshape(1, 1, 2, 1, 1))
    torch.testing.assert_close(mask.angle().item(), torch.complex(*torch.tensor([real, imaginary])).angle().item())


def test_257_frequencies_fit_without_padding():
    network = MaskUNet(inputs=1, outputs=2, channels=(2, 2, 2, 2, 2, 2))
    seen = []
    network.first.register_forward_hook(lambda module, inputs, output: seen.append(tuple(output.shape)))
    assert network(torch.zeros(2, 1, 257, 40)).shape == (2, 2, 257, 40)
    assert seen == [(2, 2, 257, 65)]


def test_training_begins_near_the_mixture():
    network = UNetSeparator(fft_size=64, hop=16, channels=(4, 8))
    torch.nn.init.zeros_(network.network.last.weight)
    mixture = torch.sin(torch.arange(2000.0) ** 1.3)[None]
    # the mask's first value is tanh(1); the rest of the tolerance is float32
    torch.testing.assert_close(network(mixture)[:, 0], 0.76159416 * mixture, rtol=0, atol=1e-5)


def test_the_mask_network_is_convolutions_and_can_be_traced_alone():
    network = MaskUNet(inputs=3, outputs=2, channels=(2, 4)).eval()
    image = torch.rand(1, 3, 33, 17)
    program = torch.export.export(network, (image,))
    # another order of the same sums
    torch.testing.assert_close(program.module()(image), network(image), rtol=0, atol=1e-6)

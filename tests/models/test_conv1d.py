import pytest
import torch

from sepbench.models.conv1d import Conv1dSeparator, fourier_frame


@pytest.mark.parametrize(("filters", "kernel"), [(8, 4), (32, 16), (256, 64), (256, 128)])
def test_before_training_the_filter_bank_gives_the_mixture_back(filters, kernel):
    network = Conv1dSeparator(filters=filters, kernel=kernel, channels=4, hidden=4, dilations=1, repeats=1)
    signal = torch.sin(torch.arange(1001.0) ** 1.5)[None]
    decoded = network.decoder(torch.relu(network.encoder(network._framed(signal))))[0, 0]
    start = network.kernel - network.stride
    # float32 sums of up to 256 products
    torch.testing.assert_close(decoded[start : start + 1001], signal[0], rtol=0, atol=1e-4)


def test_filters_come_in_pairs_of_opposite_sign():
    frame = fourier_frame(32, 16)
    assert torch.equal(frame[:16], -frame[16:])


@pytest.mark.parametrize(("filters", "kernel"), [(30, 8), (32, 17), (32, 18)])
def test_a_kernel_that_is_no_frame_is_refused(filters, kernel):
    with pytest.raises(ValueError, match=f"got {filters} and {kernel}"):
        fourier_frame(filters, kernel)

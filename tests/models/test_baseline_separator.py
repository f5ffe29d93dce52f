import hashlib
import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from sepbench.errors import UsageError
from sepbench.models.baseline import Baseline
from sepbench.models.config import build_network, read_config
from sepbench.models.inference import estimates
from sepbench.separators.protocol import build, checked

CONFIG = """
name = "tiny"
title = "A tiny one"
architecture = "unet"
sample_rate = 8000
targets = ["speech"]
[model]
fft_size = 64
hop = 16
channels = [4, 6]
[training]
steps = 4
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "config.toml").write_text(CONFIG)
    torch.manual_seed(0)
    network = build_network(read_config(tmp_path))
    save_file(
        {name: tensor.contiguous() for name, tensor in network.state_dict().items()}, tmp_path / "weights.safetensors"
    )
    (tmp_path / "training.json").write_text(json.dumps({"corpus_hash": "sha256:0", "groups": ["librispeech:19"]}))
    return tmp_path


def noise(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def test_a_folder_is_built_as_a_separator_that_keeps_the_contract(folder):
    separator = build(str(folder))
    found = checked(separator, noise(2, 1001), sample_rate=8000, targets=("speech",))
    assert set(found) == {"speech"}
    assert (separator.name, separator.sample_rate, separator.channels) == ("tiny", 8000, None)


def test_the_version_is_the_beginning_of_the_hash_of_the_weights(folder):
    weights = (folder / "weights.safetensors").read_bytes()
    assert Baseline(folder).version == hashlib.sha256(weights).hexdigest()[:12]


def test_parameters_are_counted_and_the_training_is_declared(folder):
    separator = Baseline(folder)
    # 3→4, 4→6, 6→6, up 6→4, merge 8→4: 3×3; three-fold norms' weights and biases; last 4→2
    convolutions = 9 * (3 * 4 + 4 * 6 + 6 * 6 + 6 * 4 + 8 * 4) + 4
    assert separator.parameters == convolutions + 2 * (4 + 6 + 6 + 4) + 4 * 2 + 2
    assert separator.training["groups"] == ["librispeech:19"]


def test_each_channel_is_separated_by_itself(folder):
    separator, mixture = Baseline(folder), noise(2, 2000)
    both = separator.separate(mixture)["speech"]
    # other batch sizes take other summation orders
    np.testing.assert_allclose(both[1:], separator.separate(mixture[1:])["speech"], atol=1e-5)


def test_separating_twice_gives_the_same_samples_and_leaves_torch_as_it_was(folder):
    separator, mixture = Baseline(folder), noise(1, 2000)
    mixture.flags.writeable = False
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    first, second = (separator.separate(mixture)["speech"] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.dtype == np.float32
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.is_grad_enabled()


def test_missing_weights_are_a_usage_error_that_says_how_to_train(folder):
    (folder / "weights.safetensors").unlink()
    with pytest.raises(UsageError, match="`tiny` has no weights") as caught:
        Baseline(folder)
    assert "sepbench train tiny --corpus" in caught.value.hint


@pytest.mark.parametrize(("before", "after"), [("[4, 6]", "[4, 8]"), ("[4, 6]", "[4, 6, 8]")])
def test_weights_of_another_network_are_refused(folder, before, after):
    (folder / "config.toml").write_text(CONFIG.replace(before, after))
    with pytest.raises(UsageError, match="are the weights of another network"):
        Baseline(folder)


def test_damaged_weights_are_refused(folder):
    path = folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UsageError, match="damaged"):
        Baseline(folder)


def test_a_damaged_training_record_is_refused(folder):
    (folder / "training.json").write_text("{")
    with pytest.raises(UsageError, match="is not JSON"):
        Baseline(folder)


def test_a_device_that_is_not_there_is_refused(folder):
    with pytest.raises(UsageError, match="device `abacus`"):
        Baseline(folder, device="abacus")


class Doubler(torch.nn.Module):
    """Twice the mixture as the first target, the mixture as the second; remembers what it was shown."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor([2.0, 1.0]))
        self.shown = []

    def forward(self, mixture):
        self.shown.append(mixture.shape[-1])
        return mixture[:, None] * self.weight[:, None]


@pytest.mark.parametrize("time", [1, 99, 100, 101, 180, 181, 260, 1000])
def test_chunks_fade_into_each_other_so_that_nothing_is_lost_or_doubled(time):
    network, mixture = Doubler(), noise(2, time)
    found = estimates(network, mixture, 10, chunk_s=10.0, overlap_s=2.0)
    assert found.shape == (2, 2, time)
    assert max(network.shown) <= 100
    # weights that add up to 1 in float32
    np.testing.assert_allclose(found[0], 2 * mixture, atol=1e-6)
    np.testing.assert_allclose(found[1], mixture, atol=1e-6)


def test_a_recording_of_thirty_seconds_goes_through_in_one_piece():
    network = Doubler()
    estimates(network, noise(1, 300), 10)
    estimates(network, noise(1, 301), 10)
    assert network.shown == [300, 300, 21]

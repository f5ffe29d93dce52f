import re
import tomllib

import pytest
import torch

from sepbench.errors import UnknownNameError, UsageError
from sepbench.models.config import BaselineConfig, LossWeights, Training, build_network, read_config
from sepbench.shelf import folder

GOOD = """
name = "tiny"
title = "A tiny one"
architecture = "conv1d"
sample_rate = 8000
targets = ["speech"]
[model]
filters = 32
kernel = 16
[training]
steps = 4
[training.loss]
negative_si_sdr = 1.0
"""


def written(tmp_path, text):
    (tmp_path / "config.toml").write_text(text)
    return tmp_path


def test_what_is_not_said_has_a_default(tmp_path):
    config = read_config(written(tmp_path, GOOD))
    assert config.targets == ("speech",)
    assert config.training.batch_size > 0
    assert isinstance(build_network(config), torch.nn.Module)


@pytest.mark.parametrize(
    ("before", "after", "words", "hint"),
    [
        ("sample_rate", "sampel_rate", "unknown key `sampel_rate`|`sample_rate` is missing", "sample_rate|README"),
        ("steps = 4", "steps = 4\nstep = 3", r"unknown key `step` in \[training\]", "did you mean `steps`"),
        ("negative_si_sdr", "si_sdr", r"unknown key `si_sdr` in \[training.loss\]", "negative_si_sdr"),
        ("steps = 4", "", "`training.steps` is missing", "README"),
        ("steps = 4", "steps = 0", "`training.steps` is wrong: .*, got 0", "correct"),
        ('["speech"]', "[]", "`targets` is wrong", "correct"),
        ('"tiny"', '"Not A Name"', "`name` is wrong", "correct"),
        ("[model]", "[model", "is not TOML", "README"),
    ],
)
def test_what_is_wrong_is_named_with_a_remedy(tmp_path, before, after, words, hint):
    with pytest.raises(UsageError, match=words) as caught:
        read_config(written(tmp_path, GOOD.replace(before, after)))
    assert any(part in caught.value.hint for part in hint.split("|"))


def test_a_folder_without_a_description_is_no_baseline(tmp_path):
    with pytest.raises(UsageError, match=r"config\.toml: can't be read"):
        read_config(tmp_path)


def test_an_unknown_hyperparameter_gets_the_nearest_known_one(tmp_path):
    config = read_config(written(tmp_path, GOOD.replace("kernel", "kernal")))
    with pytest.raises(UsageError, match="has no hyperparameter `kernal`") as caught:
        build_network(config)
    assert "did you mean `kernel`" in caught.value.hint


@pytest.mark.parametrize("value", ["17", '"wide"'])
def test_a_hyperparameter_that_does_not_work_is_refused(tmp_path, value):
    config = read_config(written(tmp_path, GOOD.replace("kernel = 16", f"kernel = {value}")))
    with pytest.raises(UsageError, match="can't be built"):
        build_network(config)


def test_an_unknown_architecture_is_refused(tmp_path):
    with pytest.raises(UnknownNameError, match="unknown model `conv2d`"):
        build_network(read_config(written(tmp_path, GOOD.replace('"conv1d"', '"conv2d"'))))


def test_the_separator_around_the_networks_is_not_a_network(tmp_path):
    text = GOOD.replace('"conv1d"', '"baseline"').replace("filters = 32\nkernel = 16\n", "")
    with pytest.raises(UsageError, match=r"`baseline` is not a network|can't be built"):
        build_network(read_config(written(tmp_path, text)))


def test_a_network_of_a_stranger_is_named_by_its_address(tmp_path):
    (tmp_path / "gain.py").write_text(
        "import torch\n\n\nclass Gain(torch.nn.Module):\n"
        "    def __init__(self, *, targets, start=1.0):\n"
        "        super().__init__()\n"
        "        self.gain = torch.nn.Parameter(torch.full((targets, 1), start))\n"
    )
    text = GOOD.replace('"conv1d"', f'"{tmp_path}/gain.py:Gain"').replace("filters = 32\nkernel = 16", "start = 0.5")
    network = build_network(read_config(written(tmp_path, text)))
    assert network.gain.tolist() == [[0.5]]


def test_the_example_in_the_readme_shows_every_key(tmp_path):
    example = re.search(r"```toml\n(.*?)```", (folder("baselines") / "README.md").read_text(), re.DOTALL).group(1)
    config = read_config(written(tmp_path, example))
    assert isinstance(build_network(config), torch.nn.Module)
    said = tomllib.loads(example)
    assert set(said) == set(BaselineConfig.model_fields)
    assert set(said["training"]) == set(Training.model_fields)
    assert set(said["training"]["loss"]) == set(LossWeights.model_fields)
    defaults = Training(steps=1).model_dump() | {"steps": 6000}
    assert config.training.model_dump() == defaults

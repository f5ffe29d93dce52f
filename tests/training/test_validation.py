import numpy as np
import pytest
import torch
from tones import FakeCorpus, example

from sepbench.errors import UsageError
from sepbench.training.validation import Row, mean_improvement, validation_rows


class Gate(torch.nn.Module):
    """Let through what is louder than a threshold."""

    def __init__(self, threshold):
        super().__init__()
        self.threshold = torch.nn.Parameter(torch.tensor(threshold))

    def forward(self, mixture):
        return torch.where(mixture.abs() > self.threshold, mixture, 0.0)[:, None]


def test_rows_are_spread_over_the_split_and_are_as_they_are(corpora):
    corpus = FakeCorpus(example(at, "valid") for at in range(9))
    rows = validation_rows(corpus, ("speech",), 3)
    for row, at in zip(rows, (0, 4, 8), strict=True):
        np.testing.assert_array_equal(row.mixture, corpus[at].mixture)
        np.testing.assert_array_equal(row.targets[0], corpus[at].sources["speech"])
    assert len(validation_rows(corpus, ("speech",), 100)) == 9
    assert validation_rows(FakeCorpus(), ("speech",), 3) == []


def test_a_row_without_the_target_is_named():
    with pytest.raises(UsageError, match="valid-0: has no source `vocals`"):
        validation_rows(FakeCorpus([example(0, "valid")]), ("vocals",), 1)


def test_what_changes_nothing_improves_nothing(corpora):
    rows = validation_rows(corpora["valid"], ("speech",), 4)
    assert mean_improvement(Gate(-1.0), rows, 8000) == 0


def test_the_improvement_is_the_metric_of_the_estimate_less_that_of_the_mixture():
    target = np.array([[3.0, 4.0, 0.0, 0.0]], np.float32)
    row = Row(target + np.float32([[0, 0, 0.5, 1.0]]), target[None])
    # the gate at 0.75 takes 0.25 of the noise's energy of 1.25 away: 10 log10(1.25 / 1)
    assert mean_improvement(Gate(0.75), [row], 8000) == pytest.approx(10 * np.log10(1.25), abs=1e-6)


def test_silent_targets_are_left_out_and_silent_estimates_have_no_mean():
    target = np.array([[3.0, 4.0, 0.0, 0.0]], np.float32)
    heard, silent = Row(target + 1, target[None]), Row(target, 0 * target[None])
    assert mean_improvement(Gate(-1.0), [heard, silent], 8000) == 0
    assert mean_improvement(Gate(-1.0), [silent], 8000) is None
    assert mean_improvement(Gate(-1.0), [], 8000) is None
    assert mean_improvement(Gate(100.0), [heard], 8000) is None


def test_validating_leaves_the_network_in_its_mode(corpora):
    network = Gate(0.0).train()
    mean_improvement(network, validation_rows(corpora["valid"], ("speech",), 1), 8000)
    assert network.training

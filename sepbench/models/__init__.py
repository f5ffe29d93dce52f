"""The networks behind the baselines, one file each, and the separator that wraps them.

A model is an entry point of the group ``sepbench.models``: a `torch.nn.Module` that is built as
``Class(targets=number, **hyperparameters)`` and maps mixtures of shape (batch, time) to estimates of shape
(batch, target, time), of any length.
"""

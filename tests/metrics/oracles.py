"""Other people's implementations, to be held against."""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path

import pytest


def museval_metrics():
    """Give museval's module of metrics, without the package around it, which wants ffmpeg."""
    package = importlib.util.find_spec("museval")
    if package is None:
        pytest.skip("museval is not installed")
    spec = importlib.util.spec_from_file_location("museval_metrics", Path(package.origin).with_name("metrics.py"))
    module = importlib.util.module_from_spec(spec)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        spec.loader.exec_module(module)
    return module

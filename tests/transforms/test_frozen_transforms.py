"""What the transforms gave on their first day they give today: exactly, or as nearly as their libraries do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from frozen import make_transforms as gold

CASES = list(gold.cases())
FROZEN = gold.frozen()
EXACT = [(transform, settings) for transform, settings in CASES if transform.exact]
OTHERS = [(transform, settings) for transform, settings in CASES if not transform.exact]
NEAR = 2e-6  # decoders and single precision differ by some 2e-7 between processors; a step of 24 bits is 1.2e-7


def names(cases):
    return [gold.title(*case) for case in cases]


def without_our_version(stage):
    return stage.split(" ")[0] if stage.startswith("sepbench ") else stage


def test_every_transform_is_frozen():
    assert set(FROZEN) == set(names(CASES))


@pytest.mark.parametrize(("transform", "settings"), EXACT, ids=names(EXACT))
def test_an_exact_transform_gives_the_frozen_samples(transform, settings):
    assert gold.digest(gold.made(transform, settings)) == FROZEN[gold.title(transform, settings)]["sha256"]


@pytest.mark.parametrize(("transform", "settings"), OTHERS, ids=names(OTHERS))
def test_another_one_gives_them_nearly(transform, settings):
    entry = FROZEN[gold.title(transform, settings)]
    samples, then = gold.made(transform, settings)[0, gold.SHOWN], np.array(entry["samples"])
    if without_our_version(transform.stage()) == without_our_version(entry["stage"]):
        np.testing.assert_allclose(samples, then, atol=NEAR)
    else:  # another version of the library: still the same transform
        assert np.square(samples - then).sum() < 0.01 * np.square(then).sum()


EXACT_HERE = """
from frozen import make_transforms as gold
for transform, settings in gold.cases():
    if transform.exact:
        print(gold.title(transform, settings), gold.digest(gold.made(transform, settings)), sep="\\t")
"""


@pytest.mark.parametrize(
    "switches",
    [
        {"NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3"},
        {"OPENBLAS_CORETYPE": "Nehalem", "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2_Usable,-FMA_Usable,-AVX2,-FMA"},
    ],
    ids=["numpy without AVX2", "old BLAS and libm"],
)
def test_exact_means_on_other_processors_too(switches):
    tests = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", EXACT_HERE],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tests), str(tests.parent)])} | switches,
        capture_output=True,
        text=True,
        check=True,
    )
    found = dict(line.split("\t") for line in done.stdout.splitlines())
    assert found == {gold.title(*case): FROZEN[gold.title(*case)]["sha256"] for case in EXACT}

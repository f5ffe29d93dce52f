"""What `import sepbench` gives is small, typed, and changes only on purpose."""

import subprocess
import sys

import pytest

import sepbench

PUBLIC = [
    "Corpus", "Manifest", "Separator", "SepbenchError", "__version__", "demo", "diff", "export", "fetch", "index", "measure",
    "metrics", "mix", "preview", "publish", "score", "separate", "shelves", "show", "train", "verify",
]  # fmt: skip


def test_the_public_names_are_these():
    assert sorted(sepbench.__all__) == sorted(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_there_and_documented(name):
    thing = getattr(sepbench, name)
    assert name == "__version__" or thing.__doc__


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute `mixx`"):
        _ = sepbench.mixx


@pytest.mark.parametrize("code", ["import sepbench", "import sepbench.cli.commands"])
def test_importing_loads_nothing_heavy(code):
    heavy = ("torch", "librosa", "scipy", "pandas", "pyarrow", "matplotlib", "numpy", "mir_eval")
    check = f"import sys; {code}; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_package_is_typed():
    from importlib.resources import files

    assert files("sepbench").joinpath("py.typed").is_file()


def test_shelves_list_everything_on_offer():
    offered = sepbench.shelves()
    assert "speech-demo" in offered["mixers"]
    assert "librispeech" in offered["sets"]
    assert {"mixture", "irm", "ibm", "spectral-gate", "hpss"} <= set(offered["separators"])

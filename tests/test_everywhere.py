"""The promise, tried: the exact core and whole corpora are the same under whatever differs between machines.

Each variant runs in a process of its own, since most switches are read when a library is loaded. What is too slow for
every day, or needs what a checkout has not, stands beside the scripts in ``tests/everywhere``.
"""

import locale
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from everywhere import exact_core

HERE = Path(__file__).parent
CORE = HERE / "everywhere" / "exact_core.py"
TINY_CORPUS = HERE / "everywhere" / "tiny_corpus.py"
FROZEN = HERE / "frozen" / "exact-core-v1.txt"
PLAN_HASH = "sha256:68834bc82ea826db535e2f410cba787707278605be99819cf4e4ee282c57fe9c"
CORPUS_HASH = "sha256:b81940d6c488cb2e977282e7efb9da8fb3ebd3b122612bda427b9d7eccc56b3b"

on_x86_64 = pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="switches of x86-64")
with_openblas = pytest.mark.skipif(not exact_core.blas_core(), reason="numpy brings no OpenBLAS of its own")
with_glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="switches of glibc")
WITH_AVX512 = {"X86_V4", "AVX512F"} & set(exact_core.features_in_use())
TURKISH = "tr_TR.UTF-8"


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """A folder for compiled modules: dozens of processes need not all compile the same libraries."""
    return tmp_path_factory.mktemp("compiled")


def child(script, *arguments, compiled, flags=(), umask=-1, **environment):
    """Run a script in another process and give what it prints."""
    switches = {name: value for name, value in environment.items() if value is not None}
    paths = os.pathsep.join(filter(None, [str(HERE.parent), os.environ.get("PYTHONPATH")]))
    shared = {"PYTHONPATH": paths, "PYTHONPYCACHEPREFIX": str(compiled), "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run(
        [sys.executable, *flags, str(script), *map(str, arguments)],
        env=os.environ | shared | switches,
        capture_output=True,
        encoding="utf-8",
        umask=umask,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def core(compiled, **options):
    """Compute the exact core in another process, hold it against what is frozen, and give what the process prints."""
    return child(CORE, "--compare", FROZEN, compiled=compiled, **options)


def said(output, what):
    """Find what a process said of its environment."""
    return next(line for line in output.splitlines() if line.startswith(f"# {what}"))


def test_the_core_gives_here_what_is_frozen():
    frozen = [line for line in FROZEN.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert [f"{digest}  {name}" for name, digest in exact_core.digests().items()] == frozen


def test_the_core_needs_nothing_but_numpy(compiled):
    code = "import sys, exact_core; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    found = child("-c", code, compiled=compiled, PYTHONPATH=os.pathsep.join([str(CORE.parent), str(HERE.parent)]))
    heavy = {"scipy", "pandas", "pyarrow", "pydantic", "soundfile", "torch", "librosa"}
    assert not heavy & set(found.split())


@on_x86_64
@with_openblas
@pytest.mark.parametrize(
    ("wanted", "alias"),
    [
        ("Nehalem", "Nehalem"),
        ("Sandybridge", "Sandybridge"),
        ("Haswell", "Haswell"),
        ("Zen", "Haswell"),  # a release for all processors has no kernels of its own for it
        pytest.param("SkylakeX", "SkylakeX", marks=pytest.mark.skipif(not WITH_AVX512, reason="no AVX-512 here")),
    ],
)
def test_the_kernels_of_linear_algebra_do_not_show(wanted, alias, compiled):
    output = core(compiled, OPENBLAS_CORETYPE=wanted)
    assert said(output, "numpy's BLAS uses").split()[-1] in (wanted, alias)


@pytest.mark.parametrize("threads", ["1", "2"])
def test_threads_of_linear_algebra_do_not_show(threads, compiled):
    core(compiled, OMP_NUM_THREADS=threads, OPENBLAS_NUM_THREADS=threads, MKL_NUM_THREADS=threads)


@pytest.mark.skipif(not exact_core.features_in_use(), reason="numpy uses its baseline here anyway")
def test_vector_instructions_of_numpy_do_not_show(compiled):
    # the names differ between releases of numpy: they are its own, those of this processor
    output = core(compiled, NPY_DISABLE_CPU_FEATURES=" ".join(exact_core.features_in_use()))
    assert said(output, "numpy uses") == "# numpy uses its baseline"


@on_x86_64
@with_glibc
def test_fused_multiplication_in_libm_does_not_show(compiled):
    # since 2.33 glibc calls them FMA and AVX2, before *_Usable; it does not mind names that it does not know
    without = core(compiled, GLIBC_TUNABLES="glibc.cpu.hwcaps=-FMA,-FMA4,-AVX2,-FMA_Usable,-FMA4_Usable,-AVX2_Usable")
    if said(without, "libm gives") == said(core(compiled), "libm gives"):
        pytest.skip("the core is as frozen, but libm's sine is the same with and without FMA here")


@pytest.mark.parametrize(
    "variant",
    [
        {"PYTHONHASHSEED": "0"},
        {"PYTHONHASHSEED": "1"},
        {"PYTHONHASHSEED": "random"},
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},  # really ASCII
        {"LC_ALL": TURKISH},
        {"TZ": "Pacific/Kiritimati"},
        {"flags": ("-O",)},
        {"flags": ("-OO", "-X", "dev")},
        {"umask": 0o077},
    ],
    ids=lambda variant: " ".join(f"{name}={value}" for name, value in variant.items()),
)
def test_settings_of_the_process_do_not_show(variant, compiled):
    if variant.get("LC_ALL") == TURKISH and not installed(TURKISH):
        variant = {"LC_ALL": "C.UTF-8"}
    core(compiled, **variant)


def installed(name):
    before = locale.setlocale(locale.LC_ALL)
    try:
        locale.setlocale(locale.LC_ALL, name)
    except locale.Error:
        return False
    finally:
        locale.setlocale(locale.LC_ALL, before)
    return True


@pytest.mark.parametrize(
    ("workers", "variant"),
    [
        (0, {"PYTHONHASHSEED": "0", "flags": ("-O",)}),
        (1, {"PYTHONHASHSEED": "1", "LC_ALL": "C"}),
        (2, {"PYTHONHASHSEED": "random", "OMP_NUM_THREADS": "2"}),
        (3, {"PYTHONHASHSEED": "4242", "TZ": "Pacific/Kiritimati"}),
        (7, {"PYTHONHASHSEED": "7", "umask": 0o077}),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else "",
)
def test_workers_and_the_order_of_folders_do_not_show(workers, variant, tmp_path, compiled):
    hashes = child(TINY_CORPUS, tmp_path, workers, workers, compiled=compiled, **variant).split()
    assert hashes == [PLAN_HASH, CORPUS_HASH]
